"""How fast the engine is: from the plan to the desired Secret, on one core, and how that grows with the keys.

Prints a table, or JSON with ``--json``. Medians of many runs; a run counts only plan → assemble → template →
desired Secret, with the answers of the backend at hand and no live Secret.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench import results
from secretsync.api import ExternalSecret, SecretStore, parse
from secretsync.kube.fake import MemoryCluster
from secretsync.providers.protocol import Fetched
from secretsync.providers.registry import open_provider
from secretsync.sync import target
from secretsync.sync.assembling import Answer, assemble
from secretsync.sync.plan import plan
from secretsync.sync.templating import Sources, apply_template

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GROUP = "external-secrets.io/v1"
GOAL_KEYS, GOAL_PLAIN, GOAL_TEMPLATE = 5, 60.0, 250.0
"""Microseconds for so many keys: without a template, and with a small one."""
SECONDS_PER_CASE = 0.7


def external_secret(keys: int, *, template: bool) -> ExternalSecret:
    """A declaration with so many data entries, each a property of one of a few secrets."""
    data = [
        {"secretKey": f"key-{i}", "remoteRef": {"key": f"app/{i // 5}", "property": f"p{i % 5}"}} for i in range(keys)
    ]
    spec: dict[str, Any] = {"secretStoreRef": {"name": "bench"}, "data": data}
    if template:
        text = 'user={{ index . "key-0" }} all={{ index . "key-0" | b64enc | upper }}'
        spec["target"] = {"template": {"mergePolicy": "Merge", "data": {"config": text}}}
    metadata = {"name": "bench", "namespace": "bench", "uid": "1", "generation": 1}
    parsed = parse({"apiVersion": GROUP, "kind": "ExternalSecret", "metadata": metadata, "spec": spec})
    assert isinstance(parsed, ExternalSecret)  # noqa: S101 - the literal above says so
    return parsed


def one_sync(declared: ExternalSecret) -> Callable[[], object]:
    """The pure part of one sync, as a function to be timed."""
    store = parse(
        {
            "apiVersion": GROUP,
            "kind": "SecretStore",
            "metadata": {"name": "bench", "namespace": "bench"},
            "spec": {"provider": {"vault": {"server": "http://127.0.0.1:1", "path": "kv", "auth": {}}}},
        }
    )
    assert isinstance(store, SecretStore)  # noqa: S101 - the literal above says so
    provider = open_provider(store, namespace="bench", cluster=MemoryCluster())
    document = json.dumps({f"p{i}": f"value number {i} of some length" for i in range(5)}).encode()
    answers = {entry.field: Answer(provider, Fetched(document, "1")) for entry in plan(declared).entries}

    def run() -> object:
        assembled = assemble(declared, plan(declared), answers)
        return target.desired(declared, apply_template(declared, assembled.data, Sources()), None)

    return run


def median_microseconds(function: Callable[[], object]) -> tuple[float, int]:
    """The median time of a call, and how many calls that is the median of."""
    function()
    times: list[float] = []
    ends = time.perf_counter() + SECONDS_PER_CASE
    while time.perf_counter() < ends or len(times) < 5:  # noqa: PLR2004 - enough for a median
        started = time.perf_counter_ns()
        function()
        times.append((time.perf_counter_ns() - started) / 1000)
    return statistics.median(times), len(times)


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of declaration and the time it takes.

    Attributes:
        keys: data entries.
        template: whether it has a small one.
        microseconds: of one run, the median.
        runs: that this is the median of.
        goal: microseconds it should stay below; None where none is set.
    """

    keys: int
    template: bool
    microseconds: float
    runs: int
    goal: float | None

    def __str__(self) -> str:
        verdict = (
            "" if self.goal is None else f"≤ {self.goal:.0f}: {'met' if self.microseconds <= self.goal else 'MISSED'}"
        )
        name = "small" if self.template else "none"
        each = self.microseconds / self.keys
        return f"{self.keys:>6}  {name:<9}{self.microseconds:>11.1f}{each:>12.2f}{self.runs:>8}   {verdict}"


def measure(keys: int, *, template: bool) -> Case:
    """Times one kind of declaration."""
    microseconds, runs = median_microseconds(one_sync(external_secret(keys, template=template)))
    goal = (GOAL_TEMPLATE if template else GOAL_PLAIN) if keys == GOAL_KEYS else None
    return Case(keys, template, round(microseconds, 1), runs, goal)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints.

    Args:
        arguments: as typed; the process's own if None.

    Returns:
        The exit code; missing a goal is no error.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bench.engine", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    given = parser.parse_args(arguments)
    if not given.json:
        print(f"{'keys':>6}  {'template':<9}{'median µs':>11}{'µs per key':>12}{'runs':>8}   goal")
    cases = []
    for template in (False, True):
        for keys in (1, 5, 10, 100, 1000):
            case = measure(keys, template=template)
            if not given.json:
                print(case, flush=True)
            cases.append(asdict(case))
    results.write("engine", cases)
    if given.json:
        print(json.dumps(cases, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
