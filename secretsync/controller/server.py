"""/metrics, /healthz and /readyz over plain HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class HealthServer:
    """Answers probes and scrapes.

    Args:
        listen: host and port; port 0 takes a free one.
        metrics: the text to be scraped.
        ready: whether the caches are filled.
        alive: whether all parts still run.
    """

    def __init__(
        self, listen: str, *, metrics: Callable[[], bytes], ready: Callable[[], bool], alive: Callable[[], bool]
    ) -> None:
        host, _, port = listen.rpartition(":")
        if not port.isdecimal():
            raise SettingsError(
                f"{listen} is no address", place="--listen", remedy="write host:port, e.g. 0.0.0.0:8080"
            )
        self._host, self._port = host.strip("[]"), int(port)
        self._metrics, self._ready, self._alive = metrics, ready, alive
        self._runner: web.AppRunner | None = None
        self.address = ""

    async def start(self) -> None:
        """Listen.

        Raises:
            SettingsError: the address is taken or not ours.
        """
        application = web.Application()
        application.router.add_get("/metrics", self._get_metrics)
        application.router.add_get("/healthz", self._get_healthz)
        application.router.add_get("/readyz", self._get_readyz)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host or None, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            where = f"{self._host}:{self._port}"
            raise SettingsError(f"cannot listen: {error.strerror}", place=where, remedy="set --listen") from None
        host, port = self._runner.addresses[0][:2]
        self.address = f"http://{host}:{port}"

    async def aclose(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _get_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": _METRICS_TYPE})

    async def _get_healthz(self, _: web.Request) -> web.Response:
        return _answer(ok=self._alive())

    async def _get_readyz(self, _: web.Request) -> web.Response:
        return _answer(ok=self._ready() and self._alive())


def _answer(*, ok: bool) -> web.Response:
    return web.Response(text="ok\n" if ok else "not yet\n", status=200 if ok else 503)
