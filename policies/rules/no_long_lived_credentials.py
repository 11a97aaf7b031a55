"""The program makes no credential that lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pulumi_policy import Severity

from policies import parameters
from policies.inputs import text_at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ALLOWED = parameters.names("allowed", [], "Resources (logical names) that may be.")
_MADE: Final[Mapping[str, str]] = {
    "aws:iam/accessKey:AccessKey": "an access key; give the workload a role by IRSA or Pod Identity",
    "aws:iam/serviceSpecificCredential:ServiceSpecificCredential": "a password of a user; give the workload a role",
    "vault:index/token:Token": "a token; let the workload log in by its ServiceAccount",
    "vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId": "a secret id; use Kubernetes auth",
    "vault:appRole/authBackendRoleSecretID:AuthBackendRoleSecretID": "a secret id; use Kubernetes auth",
}
_SECRET: Final = "kubernetes:core/v1:Secret"  # noqa: S105 - a type token
_TOKEN_TYPE: Final = "kubernetes.io/service-account-token"  # noqa: S105 - a type


def _check(resource: Resource) -> Iterator[str]:
    if resource.name in _ALLOWED.of(resource.config):
        return
    if resource.type in _MADE:
        yield f"it makes {_MADE[resource.type]}"
    elif resource.type == _SECRET and text_at(resource.inputs, "type") == _TOKEN_TYPE:
        yield "it makes a ServiceAccount token without an end; project one into the pod, or ask for it by TokenRequest"


POLICY = resource_rule(
    "no-long-lived-credentials",
    "The program makes no access keys, Vault tokens, secret ids or ServiceAccount tokens: they last, and lie in state.",
    _check,
    types=(*_MADE, _SECRET),
    severity=Severity.CRITICAL,
    fix="Let workloads log in with their identity; list the resource if a system outside needs it.",
    parameters=(_ALLOWED,),
)
"""The rule."""
