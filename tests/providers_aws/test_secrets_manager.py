"""Secrets Manager at a moto server."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest

from secretsync.api import Find
from secretsync.errors import PropertyNotFound, ProviderRefused, SecretNotFound
from secretsync.providers.protocol import Fetched, Missing, RemoteKey
from tests.providers_aws.cloud import opened, ref, secrets_manager, value

pytestmark = pytest.mark.contract


def find(**query: Any) -> Find:
    return Find.from_json(query)


async def test_values_properties_and_binaries_are_read(aws: str) -> None:
    client = secrets_manager(aws)
    client.create_secret(Name="app/db", SecretString='{"a.b":"dotted","a":{"b":"nested"},"u":"ż ✓","n":1.50}')
    client.create_secret(Name="app/binary", SecretBinary=b'\x00\xff{"p"')
    client.create_secret(Name="app/json", SecretBinary=b'{"p":"from binary"}')
    async with aclosing(opened()) as provider:
        assert await value(provider, ref("app/db", property="a.b")) == b"dotted"
        assert await value(provider, ref("app/db", property="u")) == "ż ✓".encode()
        assert await value(provider, ref("app/binary")) == b'\x00\xff{"p"'
        assert await value(provider, ref("app/json", property="p")) == b"from binary"
        with pytest.raises(PropertyNotFound, match="'nope'"):
            await value(provider, ref("app/db", property="nope"))
        wanted = ref("app/db")
        fetched = (await provider.get([provider.remote_key(wanted)]))[provider.remote_key(wanted)]
        assert isinstance(fetched, Fetched)
        members = provider.members(fetched, wanted)
        assert not isinstance(members, Missing)
        assert members["n"] == b"1.50"
        assert "nested" not in repr(fetched)


async def test_names_are_unicode_and_values_as_large_as_aws_allows(aws: str) -> None:
    client = secrets_manager(aws)
    large = "ż" * 32_768
    client.create_secret(Name="żółć/klucz 鍵", SecretString=large)
    arn = client.describe_secret(SecretId="żółć/klucz 鍵")["ARN"]
    async with aclosing(opened()) as provider:
        assert await value(provider, ref("żółć/klucz 鍵")) == large.encode()
        assert await value(provider, ref(arn)) == large.encode()


async def test_stages_and_version_ids_select_a_version(aws: str) -> None:
    client = secrets_manager(aws)
    first = client.create_secret(Name="s", SecretString="one")["VersionId"]
    second = client.put_secret_value(SecretId="s", SecretString="two")["VersionId"]
    async with aclosing(opened()) as provider:
        assert await value(provider, ref("s")) == b"two"
        assert await value(provider, ref("s", version="AWSPREVIOUS")) == b"one"
        assert await value(provider, ref("s", version=f"uuid/{first}")) == b"one"
        assert isinstance(await value(provider, ref("s", version="NOPE")), Missing)
        assert isinstance(await value(provider, ref("s", version="uuid/00000000-0000-0000-0000-000000000000")), Missing)
        assert provider.remote_key(ref("s")) == provider.remote_key(ref("s", version="AWSCURRENT"))
        key = RemoteKey("s")
        fetched = (await provider.get([key]))[key]
        assert isinstance(fetched, Fetched)
        assert fetched.version == second


async def test_a_moved_stage_is_followed(aws: str) -> None:
    client = secrets_manager(aws)
    first = client.create_secret(Name="s", SecretString="one")["VersionId"]
    second = client.put_secret_value(SecretId="s", SecretString="two")["VersionId"]
    client.update_secret_version_stage(
        SecretId="s", VersionStage="AWSCURRENT", MoveToVersionId=first, RemoveFromVersionId=second
    )
    async with aclosing(opened()) as provider:
        assert await value(provider, ref("s")) == b"one"
        assert await provider.versions([RemoteKey("s")]) == {RemoteKey("s"): first}


async def test_what_is_gone_is_missing_not_an_error(aws: str) -> None:
    client = secrets_manager(aws)
    client.create_secret(Name="marked", SecretString="v")
    client.delete_secret(SecretId="marked", RecoveryWindowInDays=7)
    client.create_secret(Name="empty")
    keys = [RemoteKey("nothing"), RemoteKey("marked"), RemoteKey("empty")]
    async with aclosing(opened()) as provider:
        found = await provider.get(keys)
        assert all(isinstance(found[key], Missing) for key in keys), found
        described = await provider.versions(keys)
        assert all(isinstance(described[key], Missing) for key in keys), described
        with pytest.raises(SecretNotFound, match="'nothing'"):
            await provider.get([RemoteKey("nothing", metadata=True)])


async def test_metadata_is_the_tags(aws: str) -> None:
    tags = [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "<1>"}]
    secrets_manager(aws).create_secret(Name="s", SecretString="v", Tags=tags)  # type: ignore[arg-type]
    async with aclosing(opened()) as provider:
        wanted = ref("s", metadataPolicy="Fetch")
        assert await value(provider, wanted) == b'{"a":"\\u003c1\\u003e","b":"2"}'
        assert await value(provider, ref("s", metadataPolicy="Fetch", property="b")) == b"2"
        assert await value(provider, ref("s", metadataPolicy="Fetch", version="NOPE", property="b")) == b"2"
        key = provider.remote_key(wanted)
        fetched = (await provider.get([key]))[key]
        assert isinstance(fetched, Fetched)
        assert (await provider.versions([key]))[key] == fetched.version != ""


async def test_many_secrets_are_read_in_batches_and_each_missing_one_told(aws: str) -> None:
    client = secrets_manager(aws)
    for number in range(130):
        client.create_secret(Name=f"many/{number}", SecretString=f"v{number}")
    client.delete_secret(SecretId="many/7", RecoveryWindowInDays=7)
    client.create_secret(Name="binary", SecretBinary=b"\xff")
    keys = [RemoteKey(f"many/{number}") for number in range(140)] + [RemoteKey("binary")]
    async with aclosing(opened()) as provider:
        found = await provider.get([*keys, *keys])
    missing = {key.key for key, fetched in found.items() if isinstance(fetched, Missing)}
    assert missing == {"many/7", *(f"many/{number}" for number in range(130, 140))}
    values = {key.key: fetched.value for key, fetched in found.items() if isinstance(fetched, Fetched)}
    assert values["many/129"] == b"v129"
    assert values["binary"] == b"\xff"
    assert list(found) != []
    assert len(found) == len(keys)


async def test_find_walks_all_pages(aws: str) -> None:
    client = secrets_manager(aws)
    for number in range(230):
        client.create_secret(Name=f"page/{number:03}", SecretString=str(number), Tags=[{"Key": "team", "Value": "a"}])
    client.create_secret(Name="other", SecretString="x", Tags=[{"Key": "team", "Value": "b"}])
    client.create_secret(Name="page/marked", SecretString="x")
    client.delete_secret(SecretId="page/marked", RecoveryWindowInDays=7)
    async with aclosing(opened(prefix="ignored/")) as provider:
        by_name = await provider.find(find(name={"regexp": "^page/"}))
        by_path = await provider.find(find(path="page/0", name={"regexp": "9$"}))
        by_tags = await provider.find(find(tags={"team": "a"}))
        below = await provider.find(find(path="page/1", tags={"team": "a"}))
        both = await provider.find(find(name={"regexp": "00"}, tags={"team": "b"}))
    assert not isinstance(by_name, Missing)
    assert [fetched.value for fetched in by_name.values()] == [str(number).encode() for number in range(230)]
    assert list(by_name) == sorted(by_name)
    assert set(by_path) == {f"page/0{tens}9" for tens in range(10)}  # type: ignore[arg-type]
    assert set(by_tags) == set(by_name)  # type: ignore[arg-type]
    assert len(below) == 100  # type: ignore[arg-type]
    assert both == {}


async def test_find_needs_something_to_look_for(aws: str) -> None:
    async with aclosing(opened()) as provider:
        with pytest.raises(ProviderRefused, match="neither name nor tags"):
            await provider.find(find(path="x"))


async def test_the_prefix_stands_before_every_key(aws: str) -> None:
    client = secrets_manager(aws)
    client.create_secret(Name="pre/leaf", SecretString="v", Tags=[{"Key": "k", "Value": "t"}])
    async with aclosing(opened(prefix="pre/")) as provider:
        assert await value(provider, ref("leaf")) == b"v"
        assert await value(provider, ref("leaf", metadataPolicy="Fetch")) == b'{"k":"t"}'
        assert isinstance(await value(provider, ref("pre/leaf")), Missing)
        assert not isinstance((await provider.versions([RemoteKey("leaf")]))[RemoteKey("leaf")], Missing)


async def test_versions_by_stage_and_id(aws: str) -> None:
    client = secrets_manager(aws)
    ids = [client.create_secret(Name="s", SecretString="1")["VersionId"]]
    ids += [client.put_secret_value(SecretId="s", SecretString=text)["VersionId"] for text in ("2", "3")]
    by_id = [RemoteKey("s", f"uuid/{version}") for version in ids]
    keys = [RemoteKey("s"), RemoteKey("s", "AWSPREVIOUS"), RemoteKey("s", "NOPE"), *by_id]
    async with aclosing(opened()) as provider:
        found = await provider.versions(keys)
    assert found[RemoteKey("s")] == ids[2]
    assert found[RemoteKey("s", "AWSPREVIOUS")] == ids[1]
    assert isinstance(found[RemoteKey("s", "NOPE")], Missing)
    assert [found[key] for key in by_id] == ids
