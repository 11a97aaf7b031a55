"""``rotate``: what a controller asks of OpenBao when nothing changes, and how soon targets follow a change."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bench.load import cluster
from bench.load.figures import Result, RotateFigures, median, percentile
from bench.load.probes import AuditLog
from bench.load.scene import Recording
from secretsync.api import go_duration

if TYPE_CHECKING:
    from bench.load.live import Live

_PAUSE_SECONDS = (0.2, 1.5)
_PATIENCE = timedelta(seconds=300)


@dataclass(frozen=True, slots=True)
class _Steady:
    """The window in which nothing was changed."""

    seconds: float
    openbao_per_interval: dict[str, float]
    cpu_share: float


async def measure(live: Live) -> Result:
    """First the steady window, then one rotation after the other. Time zero is just before the write."""
    scene, settings = live.scene, live.scene.settings
    recording = Recording("rotate", settings)
    steady = await _steady(live)
    each_target: list[float] = []
    each_key: list[float] = []
    keys = scene.chance.sample(range(settings.size.keys), min(settings.rotations, settings.size.keys))
    for key in keys:
        await asyncio.sleep(scene.chance.uniform(*_PAUSE_SECONDS))
        seconds, complete = await _rotate(live, key)
        each_target += seconds
        if complete:
            each_key.append(max(seconds))
    usage = live.controller.usage()
    figures = RotateFigures(
        refresh=go_duration.format(settings.refresh),
        steady_window_seconds=round(steady.seconds, 2),
        steady_openbao_per_interval=steady.openbao_per_interval,
        steady_cpu_share=steady.cpu_share,
        rotations=len(keys),
        targets_per_key=max(len(scene.declarations.readers(key)) for key in keys),
        failed=len(keys) - len(each_key),
        target_median_seconds=percentile(each_target, 50),
        target_p99_seconds=percentile(each_target, 99),
        target_max_seconds=percentile(each_target, 100),
        key_median_seconds=median(each_key),
        key_max_seconds=percentile(each_key, 100),
        verified=await cluster.count_right(scene.cluster, settings.namespace, scene.declarations),
        cpu_seconds=usage.cpu_seconds,
        memory_peak_mib=usage.memory_mib,
    )
    return recording.end(figures)


async def _steady(live: Live) -> _Steady:
    settings = live.scene.settings
    audit = AuditLog(settings.servers.audit_log)
    await asyncio.sleep(settings.warm_up.total_seconds())
    cpu_before = live.controller.usage().cpu_seconds
    audit.mark()
    began = time.monotonic()
    await asyncio.sleep(settings.steady.total_seconds())
    seconds = time.monotonic() - began
    requests = audit.count()
    cpu = live.controller.usage().cpu_seconds - cpu_before
    interval = settings.refresh.total_seconds()
    return _Steady(
        seconds,
        {kind: round(count * interval / seconds, 1) for kind, count in requests.items()},
        round(cpu / seconds, 3),
    )


async def _rotate(live: Live, key: int) -> tuple[list[float], bool]:
    """Writes a new revision; gives how long each target took, and whether all followed."""
    scene, follower = live.scene, live.follower
    targets = scene.declarations.readers(key)
    revision = scene.declarations.rotate(key)
    follower.expect(dict.fromkeys(targets, scene.declarations.content(key)))
    began = time.monotonic()
    await scene.backend.write_keys([key], revision=revision)
    complete = await follower.until(lambda: follower.all_right(targets), _PATIENCE, live.controller)
    return [follower.right[name] - began for name in targets if name in follower.right], complete
