"""TLS of the backends, and credentials that change while a store is open."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import ssl
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from secretsync.api import SecretStore
from secretsync.errors import ClusterDenied, ProviderDenied, ProviderUnavailable, StoreInvalid
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import SECRETS
from secretsync.providers.kubernetes import KubernetesStore
from secretsync.providers.protocol import Fetched, RemoteKey
from secretsync.providers.registry import open_provider
from tests.providers.vault_server import TOKEN_AUTH, secret, store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from secretsync.kube.config import ClusterConfig
    from secretsync.kube.protocol import Cluster

KEY = RemoteKey("app")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes
    signer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def issued(name: str, by: Pair | None = None) -> Pair:
    """A certificate for 127.0.0.1; self-signed authority where nobody else signs it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.signer[0].subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    )
    certificate = builder.sign(by.signer[1] if by else key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(certificate.public_bytes(Encoding.PEM), pem, (certificate, key))


@pytest.fixture(scope="module")
def authority() -> Pair:
    return issued("authority")


@pytest.fixture
async def tls_server(authority: Pair, tmp_path: Path) -> AsyncIterator[str]:
    """A server that asks for a client certificate and answers with its name as the secret."""
    server = issued("server", authority)
    (tmp_path / "crt").write_bytes(server.certificate)
    (tmp_path / "key").write_bytes(server.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.certificate.decode())
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    context.verify_mode = ssl.CERT_OPTIONAL

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        peer = request.get_extra_info("peercert") or {}
        names = [value for part in peer.get("subject", ()) for _, value in part]
        if request.path.endswith("/login"):
            return web.json_response({"auth": {"client_token": names[0], "lease_duration": 0}})
        token = request.headers.get("X-Vault-Token", "")
        return web.json_response({"data": {"data": {"client": ",".join(names), "token": token}, "metadata": {}}})

    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def read(spec: SecretStore, cluster: MemoryCluster) -> bytes:
    async with aclosing(open_provider(spec, namespace="ns", cluster=cluster)) as provider:
        fetched = (await provider.get([KEY]))[KEY]
        assert isinstance(fetched, Fetched)
        return fetched.value


@pytest.mark.contract
async def test_a_server_is_checked_against_the_stores_authority(tls_server: str, authority: Pair) -> None:
    cluster = MemoryCluster([secret("token", token="t")])
    bundle = base64.b64encode(authority.certificate).decode()
    assert await read(store(tls_server, "kv", TOKEN_AUTH, caBundle=bundle), cluster) == b'{"client":"","token":"t"}'
    with pytest.raises(ProviderUnavailable, match="certificate that is not accepted"):
        await read(store(tls_server, "kv", TOKEN_AUTH), cluster)
    other = base64.b64encode(issued("other").certificate).decode()
    with pytest.raises(ProviderUnavailable, match="certificate that is not accepted"):
        await read(store(tls_server, "kv", TOKEN_AUTH, caBundle=other), cluster)


@pytest.mark.contract
async def test_client_certificates_are_shown_for_the_connection_and_for_the_login(
    tls_server: str, authority: Pair
) -> None:
    pair = issued("robot", authority)
    tls = {"tls.crt": pair.certificate.decode(), "tls.key": pair.key.decode()}
    metadata = {"name": "pair", "namespace": "ns"}
    cluster = MemoryCluster(
        [
            secret("token", token="t"),
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": tls},
            secret("bad", crt="canary", key="canary"),
        ]
    )
    bundle = base64.b64encode(authority.certificate).decode()
    connection = {"certSecretRef": {"name": "pair"}, "keySecretRef": {"name": "pair"}}
    spec = store(tls_server, "kv", TOKEN_AUTH, caBundle=bundle, tls=connection)
    assert await read(spec, cluster) == b'{"client":"robot","token":"t"}'
    login = {"cert": {"clientCert": {"name": "pair"}, "secretRef": {"name": "pair"}}}
    spec = store(tls_server, "kv", login, caBundle=bundle)
    assert await read(spec, cluster) == b'{"client":"robot","token":"robot"}'
    bad = {"certSecretRef": {"name": "bad", "key": "crt"}, "keySecretRef": {"name": "bad", "key": "key"}}
    with pytest.raises(StoreInvalid, match="not a usable PEM pair") as caught:
        await read(store(tls_server, "kv", TOKEN_AUTH, caBundle=bundle, tls=bad), cluster)
    assert "canary" not in str(caught.value)
    with pytest.raises(StoreInvalid, match="certSecretRef and keySecretRef"):
        await read(store(tls_server, "kv", TOKEN_AUTH, tls={"certSecretRef": {"name": "pair"}}), cluster)


@pytest.mark.unit
async def test_a_kubernetes_token_that_was_replaced_is_read_again_once() -> None:
    own = MemoryCluster([secret("cred", token="old")])
    remote = MemoryCluster([secret("app", k="v")])
    connected: list[str] = []
    accepted = "Bearer new"

    async def connect(config: ClusterConfig, _stack: AsyncExitStack) -> Cluster:
        authorization = await config.credentials.authorization()
        connected.append(authorization)
        if authorization == accepted:
            return remote
        refusing = MemoryCluster()

        def refuse(verb: str, plural: str, name: str) -> None:
            raise ClusterDenied("no", status=401)

        refusing.before = refuse
        return refusing

    token = {"token": {"bearerToken": {"name": "cred", "key": "token"}}}
    provider: dict[str, Any] = {"kubernetes": {"server": {"url": "https://x"}, "remoteNamespace": "ns", "auth": token}}
    spec = SecretStore.from_json({"metadata": {"name": "s", "namespace": "ns"}, "spec": {"provider": provider}})
    assert spec.spec.provider.kubernetes is not None
    async with aclosing(KubernetesStore(spec.spec.provider.kubernetes, spec, "ns", own, connect)) as backend:
        with pytest.raises(ProviderDenied):
            await backend.get([KEY])
        await own.merge_patch(SECRETS, "cred", "ns", {"stringData": {"token": "new"}}, field_manager="t")
        keys = [KEY, RemoteKey("other")]
        assert isinstance((await backend.get(keys))[KEY], Fetched)
    assert connected == ["Bearer old", "Bearer old", "Bearer new"]
