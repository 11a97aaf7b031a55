"""``python -m bench``: says what can be measured, and measures it."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_USAGE_ERROR = 2


class _Command(Protocol):
    def __call__(self, arguments: Sequence[str] | None = None) -> int:
        """Runs with these arguments; gives the exit code."""


@dataclass(frozen=True, slots=True)
class _Measurement:
    """Something that can be measured.

    Attributes:
        module: where it is.
        question: what it answers.
        takes: how long it takes.
        default: what is put before options where no command is given.
    """

    module: str
    question: str
    takes: str
    default: tuple[str, ...] = ()


_MEASUREMENTS: Mapping[str, _Measurement] = {
    "engine": _Measurement("bench.engine", "how fast one sync is computed, and how that grows with its keys", "10 s"),
    "load": _Measurement(
        "bench.load.__main__",
        "how fast a controller syncs 200 ExternalSecrets, and what it asks for",
        "20 s",
        ("cold",),
    ),
    "platform": _Measurement("bench.platform", "how long up, preview, refresh, down and destroy take", "5 min"),
    "pulumi_lane": _Measurement(
        "bench.pulumi_lane", "how long the engine takes for 10 and 100 Secrets, each a resource or all one", "4 min"
    ),
}

_LESSON = """\
python -m bench NAME [--json] [options]        (make bench ARGS="NAME --json")

{names}
  {all:<12} all of them, one after the other

Each has --help. Figures are kept in bench/results/; bench/README.md says how to read them. What else runs on the
machine shows in every figure: compare within one run, and medians only.

  python -m bench load live --objects 1000    steady requests, rotation, latency; see python -m bench load --help
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one measurement, or says which there are.

    Args:
        arguments: as typed; the process's own if None.

    Returns:
        The exit code: that of the measurement, 2 for wrong usage.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in {"-h", "--help"}:
        print(_lesson(), end="")
        return 0
    name, rest = words[0], words[1:]
    if name == "all":
        return max(_run(measurement, [*measurement.default, *rest]) for measurement in _MEASUREMENTS.values())
    if name not in _MEASUREMENTS:
        sys.stderr.write(f"error: {name} cannot be measured\n\n{_lesson()}")
        return _USAGE_ERROR
    measurement = _MEASUREMENTS[name]
    return _run(measurement, rest if rest and not rest[0].startswith("-") else [*measurement.default, *rest])


def _lesson() -> str:
    names = "\n".join(f"  {name:<12} {each.question} ({each.takes})" for name, each in _MEASUREMENTS.items())
    return _LESSON.format(names=names, all="all")


def _run(measurement: _Measurement, arguments: Sequence[str]) -> int:
    command: _Command = importlib.import_module(measurement.module).main  # only what is measured is loaded
    return command(arguments)


if __name__ == "__main__":
    sys.exit(main())
