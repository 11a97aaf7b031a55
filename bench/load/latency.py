"""``latency``: how soon one more ExternalSecret has its Secret, while all others refresh."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from bench.load.cluster import MANAGER
from bench.load.figures import LatencyFigures, Result, median, percentile, rounded
from bench.load.scene import Recording
from secretsync.api import go_duration
from secretsync.kube.resources import EXTERNAL_SECRETS

if TYPE_CHECKING:
    from bench.load.live import Live

_PAUSE_SECONDS = (0.3, 1.2)
_PATIENCE = timedelta(seconds=120)


async def measure(live: Live) -> Result:
    """Creates one after the other. Time zero is just before the POST."""
    settings = live.scene.settings
    recording = Recording("latency", settings)
    run = int(time.time())
    took: list[float] = []
    for number in range(settings.creates):
        await asyncio.sleep(live.scene.chance.uniform(*_PAUSE_SECONDS))
        seconds = await _create(live, f"new-{run}-{number:03d}", number % settings.size.keys)
        if seconds is not None:
            took.append(seconds)
    figures = LatencyFigures(
        refresh=go_duration.format(settings.refresh),
        creates=settings.creates,
        missed=settings.creates - len(took),
        min_seconds=percentile(took, 0),
        median_seconds=median(took),
        p99_seconds=percentile(took, 99),
        max_seconds=percentile(took, 100),
        all_seconds=[rounded(seconds) for seconds in took],
    )
    return recording.end(figures)


async def _create(live: Live, name: str, key: int) -> float | None:
    """Seconds until its target was right; None if it never was."""
    scene, follower = live.scene, live.follower
    follower.expect({name: scene.declarations.content(key)})
    manifest = scene.declarations.manifest(name, key, scene.settings.refresh)
    began = time.monotonic()
    await scene.cluster.create(EXTERNAL_SECRETS, manifest, field_manager=MANAGER)
    if await follower.until(lambda: name in follower.right, _PATIENCE, live.controller):
        return follower.right[name] - began
    return None
