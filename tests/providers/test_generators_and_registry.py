"""Values that are made, and which backend serves which store."""

from __future__ import annotations

import base64
import string
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_private_key, load_ssh_public_key
from hypothesis import given
from hypothesis import strategies as st

from secretsync.api import ClusterSecretStore, Find, RemoteRef, SecretStore
from secretsync.errors import GeneratorError, SecretKeyError, StoreInvalid
from secretsync.kube.fake import MemoryCluster
from secretsync.providers import references, registry
from secretsync.providers.concurrency import concurrently
from secretsync.providers.generators import generate
from secretsync.providers.protocol import Fetched, Invalid, Missing, RemoteKey, Unknown, Valid

if TYPE_CHECKING:
    from secretsync.api import JsonObject

pytestmark = pytest.mark.unit

API = "generators.external-secrets.io/v1alpha1"


def generator(kind: str, **spec: Any) -> JsonObject:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": "g", "namespace": "ns"}, "spec": spec}


def made(kind: str, **spec: Any) -> dict[str, bytes]:
    return generate(kind, generator(kind, **spec), namespace="ns")


def counts(text: str) -> tuple[int, int, int]:
    """Letters, digits, symbols."""
    letters = sum(character in string.ascii_letters for character in text)
    digits = sum(character in string.digits for character in text)
    return letters, digits, len(text) - letters - digits


def test_a_password_has_a_quarter_of_digits_and_of_symbols_and_no_repeats() -> None:
    password = made("Password", length=24)["password"].decode()
    assert counts(password) == (12, 6, 6)
    assert len(set(password)) == 24
    assert password != made("Password", length=24)["password"].decode()


@given(length=st.integers(1, 60), digits=st.integers(0, 10), symbols=st.integers(0, 10), no_upper=st.booleans())
def test_a_password_has_exactly_what_is_asked_for(length: int, digits: int, symbols: int, no_upper: bool) -> None:  # noqa: FBT001 - drawn
    spec = {"length": length, "digits": digits, "symbols": symbols, "noUpper": no_upper, "symbolCharacters": "-_"}
    if digits + symbols > length:
        with pytest.raises(GeneratorError, match="must not be above the length"):
            made("Password", allowRepeat=True, **spec)
        return
    password = made("Password", allowRepeat=True, **spec)["password"].decode()
    assert counts(password) == (length - digits - symbols, digits, symbols)
    assert not no_upper or password == password.lower()
    assert set(password) <= set(string.ascii_letters + string.digits + "-_")


@pytest.mark.parametrize(
    "spec",
    [
        {"length": 200},
        {"length": 20, "digits": 11, "symbols": 0},
        {"length": 8, "digits": 0, "symbols": 3, "symbolCharacters": "-_"},
        {"length": 30, "digits": 0, "symbols": 0, "noUpper": True},
        {"length": 10, "secretKeys": ["a", "a"]},
        {"length": 10, "secretKeys": [""]},
        {"length": 10_000_000, "allowRepeat": True},
        {"length": "ten"},
    ],
)
def test_a_password_that_cannot_be_is_an_error(spec: dict[str, Any]) -> None:
    with pytest.raises(GeneratorError, match="Password ns/g"):
        made("Password", **spec)


@pytest.mark.parametrize(
    ("encoding", "decode"),
    [
        ("raw", bytes),
        ("base64", base64.b64decode),
        ("base64url", base64.urlsafe_b64decode),
        ("base32", base64.b32decode),
        ("hex", lambda value: bytes.fromhex(value.decode())),
    ],
)
def test_passwords_are_encoded_as_asked_one_for_each_key(encoding: str, decode: Any) -> None:
    values = made("Password", length=12, secretKeys=["a", "b"], encoding=encoding)
    assert sorted(values) == ["a", "b"]
    assert values["a"] != values["b"]
    assert all(len(decode(value)) == 12 for value in values.values())


def test_fake_and_uuid_generators() -> None:
    assert made("Fake", data={"a": "ż"}) == {"a": "ż".encode()}
    first = uuid.UUID(made("UUID")["uuid"].decode())
    assert first.version == 4
    assert first != uuid.UUID(made("UUID")["uuid"].decode())


