"""What every measurement works with: settings, connections, the load, and the circumstances it ran under."""

from __future__ import annotations

import os
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.load.backend import Backend
from bench.load.controller import Controller
from bench.load.declarations import Declarations
from bench.load.figures import Circumstances, Figures, Result
from bench.load.probes import MachineTicks
from secretsync.kube import config
from secretsync.kube.client import KubeClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.load.settings import LoadSettings


@dataclass(frozen=True, slots=True)
class Scene:
    """Open connections and the load.

    Attributes:
        settings: what this run is made of.
        cluster: the API server.
        backend: OpenBao.
        declarations: what is synced.
        chance: draws keys and pauses.
        environment: the controller's variables.
    """

    settings: LoadSettings
    cluster: KubeClient
    backend: Backend
    declarations: Declarations
    chance: random.Random
    environment: dict[str, str] = field(repr=False)

    def controller(self) -> Controller:
        """Starts the controller, or takes the one that runs."""
        return Controller(self.settings.controller, self.settings.servers.kubeconfig, self.environment)


@asynccontextmanager
async def opened(settings: LoadSettings, environment: dict[str, str]) -> AsyncIterator[Scene]:
    """A scene with its connections open.

    Args:
        settings: what the run is made of.
        environment: the controller's variables.
    """
    cluster_config = config.from_kubeconfig(settings.servers.kubeconfig, None)
    chance = random.Random(settings.seed)  # noqa: S311 - spreads the load, no secret
    async with KubeClient(cluster_config) as cluster, Backend(settings) as backend:
        yield Scene(settings, cluster, backend, Declarations(settings), chance, environment)


@dataclass(frozen=True, slots=True)
class Recording:
    """A measurement that has begun.

    Attributes:
        kind: what is measured.
        settings: what the run is made of.
        started: UTC.
        load: load average of the minute before.
        ticks: the machine's clock at the beginning.
    """

    kind: str
    settings: LoadSettings
    started: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    load: float = field(default_factory=lambda: round(os.getloadavg()[0], 2))
    ticks: MachineTicks = field(default_factory=MachineTicks.now)

    def end(self, figures: Figures) -> Result:
        """The measurement's result."""
        now = MachineTicks.now()
        size = self.settings.size
        circumstances = Circumstances(
            kind=self.kind,
            label=self.settings.label or self.kind,
            objects=size.objects,
            keys=size.keys,
            properties=size.properties,
            authentication=self.settings.authentication,
            controller=self.settings.controller.shown,
            started=self.started,
            processors=os.cpu_count() or 1,
            load_before=self.load,
            busy_percent=self.ticks.busy_percent(now),
            steal_percent=self.ticks.steal_percent(now),
        )
        return Result(circumstances, figures)
