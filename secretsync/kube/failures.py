"""From an answer of the API server to an error of ours: what happened and where, never a piece of an object.

The API server's free text may quote the object that was sent ("Invalid value: …"), and admission rules may quote what
they like. For kinds that can hold secret values only field paths, reasons and field managers are passed on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from secretsync.errors import ClusterConflict, ClusterDenied, ClusterError, ClusterRefused, ClusterUnavailable
from secretsync.kube import resources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsync.kube.resources import Resource

_WITHOUT_VALUES: Final = frozenset(
    {
        resources.NAMESPACES,
        resources.SERVICE_ACCOUNTS,
        resources.EVENTS,
        resources.LEASES,
        resources.ROLES,
        resources.ROLE_BINDINGS,
        resources.CLUSTER_ROLES,
        resources.CLUSTER_ROLE_BINDINGS,
        resources.CUSTOM_RESOURCE_DEFINITIONS,
        resources.VALIDATING_ADMISSION_POLICIES,
        resources.VALIDATING_ADMISSION_POLICY_BINDINGS,
        resources.EXTERNAL_SECRETS,
        resources.CLUSTER_EXTERNAL_SECRETS,
        resources.PUSH_SECRETS,
        resources.PASSWORDS,
        resources.UUIDS,
    }
)
"""Kinds whose objects hold no secret value, so that the API server's own words may be passed on."""

_MANAGER: Final = re.compile(r'conflict with "([^"]{1,128})"')
_RBAC: Final = re.compile(
    r'User "[^"]{1,256}" cannot (?P<verb>[a-z]{1,32}) resource "(?P<resource>[a-z0-9./-]{1,128})" '
    r'in API group "[a-z0-9.-]{0,253}"(?: in the namespace "[a-z0-9-]{1,63}"| at the cluster scope)'
)
_WEBHOOK: Final = re.compile(r'(?P<did>admission webhook|failed calling webhook) "(?P<name>[A-Za-z0-9.-]{1,253})"')
_QUOTED: Final = re.compile(r'"[^"]*"')
_NOT_ASKED: Final = {
    "no endpoints available": "its Service has no endpoint",
    "not found": "its Service does not exist",
    "connection refused": "it refuses connections",
    "x509": "its certificate is not trusted",
    "tls:": "TLS with it fails",
    "deadline exceeded": "it did not answer in time",
    "imeout": "it did not answer in time",
    "no such host": "its name cannot be resolved",
    "no route to host": "it cannot be reached",
    "connection reset": "it closed the connection",
    "EOF": "it closed the connection",
}
"""A piece of what the API server says of a webhook that it could not ask → what that means."""
_FIELD: Final = re.compile(r"[\w.\[\]/=\"{}:-]{1,253}", re.ASCII)
_REASON: Final = re.compile(r"[A-Za-z]{1,64}", re.ASCII)
_LONGEST_MESSAGE: Final = 1_000
_FORBIDDEN: Final = 403


def place_of(resource: Resource, namespace: str | None = None, name: str = "") -> str:
    """``Kind namespace/name``, as far as it is known."""
    path = "/".join(part for part in (namespace, name) if part)
    return f"{resource.kind} {path}" if path else resource.kind


def from_status(
    status_code: int, status: Mapping[str, Any], *, verb: str, resource: Resource | None, place: str
) -> ClusterError:
    """The error for an answer that is not a success.

    Args:
        status_code: the HTTP status.
        status: the ``Status`` object of the answer; empty where there was none.
        verb: what was asked for, in RBAC's words.
        resource: the kind asked for; None for discovery.
        place: the object asked for.
    """
    reason = str(status.get("reason") or "")
    reason = reason if _REASON.fullmatch(reason) else ""
    plural = resource.plural if resource else "the resource"
    webhook = _WEBHOOK.search(str(status.get("message") or ""))
    if webhook:
        return _by_webhook(webhook, verb=verb, plural=plural, place=place, status_code=status_code, reason=reason)
    match status_code:
        case 401:
            return ClusterDenied(
                "the API server does not accept the credentials",
                place=place,
                remedy="renew the token or certificate",
                status=status_code,
                reason=reason,
            )
        case 403:
            return _forbidden(status, verb=verb, plural=plural, place=place, reason=reason)
        case 409:
            return _conflict(status, place=place, reason=reason)
        case 429 | 500 | 502 | 503 | 504:
            return ClusterUnavailable(
                f"the API server answers {status_code}{f' ({reason})' if reason else ''}",
                place=place,
                remedy="it is tried again; look at the API server's health if it stays",
                status=status_code,
                reason=reason,
            )
        case _:
            return ClusterRefused(
                f"the API server refuses to {verb} it: {_cause(status_code, status, resource)}",
                place=place,
                remedy="correct the object" if status_code in {400, 422} else "check that the API server serves it",
                status=status_code,
                reason=reason,
            )