@pytest.mark.parametrize(
    "spec", [{}, {"keyType": "ed25519", "comment": "c@x"}, {"keyType": "ecdsa", "keySize": 384}, {"keyType": "ecdsa"}]
)
def test_ssh_keys_are_a_pair_with_their_comment(spec: dict[str, Any]) -> None:
    values = made("SSHKey", **spec)
    private = load_ssh_private_key(values["privateKey"], None)
    public = load_ssh_public_key(values["publicKey"])
    assert private.public_key() == public
    assert values["publicKey"].endswith(b" c@x\n" if "comment" in spec else b"\n")
    assert (b"c@x" in base64.b64decode(b"".join(values["privateKey"].splitlines()[1:-1]))) == ("comment" in spec)


@pytest.mark.parametrize("spec", [{"keyType": "dsa"}, {"keySize": 512}, {"keySize": "big"}, {"comment": "a\nb"}])
def test_ssh_keys_that_cannot_be_are_errors(spec: dict[str, Any]) -> None:
    with pytest.raises(GeneratorError):
        made("SSHKey", **spec)


def test_a_generator_that_is_not_served_is_named() -> None:
    with pytest.raises(GeneratorError, match="Grafana are not served"):
        made("Grafana")


def store(**provider: Any) -> SecretStore:
    return SecretStore.from_json({"metadata": {"name": "s", "namespace": "ns"}, "spec": {"provider": provider}})


def test_a_backend_that_is_not_served_is_refused_with_what_to_do() -> None:
    with pytest.raises(StoreInvalid, match="provider doppler is not served here") as caught:
        registry.open_provider(store(doppler={"auth": {}}), namespace="ns", cluster=MemoryCluster())
    assert "fake, kubernetes, vault, webhook" in caught.value.remedy
    with pytest.raises(StoreInvalid) as caught:
        registry.open_provider(store(openBao={"server": "x"}), namespace="ns", cluster=MemoryCluster())
    assert "provider vault" in caught.value.remedy


def test_other_packages_offer_backends_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "doppler"

        def load(self) -> object:
            return lambda spec, **options: ("opened", spec.metadata.name, options["namespace"])

    monkeypatch.setattr(registry, "entry_points", lambda **_: [Point()])
    opened: Any = registry.open_provider(store(doppler={"auth": {}}), namespace="ns", cluster=MemoryCluster())
    assert opened == ("opened", "s", "ns")
    assert "doppler" in registry.served()


def test_backends_are_imported_when_first_used() -> None:
    registry.open_provider(store(fake={"data": []}), namespace="ns", cluster=MemoryCluster())
    assert "secretsync.providers.fake" in sys.modules


async def test_the_fake_backend_keeps_versions_apart_and_finds_the_latest() -> None:
    entries = [("k", "one", ""), ("k", "two", "v1"), ("k", "three", "v2"), ("kv1", "four", ""), ("a/b", "x", "")]
    data = [{"key": key, "value": value, "version": version} for key, value, version in entries]
    provider = registry.open_provider(store(fake={"data": data}), namespace="ns", cluster=MemoryCluster())
    keys = [RemoteKey("k", "v2"), RemoteKey("k"), RemoteKey("k", "v9")]
    found = await provider.get(keys)
    assert [each.value if isinstance(each, Fetched) else None for each in found.values()] == [b"three", b"one", None]
    fetched = Fetched(b'{"a":1.50}')
    assert provider.value(fetched, RemoteRef(key="k", property="a")) == b"1.5"
    assert isinstance(provider.value(fetched, RemoteRef(key="k", property="z")), Missing)
    assert isinstance(provider.members(fetched, RemoteRef(key="k", property="z")), Missing)
    assert provider.members(fetched, RemoteRef(key="k")) == {"a": b"1.50"}
    for result, expected in ((None, Valid), (0, Valid), (1, Unknown), (2, Invalid)):
        more = {} if result is None else {"validationResult": result}
        each = registry.open_provider(store(fake={"data": [], **more}), namespace="ns", cluster=MemoryCluster())
        assert isinstance(await each.validate(), expected)


