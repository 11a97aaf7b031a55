"""An admission webhook on loopback, and its registration as the chart makes it."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import ssl
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from components.dynamic.operator_readiness import WEBHOOKS
from tests.fixtures.connections import Connections

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


@dataclass
class Webhook:
    """A TLS server that the API server asks; how it answers can be changed while it runs."""

    url: str
    authority: str
    seen: list[str] = field(default_factory=list)
    refuses: bool = True
    delay: float = 0
    connections: Connections = field(default_factory=Connections)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.connections.note(request)
        review = (await request.json())["request"]
        self.seen.append(review["kind"]["kind"])
        await asyncio.sleep(self.delay)
        verdict: dict[str, Any] = {"uid": review["uid"], "allowed": not self.refuses}
        if self.refuses:
            verdict["status"] = {"code": 403, "message": f"wrong: {review['object']['spec']}"}
        answer = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": verdict}
        return web.json_response(answer)


def certificate(folder: Path) -> str:
    """A certificate for 127.0.0.1 with its key in a folder; base64 of its PEM form."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(minutes=5))
        .not_valid_after(datetime.now(UTC) + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    (folder / "crt").write_bytes(made)
    (folder / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return base64.b64encode(made).decode()


@asynccontextmanager
async def running(folder: Path, port: int = 0, authority: str = "") -> AsyncIterator[Webhook]:
    authority = authority or certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "crt", folder / "key")
    webhook = Webhook("", authority)
    runner = web.ServerRunner(web.Server(webhook.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    webhook.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield webhook
    finally:
        await runner.cleanup()
        await webhook.connections.abort()


def configuration(
    url: str,
    authority: str,
    namespace: str,
    *,
    policy: str = "Fail",
    seconds: int = 5,
    names: Sequence[str] = tuple(WEBHOOKS),
) -> dict[str, Any]:
    """A ValidatingWebhookConfiguration for one namespace."""
    webhooks = [
        {
            "name": name,
            "rules": [
                {
                    "apiGroups": ["external-secrets.io"],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE", "DELETE"],
                    "resources": [WEBHOOKS[name].plural if name in WEBHOOKS else "externalsecrets"],
                }
            ],
            "clientConfig": {"url": url, "caBundle": authority},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "timeoutSeconds": seconds,
            "failurePolicy": policy,
        }
        for name in names
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"validate-{uuid.uuid4().hex[:8]}"},
        "webhooks": webhooks,
    }
