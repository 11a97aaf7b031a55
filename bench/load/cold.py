"""``cold``: the objects are there, the controller is started; how long until everything is synced, and at what cost."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from bench.load import cluster
from bench.load.figures import ColdFigures, Result, percentile, rounded
from bench.load.following import Follower
from bench.load.probes import AuditLog, api_requests, increase
from bench.load.scene import Recording

if TYPE_CHECKING:
    from bench.load.scene import Scene

_SETTLE_SECONDS = 2
_READY_PATIENCE = timedelta(seconds=60)


async def measure(scene: Scene) -> Result:
    """Makes the objects, starts the controller, waits. Time zero is just before the controller's process."""
    settings, declarations = scene.settings, scene.declarations
    await cluster.create(scene.cluster, scene.backend, settings, declarations)
    await asyncio.sleep(_SETTLE_SECONDS)
    recording = Recording("cold", settings)
    follower = Follower(scene.cluster, settings.namespace)
    follower.expect(declarations.expected())
    names = declarations.names
    async with follower:
        audit = AuditLog(settings.servers.audit_log)
        api_before = await api_requests(scene.cluster.config)
        audit.mark()
        started = time.monotonic()
        with scene.controller() as controller:
            complete = await follower.until(lambda: follower.all_right(names), settings.patience, controller)
            all_ready = complete and await follower.until(
                lambda: all(name in follower.ready for name in names), _READY_PATIENCE, controller
            )
            usage = controller.usage()
            openbao_requests = audit.count()
            api_after = await api_requests(scene.cluster.config)
            verified = await cluster.count_right(scene.cluster, settings.namespace, declarations)
    right = [seen - started for seen in follower.right.values()]
    ready = [seen - started for seen in follower.ready.values()]
    figures = ColdFigures(
        complete=complete,
        all_ready=all_ready,
        synced=len(right),
        verified=verified,
        first_seconds=percentile(right, 0),
        median_seconds=percentile(right, 50),
        all_secrets_seconds=rounded(max(right)) if complete else None,
        all_ready_seconds=rounded(max(ready)) if all_ready else None,
        cpu_seconds=usage.cpu_seconds,
        memory_peak_mib=usage.memory_mib,
        openbao_requests=openbao_requests,
        api_requests=increase(api_before, api_after),
    )
    return recording.end(figures)
