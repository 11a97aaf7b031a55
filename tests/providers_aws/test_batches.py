"""When batches are used, and what happens where they are denied or answer in part."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import Any

import pytest

from secretsync.api import Find
from secretsync.errors import ProviderDenied, ProviderRefused, ProviderUnavailable
from secretsync.providers.aws import secrets_manager
from secretsync.providers.aws.failures import CredentialsRefused
from secretsync.providers.protocol import Fetched, Missing, RemoteKey
from tests.providers_aws.cloud import current, error, opened, tricking

pytestmark = pytest.mark.contract

DENIED = (400, error("AccessDeniedException", "denied"))
NO_RETRY = {"maxRetries": 0}


def secrets(count: int) -> list[RemoteKey]:
    return [RemoteKey(f"s{number}") for number in range(count)]


def parameter(name: str) -> dict[str, Any]:
    return {"Name": name, "Value": f"value of {name}", "Version": 3, "Type": "String"}


def values(found: Any) -> dict[str, bytes]:
    return {key.key: each.value for key, each in found.items() if isinstance(each, Fetched)}


async def test_few_secrets_need_nothing_but_get_secret_value(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tricking(monkeypatch, lambda _, request: (200, current(request))) as aws, aclosing(opened()) as provider:
        found = await provider.get(secrets(secrets_manager.BATCH_FROM - 1))
    assert values(found)["s3"] == b"value of s3"
    assert set(aws.counts) == {"GetSecretValue"}
    assert all(request["VersionStage"] == "AWSCURRENT" for _, request in aws.asked)


async def test_a_denied_batch_is_remembered_and_its_secrets_are_read_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        return DENIED if operation == "BatchGetSecretValue" else (200, current(request))

    async with tricking(monkeypatch, answer) as aws, aclosing(opened()) as provider:
        assert len(values(await provider.get(secrets(15)))) == 15
        assert aws.counts == {"BatchGetSecretValue": 1, "GetSecretValue": 15}
        assert len(values(await provider.get(secrets(15)))) == 15
        assert aws.counts == {"BatchGetSecretValue": 1, "GetSecretValue": 30}


async def test_a_batch_refused_for_one_name_does_not_turn_batches_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        if operation == "BatchGetSecretValue":
            return 400, error("InvalidParameterException")
        return 200, current(request)

    async with tricking(monkeypatch, answer) as aws, aclosing(opened()) as provider:
        for _ in range(2):
            assert len(values(await provider.get(secrets(15)))) == 15
    assert aws.counts["BatchGetSecretValue"] == 2


async def test_what_a_batch_does_not_answer_for_is_read_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        if operation == "GetSecretValue":
            return 200, current(request)
        names = request["SecretIdList"]
        errors = [
            {"SecretId": "s0", "ErrorCode": "InternalServiceError", "Message": "x"},
            {"SecretId": "s1", "ErrorCode": "ResourceNotFoundException", "Message": "x"},
        ]
        entries = [current({"SecretId": name}) for name in names if name not in {"s0", "s1", "s2", "arn:x:s3"}]
        entries += [current({"SecretId": "s3"})]
        return 200, {"SecretValues": entries, "Errors": errors}

    keys = [*secrets(3), RemoteKey("arn:x:s3"), *(RemoteKey(f"t{number}") for number in range(30)), RemoteKey("v", "V")]
    async with tricking(monkeypatch, answer) as aws, aclosing(opened()) as provider:
        found = await provider.get(keys)
    assert isinstance(found[RemoteKey("s1")], Missing)
    assert set(values(found)) == {key.key for key in keys} - {"s1"}
    single = {request["SecretId"] for operation, request in aws.asked if operation == "GetSecretValue"}
    assert single == {"s0", "s2", "v"}
    batches = [request["SecretIdList"] for operation, request in aws.asked if operation == "BatchGetSecretValue"]
    assert sorted(map(len, batches)) == [14, 20]


async def test_a_secret_denied_inside_a_batch_is_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        if operation == "GetSecretValue":
            return DENIED if request["SecretId"] == "s4" else (200, current(request))
        denied = [{"SecretId": "s4", "ErrorCode": "AccessDeniedException", "Message": "x"}]
        names = [name for name in request["SecretIdList"] if name != "s4"]
        return 200, {"SecretValues": [current({"SecretId": name}) for name in names], "Errors": denied}

    async with tricking(monkeypatch, answer), aclosing(opened()) as provider:
        with pytest.raises(ProviderDenied, match=r"allow secretsmanager:GetSecretValue on arn:.*:secret:s4-") as caught:
            await provider.get(secrets(15))
    assert caught.value.place == "SecretStore ns/store"


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("AccessDeniedException", "denied", ProviderDenied),
        ("AccessDeniedException", "Access to KMS is not allowed", ProviderDenied),
        ("DecryptionFailure", "x", ProviderRefused),
        ("InternalServiceError", "x", ProviderUnavailable),
        ("ThrottlingException", "Rate exceeded", ProviderUnavailable),
        ("InvalidRequestException", "You can't perform this operation: it was marked for deletion.", Missing),
        ("ResourceNotFoundException", "x", Missing),
    ],
)
async def test_what_is_wrong_with_one_of_a_batch_keeps_its_kind(
    monkeypatch: pytest.MonkeyPatch, code: str, message: str, expected: type
) -> None:
    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        if operation == "GetSecretValue":
            return (400, error(code, message)) if request["SecretId"] == "s4" else (200, current(request))
        names = [name for name in request["SecretIdList"] if name != "s4"]
        wrong = [{"SecretId": "s4", "ErrorCode": code, "Message": message}]
        return 200, {"SecretValues": [current({"SecretId": name}) for name in names], "Errors": wrong}

    async with tricking(monkeypatch, answer), aclosing(opened(retry=NO_RETRY)) as provider:
        if expected is Missing:
            found = await provider.get(secrets(15))
            assert isinstance(found[RemoteKey("s4")], Missing)
            assert len(values(found)) == 14
        else:
            with pytest.raises(expected, match="'s4'") as caught:
                await provider.get(secrets(15))
            assert type(caught.value) is expected


async def test_the_same_secret_by_name_and_by_arn_is_answered_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_: str, request: dict[str, Any]) -> tuple[int, object]:
        names = {name.removeprefix("arn:x:") for name in request["SecretIdList"]}
        return 200, {"SecretValues": [current({"SecretId": name}) for name in sorted(names)], "Errors": []}

    keys = [RemoteKey(f"{arn}s{number}") for number in range(8) for arn in ("", "arn:x:")]
    async with tricking(monkeypatch, answer) as aws, aclosing(opened()) as provider:
        found = values(await provider.get([*keys, *keys]))
    assert found == {key.key: f"value of {key.key.removeprefix('arn:x:')}".encode() for key in keys}
    assert aws.counts == {"BatchGetSecretValue": 1}


async def test_a_throttled_batch_is_an_error_and_not_read_in_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_: str, __: dict[str, Any]) -> tuple[int, object]:
        return 400, error("ThrottlingException")

    async with tricking(monkeypatch, answer) as aws, aclosing(opened(retry=NO_RETRY)) as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.get(secrets(15))
    assert aws.counts["GetSecretValue"] == 0


def listed(operation: str, request: dict[str, Any]) -> tuple[int, object]:
    """An account with three secrets, one of which may not be read."""
    if operation == "ListSecrets":
        return 200, {"SecretList": [{"Name": f"s{number}"} for number in range(3)]}
    return DENIED if request["SecretId"] == "s1" else (200, current(request))


async def test_find_by_tags_leaves_out_what_may_not_be_read_and_says_how_much(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with tricking(monkeypatch, listed), aclosing(opened()) as provider:
        for query in ({"tags": {"a": "b"}}, {"path": "s", "name": {"regexp": "."}}):
            found = await provider.find(Find.from_json(query))
            assert set(found) == {"s0", "s2"}  # type: ignore[arg-type]
        assert "leaves out 1 of 3" in caplog.text
        with pytest.raises(ProviderDenied, match="'s1'"):
            await provider.find(Find.from_json({"name": {"regexp": "."}}))


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"])
@pytest.mark.parametrize("query", [{"tags": {"a": "b"}}, {"path": "s", "name": {"regexp": "s"}}])
async def test_find_leaves_nothing_out_because_the_credentials_are_refused(
    monkeypatch: pytest.MonkeyPatch, query: dict[str, Any], code: str
) -> None:
    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        return listed(operation, request) if operation == "ListSecrets" else (400, error(code))

    async with tricking(monkeypatch, answer), aclosing(opened()) as provider:
        with pytest.raises(CredentialsRefused):
            await provider.find(Find.from_json(query))


async def test_refused_credentials_do_not_turn_batches_off(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = [True]

    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        if refused[0]:
            return 400, error("UnrecognizedClientException")
        names = request.get("SecretIdList") or []
        return 200, {"SecretValues": [current({"SecretId": name}) for name in names], "Errors": []}

    async with tricking(monkeypatch, answer) as aws, aclosing(opened()) as provider:
        with pytest.raises(CredentialsRefused):
            await provider.get(secrets(15))
        refused[0] = False
        assert len(values(await provider.get(secrets(15)))) == 15
    assert aws.counts == {"BatchGetSecretValue": 2}


async def test_pages_that_never_end_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        tricking(monkeypatch, lambda _, __: (200, {"SecretList": [], "NextToken": "again"})),
        aclosing(opened()) as provider,
    ):
        with pytest.raises(ProviderRefused, match="same page"):
            await provider.find(Find.from_json({"name": {"regexp": "."}}))


async def test_parameters_are_read_one_by_one_where_only_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        return DENIED if operation == "GetParameters" else (200, {"Parameter": parameter(request["Name"])})

    async with tricking(monkeypatch, answer) as aws, aclosing(opened("ParameterStore")) as provider:
        assert len(values(await provider.get(secrets(8)))) == 8
        assert len(values(await provider.get(secrets(8)))) == 8
    assert aws.counts == {"GetParameters": 1, "GetParameter": 16}


async def test_one_denied_parameter_does_not_turn_batches_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        if operation == "GetParameters":
            if "s1" in request["Names"]:
                return DENIED
            return 200, {"Parameters": [parameter(name) for name in request["Names"]], "InvalidParameters": []}
        return DENIED if request["Name"] == "s1" else (200, {"Parameter": parameter(request["Name"])})

    async with tricking(monkeypatch, answer) as aws, aclosing(opened("ParameterStore")) as provider:
        with pytest.raises(ProviderDenied, match=r"ssm:GetParameter on arn:\*:ssm:eu-west-1:\*:parameter/s1"):
            await provider.get(secrets(4))
        for _ in range(2):
            assert len(values(await provider.get([RemoteKey("a"), RemoteKey("b")]))) == 2
    assert aws.counts["GetParameters"] == 3


async def test_versions_of_parameters_are_read_undecrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        if operation == "GetParameters":
            return 200, {"Parameters": [parameter(name) for name in request["Names"]], "InvalidParameters": []}
        return 200, {"Parameter": parameter(request["Name"])}

    keys = [RemoteKey("/a"), RemoteKey("/b"), RemoteKey("/c", "3")]
    async with tricking(monkeypatch, answer) as aws, aclosing(opened("ParameterStore")) as provider:
        assert await provider.versions(keys) == dict.fromkeys(keys, "3")
    assert aws.asked
    assert not any(request["WithDecryption"] for _, request in aws.asked)


async def test_versions_of_secrets_are_read_from_values_only_where_they_may_not_be_described(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    described = {"ARN": "arn:x", "VersionIdsToStages": {"new": ["AWSCURRENT"], "old": ["AWSPREVIOUS"]}}

    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        if operation == "GetSecretValue":
            return 200, current(request)
        return DENIED if request["SecretId"] == "s1" else (200, described)

    async with tricking(monkeypatch, answer) as aws, aclosing(opened()) as provider:
        found = await provider.versions([*secrets(2), RemoteKey("s2", "AWSPREVIOUS")])
        assert list(found.values()) == ["new", "v1", "old"]
        nothing = await provider.versions([RemoteKey("s3", "NOPE")])
        assert isinstance(nothing[RemoteKey("s3", "NOPE")], Missing)
        assert aws.counts == {"DescribeSecret": 4, "GetSecretValue": 1}
        with pytest.raises(ProviderDenied, match="secretsmanager:DescribeSecret"):
            await provider.versions([RemoteKey("s1", metadata=True)])


async def test_parameters_are_found_where_a_path_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        if operation == "GetParametersByPath":
            return DENIED
        if operation == "DescribeParameters":
            assert request["ParameterFilters"] == [{"Key": "Path", "Option": "Recursive", "Values": ["/p"]}]
            token = request.get("NextToken")
            page = {"Parameters": [{"Name": "/p/b" if token else "/p/a"}, {"Name": "/p/other"}]}
            return 200, page if token else {**page, "NextToken": "2"}
        return 200, {"Parameters": [parameter(name) for name in request["Names"]]}

    async with tricking(monkeypatch, answer), aclosing(opened("ParameterStore")) as provider:
        found = await provider.find(Find.from_json({"path": "/p", "name": {"regexp": "/[ab]$"}}))
    assert set(found) == {"/p/a", "/p/b"}  # type: ignore[arg-type]
