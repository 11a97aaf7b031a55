"""Rights in the cluster are no wider than the operator's scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pulumi_policy import Severity

from policies import parameters
from policies.inputs import UNKNOWN, at, items_at, text_at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_RBAC: Final = "kubernetes:rbac.authorization.k8s.io/v1:"
_ROLES: Final = (f"{_RBAC}Role", f"{_RBAC}ClusterRole")
_BINDINGS: Final = (f"{_RBAC}RoleBinding", f"{_RBAC}ClusterRoleBinding")
_CLUSTER_SCOPED = parameters.flag(
    "clusterScoped",
    "Whether the operator serves every namespace, and so reads and writes Secrets cluster-wide.",
    default=False,
)
_ESCALATING: Final = ("escalate", "bind", "impersonate")
_TOKENS: Final = ("serviceaccounts/token", "*/token")
_POWERFUL: Final = ("cluster-admin", "admin", "edit")
_EVERYBODY: Final = ("system:authenticated", "system:unauthenticated", "system:anonymous", "system:serviceaccounts")


def _check(resource: Resource) -> Iterator[str]:
    if resource.type in _ROLES:
        for index, rule in enumerate(items_at(resource.inputs, "rules")):
            if isinstance(rule, dict):
                yield from _rule(resource, rule, f"rules[{index}]")
    else:
        yield from _binding(resource)


def _rule(resource: Resource, rule: dict[str, Any], place: str) -> Iterator[str]:
    verbs, resources = items_at(rule, "verbs"), items_at(rule, "resources")
    for field in ("verbs", "resources", "apiGroups"):
        if "*" in items_at(rule, field):
            yield f"{place}.{field} is *; list those that the operator uses"
    for verb in sorted({*verbs} & {*_ESCALATING}):
        yield f"{place}.verbs has {verb}, with which a controller can give itself any right; take it out"
    wide = resource.type == _ROLES[1] and not _CLUSTER_SCOPED.of(resource.config)
    unnamed = not rule.get("resourceNames")
    if wide and unnamed and "secrets" in resources and "" in items_at(rule, "apiGroups"):
        yield (
            f"{place} reaches the Secrets of every namespace; use a Role in each namespace it serves, "
            "or set this rule's clusterScoped where the operator serves all of them"
        )
    if {*resources} & {*_TOKENS} and unnamed and not _CLUSTER_SCOPED.of(resource.config):
        yield f"{place} makes tokens of every ServiceAccount; write resourceNames with those that stores use"


def _binding(resource: Resource) -> Iterator[str]:
    role = text_at(resource.inputs, "roleRef", "name")
    if role in _POWERFUL and text_at(resource.inputs, "roleRef", "kind") == "ClusterRole":
        yield f"it gives the ClusterRole {role}; write a role with the rules that are needed"
    for subject in items_at(resource.inputs, "subjects"):
        name = at(subject, "name")
        if (
            name != UNKNOWN
            and isinstance(name, str)
            and name.startswith(_EVERYBODY)
            and at(subject, "kind") not in (_ACCOUNT, UNKNOWN)
        ):
            yield f"it gives the role to {name}; name a ServiceAccount"


_ACCOUNT: Final = "ServiceAccount"

POLICY = resource_rule(
    "operator-rbac-narrow",
    "Roles have no wildcard and no way up; Secrets and tokens cluster-wide only for an operator of the whole cluster.",
    _check,
    types=(*_ROLES, *_BINDINGS),
    severity=Severity.CRITICAL,
    fix="List verbs and resources; prefer a Role per namespace; name ServiceAccounts in resourceNames.",
    parameters=(_CLUSTER_SCOPED,),
)
"""The rule."""
