"""Which machine this is, in the words release pages use."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass

from local.errors import ToolNotAvailable

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_SYSTEMS = {"linux": "linux", "darwin": "darwin"}


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and architecture, as Go names them.

    Attributes:
        system: ``linux`` or ``darwin``.
        architecture: ``amd64`` or ``arm64``.
    """

    system: str
    architecture: str

    def __str__(self) -> str:
        return f"{self.system}-{self.architecture}"


def this_platform() -> Platform:
    """The platform this process runs on.

    Raises:
        ToolNotAvailable: None of the tools is made for this platform.
    """
    system = _SYSTEMS.get(sys.platform, "")
    architecture = _ARCHITECTURES.get(platform.machine().lower(), "")
    if not system or not architecture:
        raise ToolNotAvailable(
            f"no tool is made for {sys.platform} on {platform.machine()}",
            place="platform",
            remedy="use Linux or macOS on amd64 or arm64; on Windows, use WSL",
        )
    return Platform(system, architecture)
