"""Versions of tools: how they are read, and which ones will do."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_VERSION = re.compile(r"(?<![\d.])v?(\d+)\.(\d+)(?:\.(\d+))?(?![\d.]*\d)")
_ANSWER_SECONDS = 20


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A released version ``major.minor.patch``; pre-release and build parts are not told apart."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


class Accept(StrEnum):
    """Which versions found on PATH may stand in for the pinned one."""

    SameMinor = "same minor version, pinned patch or newer"
    SameMajor = "same major version, pinned version or newer"

    def admits(self, found: Version, pinned: Version) -> bool:
        """Whether ``found`` will do where ``pinned`` was tested."""
        if found < pinned or found.major != pinned.major:
            return False
        return self is Accept.SameMajor or found.minor == pinned.minor

    def describe(self, pinned: Version) -> str:
        """The accepted range, for a message: ``3.6.16 or newer 3.6.x``."""
        series = f"{pinned.major}.x" if self is Accept.SameMajor else f"{pinned.major}.{pinned.minor}.x"
        return f"{pinned} or newer {series}"


def parse(text: str) -> Version | None:
    """The first version in a text, such as ``etcd Version: 3.6.16`` or ``go1.26``; None if there is none."""
    match = _VERSION.search(text)
    return Version(int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def ask(binary: Path, arguments: tuple[str, ...]) -> Version | None:
    """The version a binary says it has; None if it does not run, hangs or says something else.

    The binary runs with a throw-away home, so that asking leaves nothing behind in the user's.
    """
    with tempfile.TemporaryDirectory(prefix="tool-version-", ignore_cleanup_errors=True) as home:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": home,
            "PULUMI_HOME": home,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        try:
            answer = subprocess.run(
                [os.fspath(binary), *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_ANSWER_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
    if answer.returncode != 0:
        return None
    return parse((answer.stdout + b"\n" + answer.stderr).decode(errors="replace"))
