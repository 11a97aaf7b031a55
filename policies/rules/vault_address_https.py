"""Backends are reached over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pulumi_policy import Severity

from policies.declared import OBJECTS, SYNCED, stores
from policies.inputs import UNKNOWN, at, text_at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PROVIDER: Final = "pulumi:providers:vault"
_ADDRESSES: Final[Mapping[str, str]] = {"vault": "server", "openBao": "server", "webhook": "url", "conjur": "url"}
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def _check(resource: Resource) -> Iterator[str]:
    if resource.type == _PROVIDER:
        if _clear(text_at(resource.inputs, "address")):
            yield "address is not https, so tokens and secrets travel in clear; write https://…"
        if at(resource.inputs, "skipTlsVerify") in (True, "true"):
            yield "skipTlsVerify trusts whoever answers; take it out, and pass ca_cert_file for an own authority"
        return
    for store in stores(resource):
        provider = store.spec.provider
        field = _ADDRESSES.get(provider.name)
        if field is not None and _clear(text_at(provider.config, field)):
            yield f"provider.{provider.name}.{field} is not https, so tokens and secrets travel in clear; write https://…"


def _clear(address: str) -> bool:
    """Whether what is sent to an address can be read on the way."""
    if not address or address == UNKNOWN:
        return False
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return True
    return parts.scheme != "https" and host not in _LOOPBACK


POLICY = resource_rule(
    "vault-address-https",
    "A Vault, OpenBao or webhook is reached over https, its certificate checked; plain http is for loopback addresses.",
    _check,
    types=(OBJECTS, SYNCED, _PROVIDER),
    severity=Severity.CRITICAL,
    fix="Use https, and caBundle or caProvider for an authority of your own.",
)
"""The rule."""
