"""Vault policies of stores read, and read only what they name."""

from __future__ import annotations

import re

from pulumi_policy import ReportViolation, ResourceValidationArgs, ResourceValidationPolicy, Severity

_RULE = re.compile(r'path\s+"((?:[^"\\]|\\.)*)"\s*\{([^}]*)\}')
_CAPABILITIES = re.compile(r"capabilities\s*=\s*\[([^\]]*)\]")
_ALLOWED = {"read", "list", "deny"}


def _validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    document = args.props.get("policy")
    if args.resource_type != "vault:index/policy:Policy" or not isinstance(document, str):
        return
    for path, body in _RULE.findall(document):
        found = _CAPABILITIES.search(body)
        capabilities = set(re.findall(r'"(\w+)"', found.group(1))) if found else set()
        beyond = sorted(capabilities - _ALLOWED)
        if beyond:
            report(f'path "{path}" grants {", ".join(beyond)}; a store needs read, and list for find', args.urn)
        if path.strip("/") in {"*", "+", "+/*"} or path.startswith(("sys/", "auth/")):
            report(f'path "{path}" reaches beyond a mount\'s secrets; name the secrets that are declared', args.urn)


POLICY = ResourceValidationPolicy(
    "vault-policy-read-only",
    "A Vault policy grants read and list on named paths of a mount, nothing else.",
    _validate,
    severity=Severity.CRITICAL,
)
"""The rule."""
