"""A role is taken on by one workload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pulumi_policy import Severity

from policies.iam_documents import TRUST, Condition, Principal, Statement, statements, wildcard
from policies.inputs import UNKNOWN
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_WEB_IDENTITY: Final = "sts:AssumeRoleWithWebIdentity"
_ASSUME: Final = "sts:AssumeRole"
_POD_IDENTITY: Final = "pods.eks.amazonaws.com"
_POD_TAGS: Final = ("aws:RequestTag/kubernetes-namespace", "aws:RequestTag/kubernetes-service-account")
_EXACT: Final = {"stringequals", "arnequals"}
_CALLER: Final = ("sts:ExternalId", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:SourceArn")


def _check(resource: Resource) -> Iterator[str]:
    for statement in statements(resource, TRUST):
        if any(principal.name == "*" for principal in statement.principals):
            yield f"{statement.place} trusts everybody; name the principal"
        elif statement.not_principals:
            yield f"{statement.place} trusts everybody but somebody (NotPrincipal); name the principal"
        elif statement.granted([_WEB_IDENTITY]) and _of(statement, "Federated"):
            yield from _web_identity(statement)
        elif any(principal.name == _POD_IDENTITY for principal in statement.principals):
            yield from _pod_identity(statement)
        elif statement.granted([_ASSUME]):
            yield from _accounts(statement)


def _of(statement: Statement, kind: str) -> list[Principal]:
    return [principal for principal in statement.principals if principal.kind == kind]


def _exact(condition: Condition) -> bool:
    return condition.operator.lower() in _EXACT and not any(wildcard(value) for value in condition.values)


def _web_identity(statement: Statement) -> Iterator[str]:
    for claim, example in (("sub", "system:serviceaccount:<namespace>:<name>"), ("aud", "sts.amazonaws.com")):
        found = statement.conditions_ending(f":{claim}")
        if not found:
            yield (f'{statement.place} does not pin {claim}; add to StringEquals "<issuer>:{claim}": "{example}"')
        for condition in found:
            if not _exact(condition):
                yield (
                    f"{statement.place} compares {claim} by {condition.operator} or with a wildcard; "
                    f'write "StringEquals": {{"<issuer>:{claim}": "{example}"}}'
                )


def _pod_identity(statement: Statement) -> Iterator[str]:
    for tag in _POD_TAGS:
        if not any(_exact(condition) for condition in statement.conditions_on(tag)):
            yield f'{statement.place} trusts the pods of every workload; add to StringEquals "{tag}": "<its name>"'


def _accounts(statement: Statement) -> Iterator[str]:
    bound = any(_exact(condition) for key in _CALLER for condition in statement.conditions_on(key))
    for principal in _of(statement, "AWS"):
        whole = principal.name.endswith(":root") or principal.name.isdecimal()
        if principal.name != UNKNOWN and whole and not bound:
            yield (
                f"{statement.place} trusts a whole account; name the role's ARN, "
                'or add "StringEquals": {"sts:ExternalId": "…"}'
            )


POLICY = resource_rule(
    "trust-pins-identity",
    "A role is taken on by one ServiceAccount: sub and aud by StringEquals, or the tags of Pod Identity.",
    _check,
    types=tuple(TRUST),
    severity=Severity.CRITICAL,
    fix="Use secretsync.access.trust: irsa and pod_identity write the whole trust policy.",
)
"""The rule."""
