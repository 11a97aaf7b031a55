"""``external-secrets:aws``."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from components.settings.aws_secrets import Arn, Days, ParameterSettings, SecretSettings
from components.settings.section import ObjectName, Section
from secretsync.access.aws_account import parse_arn, partition_problem, region_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def _quoted(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        raise PydanticCustomError("quoted", "is a number and may have lost a leading zero; write it in quotes")
    return value


AccountId = Annotated[str, BeforeValidator(_quoted), StringConstraints(pattern=r"^[0-9]{12}$")]
ClusterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
"""Beginnings of the Regions outside the partition ``aws``."""
_TAG = re.compile(r"[\w\s.:/=+@-]*")
_MOST_TAGS = 45
_LONGEST_TAG_KEY = 128
_LONGEST_TAG_VALUE = 256


class IRSAIdentity(Section):
    """Stores log in with the token of their ServiceAccount (IAM roles for service accounts)."""

    kind: Literal["irsa"]
    oidc_provider_arn: Arn | None = None
    """ARN of the cluster's OIDC provider in IAM."""
    cluster: ClusterName | None = None
    """Name of the EKS cluster, whose issuer is then looked up; instead of `oidc_provider_arn`."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.oidc_provider_arn is None) == (self.cluster is None):
            raise PydanticCustomError("irsa", "needs exactly one of oidcProviderArn and cluster")
        return self


class PodIdentity(Section):
    """The operator logs in by EKS Pod Identity, and assumes the role of each store."""

    kind: Literal["podIdentity"]
    cluster: ClusterName
    """Name of the EKS cluster, with its Pod Identity agent."""


class LevelException(Section):
    """Why stores of this stack may read a whole Region, and until when."""

    until: date
    """The last day, ``YYYY-MM-DD``; from the next day on the program stops."""
    reason: Annotated[str, StringConstraints(min_length=10, max_length=_LONGEST_TAG_VALUE, pattern=_TAG.pattern + "$")]
    """The reason: letters, digits, spaces and ``.:/=+@-_``, because it becomes a tag."""


class KMSKeySettings(Section):
    """The customer key of this stack's secrets: one that exists, or one that the stack makes."""

    arn: Arn | None = None
    """ARN of an existing key; the setting may also be this ARN itself."""
    create: bool = False
    """Makes a key."""
    alias: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/_-]{1,240}$")] | None = None
    """Name of the new key, without ``alias/``."""
    deletion_window_days: Days = 30
    """Days between the order to delete the new key and its end."""

    @field_validator("alias")
    @classmethod
    def _of_its_own(cls, value: str | None) -> str | None:
        if value is not None and value.startswith(("alias/", "aws/")):
            raise PydanticCustomError("alias", "begins with alias/ or aws/; leave the first out, the second is of AWS")
        return value

    @model_validator(mode="before")
    @classmethod
    def _from_arn(cls, value: object) -> object:
        return {"arn": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.create == (self.arn is not None):
            raise PydanticCustomError("key", "needs either create: true or the arn of an existing key")
        if self.create and self.alias is None:
            raise PydanticCustomError("key", "needs an alias for the new key")
        return self


class ReadOnlyFrom(Section):
    """Where values may be read from; exactly one of the two."""

    vpc_endpoint: Annotated[str, StringConstraints(pattern=r"^vpce-[0-9a-f]{8,17}$")] | None = None
    """Through this interface endpoint only."""
    vpc: Annotated[str, StringConstraints(pattern=r"^vpc-[0-9a-f]{8,17}$")] | None = None
    """From this VPC only, through any of its endpoints."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.vpc_endpoint is None) == (self.vpc is None):
            raise PydanticCustomError("network", "needs exactly one of vpcEndpoint and vpc")
        return self


class AWSSettings(Section):
    """The AWS account and Region in which this stack provisions secrets and access to them."""

    region: str
    """Region of secrets and stores, e.g. ``eu-central-1``."""
    account_id: AccountId
    """The account, 12 digits in quotes; the provider refuses to work in any other."""
    partition: str = Field(default="", validate_default=True)
    """``aws``, ``aws-cn``, ``aws-us-gov`` …; without it the one of the Region."""
    identity: Annotated[IRSAIdentity | PodIdentity, Field(discriminator="kind")] | None = None
    """How stores log in; needed where `stores` lists any."""
    stores: tuple[ObjectName, ...] = ()
    """Stores whose Region and login this stack fills in, and whose access it compiles: ``namespace/name``, or ``name``
    of a ClusterSecretStore."""
    level: Literal["secrets", "region"] = "secrets"
    """How far the access reaches: the declared secrets, or all of the Region."""
    level_exception: LevelException | None = Field(default=None, validate_default=True)
    """Needed with level ``region``."""
    kms_key: KMSKeySettings | None = None
    """Customer key of all secrets and parameters that name none of their own; also of those that the stack's stores
    read and that this stack does not provision."""
    secrets: tuple[SecretSettings, ...] = ()
    """Secrets to provision."""
    parameters: tuple[ParameterSettings, ...] = ()
    """Parameters to provision; with sample values only."""
    read_only_from: ReadOnlyFrom | None = None
    """The network from which the provisioned secrets may be read."""
    tags: dict[str, str] = Field(default={})
    """Tags of everything that has tags."""
    permissions_boundary: Arn | None = None
    """ARN of the policy that bounds each role."""
    role_path: Annotated[str, StringConstraints(pattern=r"^/([A-Za-z0-9_+=,.@-]+/)*$", max_length=512)] = (
        "/external-secrets/"
    )
    """Path of roles and policies."""

    @property
    def oidc_provider_prefix(self) -> str:
        """What the ARN of an OIDC provider of the account begins with; the issuer without ``https://`` follows."""
        return f"arn:{self.partition}:iam::{self.account_id}:oidc-provider/"

    @property
    def samples(self) -> tuple[str, ...]:
        """Names of the secrets and parameters that get a first value."""
        return tuple(each.name for each in (*self.secrets, *self.parameters) if each.sample is not None)

    @field_validator("region")
    @classmethod
    def _known(cls, value: str) -> str:
        problem = region_problem(value, _partition_of(value))
        if problem:
            raise PydanticCustomError("region", "{problem}", {"problem": problem})
        return value

    @field_validator("partition")
    @classmethod
    def _of_the_region(cls, value: str, info: ValidationInfo) -> str:
        region = info.data.get("region", "")
        partition = value or _partition_of(region)
        problem = partition_problem(partition) or (region_problem(region, partition) if region else "")
        if problem:
            raise PydanticCustomError("partition", "{problem}", {"problem": problem})
        return partition

    @field_validator("stores")
    @classmethod
    def _with_identity(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if value and "identity" in info.data and info.data["identity"] is None:
            raise PydanticCustomError("identity", "need aws.identity, which says how they log in")
        return _once(value)

    @field_validator("level_exception")
    @classmethod
    def _only_where_needed(cls, value: LevelException | None, info: ValidationInfo) -> LevelException | None:
        level = info.data.get("level")
        if level == "region" and value is None:
            raise PydanticCustomError("level", "is needed with level region: until (a date) and reason")
        if level == "secrets" and value is not None:
            raise PydanticCustomError("level", "is there, but the level is secrets; take it out, or set level: region")
        return value

    @field_validator("secrets", "parameters")
    @classmethod
    def _names_once(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        _once(each.name for each in value)
        return value

    @field_validator("read_only_from")
    @classmethod
    def _not_in_the_way(cls, value: ReadOnlyFrom | None, info: ValidationInfo) -> ReadOnlyFrom | None:
        sampled = [each.name for each in info.data.get("secrets", ()) if each.sample is not None]
        if value is not None and sampled:
            raise PydanticCustomError(
                "network",
                "would keep this program from reading back the samples of {names}; take the samples out",
                {"names": ", ".join(sampled)},
            )
        return value

    @field_validator("identity", "kms_key", "secrets", "parameters", "permissions_boundary")
    @classmethod
    def _of_this_account(cls, value: object, info: ValidationInfo) -> object:
        """Each ARN has the partition and account of the stack, and the Region, where it has one."""
        problems = [problem for use, arn in _arns(value) for problem in _foreign(use, arn, info.data)]
        if problems:
            raise PydanticCustomError("arn", "{problems}", {"problems": "; ".join(problems)})
        return value

    @field_validator("tags")
    @classmethod
    def _taggable(cls, value: dict[str, str]) -> dict[str, str]:
        problems = [f"{key!r}" for key, text in value.items() if not _is_tag(key, text)]
        if problems:
            raise PydanticCustomError(
                "tag",
                "{names} AWS does not take: letters, digits, spaces and .:/=+@-_, not beginning with aws:",
                {"names": ", ".join(problems)},
            )
        if len(value) > _MOST_TAGS:
            raise PydanticCustomError("tags", "are more than {most}", {"most": _MOST_TAGS})
        return value


def _partition_of(region: str) -> str:
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")


def _once(names: Iterable[str]) -> tuple[str, ...]:
    listed = tuple(names)
    twice = sorted({name for name in listed if listed.count(name) > 1})
    if twice:
        raise PydanticCustomError("twice", "list {names} twice", {"names": ", ".join(twice)})
    return listed


def _is_tag(key: str, text: str) -> bool:
    return bool(
        0 < len(key) <= _LONGEST_TAG_KEY
        and len(text) <= _LONGEST_TAG_VALUE
        and not key.lower().startswith("aws:")
        and _TAG.fullmatch(key)
        and _TAG.fullmatch(text)
    )


def _arns(value: object) -> Iterator[tuple[str, str]]:
    """(what it is for, ARN) pairs in a setting."""
    if isinstance(value, tuple):
        for each in value:
            yield from _arns(each)
    elif isinstance(value, SecretSettings | ParameterSettings):
        if value.kms_key is not None:
            yield "kms", value.kms_key
        if isinstance(value, SecretSettings) and value.rotation is not None:
            yield "lambda", value.rotation.lambda_arn
    elif isinstance(value, KMSKeySettings) and value.arn is not None:
        yield "kms", value.arn
    elif isinstance(value, IRSAIdentity) and value.oidc_provider_arn is not None:
        yield "oidc", value.oidc_provider_arn
    elif isinstance(value, str):
        yield "policy", value


_RESOURCES = {
    "kms": ("key/", "a KMS key"),
    "lambda": ("function:", "a function"),
    "oidc": ("oidc-provider/", "an OIDC provider in IAM"),
    "policy": ("policy/", "an IAM policy"),
}
"""What an ARN is for → how its resource begins, and what that is."""
_SERVICES = {"oidc": "iam", "policy": "iam"}


def _foreign(use: str, text: str, known: dict[str, Any]) -> Iterator[str]:
    arn = parse_arn(text)
    beginning, meaning = _RESOURCES[use]
    if arn is None or arn.service != _SERVICES.get(use, use) or not arn.resource.startswith(beginning):
        yield f"{text} is no ARN of {meaning}"
        return
    partition, region, account = (known.get(name) for name in ("partition", "region", "account_id"))
    if partition and arn.partition != partition:
        yield f"{text} is in the partition {arn.partition}, the stack in {partition}"
    if arn.region and region and arn.region != region:
        yield f"{text} is in the Region {arn.region}, the stack in {region}"
    if account and arn.account not in (account, "aws"):
        yield f"{text} is in the account {arn.account}, the stack in {account}"
