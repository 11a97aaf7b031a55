"""The tools' cache: one folder per tool, version and platform, shared by every clone of the project.

An entry appears whole or not at all: it is made in a folder beside its place, written to disk, and moved there in one
step. ``origin.json`` in it records where it came from and the size, time and SHA-256 of its program; an entry that
does not match its record is not used. Two processes that want the same entry take turns at a lock.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.errors import DiskFull, ToolError
from local.tools.platform import Platform, this_platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.tools.catalog import Tool
    from local.tools.progress import Progress
    from local.tools.stop import Stop

_NAME = "external-secrets-on-pulumi"
_ORIGIN = "origin.json"
_TURN_SECONDS = 0.25
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Origin:
    """What an entry is and where it came from.

    Attributes:
        source: ``download``, ``build`` or ``wheel``.
        detail: The address, Go package or wheel file, for a person to read.
        sha256: Of the program.
        size: Of the program, in bytes.
        modified: The program's modification time in nanoseconds.
    """

    source: str
    detail: str
    sha256: str
    size: int
    modified: int


class Cache:
    """The entries under one root.

    Args:
        root: The cache folder; made when first written to.
        platform: Whose binaries it holds.
    """

    def __init__(self, root: Path, platform: Platform) -> None:
        self.root = root
        self.platform = platform

    @classmethod
    def of_user(cls) -> Cache:
        """The user's cache: ``$XDG_CACHE_HOME`` or ``~/.cache``, folder ``external-secrets-on-pulumi``."""
        configured = os.environ.get("XDG_CACHE_HOME", "")
        # The XDG base directory specification says that relative paths are to be ignored.
        base = Path(configured) if os.path.isabs(configured) else Path.home() / ".cache"  # noqa: PTH117  "" is no Path
        return cls(base / _NAME, this_platform())

    def folder(self, key: str) -> Path:
        """Where the entry of that key is or will be."""
        return self.root / "tools" / key

    def key(self, tool: Tool) -> str:
        """The key of a tool's entry: its name, pinned version and platform."""
        return f"{tool.name}-{tool.version}-{self.platform}"

    def find(self, key: str, program: str) -> Path | None:
        """The program of an entry that is whole; None if there is none or its record does not match.

        Size and time are compared each time; the content only when they differ (a copied cache).
        """
        folder = self.folder(key)
        origin = self.origin(key)
        path = folder / program
        if origin is None:
            return None
        try:
            state = path.stat()
        except OSError:
            return None
        if state.st_size != origin.size or not os.access(path, os.X_OK):
            return None
        if state.st_mtime_ns == origin.modified or self.intact(key, program):
            return path
        return None

    def intact(self, key: str, program: str) -> bool:
        """Whether the program's content is still what was recorded; reads all of it."""
        origin = self.origin(key)
        try:
            return origin is not None and sha256(self.folder(key) / program) == origin.sha256
        except OSError:
            return False

    def origin(self, key: str) -> Origin | None:
        """The record of an entry; None if there is none that can be read."""
        try:
            return Origin(**json.loads((self.folder(key) / _ORIGIN).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    @contextlib.contextmanager
    def turn(self, key: str, *, name: str, progress: Progress, stop: Stop) -> Iterator[None]:
        """Holds the entry's lock; says who is waited for when another process has it.

        The lock ends with the process that holds it, however that ends.
        """
        folder = self.root / "locks"
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _lock(descriptor):
                holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
                with progress.step(name, f"waiting for process {holder}, which is getting it") as step:
                    while not _lock(descriptor):
                        stop.check(name)
                        time.sleep(_TURN_SECONDS)
                        step.update()
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def workshop(self, key: str) -> Iterator[Path]:
        """An empty folder beside the entry to make it in; gone afterwards. Call it only while it is your turn."""
        parent = self.root / "tools"
        with _explained(parent):
            parent.mkdir(parents=True, exist_ok=True)
            for left_over in parent.glob(f".{key}.*"):
                shutil.rmtree(left_over, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(prefix=f".{key}.", dir=parent))
        try:
            with _explained(parent):
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def install(self, key: str, made: Path, program: str, *, source: str, detail: str) -> Path:
        """Puts a finished folder in the entry's place, in one step.

        Args:
            key: The entry.
            made: The folder, inside the entry's workshop.
            program: Path of the program inside it.
            source: As in `Origin`.
            detail: As in `Origin`.

        Returns:
            The program's path in the cache.
        """
        made.chmod(0o755)
        path = made / program
        path.chmod(0o755)
        state = path.stat()
        origin = Origin(source, detail, sha256(path), state.st_size, state.st_mtime_ns)
        (made / _ORIGIN).write_text(json.dumps(asdict(origin), indent=2) + "\n")
        for file in (path, made / _ORIGIN, made):
            _to_disk(file)
        place = self.folder(key)
        if place.exists():
            place.rename(made.parent / "replaced")
        made.rename(place)
        _to_disk(place.parent)
        return place / program


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_disk_full(error: OSError) -> bool:
    """Whether a system call failed because there is no room."""
    return error.errno in _FULL


def disk_full(place: Path | str) -> DiskFull:
    """The error that says so."""
    return DiskFull("no space left on the device", place=str(place), remedy="free some space and try again")


@contextlib.contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Turns what the file system refuses into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(place) from error
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise ToolError(
                f"the cache cannot be written: {error.strerror}",
                place=str(place),
                remedy="make it yours, or name another folder in XDG_CACHE_HOME",
            ) from error
        raise


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
