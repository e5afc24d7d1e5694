"""Budgets of what is read in Python: they hold inside foreign code, and what was read in vain is
given back apart."""

from __future__ import annotations

import gc
import os
import threading
import time
import traceback
from collections.abc import Callable

import pytest

import structgen as sg
from structgen.constraints.grammar import GrammarFormat
from structgen.constraints.pace import Pace
from structgen.constraints.reclaim import Reclaimed

LIMIT_MS = 20
ENDLESS = 100
"""Times the limit in which a loop ends by itself."""


def paced() -> Pace:
    return Pace(sg.Limits(compile_ms=LIMIT_MS))


def nothing() -> None:
    pass


def until_stopped(step: Callable[[], object], pace: Pace) -> None:
    while pace.spent_ms < ENDLESS * LIMIT_MS:
        step()


def ended_in_time(step: Callable[[], object]) -> bool:
    pace = paced()
    with pytest.raises(sg.LimitExceeded, match="compile_ms") as caught, pace.watching():
        until_stopped(step, pace)
    assert caught.value.limit == LIMIT_MS
    return pace.spent_ms < ENDLESS * LIMIT_MS / 4


def test_a_loop_of_foreign_code_is_ended() -> None:
    assert ended_in_time(nothing)


def test_foreign_code_may_catch_all_exceptions() -> None:
    def swallowing() -> None:
        try:
            for _ in range(50):
                nothing()
        except Exception:
            pass

    assert ended_in_time(swallowing)


def test_foreign_code_may_raise_something_else() -> None:
    def replacing() -> None:
        try:
            for _ in range(50):
                nothing()
        except BaseException as error:
            raise ValueError("an error of its own") from error

    assert ended_in_time(replacing)


def test_an_error_in_time_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError), paced().watching():
        raise ZeroDivisionError


def test_what_a_callback_of_the_collector_raises_would_be_lost() -> None:
    """hypothesis has such a callback, so that budgets did not hold where it is installed."""

    def callback(phase: str, info: object) -> None:
        for _ in range(500):
            nothing()

    gc.callbacks.append(callback)
    try:
        assert ended_in_time(lambda: gc.collect(0))
    finally:
        gc.callbacks.remove(callback)


def test_what_a_finaliser_raises_would_be_lost() -> None:
    class Finalised:
        def __del__(self) -> None:
            for _ in range(500):
                nothing()

    assert ended_in_time(Finalised)


def test_ticks_look_around() -> None:
    pace = paced()
    with pytest.raises(sg.LimitExceeded):
        until_stopped(pace.tick, pace)
    assert pace.spent_ms < ENDLESS * LIMIT_MS / 4


class Tracked:
    """Tells which thread has freed it."""

    freed: list[int]

    def __init__(self, freed: list[int]) -> None:
        self.freed = freed

    def __del__(self) -> None:
        self.freed.append(threading.get_ident())


def spend(seconds: float) -> None:
    begun = time.thread_time()
    while time.thread_time() - begun < seconds:
        pass


def wait_for(condition: Callable[[], object]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come")


def test_what_took_long_is_freed_by_another_thread() -> None:
    freed: list[int] = []

    def reader() -> None:
        assert not gc.isenabled()
        held = Tracked(freed)
        spend(0.01)
        raise sg.Cancelled(f"{len(held.freed)} freed")

    with pytest.raises(sg.Cancelled, match="0 freed") as caught, Reclaimed([Tracked(freed)]):
        reader()
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert "reader" not in frames
    wait_for(gc.isenabled)
    assert len(freed) == 2
    assert threading.get_ident() not in freed


def test_what_was_quick_is_freed_at_once() -> None:
    freed: list[int] = []
    with Reclaimed([Tracked(freed)]) as work:
        del work
    assert freed == [threading.get_ident()]
    assert gc.isenabled()


def test_collections_come_back_after_the_last_of_several() -> None:
    with Reclaimed([]):
        with Reclaimed([]):
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with Reclaimed([]):
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_has_its_collections() -> None:
    with Reclaimed([]):
        child = os.fork()
        if child == 0:
            os._exit(0 if gc.isenabled() else 1)
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("format", ["lark", "gbnf"])
def test_a_large_grammar_is_read_without_losing_its_error(format: GrammarFormat) -> None:
    assign, start = {"lark": (":", "start"), "gbnf": ("::=", "root")}[format]
    words = " | ".join(f'"w{number}"' for number in range(3000))
    with pytest.raises(sg.GrammarSyntaxError) as caught:
        sg.grammar(f"{start} {assign} {words} | (", format=format)
    assert caught.value.line == 1
    wait_for(gc.isenabled)
