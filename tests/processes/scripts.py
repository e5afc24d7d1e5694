"""Programs in a process of their own: what crashes or hangs there must fail a test here."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

PRELUDE = """
import os, sys, threading, time
import numpy as np

def vocabulary():
    import structgen as sg
    return sg.Vocabulary([bytes([i]) for i in range(256)] + [None], eos_token_ids=[256])

def write(automaton, limit=60):
    '''A text under the constraint, token by token, by the first token that the mask allows.'''
    import structgen as sg
    matcher = automaton.matcher()
    mask = sg.allocate_mask(1, 257)
    for _ in range(limit):
        matcher.fill_mask(mask, 0)
        allowed = sg.allowed_tokens(mask, 257)
        token = 256 if 256 in allowed else int(allowed[-1])
        assert matcher.advance(token), token
        if matcher.is_terminated():
            break
    return bytes(token for token in matcher.tokens if token < 256)
"""


def run(program: str, *arguments: str, seconds: int = 120) -> str:
    """What `program`, after `PRELUDE`, prints.

    Fails if it ends by a signal, with an error, or not at all.
    """
    body = textwrap.dedent(program).lstrip("\n")
    # Otherwise it would be a part of the last function above, and never run.
    assert not body[:1].isspace(), "a line of the program begins further left than its first"
    source = PRELUDE + body
    try:
        done = subprocess.run(
            [sys.executable, "-c", source, *arguments],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        pytest.fail(f"still running after {seconds} s\n{error.stdout!r}\n{error.stderr!r}")
    if done.returncode:
        pytest.fail(f"exit status {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout
