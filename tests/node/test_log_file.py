from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from local.node.log_file import LogFile, prune

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit


def test_a_log_never_grows_beyond_twice_its_bound(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "c.log", largest=100)
    for number in range(100):
        log.write(f"line {number:03}\n".encode())
    log.close()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 200
    assert (tmp_path / "c.log").read_text().endswith("line 099\n")
    assert (tmp_path / "c.log.1").exists()


def test_a_log_is_its_owners_alone_and_is_continued(tmp_path: Path) -> None:
    for text in (b"one\n", b"two\n"):
        log = LogFile(tmp_path / "c.log")
        log.write(text)
        log.close()
    assert (tmp_path / "c.log").read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE((tmp_path / "c.log").stat().st_mode) == 0o600


def test_the_oldest_logs_go_first(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.log").touch()
        os.utime(tmp_path / f"{number}.log", (number, number))
    prune(tmp_path, kept=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.log", "4.log"]
