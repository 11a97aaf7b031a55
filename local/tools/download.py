"""Tools as their publishers offer them.

A machine without a way out must learn that in seconds: the first connection gets a short time-out, and once one of
them fails, no other download is tried in the same run.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from local.errors import ChecksumMismatch, ToolNotAvailable
from local.tools.cache import is_disk_full, sha256

if TYPE_CHECKING:
    from local.tools.catalog import Download, Tool
    from local.tools.platform import Platform
    from local.tools.progress import Step
    from local.tools.stop import Stop

SWITCH = "ESP_TOOLS_NO_DOWNLOAD"
"""Set to anything but the empty string or 0, no download is tried."""

_CONNECT_SECONDS = 3.0
_STALL_SECONDS = 30.0
_CHUNK = 1 << 18
_LARGEST_CHECKSUM_FILE = 1 << 20
_REFUSED = (401, 403, 407, 451)


@dataclass(frozen=True, slots=True)
class Offer:
    """A download that its publisher lists.

    Attributes:
        url: The file.
        sha256: Its digest, in hex.
        folder: The archive's folder that holds the program; empty for a bare program.
    """

    url: str
    sha256: str
    folder: str


class Downloads:
    """What one run knows about the way out.

    Args:
        connect_seconds: How long the first connection may take.
    """

    def __init__(self, *, connect_seconds: float = _CONNECT_SECONDS) -> None:
        self._connect_seconds = connect_seconds
        self._asking = threading.Lock()
        self.closed = "downloads are switched off by " + SWITCH if _switched_off() else ""

    def locate(self, tool: Tool, source: Download, platform: Platform) -> Offer:
        """Finds what is offered and its published digest.

        Args:
            tool: The tool.
            source: Where it is offered.
            platform: Whose binary is wanted.

        Raises:
            ToolNotAvailable: There is no way out, or it is not offered.
        """
        if platform.system not in source.systems:
            raise ToolNotAvailable(f"no download is offered for {platform}", place=tool.name)
        url = source.fill(source.url, tool.version, platform)
        digest = self._digest(tool, url, source.fill(source.checksums, tool.version, platform))
        return Offer(url, digest, source.fill(source.folder, tool.version, platform))

    def fetch(self, tool: Tool, offer: Offer, work: Path, *, step: Step, stop: Stop) -> Path:
        """Downloads a tool and compares it with its published digest.

        Args:
            tool: The tool.
            offer: What was located.
            work: An empty folder to work in.
            step: Where progress is shown.
            stop: Asks to give up.

        Returns:
            A folder inside ``work`` with the program and what came beside it.

        Raises:
            ToolNotAvailable: It broke off, or does not hold the program.
            ChecksumMismatch: What came is not what its publisher lists.
        """
        file = work / "download"
        self._content(tool, offer.url, file, step=step, stop=stop)
        found = sha256(file)
        if found != offer.sha256:
            file.unlink()
            raise ChecksumMismatch(
                f"{offer.url} has SHA-256 {found}, its publisher lists {offer.sha256}",
                place=tool.name,
                remedy=f"something between here and there changes files; try another network, or set {SWITCH}=1",
            )
        made = work / "made"
        made.mkdir()
        if offer.url.endswith(".tar.gz"):
            _unpack(file, made, offer.folder)
        else:
            file.rename(made / tool.program)
        if not (made / tool.program).is_file():
            raise ToolNotAvailable(f"{offer.url} does not hold {tool.program}", place=tool.name)
        return made

    def _digest(self, tool: Tool, url: str, checksums: str) -> str:
        # One at a time, so that a closed network is met once and the others learn of it.
        with self._asking:
            if self.closed:
                raise ToolNotAvailable(self.closed, place=tool.name)
            try:
                with _open(checksums, self._connect_seconds) as answer:
                    text = answer.read(_LARGEST_CHECKSUM_FILE).decode(errors="replace")
            except urllib.error.HTTPError as error:
                if error.code in _REFUSED:
                    self.closed = f"downloads are refused here ({_host(checksums)} answered {error.code})"
                    raise ToolNotAvailable(self.closed, place=tool.name) from error
                raise ToolNotAvailable(f"{checksums} answered {error.code}", place=tool.name) from error
            except OSError as error:
                self.closed = f"no way out ({_host(checksums)}: {getattr(error, 'reason', error)})"
                raise ToolNotAvailable(self.closed, place=tool.name) from error
        digest = find_digest(text, PurePosixPath(urllib.parse.urlsplit(url).path).name)
        if not digest:
            raise ToolNotAvailable(f"{checksums} does not list {url}", place=tool.name)
        return digest

    def _content(self, tool: Tool, url: str, file: Path, *, step: Step, stop: Stop) -> None:
        try:
            with _open(url, _STALL_SECONDS) as answer, file.open("wb") as target:
                total = int(answer.headers.get("Content-Length", "0"))
                while block := answer.read(_CHUNK):
                    stop.check(tool.name)
                    target.write(block)
                    step.update(_amount(target.tell(), total))
        except OSError as error:
            if is_disk_full(error):
                raise
            raise ToolNotAvailable(f"{url} broke off: {getattr(error, 'reason', error)}", place=tool.name) from error
        if total and file.stat().st_size != total:
            raise ToolNotAvailable(f"{url} broke off after {file.stat().st_size} of {total} bytes", place=tool.name)


def find_digest(checksums: str, name: str) -> str:
    """The SHA-256 a checksum file lists for a file name; a file of one bare digest is about whatever it lies beside.

    Returns:
        64 lower-case hex digits, or the empty string.
    """
    if re.fullmatch(r"[0-9a-fA-F]{64}", checksums.strip()):
        return checksums.strip().lower()
    for line in checksums.splitlines():
        match = re.fullmatch(r"([0-9a-fA-F]{64})\s+\*?(?:\./)?(.+?)\s*", line)
        if match and match[2] == name:
            return match[1].lower()
    return ""


def _open(url: str, seconds: float) -> urllib.request.addinfourl:  # type: ignore[name-defined]
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise ToolNotAvailable(f"{url} is not https", place="download")
    return urllib.request.urlopen(url, timeout=seconds)  # noqa: S310  the scheme was looked at above


def _unpack(archive: Path, made: Path, folder: str) -> None:
    """Unpacks the files that lie directly in the archive's folder."""
    with tarfile.open(archive, "r:gz") as content:
        for entry in content:
            path = PurePosixPath(entry.name)
            if not entry.isfile() or str(path.parent) != folder:
                continue
            source = content.extractfile(entry)
            if source is None:
                continue
            with source, (made / path.name).open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
            (made / path.name).chmod(0o755 if entry.mode & 0o100 else 0o644)
    archive.unlink()


def _switched_off() -> bool:
    return os.environ.get(SWITCH, "") not in ("", "0")


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).hostname or url


def _amount(done: int, total: int) -> str:
    megabytes = f"{done / 1e6:.0f}"
    return f"{megabytes} of {total / 1e6:.0f} MB" if total else f"{megabytes} MB"