def _by_webhook(
    webhook: re.Match[str], *, verb: str, plural: str, place: str, status_code: int, reason: str
) -> ClusterError:
    """What an admission webhook refuses; its own words may quote the object."""
    name = webhook["name"]
    if webhook["did"] == "admission webhook":
        refused = ClusterDenied if status_code == _FORBIDDEN else ClusterRefused
        return refused(
            f"the admission webhook {name} forbids to {verb} {plural}",
            place=place,
            remedy="correct the object, or see the webhook's log",
            status=status_code,
            reason=reason,
            webhook=name,
        )
    said = _QUOTED.sub("", webhook.string[webhook.end() :])  # its address has a time-out in it
    why = next((meaning for piece, meaning in _NOT_ASKED.items() if piece in said), "it does not answer as it should")
    return ClusterUnavailable(
        f"the API server cannot ask the admission webhook {name}: {why}",
        place=place,
        remedy="look at the webhook's pods and Service",
        status=status_code,
        reason=reason,
        webhook=name,
    )


def _forbidden(status: Mapping[str, Any], *, verb: str, plural: str, place: str, reason: str) -> ClusterError:
    matched = _RBAC.search(str(status.get("message") or ""))
    if matched:
        return ClusterDenied(
            matched[0],
            place=place,
            remedy=f"grant the verb {matched['verb']} on {matched['resource']} by RBAC",
            status=403,
            reason=reason,
        )
    return ClusterDenied(
        f"the API server or an admission rule forbids to {verb} {plural}",
        place=place,
        remedy="look at RBAC, quotas and admission policies of the cluster",
        status=403,
        reason=reason,
    )


def _conflict(status: Mapping[str, Any], *, place: str, reason: str) -> ClusterError:
    owners: dict[str, list[str]] = {}
    for cause in _causes(status):
        if cause.get("reason") == "FieldManagerConflict":
            manager = _MANAGER.search(str(cause.get("message") or ""))
            owners.setdefault(manager[1] if manager else "another manager", []).append(_field(cause))
    if owners:
        owned = "; ".join(f"{manager!r} owns {', '.join(fields)}" for manager, fields in owners.items())
        return ClusterConflict(
            f"another field manager owns fields: {owned}",
            place=place,
            remedy="remove these fields from one of the two, or give up the other's ownership",
            status=409,
            reason=reason,
        )
    problem = "exists already" if reason == "AlreadyExists" else "changed in between"
    return ClusterConflict(problem, place=place, remedy="read it again and retry", status=409, reason=reason)


def _cause(status_code: int, status: Mapping[str, Any], resource: Resource | None) -> str:
    if resource in _WITHOUT_VALUES:
        message = str(status.get("message") or "")
        if message:
            return message[:_LONGEST_MESSAGE]
    fields = [f"{_field(cause)} ({_named(cause)})" for cause in _causes(status)]
    named = f": {', '.join(fields)}" if fields else ""
    reason = str(status.get("reason") or "")
    return f"HTTP {status_code}{f' {reason}' if _REASON.fullmatch(reason) else ''}{named}"


def _causes(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return [cause for cause in causes or () if isinstance(cause, dict)]


def _field(cause: Mapping[str, Any]) -> str:
    field = str(cause.get("field") or "")
    return field if _FIELD.fullmatch(field) else "a field"


def _named(cause: Mapping[str, Any]) -> str:
    reason = str(cause.get("reason") or "")
    return reason if _REASON.fullmatch(reason) else "invalid"
