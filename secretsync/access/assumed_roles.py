"""The roles that a store assumes one after the other, and what each step needs of the identity before it.

Source: ESO v2.9.0: ``additionalRoles`` in order, then ``role``, which alone gets ``externalID`` and session tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from secretsync.access.aws_account import parse_arn, role_problem
from secretsync.access.statements import Statement
from secretsync.api.stores.aws import SessionTagsPolicy

if TYPE_CHECKING:
    from secretsync.access.refusals import Refusals
    from secretsync.api import AWSProvider

_ASSUME: Final = "sts:AssumeRole"
_TAG: Final = "sts:TagSession"
_EXTERNAL_ID: Final = re.compile(r"[A-Za-z0-9_+=,.@:/-]{2,1224}")


@dataclass(frozen=True, slots=True)
class RoleStep:
    """One role that is assumed.

    Attributes:
        identity: who assumes it: the ARN of the role before it, empty for the store's own credentials.
        role: its ARN.
        statements: what that identity needs.
        notes: what the trust policy of the role must admit.
    """

    identity: str
    role: str
    statements: tuple[Statement, ...]
    notes: tuple[str, ...]


def role_chain(config: AWSProvider, store: str, partition: str, refusals: Refusals) -> tuple[RoleStep, ...]:
    """The roles of a store in the order in which they are assumed.

    Args:
        config: the store's provider.
        store: the store, as people name it.
        partition: of the store's credentials: no role of another one can be assumed.
        refusals: gets roles that are none.
    """
    arns = [*config.additional_roles, *([config.role] if config.role else [])]
    steps = []
    for index, arn in enumerate(arns):
        if problem := role_problem(arn, partition):
            refusals.add(store, problem, "correct role or additionalRoles of the store")
            continue
        last = index == len(arns) - 1 and bool(config.role)
        external_id = config.external_id if last else ""
        tagged = last and (bool(config.session_tags) or config.session_tags_policy is not SessionTagsPolicy.None_)
        identity = arns[index - 1] if index else ""
        statements = _statements(arn, store, external_id, tagged=tagged)
        steps.append(RoleStep(identity, arn, statements, (_note(identity, arn, external_id, tagged=tagged),)))
    if config.external_id and not _EXTERNAL_ID.fullmatch(config.external_id):
        refusals.add(store, "its externalID is none that STS accepts", "use 2 to 1224 letters, digits and _+=,.@:/-")
    return tuple(steps)


def _statements(role: str, store: str, external_id: str, *, tagged: bool) -> tuple[Statement, ...]:
    conditions = {"StringEquals": {"sts:ExternalId": (external_id,)}} if external_id else {}
    reasons = (store,)
    assume = Statement("AssumeRole", (_ASSUME,), (role,), conditions, reasons, why={role: reasons})
    tag = Statement("TagSession", (_TAG,), (role,), {}, reasons, why={role: reasons})
    return (assume, tag) if tagged else (assume,)


def _note(identity: str, role: str, external_id: str, *, tagged: bool) -> str:
    arn = parse_arn(role)
    account = arn.account if arn is not None else ""
    who = identity or "the credentials of the store"
    actions = f"{_ASSUME} and {_TAG}" if tagged else _ASSUME
    condition = ", with the store's externalID as sts:ExternalId" if external_id else ""
    return f"the trust policy of {role} in the account {account} must allow {actions} for {who}{condition}"
