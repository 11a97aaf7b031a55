"""How commands print: tables for people, JSON for programs, colours where they are wanted."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLOURS = {"green": "32", "yellow": "33", "red": "31", "bold": "1", "dim": "2"}


def write(text: str) -> None:
    """One line or block on stdout."""
    print(text)  # noqa: T201 - the command line talks


def write_json(value: object) -> None:
    """A JSON document on stdout; moments as Kubernetes writes them (RFC 3339, UTC)."""
    write(json.dumps(value, indent=2, ensure_ascii=False, default=_wire))


def _wire(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def coloured(text: str, colour: str) -> str:
    """The text in a colour, where stdout is a terminal and NO_COLOR is not set (no-color.org)."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, colours: Sequence[str] = ()) -> str:
    """Columns, padded; `colours` gives each row one, or an empty text.

    Padding is counted before colours are put on, so that columns stay straight.
    """
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()

    lines = [coloured(line(header), "bold")]
    for index, row in enumerate(rows):
        colour = colours[index] if colours else ""
        lines.append(coloured(line(row), colour) if colour else line(row))
    return "\n".join(lines)


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago, as kubectl writes it: 45s, 12m, 3h, 9d; a dash where it is not known."""
    if moment is None:
        return "-"
    seconds = max(int((now - moment.astimezone(UTC)).total_seconds()), 0)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size or (unit == "d" and seconds >= size):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
