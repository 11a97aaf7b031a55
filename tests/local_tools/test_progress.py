from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from local.tools.progress import LineProgress, TerminalProgress, duration, for_stream

pytestmark = pytest.mark.unit


def test_lines_tell_start_stay_and_end() -> None:
    stream = io.StringIO()
    with LineProgress(stream, every=0.05).step("pulumi", "building it") as step:
        step.update("at once is too soon")
        time.sleep(0.06)
        step.update("3 packages")
    lines = stream.getvalue().splitlines()
    assert lines == ["pulumi: building it", "pulumi: still building it (0 s, 3 packages)", "pulumi: done in 0 s"]


def test_a_failure_is_not_told_as_done() -> None:
    stream = io.StringIO()
    with pytest.raises(RuntimeError), LineProgress(stream).step("pulumi", "building it"):
        raise RuntimeError
    assert stream.getvalue().splitlines()[-1] == "pulumi: failed after 0 s"


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.9, "59 s"), (65, "1 m 05 s"), (600, "10 m 00 s")])
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_terminal_shows_steps_side_by_side_and_leaves_a_line_each() -> None:
    stream = io.StringIO()
    progress = TerminalProgress(Console(file=stream, force_terminal=True, width=100, no_color=True))
    with progress.step("one", "working [on it]") as step, progress.step("two", "working"):
        step.update("[detail]")
    text = stream.getvalue()
    assert "one: working [on it]: done in 0 s" in text.replace("\x1b[1m", "").replace("\x1b[0m", "")


def test_a_pipe_gets_lines() -> None:
    assert isinstance(for_stream(io.StringIO()), LineProgress)
