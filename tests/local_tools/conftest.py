"""A cache of the test's own, a tool nobody has, and programs that stand in for Go and a publisher."""

from __future__ import annotations

import hashlib
import io
import stat
import sys
import tarfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from local.tools import catalog
from local.tools.cache import Cache
from local.tools.catalog import Download, GoModule, Tool
from local.tools.platform import Platform
from local.tools.versions import Accept, Version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = Version(1, 2, 3)
PLATFORM = Platform("linux", "amd64")
SAYS_VERSION = b"#!/bin/sh\necho tool version 1.2.3\n"


def script(path: Path, content: str | bytes) -> Path:
    """A program at a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@dataclass
class Publisher:
    """A web server with files a test puts there."""

    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def offer(self, name: str, content: bytes, *, digest: str = "") -> None:
        self.files[f"/{name}"] = content
        listed = digest or hashlib.sha256(content).hexdigest()
        self.files["/SUMS"] = f"{'0' * 64}  other\n{listed}  {name}\n".encode()

    def source(self, name: str, folder: str = "") -> Download:
        return Download(f"{self.address}/{name}", f"{self.address}/SUMS", folder=folder)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    held = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            held.asked.append(self.path)
            status = held.statuses.get(self.path, 200 if self.path in held.files else 404)
            content = held.files.get(self.path, b"")
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        held.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield held
        server.shutdown()
        thread.join()


def archive(folder: str, files: dict[str, bytes], *, links: tuple[str, ...] = ()) -> bytes:
    """A ``.tar.gz`` as release pages offer it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as content:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(data)
            entry.mode = 0o755
            content.addfile(entry, io.BytesIO(data))
        for name in links:
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.type = tarfile.SYMTYPE
            entry.linkname = "/etc/passwd"
            content.addfile(entry)
    return buffer.getvalue()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", PLATFORM)


def tool(*sources: catalog.Source, name: str = "sometool") -> Tool:
    return Tool(name, VERSION, ("--version",), Accept.SameMinor, sources)


@pytest.fixture
def fake_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``go`` whose ``build`` runs the Python in ``build.py`` beside it, with the output path as argument."""
    folder = tmp_path / "fake-go"
    script(
        folder / "go",
        f"""#!/bin/sh
if [ "$1" = version ]; then echo go version go1.26.8 linux/amd64; exit 0; fi
while [ "$1" != -o ]; do shift; done
exec {sys.executable} {folder}/build.py "$2"
""",
    )
    (folder / "build.py").write_text(
        "import pathlib, sys\n"
        f"pathlib.Path(sys.argv[1]).write_bytes({SAYS_VERSION!r})\n"
        "pathlib.Path(sys.argv[1]).chmod(0o755)\n"
    )
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(catalog, "MODULES", tmp_path / "modules")
    (tmp_path / "modules/some").mkdir(parents=True)
    return folder


MODULE = GoModule("some", "example.com/some")
