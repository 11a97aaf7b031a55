"""AWS: what PushSecrets need to write their secrets and parameters, and no others.

Sources: the requests that ESO v2.9.0 makes for a PushSecret, and the service authorization reference. What it writes
carries the tag ``managed-by: external-secrets``, and it changes nothing that does not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from secretsync.access import kms, parameter_store, secrets_manager
from secretsync.access.requirements import Encrypted, Requirement
from secretsync.access.statements import Statement

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from secretsync.access.aws_account import Location
    from secretsync.access.pushes import Push
    from secretsync.access.refusals import Refusals

_CREATE: Final = "secretsmanager:CreateSecret"
_WRITE: Final = "secretsmanager:PutSecretValue"
_TAG: Final = "secretsmanager:TagResource"
_UNTAG: Final = "secretsmanager:UntagResource"
_READ_POLICY: Final = "secretsmanager:GetResourcePolicy"
_WRITE_POLICY: Final = "secretsmanager:PutResourcePolicy"
_DELETE_POLICY: Final = "secretsmanager:DeleteResourcePolicy"
_DELETE: Final = "secretsmanager:DeleteSecret"
SECRET_WORDS: Final = {
    _TAG: "Tag",
    _WRITE: "Write",
    _UNTAG: "",
    _READ_POLICY: "WritePolicy",
    _WRITE_POLICY: "",
    _DELETE_POLICY: "DeletePolicy",
    _DELETE: "Delete",
}
"""What the statements for secrets are called; some actions only come with others."""

_WRITE_PARAMETER: Final = "ssm:PutParameter"
_TAG_PARAMETER: Final = "ssm:AddTagsToResource"
_UNTAG_PARAMETER: Final = "ssm:RemoveTagsFromResource"
_DELETE_PARAMETER: Final = "ssm:DeleteParameter"
PARAMETER_WORDS: Final = {
    _WRITE_PARAMETER: "Write",
    _TAG_PARAMETER: "",
    _UNTAG_PARAMETER: "",
    _DELETE_PARAMETER: "Delete",
}
"""What the statements for parameters are called."""

_MANAGED: Final = (("aws:ResourceTag/managed-by", "external-secrets"),)
_SECRET_METADATA: Final = frozenset({"description", "kmsKeyID", "resourcePolicy", "secretPushFormat", "tags"})
_PARAMETER_METADATA: Final = frozenset(
    {"description", "encodeAsDecoded", "kmsKeyID", "policies", "secretType", "tags", "tier"}
)


@dataclass(slots=True)
class Written:
    """What writing comes to.

    Attributes:
        requirements: permissions on what is written.
        encrypted: what is read before it is written.
        created: names that may be created, with their reasons.
        notes: what must be allowed elsewhere.
    """

    requirements: list[Requirement] = field(default_factory=list)
    encrypted: list[Encrypted] = field(default_factory=list)
    created: dict[str, set[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def creation(self, location: Location) -> tuple[Statement, ...]:
        """The statement that creates secrets: by their names, because a secret to be made has no whole ARN yet."""
        if not self.created:
            return ()
        why = {name: tuple(sorted(reasons)) for name, reasons in sorted(self.created.items())}
        everyone = tuple(sorted({reason for reasons in why.values() for reason in reasons}))
        names = {"StringEquals": {"secretsmanager:Name": tuple(why)}}
        every = location.arn("secretsmanager", "secret:*")
        return (Statement("Create", (_CREATE,), (every,), names, everyone, why=why),)


def pushed_secrets(
    pushes: Sequence[Push], location: Location, prefix: str, customer_keys: Collection[str], refusals: Refusals
) -> Written:
    """What writing secrets needs; a wider level widens none of it.

    Args:
        pushes: what is written.
        location: where.
        prefix: what the store puts before every key.
        customer_keys: names of what customer keys encrypt; ``*`` for all.
        refusals: gets what cannot be granted.
    """
    written = Written()
    for push, name in _named(pushes, prefix, secrets_manager.NAME, refusals):
        spec = _spec(push.metadata)
        arn = location.arn("secretsmanager", f"secret:{name}{secrets_manager.SUFFIX}")
        policies = (_READ_POLICY, _WRITE_POLICY) if spec.get("resourcePolicy") else (_DELETE_POLICY,)
        before = (secrets_manager.READ, secrets_manager.DESCRIBE, _TAG)
        behind = (_WRITE, _UNTAG, *policies, *((_DELETE,) if push.deletes else ()))
        written.requirements += [Requirement(action, arn, push.reason) for action in before]
        written.requirements += [Requirement(action, arn, push.reason, _MANAGED) for action in behind]
        written.encrypted.append(Encrypted(name, arn, push.reason))
        written.created.setdefault(name, set()).add(push.reason)
        written.notes += _notes(push, name, _SECRET_METADATA, customer_keys, "kms:GenerateDataKey")
    return written


def pushed_parameters(
    pushes: Sequence[Push], location: Location, prefix: str, customer_keys: Collection[str], refusals: Refusals
) -> Written:
    """What writing parameters needs; arguments as for `pushed_secrets`."""
    written = Written()
    for push, name in _named(pushes, prefix, parameter_store.NAME, refusals):
        tail = name.removeprefix("/")
        arn = location.arn("ssm", f"parameter/{tail}")
        actions = (parameter_store.READ, parameter_store.TAGS, _WRITE_PARAMETER, _TAG_PARAMETER, _UNTAG_PARAMETER)
        written.requirements += [Requirement(action, arn, push.reason) for action in actions]
        if push.deletes:
            written.requirements.append(Requirement(_DELETE_PARAMETER, arn, push.reason, _MANAGED))
        written.encrypted.append(Encrypted(tail, arn, push.reason))
        needed = "kms:Encrypt, and kms:GenerateDataKey for the tier Advanced"
        written.notes += _notes(push, tail, _PARAMETER_METADATA, customer_keys, needed)
    return written


def _named(
    pushes: Iterable[Push], prefix: str, valid: re.Pattern[str], refusals: Refusals
) -> Iterator[tuple[Push, str]]:
    for push in pushes:
        name = prefix + push.key
        if not push.key:
            remedy = "list them in spec.data, or write them together under a remoteKey"
            refusals.add(push.reason, "only the keys of the Secret tell which secrets are written", remedy)
        elif not valid.fullmatch(name):
            problem = f"the remoteKey {json.dumps(name)} is no name that can be written"
            refusals.add(push.reason, problem, "give the name, no ARN and no wildcard")
        else:
            yield push, name


def _spec(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = metadata.get("spec")
    return spec if isinstance(spec, dict) else {}


def _notes(push: Push, name: str, known: frozenset[str], customer_keys: Collection[str], needed: str) -> Iterator[str]:
    """What has to be allowed by hand."""
    spec = _spec(push.metadata)
    if spec.get("kmsKeyID") or name in customer_keys or kms.ALL_OTHERS in customer_keys:
        yield f"{push.reason}: writing with a customer key is not compiled: allow {needed} on it by hand"
    if unknown := sorted(set(spec) - known):
        yield f"{push.reason}: what metadata.spec.{unknown[0]} needs beside writing is not compiled"
