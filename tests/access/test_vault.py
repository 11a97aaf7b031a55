"""The Vault access compiler: right and narrow, or refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.access import AccessRefused, compile_vault, policy_document
from secretsync.api import ExternalSecret, SecretStore, parse
from secretsync.errors import StoreInvalid

pytestmark = pytest.mark.unit


def store(**vault: Any) -> SecretStore:
    config = {"server": "https://vault.test", "path": "secret", "version": "v2", **vault}
    config = {key: value for key, value in config.items() if value is not None}
    parsed = parse(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": {"name": "s", "namespace": "demo"},
            "spec": {"provider": {"vault": config}},
        }
    )
    assert isinstance(parsed, SecretStore)
    return parsed


def external_secret(*, namespace: str = "demo", store_name: str = "s", name: str = "es", **spec: Any) -> ExternalSecret:
    parsed = parse(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"secretStoreRef": {"name": store_name, "kind": "SecretStore"}, **spec},
        }
    )
    assert isinstance(parsed, ExternalSecret)
    return parsed


def data(key: str, **ref: Any) -> list[dict[str, Any]]:
    return [{"secretKey": "k", "remoteRef": {"key": key, **ref}}]


def granted(*declared: ExternalSecret, **settings: Any) -> dict[str, tuple[str, ...]]:
    return {grant.path: grant.capabilities for grant in compile_vault(store(**settings), declared).grants}


def test_a_key_is_granted_as_one_exact_path() -> None:
    assert granted(external_secret(data=data("foo"))) == {"secret/data/foo": ("read",)}


def test_a_mount_that_the_key_repeats_is_not_doubled() -> None:
    assert granted(external_secret(data=data("secret/foo"))) == {"secret/data/foo": ("read",)}


def test_kv_v1_has_no_data_segment() -> None:
    assert granted(external_secret(data=data("foo")), version="v1") == {"secret/foo": ("read",)}


def test_without_a_path_the_first_segment_is_the_mount() -> None:
    assert granted(external_secret(data=data("team/db/main")), path=None) == {"team/data/db/main": ("read",)}


@pytest.mark.parametrize("key", ["secret/data/foo", "./foo", "foo/", "/foo", "secret//foo"])
def test_the_path_that_is_granted_is_the_one_that_is_asked_for(key: str) -> None:
    assert granted(external_secret(data=data(key))) == {"secret/data/foo": ("read",)}


def test_metadata_policy_fetch_reads_the_metadata_and_not_the_value() -> None:
    assert granted(external_secret(data=data("foo", metadataPolicy="Fetch"))) == {"secret/metadata/foo": ("read",)}


def test_a_find_widens_to_what_lies_below_its_path_and_nothing_beside_it() -> None:
    found = granted(external_secret(dataFrom=[{"find": {"path": "team/a", "name": {"regexp": ".*"}}}]))
    assert found == {
        "secret/data/team/a/*": ("read",),
        "secret/metadata/team/a/*": ("list",),
    }


def test_only_entries_that_read_from_this_store_count() -> None:
    elsewhere = external_secret(data=data("other"), store_name="another")
    foreign = external_secret(data=data("foreign"), namespace="elsewhere")
    entry = data("own")[0] | {"sourceRef": {"storeRef": {"name": "another", "kind": "SecretStore"}}}
    generator = {"sourceRef": {"generatorRef": {"apiVersion": "x/v1", "kind": "Password", "name": "p"}}}
    mixed = external_secret(data=[entry, *data("mine")], dataFrom=[generator])
    assert granted(elsewhere, foreign, mixed) == {"secret/data/mine": ("read",)}


def test_every_grant_names_all_who_need_it() -> None:
    access = compile_vault(
        store(), [external_secret(name="b", data=data("foo")), external_secret(name="a", data=data("foo"))]
    )
    assert [grant.reasons for grant in access.grants] == [
        ("ExternalSecret demo/a, spec.data[0]", "ExternalSecret demo/b, spec.data[0]")
    ]
    assert "# ExternalSecret demo/a, spec.data[0]\n" in policy_document(access)


def test_nothing_declared_grants_nothing() -> None:
    assert "path" not in policy_document(compile_vault(store(), []))


@pytest.mark.parametrize(
    "key", ["foo*", "foo*/", "foo*/.", "foo*//", "*", "a/+/b", "a{{identity.entity.id}}", "a\nb", "a/../b"]
)
def test_a_key_that_a_policy_would_read_as_more_than_itself_is_refused(key: str) -> None:
    with pytest.raises(StoreInvalid, match="would grant more"):
        granted(external_secret(data=data(key)))


@pytest.mark.parametrize("mount", ["+", "kv/+/x", "kv*", "{{identity.entity.name}}", "a/../b"])
def test_a_mount_that_a_policy_would_read_as_more_than_itself_is_refused(mount: str) -> None:
    with pytest.raises(AccessRefused, match="the mount") as caught:
        compile_vault(store(path=mount), [external_secret(data=data("foo"))])
    assert [refusal.place for refusal in caught.value.refusals] == ["SecretStore demo/s"]
    assert not compile_vault(store(path=mount), []).grants


def test_all_keys_that_cannot_be_granted_are_refused_at_once() -> None:
    find = {"path": "team/+", "name": {"regexp": ".*"}}
    bad = external_secret(data=[*data("foo*"), *data("good"), *data("a/../b")], dataFrom=[{"find": find}])
    with pytest.raises(AccessRefused) as caught:
        granted(bad)
    fields = ("spec.data[0]", "spec.data[2]", "spec.dataFrom[0].find")
    assert [refusal.place for refusal in caught.value.refusals] == [
        f"ExternalSecret demo/es, {each}" for each in fields
    ]


@pytest.mark.parametrize("key", ["a*b", "a+b", "+a", "with space", "ключ", 'quo"te', "back\\slash"])
def test_a_key_with_unusual_but_literal_characters_is_granted(key: str) -> None:
    document = policy_document(compile_vault(store(), [external_secret(data=data(key))]))
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    assert f'path "secret/data/{escaped}" {{' in document


@given(
    key=st.text(min_size=1, max_size=40) | st.text("ab/*+.{}", min_size=1, max_size=8),
    mount=st.sampled_from(["secret", "a/b"]) | st.text("ab/*+.{}", min_size=1, max_size=6),
    version=st.sampled_from(["v1", "v2"]),
)
def test_a_document_never_has_a_wildcard_that_the_declaration_has_not(key: str, mount: str, version: str) -> None:
    try:
        access = compile_vault(store(path=mount, version=version), [external_secret(data=data(key))])
    except StoreInvalid:
        return
    (grant,) = access.grants
    assert grant.capabilities == ("read",)
    assert not grant.path.endswith("*")
    assert "+" not in grant.path.split("/")
    assert policy_document(access).count("capabilities") == 1
