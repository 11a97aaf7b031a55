"""``status``: which parts run, where, since when."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local.environment import Environment, PartStatus
from local.layout import Layout

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_PIPE_WIDTH = 1000
_COLOURS = {"ready": "green", "not ready": "yellow", "crashed": "red", "stopped": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(options: argparse.Namespace) -> int:
    """Prints the parts; 0 if all are ready, 1 otherwise."""
    parts = Environment(Layout.of_project().root).status()
    if options.json:
        sys.stdout.write(json.dumps([_row(part) for part in parts], indent=2) + "\n")
    else:
        _print_table(parts)
    return 0 if all(part.state == "ready" for part in parts) else 1


def _row(part: PartStatus) -> dict[str, str | int | float | None]:
    return {
        "part": part.name,
        "state": part.state,
        "detail": part.detail,
        "pid": part.pid,
        "address": part.address,
        "since": part.since,
        "memory": part.memory,
        "log": str(part.log),
    }


def _print_table(parts: Sequence[PartStatus]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("PART", "STATE", "PID", "ADDRESS", "SINCE", "MEMORY", "DETAIL"):
        table.add_column(heading, justify="right" if heading in {"PID", "MEMORY"} else "left", overflow="fold")
    for part in parts:
        table.add_row(
            part.name,
            f"[{_COLOURS[part.state]}]{part.state}[/]",
            "" if part.pid is None else str(part.pid),
            part.address,
            "" if part.since is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(part.since)),
            f"{part.memory / 1e6:.0f} MB" if part.memory else "",
            escape(part.detail),
        )
    console = Console(highlight=False)
    # A pipe has no width to fit into, and an address cut in two cannot be copied.
    (console if console.is_terminal else Console(width=_PIPE_WIDTH, highlight=False)).print(table)
    for part in parts:
        if part.state == "crashed":
            sys.stderr.write(f"{part.name} crashed: read {part.log}; `make up` starts it again\n")
