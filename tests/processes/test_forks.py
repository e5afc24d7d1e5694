"""Processes: fork and spawn, while threads are at work and after they have been."""

from __future__ import annotations

import os
import sys

import pytest

from tests.processes.scripts import run

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

POOL = """
    import json, multiprocessing

    def work(i):
        import structgen as sg
        automaton = sg.json_schema({{"enum": [i, str(i)]}}).compile(vocabulary())
        masks = sg.allocate_mask(2, 257)
        sg.fill_masks([automaton.matcher() for _ in range(2)], masks, threads=2)
        return write(automaton)

    if __name__ == "__main__":
        if {warm}:
            work(0)
        with multiprocessing.get_context({method!r}).Pool(2) as pool:
            texts = pool.map(work, range(40))
        assert [int(json.loads(text)) for text in texts] == list(range(40)), texts
        print("done")
"""


@needs_fork
@pytest.mark.parametrize("warm", [False, True], ids=["fresh", "after use"])
def test_pools_of_forked_processes(warm: bool) -> None:
    assert run(POOL.format(method="fork", warm=warm)).strip() == "done"


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_pools_of_other_processes(method: str, tmp_path: object) -> None:
    """A spawned process imports the program: it has to be a file."""
    import subprocess
    import textwrap
    from pathlib import Path

    from tests.processes.scripts import PRELUDE

    if method == "forkserver" and not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    assert isinstance(tmp_path, Path)
    file = tmp_path / "pool.py"
    file.write_text(PRELUDE + textwrap.dedent(POOL.format(method=method, warm=True)))
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr


LATE_CHILD = """
    import os, time
    import structgen as sg

    # A short source that takes long: what is built of a large one is built by a worker.
    import random
    draw = random.Random(5)
    SLOW = "".join("(?=.*" + "".join(draw.choices("ab", k=8)) + ")" for _ in range(30)) + ".*"

    def attempt():
        try:
            sg.regex(SLOW, limits=sg.Limits(mask_ms=20)).sample(max_bytes=0)
        except sg.LimitExceeded as error:
            assert error.name == "mask_ms", error
        else:
            raise AssertionError("it did not take long")

    while time.thread_time() < 3:
        attempt()
    if (child := os.fork()) == 0:
        begun = time.thread_time()
        attempt()
        os._exit(int(time.thread_time() - begun > 0.12))
    _, status = os.waitpid(child, 0)
    assert status == 0, "the child worked beyond its budget"
    print("done")
"""


@needs_fork
def test_budgets_hold_in_a_child_whose_parent_has_worked_for_long() -> None:
    """The clock of the child's thread begins at zero, that of the parent stood at seconds."""
    assert run(LATE_CHILD).strip() == "done"


WORKING_PARENT = """
    import structgen as sg
    shared = vocabulary()
    schema = {"type": "array", "items": {"type": "object", "required": ["a", "b"]}}
    automaton = sg.json_schema(schema).compile(shared)
    matcher = automaton.matcher()
    stop = threading.Event()

    def masks():
        mask = sg.allocate_mask(1, 257)
        i = 0
        while not stop.is_set():
            i += 1
            fresh = sg.json_schema({"properties": {"k%d" % i: {"pattern": "a{%d}b" % (i % 90)}}})
            write(fresh.compile(shared), 20)
            write(automaton, 20)
            matcher.fill_mask(mask)

    workers = [threading.Thread(target=masks, daemon=True) for _ in range(3)]
    [worker.start() for worker in workers]
    for i in range(FORKS):
        child = os.fork()
        if child == 0:
            # Nothing that another thread of the parent was holding is locked here.
            mask = sg.allocate_mask(1, 257)
            matcher.fill_mask(mask)
            write(automaton, 20)
            write(sg.json_schema({"properties": {"z%d" % i: {"pattern": "x+y"}}}).compile(shared))
            os._exit(7)
        deadline = time.monotonic() + 30
        while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
            if time.monotonic() > deadline:
                os.kill(child, 9)
                raise SystemExit(f"child {i} hangs")
            time.sleep(0.001)
        assert os.waitstatus_to_exitcode(ended[1]) == 7, ended
    stop.set()
    [worker.join() for worker in workers]
    print("done")
"""


@needs_fork
def test_forks_while_other_threads_are_at_work() -> None:
    program = WORKING_PARENT.replace("FORKS", "150")
    assert run(program).strip().endswith("done")


@needs_fork
def test_a_fork_inside_a_signal_handler_during_work() -> None:
    """The thread that forks is itself at work: it goes on in both processes."""
    program = """
        import signal
        import structgen as sg
        children = []
        sg.json_schema(True).compile(vocabulary())

        def fork(*_):
            child = os.fork()
            if child == 0:
                write(sg.json_schema({"enum": ["in the child"]}).compile(vocabulary()))
                os._exit(7)
            children.append(child)

        signal.signal(signal.SIGALRM, fork)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        begun = time.monotonic()
        i = 0
        while len(children) < 8 and time.monotonic() - begun < 60:
            i += 1
            names = {"p%d" % k: {"pattern": "^a{%d}.*b{%d}$" % (k + i, k)} for k in range(40)}
            write(sg.json_schema({"properties": names}).compile(vocabulary()), 40)
        signal.setitimer(signal.ITIMER_REAL, 0)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert codes == [7] * len(children) and children, codes
        print("done")
    """
    assert run(program).strip() == "done"


BUILDING_PARENT = """
    import structgen as sg
    WORDS = {"enum": [f"{i:07d}{'x' * 40}" for i in range(30_000)]}
    sg.json_schema(True)  # an import that another thread is in would stay locked in the child

    def build():
        while not stop.is_set():
            try:
                sg.json_schema(WORDS, limits=sg.Limits(compile_ms=15))
            except sg.LimitExceeded:
                pass

    stop = threading.Event()
    builders = [threading.Thread(target=build, daemon=True) for _ in range(2)]
    [builder.start() for builder in builders]
    for _ in range(40):
        if (child := os.fork()) == 0:
            sg.json_schema(WORDS, limits=sg.Limits(compile_ms=60_000))
            os._exit(7)
        deadline = time.monotonic() + 60
        while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
            if time.monotonic() > deadline:
                os.kill(child, 9)
                raise SystemExit("the child hangs")
            time.sleep(0.001)
        assert os.waitstatus_to_exitcode(ended[1]) == 7, ended
    stop.set()
    [builder.join() for builder in builders]
    print("done")
"""


@needs_fork
def test_forks_while_workers_build() -> None:
    """A fork waits also for workers whose callers have gone."""
    assert run(BUILDING_PARENT).strip() == "done"
