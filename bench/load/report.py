"""Results as people read them: one run as a table, many runs folded."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_GIVEN = frozenset(
    {"kind", "label", "objects", "keys", "properties", "authentication", "controller", "started", "processors"}
)
_WIDTH = 42
_NUMBER_WIDTH = 12


def table(result: Mapping[str, Any]) -> str:
    """One run: what it was in the first line, then one line for each figure."""
    lines = [_headline(result)]
    for name, value in result.items():
        if name not in _GIVEN:
            lines += _rows(name, value)
    return "\n".join(lines)


def _headline(result: Mapping[str, Any]) -> str:
    return (
        f"{result['label']}: {result['objects']} ExternalSecrets with {result['properties']} entries each, "
        f"{result['keys']} KV secrets, login by {result['authentication']}"
    )


def _rows(name: str, value: object) -> list[str]:
    shown = name.replace("_", " ")
    if isinstance(value, dict):
        return [f"  {f'{shown}: {part}':<{_WIDTH}} {number}" for part, number in value.items()]
    if isinstance(value, list):
        return []
    return [f"  {shown:<{_WIDTH}} {'-' if value is None else value}"]


def read(path: Path) -> list[dict[str, Any]]:
    """The runs that a file collected.

    Raises:
        BenchError: there is no such file, or a line is not a result.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BenchError(
            error.strerror or "it cannot be read", place=str(path), remedy="measure first, or name another file"
        ) from None
    results = []
    for number, line in enumerate(lines, 1):
        try:
            result = json.loads(line)
        except ValueError:
            result = None
        if not isinstance(result, dict) or not result.keys() >= _GIVEN:
            raise BenchError("it is not a result", place=f"{path}:{number}", remedy="remove the line")
        results.append(result)
    return results


def fold(results: Sequence[Mapping[str, Any]]) -> str:
    """Minimum, median and maximum of each figure over the runs of the same configuration."""
    groups: dict[tuple[object, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for result in results:
        groups[tuple(result[name] for name in ("label", "objects", "keys", "properties", "authentication"))].append(
            result
        )
    return "\n\n".join(_folded(runs) for runs in groups.values())


def _folded(runs: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        f"{_headline(runs[0])}; runs: {len(runs)}",
        f"  {'':<{_WIDTH}} " + "".join(f"{name:>{_NUMBER_WIDTH}}" for name in ("min", "median", "max")),
    ]
    numbers: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        for name, value in run.items():
            for figure, number in _numbers(name, value):
                numbers[figure].append(number)
    for figure, values in numbers.items():
        folded = (min(values), statistics.median(values), max(values))
        lines.append(f"  {figure:<{_WIDTH}} " + "".join(f"{round(number, 3):>{_NUMBER_WIDTH}g}" for number in folded))
    return "\n".join(lines)


def _numbers(name: str, value: object) -> list[tuple[str, float]]:
    shown = name.replace("_", " ")
    if name in _GIVEN or isinstance(value, bool):
        return []
    if isinstance(value, int | float):
        return [(shown, value)]
    if isinstance(value, dict):
        return [(f"{shown}: {part}", number) for part, number in value.items()]
    return []
