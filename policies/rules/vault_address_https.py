"""A Vault store is reached over TLS."""

from __future__ import annotations

from urllib.parse import urlsplit

from pulumi_policy import ReportViolation, ResourceValidationArgs, ResourceValidationPolicy, Severity

from policies.declared import store

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def _validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    declared = store(args)
    vault = declared.spec.provider.vault if declared is not None else None
    if vault is None:
        return
    address = urlsplit(vault.server)
    if address.scheme != "https" and address.hostname not in _LOOPBACK:
        report("provider.vault.server is not https, so tokens and secrets travel in clear; write https://…", args.urn)


POLICY = ResourceValidationPolicy(
    "vault-address-https",
    "A Vault or OpenBao store is reached over https; plain http is for loopback addresses only.",
    _validate,
    severity=Severity.CRITICAL,
)
"""The rule."""
