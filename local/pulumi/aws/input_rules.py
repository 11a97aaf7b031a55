"""Rules on values that the official plugin or AWS itself applies, for the types served here; moto applies few of them.

Sources: the API references of the services (patterns and ranges of their request parameters). A reason names an input
and never its value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from local.pulumi.aws.policy_documents import problems
from local.pulumi.wire import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.pulumi.aws.resource_type import ResourceType
    from local.pulumi.wire import PropertyMap, PropertyValue


@dataclass(frozen=True, slots=True)
class Form:
    """A text has to match.

    Attributes:
        pattern: Regular expression of the whole text.
        told: What it asks for, as the end of "must be …".
    """

    pattern: str
    told: str

    def holds(self, value: PropertyValue) -> bool:
        """Whether a value follows the rule; each item, where it is a list."""
        items = value if isinstance(value, list) else [value]
        return all(item is UNKNOWN or (isinstance(item, str) and re.fullmatch(self.pattern, item)) for item in items)


@dataclass(frozen=True, slots=True)
class Span:
    """A number has to lie within limits, both included, or be zero where that means something."""

    lowest: int
    highest: int
    or_zero: bool = False

    @property
    def told(self) -> str:
        """What it asks for."""
        return f"{'0, or ' if self.or_zero else ''}{self.lowest} to {self.highest}"

    def holds(self, value: PropertyValue) -> bool:
        """Whether a value follows the rule."""
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return self.lowest <= value <= self.highest or (self.or_zero and value == 0)


def _one_of(*names: str) -> Form:
    return Form("|".join(names), f"one of {', '.join(names)}")


_ARN: Final = Form(r"arn:[\w-]+:[\w-]*:[\w-]*:(\d{12}|aws)?:.+", "an ARN")
_KEY: Final = Form(
    r"(arn:[\w-]+:kms:.+|alias/.+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})",
    "a key's id or ARN, or an alias",
)
_ENTITY: Final = "[\\w+=,.@-]"
_MANAGED_NAME: Final = Form(_ENTITY + "{1,128}", "up to 128 letters, digits or any of +=,.@-_")
_ROLE_NAME: Final = Form(_ENTITY + "{1,64}", "up to 64 letters, digits or any of +=,.@-_")
_PATH: Final = Form(r"/|/[!-~]+/", "a path that begins and ends with a slash")
_HTTPS: Final = Form(r"https://[^\s/?#]+[^\s?#]*", "an https address without a query")

_RULES: Final[Mapping[str, Mapping[str, Form | Span]]] = {
    "aws:secretsmanager/secret:Secret": {
        "name": Form(r"[A-Za-z0-9/_+=.@-]{1,512}", "up to 512 letters, digits or any of /_+=.@-"),
        "recoveryWindowInDays": Span(7, 30, or_zero=True),
        "kmsKeyId": _KEY,
    },
    "aws:secretsmanager/secretPolicy:SecretPolicy": {"secretArn": _ARN},
    "aws:secretsmanager/secretRotation:SecretRotation": {"rotationLambdaArn": _ARN},
    "aws:kms/key:Key": {
        "deletionWindowInDays": Span(7, 30),
        "rotationPeriodInDays": Span(90, 2560),
        "keyUsage": _one_of("ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"),
    },
    "aws:kms/alias:Alias": {
        "name": Form(
            r"alias/(?!aws/)[\w/-]{1,250}", "alias/ with letters, digits or any of _/- behind it, not alias/aws/"
        )
    },
    "aws:iam/role:Role": {
        "name": _ROLE_NAME,
        "path": _PATH,
        "maxSessionDuration": Span(3600, 43200),
        "permissionsBoundary": _ARN,
    },
    "aws:iam/policy:Policy": {"name": _MANAGED_NAME, "path": _PATH},
    "aws:iam/rolePolicy:RolePolicy": {"name": _MANAGED_NAME},
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {"role": _ROLE_NAME, "policyArn": _ARN},
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
        "url": _HTTPS,
        "thumbprintLists": Form(r"[0-9a-fA-F]{40}", "40 hexadecimal digits"),
        "clientIdLists": Form(r".{1,255}", "up to 255 characters"),
    },
    "aws:iam/user:User": {"name": _ROLE_NAME, "path": _PATH, "permissionsBoundary": _ARN},
    "aws:ssm/parameter:Parameter": {
        "name": Form(
            r"(?!/?(aws|ssm))(?i:/?[a-z0-9_.-]+(/[a-z0-9_.-]+){0,14})", "a path of up to 15 names, not below aws or ssm"
        ),
        "type": _one_of("String", "StringList", "SecureString"),
        "tier": _one_of("Standard", "Advanced", "Intelligent-Tiering"),
    },
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": {
        "roleArn": Form(r"arn:[\w-]+:iam::\d{12}:role/.+", "the ARN of a role"),
        "targetRoleArn": Form(r"arn:[\w-]+:iam::\d{12}:role/.+", "the ARN of a role"),
        "namespace": Form(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "the name of a namespace"),
        "serviceAccount": Form(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", "the name of a ServiceAccount"),
    },
}
_EXACTLY_ONE: Final[Mapping[str, Sequence[tuple[str, ...]]]] = {
    "aws:secretsmanager/secretVersion:SecretVersion": [("secretString", "secretBinary", "secretStringWo")],
    "aws:ssm/parameter:Parameter": [("value", "insecureValue", "valueWo")],
}
_TOGETHER: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "aws:secretsmanager/secretVersion:SecretVersion": [("secretStringWo", "secretStringWoVersion")],
    "aws:ssm/parameter:Parameter": [("valueWo", "valueWoVersion")],
    "aws:kms/key:Key": [("rotationPeriodInDays", "enableKeyRotation")],
}
_TAGS: Final = 50
_TAG_KEY: Final = 128
_TAG_VALUE: Final = 256


def check(type_: str, kind: ResourceType, given: PropertyMap, completed: PropertyMap) -> list[str]:
    """What is wrong with inputs; one sentence each.

    Args:
        type_: The type token.
        kind: The type.
        given: The program's inputs, without secret marks.
        completed: The inputs with what the plugin filled in, likewise.
    """
    found = [
        f"{name} must be {rule.told}"
        for name, rule in _RULES.get(type_, {}).items()
        if completed.get(name) not in (None, UNKNOWN) and not rule.holds(completed[name])
    ]
    if kind.named and given.get("name") is not None and given.get("namePrefix") is not None:
        found.append("name and namePrefix exclude each other")
    found += _alternatives(type_, given)
    for name, document in kind.documents.items():
        if isinstance(completed.get(name), str):
            found += [f"{name} {problem}" for problem in problems(document, completed[name])]
    if type_ == "aws:kms/key:Key" and given.get("enableKeyRotation") is True:
        spec = completed.get("customerMasterKeySpec")
        if spec not in ("SYMMETRIC_DEFAULT", UNKNOWN):
            found.append("enableKeyRotation is for symmetric keys only")
    return found + (_tag_problems(completed.get("tags")) if kind.tagged else [])


def _alternatives(type_: str, given: PropertyMap) -> list[str]:
    found = []
    for names in _EXACTLY_ONE.get(type_, ()):
        count = sum(given.get(name) is not None for name in names)
        if count != 1:
            found.append(f"{', '.join(names)}: {'exactly one is required' if count else 'one is required'}")
    for name, other in _TOGETHER.get(type_, ()):
        if given.get(name) is not None and given.get(other) in (None, False):
            found.append(f"{name} needs {other}")
    return found


def _tag_problems(tags: PropertyValue) -> list[str]:
    if not isinstance(tags, dict):
        return []
    found = [f"tags has {len(tags)} entries, {_TAGS} are allowed"] if len(tags) > _TAGS else []
    for key, value in tags.items():
        if key.lower().startswith("aws:"):
            found.append('tags: keys must not begin with "aws:"')
        if not 1 <= len(key) <= _TAG_KEY:
            found.append(f"tags: keys have 1 to {_TAG_KEY} characters")
        if isinstance(value, str) and len(value) > _TAG_VALUE:
            found.append(f"tags: values have up to {_TAG_VALUE} characters")
    return found
