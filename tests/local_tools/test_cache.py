from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from local.errors import DiskFull, ToolError
from local.layout import PROJECT
from local.tools.cache import Cache
from local.tools.progress import LineProgress, Silence
from local.tools.stop import Stop, Stopped

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit


def install(cache: Cache, key: str = "t", content: str = "program") -> Path:
    with cache.workshop(key) as work:
        made = work / "made"
        made.mkdir()
        (made / "t").write_text(content)
        return cache.install(key, made, "t", source="build", detail="d")


def test_an_entry_is_found_as_it_was_put_there(cache: Cache) -> None:
    path = install(cache)
    assert cache.find("t", "t") == path
    assert os.access(path, os.X_OK)
    origin = cache.origin("t")
    assert origin is not None
    assert (origin.source, origin.size) == ("build", 7)


def test_an_entry_is_replaced_whole(cache: Cache) -> None:
    install(cache, content="old")
    assert install(cache, content="new").read_text() == "new"
    assert sorted(path.name for path in (cache.root / "tools").iterdir()) == ["t"]


@pytest.mark.parametrize("damage", ["shorter", "content", "record", "program", "bits"])
def test_a_damaged_entry_is_not_used(cache: Cache, damage: str) -> None:
    path = install(cache)
    if damage == "shorter":
        path.write_text("pro")
    elif damage == "content":
        path.write_text("PROGRAM")
        os.utime(path, ns=(1, 1))
    elif damage == "record":
        (path.parent / "origin.json").write_text("{")
    elif damage == "program":
        path.unlink()
    else:
        path.chmod(0o644)
    assert cache.find("t", "t") is None


def test_a_copied_cache_is_recognised_by_its_content(cache: Cache) -> None:
    path = install(cache)
    os.utime(path, ns=(1, 1))
    assert cache.find("t", "t") == path


def test_verification_reads_the_content_even_if_size_and_time_fit(cache: Cache) -> None:
    path = install(cache)
    state = path.stat()
    path.write_text("PROGRAM")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert cache.find("t", "t") == path
    assert not cache.intact("t", "t")


def test_what_an_ended_run_left_half_made_is_removed(cache: Cache) -> None:
    left = cache.root / "tools" / ".t.abc"
    left.mkdir(parents=True)
    (left / "t").write_text("half")
    with cache.workshop("t"):
        assert not left.exists()
    assert list((cache.root / "tools").iterdir()) == []


def test_a_failure_leaves_nothing(cache: Cache) -> None:
    def half() -> None:
        with cache.workshop("t") as work:
            (work / "t").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert list((cache.root / "tools").iterdir()) == []
    assert cache.find("t", "t") is None


def test_a_full_disk_is_told_as_one(cache: Cache) -> None:
    with pytest.raises(DiskFull, match="free some space"), cache.workshop("t"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_cache_that_cannot_be_written_names_the_way_out(cache: Cache) -> None:
    with pytest.raises(ToolError, match="XDG_CACHE_HOME"), cache.workshop("t"):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_the_users_cache_obeys_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Cache.of_user().root == tmp_path / "external-secrets-on-pulumi"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for ignored in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert Cache.of_user().root == tmp_path / "home/.cache/external-secrets-on-pulumi"


_HOLDER = """
import sys, time
from pathlib import Path
from local.tools.cache import Cache
from local.tools.platform import Platform
from local.tools.progress import Silence
from local.tools.stop import Stop
with Cache(Path(sys.argv[1]), Platform("linux", "amd64")).turn("t", name="t", progress=Silence(), stop=Stop()):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_waited_for_by_name_and_its_death_frees_the_turn(cache: Cache, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(cache.root)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (tmp_path / "lines").open("w") as lines:
            ending = threading.Timer(0.6, holder.kill)
            ending.start()
            with cache.turn("t", name="t", progress=LineProgress(lines), stop=Stop()):
                assert holder.wait(5) != 0
            ending.join()
    assert f"t: waiting for process {holder.pid}" in (tmp_path / "lines").read_text()


def test_waiting_can_be_given_up(cache: Cache) -> None:
    stop = Stop()
    stop.set()
    with (
        cache.turn("t", name="t", progress=Silence(), stop=Stop()),
        pytest.raises(Stopped),
        cache.turn("t", name="t", progress=Silence(), stop=stop),
    ):
        pass
