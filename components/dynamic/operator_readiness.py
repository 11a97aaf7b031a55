"""Resources that are made when the upstream operator can be relied on: its kinds established, its webhook answering."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pulumi
from pulumi.dynamic import Resource, ResourceProvider

from components.dynamic.waiting import WaitingProvider
from secretsync.errors import ClusterDenied, ClusterError, OperatorNotReady
from secretsync.kube.resources import CUSTOM_RESOURCE_DEFINITIONS, EXTERNAL_SECRETS, SECRET_STORES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.api import JsonObject
    from secretsync.kube.protocol import Cluster
    from secretsync.kube.resources import Resource as Kind

_KINDS_PATIENCE: Final = 120.0
_WEBHOOK_PATIENCE: Final = 180.0
_POLL: Final = 0.5
_UNPROCESSABLE: Final = 422
_MANAGER: Final = "external-secrets-on-pulumi"
_PROBE: Final = "webhook-probe"

WEBHOOKS: Final[Mapping[str, Kind]] = {
    "validate.externalsecret.external-secrets.io": EXTERNAL_SECRETS,
    "validate.secretstore.external-secrets.io": SECRET_STORES,
}
"""Webhooks of the chart, which have these names whatever the release is called → the kind that each is asked about.
The one for ClusterSecretStores shares configuration, certificate and authority with the one for SecretStores."""

_REFUSABLE: Final[Mapping[Kind, Mapping[str, Any]]] = {
    EXTERNAL_SECRETS: {
        "secretStoreRef": {"name": _PROBE},
        "target": {"creationPolicy": "Merge", "deletionPolicy": "Delete"},
        "data": [{"secretKey": _PROBE, "remoteRef": {"key": _PROBE}}],
    },
    SECRET_STORES: {
        "provider": {"fake": {"data": [{"key": "", "value": ""}]}},
        "conditions": [{"namespaceRegexes": ["("]}],
    },
}
"""What the schema admits and the webhook refuses: only a refusal proves that it was asked."""


class DefinitionsProvider(WaitingProvider):
    """Waits until kinds are established."""

    _deadline = _KINDS_PATIENCE + 30

    def _asked(self, props: Mapping[str, Any]) -> object:
        return props.get("names"), props.get("release")

    async def _until(self, cluster: Cluster, props: Mapping[str, Any]) -> dict[str, Any]:
        names = list(props["names"])
        await until_established(cluster, names)
        return {**props, "established": sorted(names)}


class WebhookProvider(WaitingProvider):
    """Waits until the webhook has refused what it has to refuse."""

    _deadline = _WEBHOOK_PATIENCE + 60

    def _asked(self, props: Mapping[str, Any]) -> object:
        return props.get("namespace"), props.get("service"), props.get("release")

    async def _until(self, cluster: Cluster, props: Mapping[str, Any]) -> dict[str, Any]:
        await until_answered(cluster, namespace=props["namespace"], service=props["service"])
        return {**props, "answered": sorted(WEBHOOKS)}


async def until_established(cluster: Cluster, names: Sequence[str], *, patience: float = _KINDS_PATIENCE) -> None:
    """Wait until the API server serves every kind.

    Args:
        cluster: where they are.
        names: names of CustomResourceDefinitions.
        patience: seconds to wait at most.

    Raises:
        OperatorNotReady: some are missing, or not established; each with the reason.
        ClusterDenied: they may not be read.
    """
    start = time.monotonic()
    while True:
        missing = {}
        for name in names:
            if why := await _why_not_established(cluster, name):
                missing[name] = why
        seconds = time.monotonic() - start
        if not missing:
            return
        if seconds > patience:
            raise OperatorNotReady(
                f"{len(missing)} of {len(names)} kinds are not served after {seconds:.0f} s:\n  "
                + "\n  ".join(f"{name}: {why}" for name, why in sorted(missing.items()))
                + "\n",
                place="CustomResourceDefinitions of the operator",
                remedy="install the operator with its CRDs, or set operator.kind to what this stack is to install",
            )
        await asyncio.sleep(_POLL)


async def _why_not_established(cluster: Cluster, name: str) -> str:
    try:
        found = await cluster.get(CUSTOM_RESOURCE_DEFINITIONS, name)
    except ClusterError as error:
        if not error.retryable:
            raise
        return error.problem
    if found is None:
        return "does not exist"
    conditions = {each.get("type"): each for each in (found.get("status") or {}).get("conditions") or ()}
    for kind in ("NamesAccepted", "Established"):
        state = conditions.get(kind) or {}
        if state.get("status") != "True":
            return str(state.get("message") or f"is not {kind} yet")
    if (found.get("metadata") or {}).get("deletionTimestamp"):
        return "is being deleted"
    return ""


async def until_answered(
    cluster: Cluster, *, namespace: str, service: str, patience: float = _WEBHOOK_PATIENCE, poll: float = _POLL
) -> None:
    """Wait until each webhook has refused a declaration that it has to refuse; nothing is stored.

    A declaration that is admitted proves nothing: the webhook may not be registered yet, or may be unreachable with
    failurePolicy Ignore.

    Args:
        cluster: where it is registered.
        namespace: namespace of the operator; the declarations are sent to it.
        service: name of the webhook's Service, for messages.
        patience: seconds to wait at most.
        poll: seconds between two attempts.

    Raises:
        OperatorNotReady: one does not answer; with its Service and the reason.
        ClusterDenied: the declarations may not be sent.
    """
    start = time.monotonic()
    waiting: dict[str, str] = dict.fromkeys(WEBHOOKS, "")
    while True:
        for webhook in list(waiting):
            waiting[webhook] = await _why_not_answered(cluster, webhook, namespace)
        waiting = {webhook: why for webhook, why in waiting.items() if why}
        seconds = time.monotonic() - start
        if not waiting:
            return
        if seconds > patience:
            raise OperatorNotReady(
                f"the admission webhook does not answer after {seconds:.0f} s:\n  "
                + "\n  ".join(f"{webhook}: {why}" for webhook, why in sorted(waiting.items()))
                + "\n",
                place=f"Service {namespace}/{service}",
                remedy="look at the pods of webhook and cert-controller, and at NetworkPolicies between the API server "
                "and port 10250, then run again",
            )
        await asyncio.sleep(poll)


async def _why_not_answered(cluster: Cluster, webhook: str, namespace: str) -> str:
    """Why a webhook has not proven yet that it answers; empty where it has."""
    kind = WEBHOOKS[webhook]
    declared: JsonObject = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": _PROBE, "namespace": namespace},
        "spec": _REFUSABLE[kind],
    }
    try:
        await cluster.create(kind, declared, field_manager=_MANAGER, dry_run=True)
    except ClusterError as error:
        return _told(error, webhook)
    return f"the API server admits a wrong {kind.kind} without asking it; it is not registered, or may be left out"


def _told(error: ClusterError, webhook: str) -> str:
    """What a refusal says of a webhook; empty where it is the webhook's own."""
    if error.webhook == webhook and not error.retryable:
        return ""
    if isinstance(error, ClusterDenied) and not error.webhook:
        raise error
    if error.status == _UNPROCESSABLE and not error.webhook:
        return (
            "a ValidatingAdmissionPolicy or the schema refuses the declaration first; "
            "remove what is left of an earlier operator"
        )
    return error.problem


class EstablishedDefinitions(Resource, module="external-secrets", name="EstablishedDefinitions"):
    """Kinds that the API server served when this resource was made or updated."""

    established: pulumi.Output[list[str]]
    """Names of the CustomResourceDefinitions, sorted."""

    _waiting: ClassVar[ResourceProvider] = DefinitionsProvider()

    def __init__(
        self,
        name: str,
        names: Sequence[str],
        *,
        release: pulumi.Input[str] = "",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {"names": sorted(names), "release": release, "established": None}
        super().__init__(self._waiting, name, props, opts)


class AnsweringWebhook(Resource, module="external-secrets", name="AnsweringWebhook"):
    """An admission webhook that answered when this resource was made or updated."""

    answered: pulumi.Output[list[str]]
    """Names of the webhooks, sorted."""

    _waiting: ClassVar[ResourceProvider] = WebhookProvider()

    def __init__(
        self,
        name: str,
        *,
        namespace: pulumi.Input[str],
        service: str,
        release: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {"namespace": namespace, "service": service, "release": release, "answered": None}
        super().__init__(self._waiting, name, props, opts)
