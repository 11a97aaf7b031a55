"""Measurements on a controller that has synced everything and refreshes: one start for one or several of them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.load import cluster
from bench.load.following import Follower

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.load.controller import Controller
    from bench.load.scene import Scene


@dataclass(frozen=True, slots=True)
class Live:
    """A controller at work.

    Attributes:
        scene: connections and load.
        follower: sees what it does.
        controller: its process.
    """

    scene: Scene
    follower: Follower
    controller: Controller


@asynccontextmanager
async def settled(scene: Scene) -> AsyncIterator[Live]:
    """Everything made, the controller running and every target right; afterwards the KV secrets are as before.

    Raises:
        BenchError: some targets do not appear, or the controller ends.
    """
    settings, declarations = scene.settings, scene.declarations
    if settings.controller.pid is None or settings.recreate:
        await scene.backend.reset_keys()
        await cluster.create(scene.cluster, scene.backend, settings, declarations)
    follower = Follower(scene.cluster, settings.namespace)
    follower.expect(declarations.expected())
    names = declarations.names
    try:
        with scene.controller() as controller:
            async with follower:
                if not await follower.until(lambda: follower.all_right(names), settings.patience, controller):
                    raise BenchError(
                        f"only {len(follower.right)} of {len(names)} targets are right",
                        place=f"namespace {settings.namespace}",
                        remedy="read the controller's log, or give it more time with --patience",
                    )
                yield Live(scene, follower, controller)
    finally:
        await scene.backend.reset_keys()
