"""What a preview costs: each upstream key at most once for all, and nothing again for the sync after it."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from secretsync.checks import Check, Severity, Shared, examine, identity
from secretsync.checks.shared import Once
from secretsync.errors import SecretSyncError, StoreInvalid
from secretsync.providers.protocol import Invalid, Valid
from secretsync.sync import lane
from tests.checks.scenarios import SETTLED, entries
from tests.checks.stage import KEY, Stage, declared, of, only, secret

pytestmark = pytest.mark.unit


def overlapping(count: int) -> Stage:
    """Declarations that read five distinct keys, in all combinations of neighbours, and search once."""
    search = [{"find": {"name": {"regexp": ".*"}}}]
    stage = Stage(
        *(
            declared(f"app-{number}", data=entries(f"k{number % 5}", f"k{(number + 1) % 5}"), dataFrom=search)
            for number in range(count)
        )
    )
    stage.backend.values = {f"k{number}": b"value" for number in range(5)}
    return stage


async def test_backend_calls_are_at_most_the_distinct_keys() -> None:
    stage = overlapping(50)
    examined = await stage.examine()
    asked = Counter(key for call in stage.backend.calls for key in call)
    assert asked == Counter({f"k{number}": 1 for number in range(5)})
    assert stage.backend.finds == 1
    assert (stage.backend.validated, stage.backend.versioned) == (0, 0)
    assert stage.backend.upstream_calls - stage.backend.finds <= 5
    assert all(each.observation is not None for each in examined.values())


async def test_the_sync_that_follows_reads_nothing_again() -> None:
    stage = overlapping(10)
    now = stage.fetches.now()
    await examine(stage.declared, cluster=stage.cluster, fetches=stage.fetches, key=KEY, not_before=now)
    before = stage.backend.upstream_calls
    for each in stage.declared:
        await lane.write(each, cluster=stage.cluster, fetches=stage.fetches, key=KEY, not_before=now)
    assert stage.backend.upstream_calls == before


async def test_examinations_one_by_one_share_reads_and_answers_too() -> None:
    stage = overlapping(10)
    shared, now = Shared(stage.cluster), stage.fetches.now()
    await asyncio.gather(
        *(
            examine([each], cluster=stage.cluster, fetches=stage.fetches, key=KEY, not_before=now, shared=shared)
            for each in stage.declared
        )
    )
    assert sum(len(call) for call in stage.backend.calls) == 5
    assert stage.backend.finds == 1
    requests = Counter(stage.cluster.requests)
    assert requests["get", "namespaces", "team"] == 1
    assert requests["list", "secrets", "team"] == 1


async def test_the_cluster_is_asked_once_for_each_target() -> None:
    stage = overlapping(10)
    await stage.examine()
    requests = Counter(request for request in stage.cluster.requests if request[:2] == ("get", "secrets"))
    assert requests == Counter({("get", "secrets", f"team/app-{number}"): 1 for number in range(10)})


async def test_the_observation_is_that_of_the_sync() -> None:
    stage = Stage()
    now = stage.fetches.now()
    examined = await stage.first()
    observed = await lane.observe(
        stage.declared[0], cluster=stage.cluster, fetches=stage.fetches, key=KEY, not_before=now
    )
    assert examined.observation == observed
    assert (await stage.write()).fingerprint == observed.fingerprint


async def test_nothing_is_written() -> None:
    stage = overlapping(10)
    await stage.examine()
    assert {request[0] for request in stage.cluster.requests} <= {"get", "list"}


async def test_an_answer_that_an_update_may_change_is_asked_for_again() -> None:
    stage = Stage()
    shared = Shared(stage.cluster)
    stage.backend.validity = Invalid("not yet")
    assert await shared.validity(stage.backend) == Invalid("not yet")
    stage.backend.validity = StoreInvalid("no client")
    assert isinstance(await shared.validity(stage.backend), SecretSyncError)
    stage.backend.validity = Valid()
    assert await shared.validity(stage.backend) == Valid()
    stage.backend.validity = Invalid("too late")
    assert await shared.validity(stage.backend) == Valid()
    assert stage.backend.validated == 3


async def test_declarations_do_not_disturb_each_other() -> None:
    stage = Stage(declared("good"), declared("bad", data=entries("gone")), declared("none", secretStoreRef=None))
    examined = await stage.examine({"team/bad": SETTLED})
    assert not examined["team/good"].findings
    only(examined["team/bad"], Check.Key, Severity.Error)
    assert of(examined["team/none"], Check.Declaration)
    assert list(examined) == [identity(each) for each in stage.declared]


async def test_how_fresh_a_read_must_be_is_up_to_the_asker() -> None:
    stage = overlapping(3)
    began = stage.fetches.now()

    async def ask(not_before: float) -> int:
        await examine(stage.declared, cluster=stage.cluster, fetches=stage.fetches, key=KEY, not_before=not_before)
        return stage.backend.upstream_calls

    first = await ask(began)
    assert await ask(began) == first, "what is fresh enough is read once"
    assert await ask(stage.fetches.now()) == 2 * first


async def test_answers_stay_for_the_whole_preview_unless_they_failed() -> None:
    answers: list[bool | Exception] = [RuntimeError("a defect"), SecretSyncError("no"), False, True]
    asked: list[str] = []

    async def ask(key: str) -> bool:
        asked.append(key)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    once = Once(ask, bool)
    with pytest.raises(RuntimeError, match="a defect"):
        await once("a")
    assert isinstance(await once("a"), SecretSyncError)
    assert [await once("a"), await once("a"), await once("a")] == [False, True, True]
    assert asked == ["a"] * 4
    shared = Shared(Stage(objects=[]).cluster)
    first = await shared.created_secrets("team")
    assert await shared.created_secrets("team") is first


async def test_secrets_under_a_former_name_are_told_from_those_of_others() -> None:
    stage = Stage(objects=[secret("foreign", {"a": b"1"})])
    await stage.write()
    created = await Shared(stage.cluster).created_secrets("team")
    assert list(created.values()) == [("app",)]  # type: ignore[union-attr]
