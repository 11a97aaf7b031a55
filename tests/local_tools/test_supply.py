"""The order of sources, and what happens when one of them fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from local.errors import BuildFailed, LocalError, ToolNotAvailable
from local.layout import PROJECT
from local.tools import capacity, catalog, cli
from local.tools.download import Downloads
from local.tools.progress import Silence
from local.tools.supply import Supply, lanes
from local.tools.versions import Version
from tests.local_tools.conftest import MODULE, SAYS_VERSION, Publisher, script, tool

if TYPE_CHECKING:
    from pathlib import Path

    from local.tools.cache import Cache
    from local.tools.catalog import Tool

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.delenv("ESP_TOOLS_NO_DOWNLOAD", raising=False)


def supply(cache: Cache) -> Supply:
    return Supply(cache, Silence(), Downloads())


def use(monkeypatch: pytest.MonkeyPatch, *tools: Tool) -> None:
    monkeypatch.setattr(catalog, "TOOLS", tools)


def test_a_fitting_version_on_path_is_used_before_all_else(
    cache: Cache, publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, tool(publisher.source("sometool-1")))
    found = script(tmp_path / "bin/sometool", "#!/bin/sh\necho 1.2.9\n")
    provided = supply(cache).provide(["sometool"])["sometool"]
    assert (provided.path, provided.source, provided.version) == (found, "PATH", Version(1, 2, 9))
    assert publisher.asked == []


@pytest.mark.parametrize("says", ["echo 1.2.2", "echo 1.3.0", "echo nothing", "exit 1"])
def test_another_version_on_path_is_passed_over(
    cache: Cache, publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    publisher.offer("sometool-1", SAYS_VERSION)
    use(monkeypatch, tool(publisher.source("sometool-1")))
    script(tmp_path / "bin/sometool", f"#!/bin/sh\n{says}\n")
    assert supply(cache).provide(["sometool"])["sometool"].source == "download"


def test_a_second_run_finds_it_in_the_cache_and_our_own_path_does_not_count(
    cache: Cache, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.offer("sometool-1", SAYS_VERSION)
    use(monkeypatch, tool(publisher.source("sometool-1")))
    first = supply(cache).provide(["sometool"])["sometool"]
    publisher.asked.clear()
    monkeypatch.setenv("PATH", str(first.path.parent))
    assert supply(cache).provide(["sometool"])["sometool"] == first
    assert publisher.asked == []


def test_where_nothing_can_be_downloaded_it_is_built(
    cache: Cache, publisher: Publisher, fake_go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, tool(publisher.source("sometool-1"), MODULE))
    provided = supply(cache).provide(["sometool"])["sometool"]
    assert provided.source == "build"
    assert provided.path.read_bytes() == SAYS_VERSION


def test_a_failed_build_leaves_no_entry_and_the_next_run_mends_it(
    cache: Cache, fake_go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, tool(MODULE))
    good = (fake_go / "build.py").read_text()
    (fake_go / "build.py").write_text(f"{good}\nprint('cannot find symbol'); raise SystemExit(2)")
    with pytest.raises(BuildFailed, match=r"(?s)sometool: .*go build.*cannot find symbol"):
        supply(cache).provide(["sometool"])
    assert list((cache.root / "tools").iterdir()) == []
    (fake_go / "build.py").write_text(good)
    assert supply(cache).provide(["sometool"])


def test_what_does_not_say_its_version_is_not_kept(
    cache: Cache, fake_go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, tool(MODULE))
    (fake_go / "build.py").write_text(
        "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('#!/bin/sh\\necho 9.9.9\\n')"
    )
    with pytest.raises(ToolNotAvailable, match=r"says it is 9\.9\.9, wanted 1\.2\.3"):
        supply(cache).provide(["sometool"])
    assert list((cache.root / "tools").iterdir()) == []


def test_every_source_that_failed_is_named_with_the_way_out(
    cache: Cache, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, tool(publisher.source("one"), publisher.source("two")))
    with pytest.raises(ToolNotAvailable, match=r"404.*404.*put sometool 1\.2\.3 or newer 1\.2\.x on PATH"):
        supply(cache).provide(["sometool"])


def test_one_failure_gives_up_the_others(cache: Cache, fake_go: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The slow one stands in a lane of its own, as the engine does.
    monkeypatch.setattr(capacity, "processors", lambda: 8)
    monkeypatch.setattr(capacity, "free_gigabytes", lambda: 64.0)
    slow, broken = tool(MODULE, name="pulumi"), tool(MODULE, name="broken")
    use(monkeypatch, slow, broken)
    (fake_go / "build.py").write_text(
        "import sys, time\nif 'broken' in sys.argv[1]: raise SystemExit(1)\ntime.sleep(60)"
    )
    began = time.monotonic()
    with pytest.raises(BuildFailed, match="broken"):
        supply(cache).provide(["pulumi", "broken"])
    assert time.monotonic() - began < 30


def test_two_runs_at_once_build_it_once(
    cache: Cache, fake_go: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, tool(MODULE))
    with (fake_go / "build.py").open("a") as file:
        file.write(f"\nimport time\ntime.sleep(0.5)\nopen({str(tmp_path / 'builds')!r}, 'a').write('x')\n")
    errors: list[LocalError] = []

    def provide() -> None:
        try:
            supply(cache).provide(["sometool"])
        except LocalError as error:
            errors.append(error)

    runs = [threading.Thread(target=provide) for _ in range(3)]
    for started in runs:
        started.start()
    for started in runs:
        started.join()
    assert not errors
    assert (tmp_path / "builds").read_text() == "x"


def test_kin_follow_each_other_and_the_largest_goes_beside_them_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(capacity, "processors", lambda: 4)
    monkeypatch.setattr(capacity, "free_gigabytes", lambda: 16.0)
    names = [[tool.name for tool in lane] for lane in lanes(catalog.TOOLS)]
    assert names == [["bao"], ["pulumi"], ["etcd", "kube-apiserver", "kube-controller-manager"]]
    monkeypatch.setattr(capacity, "free_gigabytes", lambda: 4.0)
    names = [[tool.name for tool in lane] for lane in lanes(catalog.TOOLS)]
    assert names == [["bao"], ["pulumi", "etcd", "kube-apiserver", "kube-controller-manager"]]
    assert lanes([]) == []


_CLI = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start with it ignored
from pathlib import Path
from local.tools import catalog, cli
from tests.local_tools.conftest import MODULE, tool
catalog.TOOLS = (tool(MODULE),)
catalog.MODULES = Path(sys.argv[1])
sys.exit(cli.main([]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_the_build_and_leaves_nothing(fake_go: Path, tmp_path: Path, number: signal.Signals) -> None:
    (fake_go / "build.py").write_text(
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    )
    environment = dict(os.environ) | {"XDG_CACHE_HOME": str(tmp_path / "xdg"), "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(
        [sys.executable, "-c", _CLI, str(tmp_path / "modules")],
        env=environment,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(number)
        _, complaints = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "interrupted" in complaints
    assert "Traceback" not in complaints
    assert list((tmp_path / "xdg/external-secrets-on-pulumi/tools").iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_command_lists_what_there_is(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    publisher.offer("sometool-1", SAYS_VERSION)
    use(monkeypatch, tool(publisher.source("sometool-1")))
    assert cli.main(["--check"]) == 1
    assert "missing" in capsys.readouterr().out
    assert cli.main(["--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["tool"], row["version"], row["source"], row["size"]) == (
        "sometool",
        "1.2.3",
        "download",
        len(SAYS_VERSION),
    )
    assert cli.main(["--check", "--verify"]) == 0
    assert row["path"] in capsys.readouterr().out


def test_a_tampered_program_is_told(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    publisher.offer("sometool-1", SAYS_VERSION)
    use(monkeypatch, tool(publisher.source("sometool-1")))
    assert cli.main(["--json"]) == 0
    path = tmp_path / json.loads(capsys.readouterr().out)[0]["path"]
    state = path.stat()
    path.write_bytes(SAYS_VERSION.replace(b"echo", b"ECHO"))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert cli.main(["--verify"]) == 1
    assert "not what was put there" in capsys.readouterr().err


def test_an_unknown_tool_is_an_error_not_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["kubectl"]) == 1
    assert "no such tool" in capsys.readouterr().err
