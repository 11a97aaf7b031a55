"""``status``: which parts run, where, since when."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local.commands import environments
from local.commands.stack import STACK, committed_stacks
from local.environment import Environment, PartStatus

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from local.layout import Layout

_PIPE_WIDTH = 1000
_COLOURS = {"ready": "green", "not ready": "yellow", "crashed": "red", "stopped": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    environments.add_stack(parser, default=None, text="only the environment of this stack")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(options: argparse.Namespace) -> int:
    """Prints the parts of the environments of which something runs, or of one; 0 if all are ready, 1 otherwise.

    Where nothing runs, those of the project's own environment are shown.

    Raises:
        LocalError: there is no such stack.
    """
    every = {stack: _parts(stack, layout) for stack, layout in environments.present(options.stack)}
    running = {stack: parts for stack, parts in every.items() if any(part.state != "stopped" for part in parts)}
    shown = running or dict(list(every.items())[:1])
    found = [(stack, part) for stack, parts in shown.items() for part in parts]
    if options.json:
        sys.stdout.write(json.dumps([_row(stack, part) for stack, part in found], indent=2) + "\n")
    else:
        _print_table(found)
    return 0 if all(part.state == "ready" for _, part in found) else 1


def _parts(stack: str, layout: Layout) -> Sequence[PartStatus]:
    if stack in committed_stacks() and layout.root.is_dir():
        return environments.open_environment(stack, environments.needs_of(stack)).status()
    return Environment(layout.root).status()


def _row(stack: str, part: PartStatus) -> dict[str, str | int | float | None]:
    return {
        "stack": stack,
        "part": part.name,
        "state": part.state,
        "detail": part.detail,
        "pid": part.pid,
        "address": part.address,
        "since": part.since,
        "memory": part.memory,
        "log": str(part.log),
    }


def _print_table(found: Sequence[tuple[str, PartStatus]]) -> None:
    table = Table(box=None, pad_edge=False)
    several = any(stack != STACK for stack, _ in found)
    for heading in (*(("STACK",) if several else ()), "PART", "STATE", "PID", "ADDRESS", "SINCE", "MEMORY", "DETAIL"):
        table.add_column(heading, justify="right" if heading in {"PID", "MEMORY"} else "left", overflow="fold")
    for stack, part in found:
        table.add_row(
            *((stack,) if several else ()),
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
    for _, part in found:
        if part.state == "crashed":
            sys.stderr.write(f"{part.name} crashed: read {part.log}; `make up` starts it again\n")
