"""The programs the environment runs: looked up on PATH, then in the cache, then downloaded, built or unpacked.

* ``ensure(name)`` and ``ensure_all(names)`` give paths and make what is missing;
* ``language_host_scripts()`` gives the folder of the Python language host's helper programs;
* `catalog` says which versions are pinned, which versions found on PATH will do, and where each can be had;
* ``ESP_TOOLS_NO_DOWNLOAD=1`` keeps it from trying the publishers' download pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.tools import catalog, language_host
from local.tools.supply import Provided, Supply

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from local.tools.progress import Progress

__all__ = ["Provided", "Supply", "ensure", "ensure_all", "language_host_scripts"]


def ensure(name: str, *, progress: Progress | None = None) -> Path:
    """The path of a tool, which is made first if need be.

    Args:
        name: One of ``catalog.TOOLS``: pulumi, etcd, kube-apiserver, kube-controller-manager, bao.
        progress: Where long steps are shown; standard error by default.

    Raises:
        LocalError: It could not be had; the message says what was tried.
    """
    return ensure_all((name,), progress=progress)[name]


def ensure_all(names: Iterable[str] | None = None, progress: Progress | None = None) -> dict[str, Path]:
    """The paths of several tools (all of them by default), by name; what is missing is made.

    Raises:
        LocalError: One could not be had; what was finished by then is kept for the next run.
    """
    wanted = catalog.names() if names is None else tuple(names)
    return {name: provided.path for name, provided in Supply(progress=progress).provide(wanted).items()}


def language_host_scripts(*, progress: Progress | None = None) -> Path:
    """The folder of ``pulumi-language-python-exec`` and ``pulumi-resource-pulumi-python``, both executable.

    Raises:
        LocalError: They could not be had.
    """
    return language_host.scripts(Supply(progress=progress))
