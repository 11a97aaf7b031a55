from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.errors import ChecksumMismatch, ToolNotAvailable
from local.tools.catalog import Download
from local.tools.download import Downloads, find_digest
from local.tools.progress import Silence
from local.tools.stop import Stop
from tests.local_tools.conftest import PLATFORM, SAYS_VERSION, Publisher, archive, tool

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

DIGEST = "ab" * 32


def fetch(source: Download, work: Path, downloads: Downloads | None = None) -> Path:
    downloads = downloads or Downloads()
    wanted = tool(source)
    offer = downloads.locate(wanted, source, PLATFORM)
    return downloads.fetch(wanted, offer, work, step=Silence(), stop=Stop())


def test_a_bare_program_is_fetched_and_checked(publisher: Publisher, tmp_path: Path) -> None:
    publisher.offer("sometool-1", SAYS_VERSION)
    assert (fetch(publisher.source("sometool-1"), tmp_path) / "sometool").read_bytes() == SAYS_VERSION


def test_an_archive_gives_its_folders_files_and_nothing_else(publisher: Publisher, tmp_path: Path) -> None:
    files = {"sometool": SAYS_VERSION, "beside": b"x", "deep/er": b"y", "../out": b"z"}
    publisher.offer("a.tar.gz", archive("pack", files, links=("link",)))
    made = fetch(publisher.source("a.tar.gz", "pack"), tmp_path)
    assert sorted(path.name for path in made.iterdir()) == ["beside", "sometool"]
    assert os.access(made / "sometool", os.X_OK)
    assert not (tmp_path / "out").exists()


def test_what_differs_from_the_published_digest_is_thrown_away(publisher: Publisher, tmp_path: Path) -> None:
    publisher.offer("sometool-1", SAYS_VERSION, digest=DIGEST)
    with pytest.raises(ChecksumMismatch, match=DIGEST):
        fetch(publisher.source("sometool-1"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_listed_is_not_taken(publisher: Publisher, tmp_path: Path) -> None:
    publisher.offer("sometool-1", SAYS_VERSION)
    publisher.files["/sometool-2"] = SAYS_VERSION
    with pytest.raises(ToolNotAvailable, match="does not list"):
        fetch(publisher.source("sometool-2"), tmp_path)


def test_a_version_that_is_not_there_does_not_close_the_others(publisher: Publisher, tmp_path: Path) -> None:
    downloads = Downloads()
    with pytest.raises(ToolNotAvailable, match="404"):
        fetch(publisher.source("sometool-1"), tmp_path, downloads)
    publisher.offer("sometool-1", SAYS_VERSION)
    assert fetch(publisher.source("sometool-1"), tmp_path, downloads)


def test_a_refusing_proxy_is_asked_once(publisher: Publisher, tmp_path: Path) -> None:
    publisher.statuses["/SUMS"] = 403
    downloads = Downloads()
    for _ in range(3):
        with pytest.raises(ToolNotAvailable, match="refused"):
            fetch(publisher.source("sometool-1"), tmp_path, downloads)
    assert publisher.asked == ["/SUMS"]


def test_a_network_that_swallows_packets_costs_the_time_out_once(tmp_path: Path) -> None:
    # 192.0.2.0/24 is reserved for documentation: refused at once or never answered, depending on the machine.
    source = Download("https://192.0.2.1/t", "https://192.0.2.1/SUMS")
    downloads = Downloads(connect_seconds=0.2)
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(ToolNotAvailable, match="no way out"):
            fetch(source, tmp_path, downloads)
    assert time.monotonic() - began < 20 * 0.2


def test_downloads_can_be_switched_off(publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher.offer("sometool-1", SAYS_VERSION)
    monkeypatch.setenv("ESP_TOOLS_NO_DOWNLOAD", "1")
    with pytest.raises(ToolNotAvailable, match="ESP_TOOLS_NO_DOWNLOAD"):
        fetch(publisher.source("sometool-1"), tmp_path)
    assert publisher.asked == []
    monkeypatch.setenv("ESP_TOOLS_NO_DOWNLOAD", "0")
    assert fetch(publisher.source("sometool-1"), tmp_path)


def test_another_platform_and_plain_http_are_not_tried(tmp_path: Path) -> None:
    with pytest.raises(ToolNotAvailable, match="no download is offered for linux-amd64"):
        fetch(Download("https://192.0.2.1/t", "https://192.0.2.1/s", systems=("darwin",)), tmp_path)
    with pytest.raises(ToolNotAvailable, match="not https"):
        fetch(Download("http://192.0.2.1/t", "http://192.0.2.1/s"), tmp_path)


@pytest.mark.parametrize(
    "checksums",
    [DIGEST, f"{DIGEST}\n", f"{DIGEST}  t\n", f"{DIGEST} *t\r\n", f"{'0' * 64}  tt\n{DIGEST.upper()}  ./t\n"],
)
def test_digests_are_found_in_the_usual_forms(checksums: str) -> None:
    assert find_digest(checksums, "t") == DIGEST


@given(st.text())
def test_a_page_that_is_no_checksum_file_gives_no_digest(text: str) -> None:
    assert find_digest(f"<html>{text}", "t") == ""
