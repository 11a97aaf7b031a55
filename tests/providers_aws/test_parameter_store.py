"""Parameter Store at a moto server."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest

from secretsync.api import Find
from secretsync.errors import ProviderRefused, SecretNotFound, VersionNotFound
from secretsync.providers.protocol import Fetched, Missing, RemoteKey
from tests.providers_aws.cloud import opened, parameter_store, ref, value

pytestmark = pytest.mark.contract

SERVICE = "ParameterStore"


def find(**query: Any) -> Find:
    return Find.from_json(query)


async def test_every_type_of_parameter_is_read_decrypted(aws: str) -> None:
    client = parameter_store(aws)
    client.put_parameter(Name="/app/plain", Value='{"a.b":"dotted"}', Type="String")
    client.put_parameter(Name="/app/list", Value="a,b", Type="StringList")
    client.put_parameter(Name="/app/secure", Value="s ✓", Type="SecureString")
    async with aclosing(opened(SERVICE)) as provider:
        assert await value(provider, ref("/app/plain", property="a.b")) == b"dotted"
        assert await value(provider, ref("/app/list")) == b"a,b"
        assert await value(provider, ref("/app/secure")) == "s ✓".encode()
        assert isinstance(await value(provider, ref("/app/none")), Missing)
    async with aclosing(opened(SERVICE, prefix="/app/")) as provider:
        assert await value(provider, ref("list")) == b"a,b"


async def test_versions_and_labels_select_one(aws: str) -> None:
    client = parameter_store(aws)
    for text in ("one", "two", "three"):
        client.put_parameter(Name="/v", Value=text, Type="String", Overwrite=True)
    client.label_parameter_version(Name="/v", ParameterVersion=2, Labels=["blue"])
    keys = [RemoteKey("/v"), RemoteKey("/v", "1"), RemoteKey("/v", "blue"), RemoteKey("/gone")]
    async with aclosing(opened(SERVICE)) as provider:
        found = await provider.get(keys)
        assert {key.version: each.value for key, each in found.items() if isinstance(each, Fetched)} == {
            "": b"three",
            "1": b"one",
            "blue": b"two",
        }
        assert isinstance(found[RemoteKey("/gone")], Missing)
        with pytest.raises(VersionNotFound, match="'/v:9'"):
            await provider.get([*keys, RemoteKey("/v", "9")])
        versions = await provider.versions([*keys, RemoteKey("/v", "9")])
        assert [versions[key] for key in keys[:3]] == ["3", "1", "2"]
        assert isinstance(versions[RemoteKey("/gone")], Missing)
        assert isinstance(versions[RemoteKey("/v", "9")], Missing)


async def test_more_parameters_than_fit_into_one_request(aws: str) -> None:
    client = parameter_store(aws)
    for number in range(120):
        client.put_parameter(Name=f"/many/{number:03}", Value=f"v{number}", Type="String")
    keys = [RemoteKey(f"/many/{number:03}") for number in range(125)]
    async with aclosing(opened(SERVICE)) as provider:
        found = await provider.get(keys)
        searched = await provider.find(find(path="/many", name={"regexp": "."}))
        everywhere = await provider.find(find(name={"regexp": "^/many/11"}))
        assert await provider.find(find(name={"regexp": "^nothing$"})) == {}
    assert sum(isinstance(each, Missing) for each in found.values()) == 5
    read = found[RemoteKey("/many/117")]
    assert isinstance(read, Fetched)
    assert (read.value, read.version) == (b"v117", "1")
    assert not isinstance(searched, Missing)
    assert len(searched) == 120
    assert set(everywhere) == {f"/many/11{number}" for number in range(10)}  # type: ignore[arg-type]


async def test_find_by_tags_asks_for_all_of_them(aws: str) -> None:
    client = parameter_store(aws)
    for name, team, env in (("/t/a", "a", "p"), ("/t/b", "a", "q"), ("/u/c", "a", "p")):
        tags = [{"Key": "team", "Value": team}, {"Key": "env", "Value": env}]
        client.put_parameter(Name=name, Value=name, Type="SecureString", Tags=tags)  # type: ignore[arg-type]
    async with aclosing(opened(SERVICE)) as provider:
        found = await provider.find(find(tags={"team": "a", "env": "p"}))
        below = await provider.find(find(path="/t", tags={"team": "a"}))
        by_name = await provider.find(find(name={"regexp": "/b$"}, tags={"team": "nobody"}))
        with pytest.raises(ProviderRefused, match="neither name nor tags"):
            await provider.find(find(path="/t"))
    assert not isinstance(found, Missing)
    assert {name: each.value for name, each in found.items()} == {"/t/a": b"/t/a", "/u/c": b"/u/c"}
    assert set(below) == {"/t/a", "/t/b"}  # type: ignore[arg-type]
    assert set(by_name) == {"/t/b"}  # type: ignore[arg-type]


async def test_metadata_is_the_tags(aws: str) -> None:
    parameter_store(aws).put_parameter(Name="/t", Value="v", Type="String", Tags=[{"Key": "a", "Value": "<"}])
    async with aclosing(opened(SERVICE)) as provider:
        wanted = ref("/t", metadataPolicy="Fetch")
        assert await value(provider, wanted) == b'{"a":"\\u003c"}'
        key, nothing = provider.remote_key(wanted), RemoteKey("/none", metadata=True)
        versions = await provider.versions([key, nothing])
        assert versions[key] == ""
        assert isinstance(versions[nothing], Missing)
        with pytest.raises(SecretNotFound):
            await provider.get([nothing])
