"""What an admission webhook refuses, or cannot be asked: by name and with a reason, never in its own words."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.errors import ClusterDenied, ClusterError, ClusterRefused, ClusterUnavailable
from secretsync.kube.failures import from_status
from secretsync.kube.resources import EXTERNAL_SECRETS, SECRETS

pytestmark = pytest.mark.unit

CANARY = "canary-5b0c33"
POST = 'failed to call webhook: Post "https://w.ns.svc:443/validate?timeout=5s"'


def error(status: int, message: str, resource: Any = EXTERNAL_SECRETS) -> ClusterError:
    document = {"kind": "Status", "message": message, "reason": "Forbidden" if status == 403 else "InternalError"}
    return from_status(status, document, verb="create", resource=resource, place=f"{resource.kind} ns/a")


@pytest.mark.parametrize(("status", "kind"), [(403, ClusterDenied), (400, ClusterRefused), (422, ClusterRefused)])
def test_a_refusal_names_the_webhook_and_quotes_nothing(status: int, kind: type[ClusterError]) -> None:
    told = error(
        status, f'admission webhook "validate.kyverno.svc" denied the request: data.password: {CANARY}', SECRETS
    )
    assert type(told) is kind
    assert (told.webhook, told.status) == ("validate.kyverno.svc", status)
    assert "the admission webhook validate.kyverno.svc forbids to create secrets" in str(told)
    assert CANARY not in str(told)
    assert told.retryable is False


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (f'{POST}: no endpoints available for service "w"', "its Service has no endpoint"),
        (f'{POST}: service "w" not found', "its Service does not exist"),
        (f"{POST}: dial tcp 10.0.0.1:443: connect: connection refused", "it refuses connections"),
        (f"{POST}: tls: failed to verify certificate: x509: unknown authority", "its certificate is not trusted"),
        (f"{POST}: remote error: tls: internal error", "TLS with it fails"),
        (f"{POST}: context deadline exceeded", "it did not answer in time"),
        (f"{POST}: net/http: TLS handshake timeout", "it did not answer in time"),
        (f"{POST}: dial tcp: lookup w: no such host", "its name cannot be resolved"),
        (f"{POST}: EOF", "it closed the connection"),
        (f"expected webhook response of x, got {CANARY}", "it does not answer as it should"),
    ],
)
def test_one_that_cannot_be_asked_is_told_with_the_reason(said: str, meant: str) -> None:
    told = error(500, f'Internal error occurred: failed calling webhook "validate.w": {said}')
    assert isinstance(told, ClusterUnavailable)
    assert told.webhook == "validate.w"
    assert str(told).endswith("look at the webhook's pods and Service")
    assert f"cannot ask the admission webhook validate.w: {meant};" in str(told)
    assert CANARY not in str(told)
    assert told.retryable is True


def test_other_refusals_name_no_webhook() -> None:
    assert error(403, "exceeded quota").webhook == error(500, "etcd is down").webhook == ""