def test_a_secret_store_reads_its_own_namespace_whatever_a_reference_says() -> None:
    own = store(fake={"data": []})
    assert references.resolve_namespace("other", store=own, namespace="ns") == "ns"
    shared = ClusterSecretStore.from_json({"metadata": {"name": "s"}, "spec": {"provider": {"fake": {"data": []}}}})
    assert references.resolve_namespace("other", store=shared, namespace="ns") == "other"
    assert references.resolve_namespace(None, store=shared, namespace="ns") == "ns"
    with pytest.raises(StoreInvalid, match="names no namespace"):
        references.resolve_namespace(None, store=shared, namespace="")


async def test_ca_bundles_come_inline_or_from_objects() -> None:
    from secretsync.api import CAProvider  # noqa: PLC0415 - beside its use

    pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
    metadata = {"name": "ca", "namespace": "ns"}
    cluster = MemoryCluster(
        [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca": pem, "bad": "x"}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"ca": pem}},
        ]
    )
    own = store(fake={"data": []})

    async def bundle(inline: bytes, provider: JsonObject | None) -> bytes:
        ca_provider = CAProvider.from_json(provider) if provider else None
        return await references.ca_bundle(inline, ca_provider, store=own, namespace="ns", cluster=cluster)

    assert await bundle(b"", None) == b""
    assert await bundle(pem.encode(), None) == pem.encode()
    assert await bundle(base64.b64encode(pem.encode()), None) == pem.encode()
    assert await bundle(b"", {"type": "ConfigMap", "name": "ca", "key": "ca"}) == pem.encode()
    assert await bundle(b"", {"type": "Secret", "name": "ca", "key": "ca"}) == pem.encode()
    for wrong in ({"name": "ca", "key": "none"}, {"name": "none", "key": "ca"}, {"name": "ca", "key": "bad"}):
        with pytest.raises(StoreInvalid):
            await bundle(b"", {"type": "ConfigMap", **wrong})
    with pytest.raises(StoreInvalid, match="holds no PEM"):
        await bundle(b"canary", None)


async def test_concurrent_reads_keep_order_and_end_with_the_first_failure() -> None:
    running = most = 0

    async def read(number: int) -> int:
        import asyncio  # noqa: PLC0415 - beside its use

        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001 * (number % 3))
        running -= 1
        if number == 77:
            raise ValueError(number)
        return number

    assert await concurrently(read, range(50), limit=7) == list(range(50))
    assert most == 7
    assert await concurrently(read, [], limit=7) == []
    with pytest.raises(ValueError, match="77"):
        await concurrently(read, range(200), limit=7)


def test_what_holds_values_does_not_show_them() -> None:
    from secretsync.kube.protocol import Listing, WatchEvent  # noqa: PLC0415 - beside its use
    from secretsync.kube.transport import Answer, Request  # noqa: PLC0415 - as above
    from secretsync.providers.http import Answer as BackendAnswer  # noqa: PLC0415 - as above
    from secretsync.providers.vault.connection import Call  # noqa: PLC0415 - as above

    holders = [
        Fetched(b"canary"),
        Listing([{"data": "canary"}], "1"),
        WatchEvent("ADDED", {"data": "canary"}),
        Answer(200, b"canary", None),
        Request("PUT", "/", "place", "update", body={"data": "canary"}),
        BackendAnswer(200, {}, b"canary"),
        Call("POST", "auth/approle/login", "", body={"secret_id": "canary"}),
    ]
    assert "canary" not in repr(holders)


async def test_the_fake_backend_refuses_names_that_become_the_same() -> None:
    data = [{"key": "a/b", "value": "1"}, {"key": "a_b", "value": "2"}]
    provider = registry.open_provider(store(fake={"data": data}), namespace="ns", cluster=MemoryCluster())
    with pytest.raises(SecretKeyError) as refused:
        await provider.find(Find.from_json({"name": {"regexp": ".*"}}))
    assert "'a/b' and 'a_b' both become 'a_b'" in refused.value.problem
    apart = await provider.find(Find.from_json({"name": {"regexp": ".*"}, "conversionStrategy": "Unicode"}))
    assert isinstance(apart, dict)
    assert {name: each.value for name, each in apart.items()} == {"a_U002f_b": b"1", "a_b": b"2"}
