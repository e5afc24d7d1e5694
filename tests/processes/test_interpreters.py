"""Interpreters beside the first: the core is refused there, in words, and goes on elsewhere."""

from __future__ import annotations

import pytest

from tests.processes.scripts import run

PROGRAM = """
    try:
        import _interpreters as interpreters  # Python 3.13
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters
        except ImportError:
            print("none")
            raise SystemExit
    import structgen as sg
    before = write(sg.choice(["a"]).compile(vocabulary()))
    inner = [
        "try:",
        "    import structgen",
        "    structgen.choice(['a'])",
        "    said = 'works'",
        "except ImportError as error:",
        "    said = str(error)",
        "with open(%r, 'w') as file:" % sys.argv[1],
        "    file.write(said)",
    ]
    interpreter = interpreters.create()
    interpreters.run_string(interpreter, "\\n".join(inner))
    interpreters.destroy(interpreter)
    assert write(sg.choice(["a"]).compile(vocabulary())) == before == b"a"
    print("done")
"""


def test_a_second_interpreter_is_refused_in_words(tmp_path: object) -> None:
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    out = tmp_path / "said"
    printed = run(PROGRAM, str(out)).strip()
    if printed == "none":
        pytest.skip("this Python has no module for interpreters")
    assert printed == "done"
    said = out.read_text()
    assert "interpreter" in said, said


def test_a_missing_core_is_told_in_words() -> None:
    """So it is under a free-threaded interpreter, which does not look for ``abi3`` modules."""
    program = """
        import sysconfig
        import structgen

        class Hidden:
            def find_spec(self, name, path=None, target=None):
                if name == "structgen._core":
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        sys.meta_path.insert(0, Hidden())
        for free_threaded, word in [(0, "built for another platform"), (1, "free-threaded")]:
            sysconfig.get_config_vars()["Py_GIL_DISABLED"] = free_threaded
            try:
                structgen.choice
            except ImportError as error:
                assert word in str(error) and "pip install" in str(error), error
            else:
                raise AssertionError("no error")
        print("done")
    """
    assert run(program).strip() == "done"
