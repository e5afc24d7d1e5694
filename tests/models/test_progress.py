from __future__ import annotations

import io
import sys

import pytest

from structgen.models.progress import Progress


def test_silent_where_nobody_watches(capsys: pytest.CaptureFixture[str]):
    with Progress() as progress:
        progress.task("Working", lambda: 0.5)
    assert capsys.readouterr().err == ""


def test_lines():
    progress = Progress(enabled=False)
    assert progress.line() == ""
    progress.task("Working", lambda: 0.5)
    assert progress.line() == "Working [############------------]  50% (0 s)"
    progress.task("Working", lambda: 7.0)
    assert "100%" in progress.line()
    progress.task("Working")
    assert progress.line() == "Working (0 s)"

    def moved() -> float:
        raise FileNotFoundError

    progress.task("Working", moved)
    assert progress.line() == "Working (0 s)"


def test_the_line_is_wiped_at_the_end(monkeypatch: pytest.MonkeyPatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(enabled=True) as progress:
        progress.task("Working")
        progress._stop.wait(0.5)
    assert "Working" in stream.getvalue()
    assert stream.getvalue().rsplit("\r", 2)[1].strip() == ""
