"""Where in AWS a store reads: partition, account, Region, customer keys; and ARNs, taken apart and checked."""

from __future__ import annotations

import difflib
import importlib
import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_ROLE: Final = re.compile(r"role/[A-Za-z0-9+=,.@_/-]+")


class AccessLevel(StrEnum):
    """How much a store's credentials may read: the three levels of the AWS documentation's examples."""

    Secrets = "secrets"
    """What is declared, by name."""
    Region = "region"
    """Every secret of the store's Region, those made later too."""
    Everything = "everything"
    """Every secret of the account in all Regions."""


@dataclass(frozen=True, slots=True)
class AWSAccount:
    """Where a store's secrets are, as far as the manifests do not say it.

    Attributes:
        account: 12 digits; the account of the store's own credentials.
        region: the Region of stores that name none.
        partition: ``aws``, ``aws-cn``, ``aws-us-gov`` …
        kms_keys: full name of a secret or parameter → ARN of the customer key that encrypts it; ``*`` names the key of
            all that have none of their own. What AWS encrypts with its own key needs none.
    """

    account: str
    region: str = ""
    partition: str = "aws"
    kms_keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arn:
    """An Amazon Resource Name in its parts."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a store reads.

    Attributes:
        partition: e.g. ``aws``.
        region: the store's.
        account: that of the identity that reads: of the last role that the store assumes, or else of its credentials.
    """

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something there."""
        return str(Arn(self.partition, service, self.region, self.account, resource))

    def foreign(self, arn: Arn) -> str:
        """Why what an ARN names cannot be read from here; empty where it can."""
        if arn.partition != self.partition:
            return f"is in the partition {arn.partition}, and the store reads in {self.partition}"
        if arn.region != self.region:
            return f"is in the Region {arn.region or '(none)'}, and the store reads in {self.region}"
        if arn.account != self.account:
            return f"is in the account {arn.account or '(none)'}, and the store reads as {self.account}"
        return ""


def parse_arn(text: str) -> Arn | None:
    """The parts; None for what is no ARN."""
    parts = text.split(":", 5)
    return Arn(*parts[1:]) if len(parts) == 6 and parts[0] == "arn" and all((parts[1], parts[2], parts[5])) else None  # noqa: PLR2004 - the parts of an ARN


@lru_cache(maxsize=1)
def _partitions() -> dict[str, dict[str, Any]]:
    """The partitions that the AWS SDK knows, with their Regions."""
    loaders = importlib.import_module("botocore.loaders")  # only where AWS is compiled: it takes a while
    loaded = loaders.create_loader().load_data("partitions")
    return {partition["id"]: partition for partition in loaded["partitions"]}


def dns_suffix(partition: str) -> str:
    """End of the service host names of a known partition, e.g. ``amazonaws.com``."""
    return str(_partitions()[partition]["outputs"]["dnsSuffix"])


def partition_problem(partition: str) -> str:
    """What is wrong with the name of a partition; empty where nothing is."""
    if partition in _partitions():
        return ""
    return f"{json.dumps(partition)} is no partition of AWS"


def account_problem(account: str) -> str:
    """What is wrong with an account id; empty where nothing is."""
    return "" if _ACCOUNT.fullmatch(account) else f"{json.dumps(account)} is no AWS account id, which has 12 digits"


def region_problem(region: str, partition: str) -> str:
    """What is wrong with a Region of a known partition; empty where nothing is."""
    if not region:
        return "names no Region"
    if region in _regions(partition):
        return ""
    for other in _partitions():
        if region in _regions(other):
            return f"the Region {region} belongs to the partition {other}, not to {partition}"
    near = difflib.get_close_matches(region, _regions(partition), n=1)
    return f"{json.dumps(region)} is no known Region of {partition}" + (f": is it {near[0]}?" if near else "")


def _regions(partition: str) -> frozenset[str]:
    return frozenset(name for name in _partitions()[partition]["regions"] if not name.endswith("-global"))


def role_problem(text: str, partition: str) -> str:
    """What is wrong with the ARN of a role; empty where nothing is."""
    arn = parse_arn(text)
    if arn is None or arn.service != "iam" or not _ROLE.fullmatch(arn.resource) or not _ACCOUNT.fullmatch(arn.account):
        return f"{json.dumps(text)} is no ARN of a role"
    if arn.partition != partition:
        return f"the role {text} is in the partition {arn.partition}, not in {partition}"
    return "" if not arn.region else f"{json.dumps(text)} is no ARN of a role"
