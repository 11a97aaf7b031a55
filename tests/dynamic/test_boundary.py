"""What a dynamic provider says of itself to the engine: errors without values, deadlines, warnings said once."""

from __future__ import annotations

import asyncio
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.output import Unknown
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from components.dynamic import background, engine_log
from components.dynamic.boundary import without_leaks
from components.dynamic.synced_secret_set import ReadySyncedSecretsProvider
from components.dynamic.synchronization import Question, problems_text
from secretsync.errors import ProviderUnavailable, StoreNotFound
from tests.sync.builders import external_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.unit

CANARY = "canary-in-the-text-of-an-exception"
UNKNOWN = Unknown()  # type: ignore[no-untyped-call]  # the SDK's has no annotations


@without_leaks
def _fails(error: Exception) -> None:
    try:
        raise KeyError(CANARY)
    except KeyError as cause:
        raise error from cause


@pytest.mark.parametrize("error", [ValueError(CANARY), UnicodeDecodeError("utf-8", CANARY.encode(), 0, 1, CANARY)])
def test_of_an_unexpected_error_only_type_and_place_get_out(error: Exception) -> None:
    with pytest.raises(RuntimeError) as caught:
        _fails(error)
    printed = "".join(traceback.format_exception(caught.value, limit=0))
    assert CANARY not in printed
    assert str(caught.value).startswith(f"internal error: {type(error).__name__} at test_boundary.py:")


def test_an_error_of_the_tree_says_what_it_says_and_nothing_of_what_caused_it() -> None:
    with pytest.raises(RuntimeError) as caught:
        _fails(StoreNotFound("no manifest declares it", place="SecretStore team/store", remedy="add it"))
    assert str(caught.value) == "SecretStore team/store: no manifest declares it; add it"
    assert CANARY not in "".join(traceback.format_exception(caught.value, limit=0))


def test_what_takes_too_long_is_cancelled_and_told_with_its_deadline() -> None:
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    with pytest.raises(ProviderUnavailable, match="no result within 0 s"):
        background.run(hang(), deadline=0.05)
    assert ended == ["cancelled"]


def test_threads_share_one_loop() -> None:
    async def loop() -> int:
        return id(asyncio.get_running_loop())

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: background.run(loop(), deadline=5), range(8)))) == 1


class _Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def Log(self, request: engine_pb2.LogRequest, _context: object) -> empty_pb2.Empty:  # noqa: N802 - the service's
        self.told.append((engine_pb2.LogSeverity.Name(request.severity), request.message))
        return empty_pb2.Empty()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Engine]:
    made = _Engine()
    server = grpc.server(ThreadPoolExecutor(1))
    engine_pb2_grpc.add_EngineServicer_to_server(made, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setattr(sys, "argv", ["dynamic", f"127.0.0.1:{port}"])
    monkeypatch.setattr(engine_log, "_told", set())
    yield made
    server.stop(None).wait()


def test_a_warning_is_said_once_in_an_operation(engine: _Engine) -> None:
    engine_log.warn("a warning")
    engine_log.warn("a warning")
    engine_log.inform("a note")
    assert engine.told == [("WARNING", "a warning"), ("INFO", "a note")]


@pytest.mark.parametrize("address", ["127.0.0.1:9", "no address"])
def test_without_an_engine_that_listens_nothing_fails(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["dynamic", address])
    monkeypatch.setattr(engine_log, "_told", set())
    engine_log.warn("nobody hears this")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", 1),
        ("spec.data[1].remoteRef.key", 9),
        ("spec.data[1]", 7),
        ("spec.data[10].secretKey", 5),
        ("spec.dataFrom[0]", 1),
    ],
)
def test_the_place_of_a_field_is_the_line_of_the_nearest_one_that_is_known(path: str, line: int) -> None:
    known = {"": 1, "spec.data": 5, "spec.data[1]": 7, "spec.data[1].remoteRef.key": 9}
    places = {"team/app": {name: f"manifests/app.yaml:{number}" for name, number in known.items()}}
    assert Question("[]", places=places).place(external_secret(), path) == f"manifests/app.yaml:{line}"
    assert Question("[]").place(external_secret(), path) == "ExternalSecret team/app"


def test_a_problem_that_many_share_is_told_once() -> None:
    text = problems_text({"team/b": "the backend is down", "team/a": "the backend is down", "team/c": "no key"}, 7)
    assert text.splitlines() == [
        "3 of 7 ExternalSecrets are not synced:",
        "  team/a, team/b: the backend is down",
        "  team/c: no key",
    ]


@pytest.mark.parametrize(
    "problems",
    [None, {}, {"team/a": ""}, {"team/a": None}, {"team/a": UNKNOWN}, UNKNOWN],
    ids=["nothing", "none", "empty", "no text", "one unknown", "all unknown"],
)
def test_nothing_wrong_or_nothing_known_is_no_failure(problems: object) -> None:
    assert ReadySyncedSecretsProvider().check({}, {"problems": problems, "total": 1.0}).failures == []


def test_what_is_known_to_be_wrong_fails_though_the_rest_is_unknown() -> None:
    given = {"problems": {"team/a": UNKNOWN, "team/b": "no key"}, "total": 2.0}
    checked = ReadySyncedSecretsProvider().check({}, given)
    assert [failure.reason for failure in checked.failures] == [
        "1 of 2 ExternalSecrets are not synced:\n  team/b: no key"
    ]
    assert checked.inputs == {"total": 2.0}
