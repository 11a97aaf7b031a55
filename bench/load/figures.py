"""The figures of one run. All times are seconds; None stands for what did not happen."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What was run, and how busy the machine was meanwhile.

    Attributes:
        kind: ``cold``, ``rotate`` or ``latency``.
        label: name of the configuration.
        objects: number of ExternalSecrets.
        keys: number of KV secrets.
        properties: data entries of each ExternalSecret.
        authentication: how the store logs in.
        controller: what was measured.
        started: UTC.
        processors: cores of the machine.
        load_before: load average of the minute before.
        busy_percent: share of all cores' time that was used, by whomever.
        steal_percent: share that a virtual machine was denied; a run with much of it means little.
    """

    kind: str
    label: str
    objects: int
    keys: int
    properties: int
    authentication: str
    controller: str
    started: str
    processors: int
    load_before: float
    busy_percent: float
    steal_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdFigures:
    """From the controller's start until everything is synced.

    Attributes:
        complete: whether all targets appeared in time.
        all_ready: whether all ExternalSecrets became ready after that.
        synced: targets that were seen right.
        verified: targets that are right by a last list.
        first_seconds: until the first target was right.
        median_seconds: until half of them were.
        all_secrets_seconds: until all of them were.
        all_ready_seconds: until the last ExternalSecret was ready.
        cpu_seconds: of the controller.
        memory_peak_mib: of the controller, resident.
        openbao_requests: by what they asked for.
        api_requests: by verb and resource, without watches and lists.
    """

    complete: bool
    all_ready: bool
    synced: int
    verified: int
    first_seconds: float | None
    median_seconds: float | None
    all_secrets_seconds: float | None
    all_ready_seconds: float | None
    cpu_seconds: float
    memory_peak_mib: float
    openbao_requests: dict[str, int]
    api_requests: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateFigures:
    """From a change in the backend until the targets follow, and what a controller costs when nothing changes.

    Attributes:
        refresh: the objects' interval.
        steady_window_seconds: how long nothing was changed.
        steady_openbao_per_interval: requests in that time by what they asked for, per refresh interval.
        steady_cpu_share: cores that the controller used in that time.
        rotations: KV secrets that were changed.
        targets_per_key: targets of each.
        failed: rotations that did not reach all targets.
        target_median_seconds: from the write until a target was right.
        target_p99_seconds: likewise.
        target_max_seconds: likewise.
        key_median_seconds: from the write until all targets of that KV secret were right.
        key_max_seconds: likewise.
        verified: targets that are right by a last list.
        cpu_seconds: of the controller since it started.
        memory_peak_mib: of the controller, resident.
    """

    refresh: str
    steady_window_seconds: float
    steady_openbao_per_interval: dict[str, float]
    steady_cpu_share: float
    rotations: int
    targets_per_key: int
    failed: int
    target_median_seconds: float | None
    target_p99_seconds: float | None
    target_max_seconds: float | None
    key_median_seconds: float | None
    key_max_seconds: float | None
    verified: int
    cpu_seconds: float
    memory_peak_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyFigures:
    """From the creation of one more ExternalSecret until its target is right, while all others refresh.

    Attributes:
        refresh: the objects' interval.
        creates: how many were created.
        missed: those whose target did not appear.
        min_seconds: the fastest.
        median_seconds: half of them were faster.
        p99_seconds: nearly all of them were faster.
        max_seconds: the slowest.
        all_seconds: each, in order.
    """

    refresh: str
    creates: int
    missed: int
    min_seconds: float | None
    median_seconds: float | None
    p99_seconds: float | None
    max_seconds: float | None
    all_seconds: list[float]


Figures = ColdFigures | RotateFigures | LatencyFigures


@dataclass(frozen=True, slots=True)
class Result:
    """One run: what it was, and what came out."""

    circumstances: Circumstances
    figures: Figures

    def to_json(self) -> dict[str, object]:
        """All of it in one flat object."""
        return {**asdict(self.circumstances), **asdict(self.figures)}


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The value at the nearest rank, to the millisecond; None of nothing."""
    ordered = sorted(values)
    return rounded(ordered[round(percent / 100 * (len(ordered) - 1))]) if ordered else None


def median(values: Sequence[float]) -> float | None:
    """The median to the millisecond; None of nothing."""
    return rounded(statistics.median(values)) if values else None


def rounded(seconds: float) -> float:
    """To the millisecond."""
    return round(seconds, 3)
