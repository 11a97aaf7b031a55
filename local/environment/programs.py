"""The programs of the environment under their plain names, in one folder that ``make env`` puts first on PATH."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from local.layout import PROJECT, Layout, explain, write_private

if TYPE_CHECKING:
    from collections.abc import Mapping

PULUMI = "pulumi"

_MODULE = "local.commands.by_hand"
_HEAD_BYTES = 4096


def place(layout: Layout, tools: Mapping[str, Path]) -> None:
    """Links each tool; ``pulumi`` gets a launcher, which adds this machine's stack file (`local.commands.by_hand`).

    Raises:
        LocalError: the folder may not be written.
    """
    for name, path in tools.items():
        target = layout.bin / name
        try:
            if name == PULUMI:
                text = _launcher(layout, path)
                if not target.is_file() or target.read_text() != text:
                    write_private(target, text)
                    target.chmod(0o700)
            elif not target.is_symlink() or target.readlink() != path:
                temporary = layout.bin / f".{name}.{os.getpid()}"
                with suppress(FileNotFoundError):
                    temporary.unlink()
                temporary.symlink_to(path)
                temporary.replace(target)
        except OSError as error:
            raise explain(error, target) from error


def search_path(path: str) -> str:
    """A PATH without the folders of launchers, ours or another clone's.

    A shell that evaluated ``make env`` has one in front; whoever looks for the engine there would find the launcher,
    and the launcher itself.
    """
    return os.pathsep.join(entry for entry in path.split(os.pathsep) if not _holds_launcher(entry))


def _holds_launcher(folder: str) -> bool:
    try:
        with (Path(folder) / PULUMI).open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return head.startswith(b"#!") and _MODULE.encode() in head


def _launcher(layout: Layout, engine: Path) -> str:
    code = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from {_MODULE} import main; main()"
    words = (sys.executable, "-P", "-c", code, str(layout.root), str(engine))
    return f'#!/bin/sh\nexec {" ".join(shlex.quote(word) for word in words)} "$@"\n'
