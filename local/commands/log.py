"""``log``: what a part wrote."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from local.commands import environments
from local.environment import logs
from local.environment.parts import EVERY
from local.errors import LocalError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

_POLL_SECONDS = 0.3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("part", choices=EVERY, metavar="PART", help=", ".join(EVERY))
    environments.add_stack(parser, text="the stack whose environment it is")
    parser.add_argument("-n", "--lines", type=int, default=50, metavar="N", help="how many of the last lines (50)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on printing what is written, until Ctrl-C")


def run(options: argparse.Namespace) -> int:
    """Prints the end of the log.

    Raises:
        LocalError: the part has never written one, or there is no such stack.
    """
    environments.needs_of(options.stack)
    log = environments.layout_of(options.stack).log(options.part)
    if not log.is_file():
        raise LocalError("it has no log yet", place=options.part, remedy="start it with `make up`")
    begun = log.stat().st_size
    for line in logs.tail(log, lines=options.lines):
        sys.stdout.write(f"{line}\n")
    if options.follow:
        _follow(log, begun)
    return 0


def _follow(log: Path, offset: int) -> None:
    while True:
        sys.stdout.flush()
        time.sleep(_POLL_SECONDS)
        with suppress(FileNotFoundError), log.open("rb") as file:
            if log.stat().st_size < offset:  # it was set aside, a new one has begun
                offset = 0
            file.seek(offset)
            sys.stdout.write(file.read().decode(errors="replace"))
            offset = file.tell()
