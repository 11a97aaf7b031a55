from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from local.errors import BuildFailed, DiskFull, LocalError, ToolNotAvailable
from local.tools.progress import Silence
from local.tools.running import Command, run
from local.tools.stop import Stop, Stopped

pytestmark = pytest.mark.unit


def python(code: str, folder: Path, stop: Stop | None = None, *, merge_errors: bool = True) -> str:
    command = Command((sys.executable, "-c", code), folder, os.environ, merge_errors=merge_errors)
    return run(command, place="sometool", step=Silence(), stop=stop or Stop())


def test_output_is_returned_and_complaints_can_be_kept_out(tmp_path: Path) -> None:
    code = "import sys; print('answer'); print('noise', file=sys.stderr)"
    assert python(code, tmp_path, merge_errors=False) == "answer\n"
    assert "noise" in python(code, tmp_path)


def test_a_failure_names_tool_command_and_the_last_lines(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed) as failed:
        python("for n in range(100): print('line', n)\nraise SystemExit(3)", tmp_path)
    text = str(failed.value)
    assert text.startswith("sometool: ")
    assert sys.executable in text
    assert "ended with 3" in text
    assert "line 99" in text
    assert "line 50" not in text


@pytest.mark.parametrize(
    ("line", "kind", "remedy"),
    [
        ("write /x: no space left on device", DiskFull, "free some space"),
        ("dial tcp: lookup proxy.golang.org: no such host", ToolNotAvailable, "GOPROXY"),
        ("reading https://proxy.golang.org/x: 403 Forbidden", ToolNotAvailable, "GOPROXY"),
        ("compile: signal: killed", BuildFailed, "memory"),
    ],
)
def test_common_causes_are_told_with_their_cure(tmp_path: Path, line: str, kind: type[LocalError], remedy: str) -> None:
    with pytest.raises(kind, match=remedy):
        python(f"print({line!r}); raise SystemExit(1)", tmp_path)


def test_a_program_that_does_not_exist_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="cannot run"):
        run(Command((tmp_path / "none",), tmp_path, {}), place="t", step=Silence(), stop=Stop())


def test_giving_up_ends_the_program_and_what_it_started(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('pid', 'w').write(str(child.pid)); time.sleep(60)"
    )
    stop = Stop()

    def give_up() -> None:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.02)
        stop.set()

    waiting = threading.Thread(target=give_up)
    waiting.start()
    with pytest.raises(Stopped):
        python(code, tmp_path, stop)
    waiting.join()
    child = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not _runs(child):
            return
        time.sleep(0.05)
    pytest.fail("the grandchild still runs")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
