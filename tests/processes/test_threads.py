"""The core works on from any thread, whoever imported it and whoever has ended since."""

from __future__ import annotations

import pytest

from tests.processes.scripts import run

FIRST_USES = {
    "choice": "sg.choice(['a', 'b'])",
    "json_schema": "sg.json_schema({'type': 'object', 'properties': {'a': {'type': 'integer'}}})",
    "bad_schema": "raises(lambda: sg.json_schema({'type': 'no'}))",
    "regex": "sg.regex('[a-z]+@[a-z]+')",
    "grammar": "sg.grammar('json')",
    "gbnf": "sg.grammar('root ::= \"a\" root | \"b\"', format='gbnf')",
    "vocabulary": "vocabulary()",
    "generate": "sg.generate('toy', 'x', output=['yes', 'no'], max_tokens=5, seed=1)",
    "pool": """sg.fill_masks(
        [sg.json_schema(True).compile(vocabulary()).matcher() for _ in range(4)],
        sg.allocate_mask(4, 257), threads=3)""",
}


@pytest.mark.parametrize("use", FIRST_USES)
def test_first_use_in_a_thread_that_ends(use: str) -> None:
    """The allocator of the core once took the thread that loaded it for the main thread, and all
    others died with it."""
    program = f"""
        import structgen as sg

        def raises(act):
            try:
                act()
            except sg.StructgenError:
                return
            raise AssertionError("no error")

        def use():
            {FIRST_USES[use]}

        assert "structgen._core" not in sys.modules
        done = []
        for _ in range(80):
            thread = threading.Thread(target=lambda: (use(), done.append(1)))
            thread.start()
            thread.join()
        print(len(done))
    """
    assert run(program).strip() == "80"


def test_imported_in_a_thread_that_ends() -> None:
    program = """
        def use():
            import structgen as sg
            sg.json_schema({"enum": ["a", "b"]}).compile(vocabulary())

        for _ in range(80):
            thread = threading.Thread(target=use)
            thread.start()
            thread.join()
        use()
        print("done")
    """
    assert run(program).strip() == "done"


def test_first_imported_by_many_threads_at_once() -> None:
    program = """
        gate = threading.Barrier(16)
        texts, errors = [], []

        def use():
            try:
                gate.wait()
                import structgen as sg
                texts.append(write(sg.json_schema({"enum": [12, 345]}).compile(vocabulary())))
            except BaseException as error:
                errors.append(repr(error))

        threads = [threading.Thread(target=use) for _ in range(16)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert not errors, errors
        assert len(texts) == 16 and set(texts) <= {b"12", b"345"}, texts
        print("done")
    """
    assert run(program).strip() == "done"


def test_objects_outlive_the_threads_that_made_them() -> None:
    """Memory of a thread that has ended is used, grown and freed by others."""
    program = """
        made = []

        def make():
            import structgen as sg
            schema = {"type": "object", "properties": {"k": {"enum": [f"v{i}" for i in range(50)]}}}
            automaton = sg.json_schema(schema).compile(vocabulary())
            matcher = automaton.matcher()
            matcher.fill_mask(sg.allocate_mask(1, 257))
            made.append((automaton, matcher))

        def use(automaton, matcher):
            mask = __import__("structgen").allocate_mask(1, 257)
            for token in b'{"k": "v1':
                assert matcher.advance(token)
                matcher.fill_mask(mask)
            write(automaton)

        def in_thread(act, *args):
            thread = threading.Thread(target=act, args=args)
            thread.start()
            thread.join()

        for _ in range(60):
            in_thread(make)
            in_thread(use, *made[-1])
            if len(made) > 5:
                in_thread(made.pop, 0)
        print("done")
    """
    assert run(program).strip() == "done"


def test_daemon_threads_at_work_when_the_process_ends() -> None:
    """The interpreter goes away under threads that fill masks: the process ends, and well."""
    program = """
        import structgen as sg
        automaton = sg.json_schema(True).compile(vocabulary())

        def work():
            while True:
                write(automaton)

        for _ in range(4):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.3)
        print("done")
    """
    for _ in range(5):
        assert run(program).strip() == "done"


def test_memory_is_flat_over_many_short_threads() -> None:
    """Each thread compiles and masks; what the first hundreds hold is what the last hold."""
    program = """
        import structgen as sg
        shared = vocabulary()

        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        def use(i):
            write(sg.json_schema({"enum": [i, str(i), [i]]}).compile(shared))

        def threads(first, last):
            for i in range(first, last):
                thread = threading.Thread(target=use, args=(i,))
                thread.start()
                thread.join()

        threads(0, 300)
        before = resident()
        threads(300, 1500)
        print(before, resident())
    """
    if not __import__("pathlib").Path("/proc/self/statm").exists():
        pytest.skip("no /proc on this system")
    before, after = map(int, run(program).split())
    # 1,200 automata that stayed would be far more than this.
    assert after < before + 16e6, (before, after)
