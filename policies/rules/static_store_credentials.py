"""Stores log in with an identity, not with a stored credential."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_policy import Severity

from policies import parameters
from policies.declared import DECLARATIONS, stores
from policies.rule import Resource, resource_rule

_ALLOWED = parameters.flag("allowed", "Whether stored credentials are fine here: for development.", default=False)
_STATIC: Final = frozenset({"appRole", "userPass", "ldap", "token", "cert", "accessToken", "privateKey"})
_IDENTITIES: Final = frozenset({"serviceAccountRef", "kubernetesServiceAccountToken", "workloadIdentity"})


def _check(resource: Resource) -> Iterator[str]:
    if _ALLOWED.of(resource.config):
        return
    for store in stores(resource):
        provider = store.spec.provider
        auth = provider.config.get("auth")
        for path in _static(auth, "auth") if isinstance(auth, Mapping) else _outside(provider.config):
            yield (
                f"provider.{provider.name}.{path} is a stored credential; "
                "log in with a ServiceAccount: auth.kubernetes or auth.jwt with serviceAccountRef, or workload identity"
            )


def _outside(config: Mapping[str, Any]) -> Iterator[str]:
    """Providers such as azurekv keep their credential beside ``auth``."""
    return (name for name in config if name.endswith("SecretRef"))


def _static(auth: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, value in auth.items():
        if key in _IDENTITIES:
            continue
        if key in _STATIC or key.lower().endswith("secretref"):
            yield f"{path}.{key}"
        elif isinstance(value, Mapping):
            yield from _static(value, f"{path}.{key}")


POLICY = resource_rule(
    "static-store-credentials",
    "A store logs in with a workload's identity; stored tokens, passwords and keys are for development only.",
    _check,
    types=DECLARATIONS,
    severity=Severity.HIGH,
    fix="Use Kubernetes auth at Vault, IRSA or Pod Identity at AWS, workload identity at GCP and Azure.",
    parameters=(_ALLOWED,),
)
"""The rule."""
