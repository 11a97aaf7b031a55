from __future__ import annotations

import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from local.node.probes import Probe, Verdict

pytestmark = pytest.mark.unit


def read(probe: dict[str, Any], *ports: dict[str, Any]) -> Probe:
    return Probe.read(probe, ports, address="127.0.0.1")


def test_defaults_are_kubernetes() -> None:
    probe = read({"httpGet": {"port": 80}})
    assert probe.url == "http://127.0.0.1:80/"
    assert (probe.initial_delay, probe.period, probe.timeout, probe.successes, probe.failures) == (0, 10, 1, 1, 3)


def test_a_named_port_is_the_containers() -> None:
    probe = read({"httpGet": {"port": "web", "path": "x", "scheme": "HTTPS"}}, {"name": "web", "containerPort": 8443})
    assert probe.url == "https://127.0.0.1:8443/x"


def test_a_verdict_takes_as_many_answers_in_a_row_as_its_thresholds_say() -> None:
    verdict = Verdict(read({"httpGet": {"port": 80}, "successThreshold": 2, "failureThreshold": 3}), good=False)
    answers = [True, False, True, True, False, False, True, False, False, False]
    seen = []
    for answer in answers:
        verdict.count(success=answer)
        seen.append(verdict.good)
    assert seen == [False, False, False, True, True, True, True, True, True, False]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(200, ""), (302, ""), (399, "")] + [(bad, f"HTTP probe failed with statuscode: {bad}") for bad in (400, 503)],
)
async def test_statuses_from_200_to_399_are_good(status: int, expected: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "http://127.0.0.1:1/"} if status == 302 else {})

    app = web.Application()
    app.router.add_get("/p", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession() as session:
            assert await read({"httpGet": {"port": port, "path": "/p"}}).ask(session) == expected
            assert await read({"tcpSocket": {"port": port}}).ask(session) == ""
    finally:
        await runner.cleanup()


async def test_nobody_there_and_no_answer_are_failures_with_a_reason() -> None:
    async with aiohttp.ClientSession() as session:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            port = silent.getsockname()[1]
            assert "cannot connect" in await read({"httpGet": {"port": port}}).ask(session)
            silent.listen()
            probe = read({"httpGet": {"port": port}, "timeoutSeconds": 0.1})
            assert await probe.ask(session) == "no answer within 0.1 s"
