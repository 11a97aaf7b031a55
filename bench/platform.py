"""How long the commands take that people wait for: up, preview, refresh, down, destroy; on an environment of its own.

Each round begins with nothing but the tools and ends with nothing. The medians of the rounds count.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bench import results
from bench.errors import BenchError
from local.errors import LocalError
from local.layout import PROJECT, ROOT_VARIABLE, Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROUNDS = 3

_FOREIGN = ("PULUMI_", "VAULT_", "BAO_", "KUBE", "ESP_")
_UP, _WARM_UP = "first up", "up after down"
_WITHOUT_QUESTIONS = ("--yes", "--skip-preview", "--non-interactive")
_PULUMI: Mapping[str, tuple[str, ...]] = {
    "pulumi up, no change": ("up", *_WITHOUT_QUESTIONS, "--expect-no-changes"),
    "pulumi preview, no change": ("preview", "--non-interactive", "--expect-no-changes"),
    "pulumi refresh, no change": ("refresh", *_WITHOUT_QUESTIONS, "--expect-no-changes"),
}
"""Operations between the two ups; each fails where there is a change after all."""

_LINES_SHOWN = 15
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Timing:
    """One command over all rounds, in seconds.

    Attributes:
        median: of the rounds.
        fastest: round.
        slowest: round.
        rounds: each, in order.
    """

    median: float
    fastest: float
    slowest: float
    rounds: tuple[float, ...]


@dataclass(slots=True)
class Times:
    """What was measured so far.

    Attributes:
        commands: seconds of each round, by command.
        steps: seconds of each round, by step of the first ``up``, as it tells them itself.
    """

    commands: dict[str, list[float]] = field(default_factory=dict)
    steps: dict[str, list[float]] = field(default_factory=dict)


class Platform:
    """An environment under a root of its own, driven by commands as its user drives it.

    Args:
        root: its folder.
    """

    def __init__(self, root: Path) -> None:
        self._layout = Layout(root)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        self._environment = {**kept, ROOT_VARIABLE: str(root)}

    def local(self, *arguments: str) -> str:
        """Runs one of the environment's commands; gives what it printed."""
        return self._run([sys.executable, "-m", "local", *arguments], self._environment)

    def pulumi(self, exported: Mapping[str, str], *arguments: str) -> str:
        """Runs the engine under the variables that ``exported`` gave."""
        return self._run([str(self._layout.bin / "pulumi"), *arguments], {**self._environment, **exported})

    def exported(self) -> dict[str, str]:
        """The variables that ``make env`` puts into a shell."""
        return dict(json.loads(self.local("env", "--json")))

    def remove(self) -> None:
        """Stops what runs, and removes everything it wrote."""
        self.local("clean")

    @staticmethod
    def _run(command: list[str], environment: Mapping[str, str]) -> str:
        child = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # so that Ctrl-C comes from here, and once
        )
        try:
            printed, complained = child.communicate()
        except KeyboardInterrupt:
            child.send_signal(signal.SIGINT)
            child.communicate()
            raise
        if child.returncode:
            said = (complained.strip() or printed.strip()).splitlines()[-_LINES_SHOWN:]
            raise BenchError("\n".join(("it failed:", *said)), place=" ".join(command[1:]), remedy="mend the cause")
        return printed


def measure(platform: Platform, times: Times) -> None:
    """One round.

    Raises:
        BenchError: a command failed, or changed something where nothing was to change.
    """
    up = json.loads(_timed(times, _UP, lambda: platform.local("up", "--json")))
    for step in up["steps"]:
        times.steps.setdefault(step["name"], []).append(step["seconds"])
    exported = platform.exported()
    for name, words in _PULUMI.items():
        _timed(times, name, partial(platform.pulumi, exported, *words))
    _timed(times, "down", lambda: platform.local("down"))
    again = json.loads(_timed(times, _WARM_UP, lambda: platform.local("up", "--json")))
    if not again["unchanged"]:
        raise BenchError(f"it changed {again['changes']}", place=_WARM_UP, remedy="run it by hand, and look why")
    _timed(times, "pulumi destroy", partial(platform.pulumi, platform.exported(), "destroy", *_WITHOUT_QUESTIONS))


def _timed(times: Times, name: str, act: Callable[[], str]) -> str:
    began = time.monotonic()
    printed = act()
    seconds = round(time.monotonic() - began, 2)
    times.commands.setdefault(name, []).append(seconds)
    sys.stderr.write(f"  {name}: {seconds:.1f} s\n")
    return printed


def _timing(rounds: Sequence[float]) -> Timing:
    return Timing(round(statistics.median(rounds), 2), min(rounds), max(rounds), tuple(rounds))


def _table(title: str, timings: Mapping[str, Timing]) -> str:
    lines = [f"{title:<30}{'median s':>10}{'fastest':>10}{'slowest':>10}"]
    lines += [f"{name:<30}{t.median:>10.1f}{t.fastest:>10.1f}{t.slowest:>10.1f}" for name, t in timings.items()]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints.

    Args:
        arguments: as typed; the process's own if None.

    Returns:
        The exit code: 0 done, 1 an error, which was printed, 2 wrong usage, 130 interrupted.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bench.platform", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--rounds", type=int, choices=range(1, 21), default=ROUNDS, metavar="N", help="default: 3")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        document = _measure_rounds(given.rounds, show_table=not given.json)
    except LocalError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; nothing is left running\n")
        return _INTERRUPTED
    path = results.write("platform", document)
    if given.json:
        print(json.dumps(document, indent=1))
    else:
        sys.stderr.write(f"\nas JSON: {path}\n")
    return 0


def _measure_rounds(rounds: int, *, show_table: bool) -> dict[str, object]:
    times, load = Times(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="external-secrets-platform-") as folder:
        platform = Platform(Path(folder) / "root")
        platform.local("tools")
        for number in range(1, rounds + 1):
            sys.stderr.write(f"round {number} of {rounds}\n")
            try:
                measure(platform, times)
            finally:
                platform.remove()
    commands = {name: _timing(seconds) for name, seconds in times.commands.items()}
    steps = {name: _timing(seconds) for name, seconds in times.steps.items()}
    if show_table:
        print(f"\n{_table('command', commands)}\n\n{_table(f'steps of the {_UP}', steps)}")
    return {
        "rounds": rounds,
        "processors": os.cpu_count(),
        "load_before": round(load, 2),
        "commands": {name: asdict(timing) for name, timing in commands.items()},
        "first_up_steps": {name: asdict(timing) for name, timing in steps.items()},
    }


def _interrupt(_number: int, _frame: object) -> NoReturn:
    """Being told to end is like Ctrl-C: the environment is removed first."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
