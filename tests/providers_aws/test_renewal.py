"""Credentials that end before their time: a new login, once, and for whoever waits."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from secretsync.kube.resources import SECRETS
from secretsync.providers.aws import open_store
from secretsync.providers.aws.failures import CredentialsEnded
from tests.providers_aws.cloud import (
    KEY_ID,
    SECRET_KEY,
    cluster,
    credentials,
    current,
    error,
    ref,
    secret,
    store,
    tricking,
    value,
)
from tests.providers_aws.cloud import opened as opened_store

pytestmark = pytest.mark.faults

ENDED = (400, error("ExpiredTokenException", "The security token included in the request is expired"))
ROLE = "arn:aws:iam::222222222222:role/r"


def logging_in(operation: str, asked: dict[str, int]) -> tuple[int, object] | None:
    """The answer to a login; each gives another key."""
    if operation != "AssumeRole":
        return None
    asked["logins"] = asked.get("logins", 0) + 1
    return 200, credentials(f"AKIAIOSFODNN7EXAMPL{asked['logins']}")


async def test_ended_credentials_of_a_role_are_replaced_by_one_login_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, int] = {}
    ended = False

    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        login = logging_in(operation, asked)
        if login is not None:
            return login
        return ENDED if ended and asked["logins"] == 1 else (200, current(request))

    async with tricking(monkeypatch, answer) as aws, aclosing(opened_store(role=ROLE)) as provider:
        assert await value(provider, ref("s")) == b"value of s"
        ended = True
        read = await asyncio.gather(*(value(provider, ref(f"s{number}")) for number in range(30)))
        assert read == [f"value of s{number}".encode() for number in range(30)]
    assert asked["logins"] == 2
    assert "Credential=AKIAIOSFODNN7EXAMPL2/" in aws.authorizations[-1]


async def test_credentials_that_stay_ended_are_an_error_and_not_asked_for_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, int] = {}

    def answer(operation: str, _: dict[str, Any]) -> tuple[int, object]:
        return logging_in(operation, asked) or ENDED

    async with tricking(monkeypatch, answer) as aws, aclosing(opened_store(role=ROLE)) as provider:
        for _ in range(5):
            with pytest.raises(CredentialsEnded, match="not accepted: ExpiredTokenException") as caught:
                await value(provider, ref("s"))
    assert caught.value.place == "SecretStore ns/store"
    assert asked["logins"] == 2
    assert aws.counts["GetSecretValue"] == 6


async def test_static_credentials_are_read_anew_from_their_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    kube = cluster()

    def answer(_: str, request: dict[str, Any]) -> tuple[int, object]:
        renewed = "AKIAIOSFODNN7RENEWED" in aws.authorizations[-1]
        return (200, current(request)) if renewed else ENDED

    async with tricking(monkeypatch, answer) as aws:
        provider = open_store(store(), namespace="ns", cluster=kube)
        async with aclosing(provider):
            with pytest.raises(CredentialsEnded):
                await value(provider, ref("s"))
            assert KEY_ID in aws.authorizations[0]
            new = secret("aws", id="AKIAIOSFODNN7RENEWED", secret=SECRET_KEY)["data"]
            await kube.merge_patch(SECRETS, "aws", "ns", {"data": new}, field_manager="tests")
            provider._connection._renewed = float("-inf")
            assert await value(provider, ref("s")) == b"value of s"


async def test_a_store_that_is_closed_during_a_new_login_stays_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tricking(monkeypatch, lambda _, request: ENDED if request["SecretId"] == "s" else (500, {})):
        provider = opened_store()
        connection = provider._connection
        logged_in = connection._logged_in

        async def slow(pool: Any) -> Any:
            session = await logged_in(pool)
            if connection._opened is not None:
                await provider.aclose()
            return session

        monkeypatch.setattr(connection, "_logged_in", slow)
        with pytest.raises(CredentialsEnded):
            await value(provider, ref("s"))
        assert connection._opened is None
