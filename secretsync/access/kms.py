"""Decryption with customer keys: only through the service that is read, and only of what is read.

Sources: the KMS developer guide on ``kms:ViaService`` and ``kms:EncryptionContext:…``; the encryption context is
``SecretARN`` in Secrets Manager and ``PARAMETER_ARN`` in Parameter Store. What AWS encrypts with its own keys
(``aws/secretsmanager``, ``aws/ssm``) needs no permission in the account of the key.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from secretsync.access.aws_account import Location, account_problem, dns_suffix, parse_arn
from secretsync.access.patterns import ANY, ONE, covers, is_single
from secretsync.access.requirements import widest_only
from secretsync.access.statements import Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from secretsync.access.refusals import Refusals
    from secretsync.access.requirements import Encrypted

ALL_OTHERS: Final = "*"
"""The name, among those of the customer keys, that stands for all secrets without a key of their own."""
_KEY: Final = re.compile(r"key/[A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Service:
    """A service that decrypts for its readers.

    Attributes:
        prefix: of its IAM actions and its host name.
        context: key of the encryption context that holds the ARN of what is encrypted.
    """

    prefix: str
    context: str


SECRETS_MANAGER: Final = Service("secretsmanager", "SecretARN")
PARAMETER_STORE: Final = Service("ssm", "PARAMETER_ARN")


def decryption(
    encrypted: Iterable[Encrypted],
    keys: Mapping[str, str],
    arn_of: Callable[[str], str],
    *,
    service: Service,
    location: Location,
    refusals: Refusals,
    notes: list[str],
) -> tuple[Statement, ...]:
    """One statement for each customer key that encrypts something of what is read.

    Args:
        encrypted: what is read.
        keys: name → ARN of its key; `ALL_OTHERS` for the rest.
        arn_of: the pattern of the ARN of a name.
        service: which service reads.
        location: where.
        refusals: gets the keys that cannot be granted.
        notes: gets what must be allowed in the account of a key.
    """
    used: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    others = keys.get(ALL_OTHERS)
    for each in encrypted:
        single = is_single(each.name)
        own = [name for name in ([each.name] if single else keys) if name in keys and name != ALL_OTHERS]
        own = [name for name in own if single or (covers(each.name, name) and _is_there(keys[name], location))]
        for name in own:
            used[keys[name]][each.arn if single else arn_of(name)].add(each.reason)
        if others is not None and not (own and single):
            used[others][each.arn].add(each.reason)
    statements = []
    for index, (key, why) in enumerate(sorted(used.items()), 1):
        if problem := _key_problem(key, location):
            refusals.add(_some(why), f"the customer key {json.dumps(key)} {problem[0]}", problem[1])
            continue
        arn = parse_arn(key)
        if arn is not None and arn.account != location.account:
            notes.append(
                f"the policy of the key {key} must allow kms:Decrypt for the account {location.account}: "
                "both accounts decide"
            )
        sid = "Decrypt" if len(used) == 1 else f"Decrypt{index}"
        statements.append(_statement(sid, key, why, service, location))
    return tuple(statements)


def _statement(sid: str, key: str, why: Mapping[str, set[str]], service: Service, location: Location) -> Statement:
    widest = widest_only({(arn, ()): reasons for arn, reasons in why.items()})
    reasons = {arn: tuple(sorted(who)) for (arn, _), who in sorted(widest.items())}
    patterns = tuple(reasons)
    context = f"kms:EncryptionContext:{service.context}"
    via = {"kms:ViaService": (f"{service.prefix}.{location.region}.{dns_suffix(location.partition)}",)}
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]] = (
        {"StringEquals": {**via, context: patterns}}
        if all(map(is_single, patterns))
        else {"StringEquals": via, "StringLike": {context: patterns}}
    )
    everyone = tuple(sorted({reason for each in reasons.values() for reason in each}))
    return Statement(sid, ("kms:Decrypt",), (key,), conditions, everyone, why=reasons)


def _is_there(key: str, location: Location) -> bool:
    """Whether a key is of the Region that is read: one of another Region encrypts nothing there."""
    arn = parse_arn(key)
    return arn is None or (arn.partition, arn.region) == (location.partition, location.region)


def _key_problem(key: str, location: Location) -> tuple[str, str] | None:
    arn = parse_arn(key)
    remedy = "give the ARN of the key itself, arn:aws:kms:<region>:<account>:key/<id>"
    if arn is None or arn.service != "kms" or ANY in key or ONE in key or account_problem(arn.account):
        return "is no ARN of a KMS key", remedy
    if arn.resource.startswith("alias/"):
        return "is an alias, which policies do not resolve", remedy
    if not _KEY.fullmatch(arn.resource):
        return "is no ARN of a KMS key", remedy
    if not _is_there(key, location):
        return (
            f"is not in {location.partition}, {location.region}, where the store reads",
            "give the key of that Region; a multi-Region key has an ARN in each",
        )
    return None


def _some(why: Mapping[str, set[str]]) -> str:
    return min(reason for reasons in why.values() for reason in reasons)
