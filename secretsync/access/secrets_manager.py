"""AWS Secrets Manager: what the entries of a store need there.

The ARN of a secret is its name, a hyphen and six characters that AWS adds, so ``<name>-??????`` matches the secrets of
that name and no other: a different name has either another length or another text before the hyphen.
Sources: the Secrets Manager user guide on identity-based policies, and the requests of the provider
(``docs/decisions/0004-aws-batch-reads.md``).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from secretsync.access.aws_account import AccessLevel, Location, parse_arn
from secretsync.access.aws_search import found_names, tags_of
from secretsync.access.patterns import ANY, is_unbounded
from secretsync.access.requirements import Encrypted, Needed, Requirement
from secretsync.api import MetadataPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsync.access.needs import RemoteNeed
    from secretsync.access.refusals import Refusals
    from secretsync.api import Find, RemoteRef

READ: Final = "secretsmanager:GetSecretValue"
DESCRIBE: Final = "secretsmanager:DescribeSecret"
LIST: Final = "secretsmanager:ListSecrets"
BATCH: Final = "secretsmanager:BatchGetSecretValue"
WORDS: Final = {READ: "Read", DESCRIBE: "Describe", LIST: "List", BATCH: "ReadBatches"}
"""What the statements of this service are called."""
ALONE: Final = frozenset({LIST, BATCH})
"""Actions on ``*``, which stand alone."""
MOST_SINGLE_READS: Final = 10
"""Current values of one store that are read one by one; from one more on the provider tries a batch."""

NAME: Final = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
"""Names that Secrets Manager accepts."""
_WITH_SUFFIX: Final = re.compile(r"(.+)-[A-Za-z0-9]{6}")
SUFFIX: Final = "-??????"
"""What stands behind a name in the pattern of its ARN."""
_CURRENT: Final = frozenset({"", "AWSCURRENT"})


class SecretsManagerAccess:
    """Compiles the entries of one store.

    Args:
        location: where the store reads.
        prefix: what the store puts before every key.
        level: how far to widen.
        prefixes: beginnings of names under which everything may be read.
        refusals: gets what cannot be granted.
    """

    def __init__(
        self, location: Location, *, prefix: str, level: AccessLevel, prefixes: Sequence[str], refusals: Refusals
    ) -> None:
        self._location = location
        self._prefix = prefix
        self._level = level
        self._prefixes = prefixes
        self._refusals = refusals
        self.names: set[str] = set()
        """The names that are declared."""

    def needed(self, needs: Sequence[RemoteNeed], *, versions: bool, batch: bool, upstream: bool) -> Needed:
        """The permissions of all entries.

        Args:
            needs: the entries.
            versions: whether the versions of secrets are read without their values too.
            batch: whether the current values of many secrets may be read in batches.
            upstream: whether ESO's own operator reads, which has no other way for searches with a path or tags.
        """
        needed = Needed()
        current: dict[str, list[str]] = {}
        for need in needs:
            if need.find is not None:
                self._find(need.find, need.reason, needed)
                if upstream and (need.find.path is not None or need.find.tags):
                    needed.requirements.append(Requirement(BATCH, ANY, need.reason))
                current.setdefault("", []).append(need.reason)
            elif need.ref is not None and (secret := self._secret(need.ref.key, need.reason)) is not None:
                name, arn = secret
                self._read(need.ref, name, arn, need.reason, needed, versions=versions)
                if need.ref.metadata_policy is not MetadataPolicy.Fetch and need.ref.version in _CURRENT:
                    current.setdefault(self._prefix + need.ref.key, []).append(need.reason)
        if batch and (len(current) > MOST_SINGLE_READS or "" in current):
            needed.requirements += [Requirement(BATCH, ANY, each) for reasons in current.values() for each in reasons]
        return needed

    def arn_of(self, name: str) -> str:
        """The pattern of the ARN of a name, or of a pattern of names."""
        if self._level is not AccessLevel.Secrets or name == ANY:
            return self._location.arn("secretsmanager", f"secret:{ANY}")
        for prefix in self._prefixes:
            if name.startswith(prefix):
                name = prefix + ANY
        return self._location.arn("secretsmanager", f"secret:{name}{SUFFIX}")

    def _resource(self, arn: str) -> str:
        return ANY if self._level is AccessLevel.Everything else arn

    def _read(self, ref: RemoteRef, name: str, arn: str, reason: str, needed: Needed, *, versions: bool) -> None:
        fetch = ref.metadata_policy is MetadataPolicy.Fetch
        if fetch or versions:
            needed.requirements.append(Requirement(DESCRIBE, self._resource(arn), reason))
        if not fetch:
            needed.requirements.append(Requirement(READ, self._resource(arn), reason))
            needed.encrypted.append(Encrypted(name, arn, reason))

    def _secret(self, key: str, reason: str) -> tuple[str, str] | None:
        """Name and ARN of what a key names; None where it cannot be granted."""
        name = self._prefix + key
        if key.startswith("arn:"):
            return self._by_arn(key, reason)
        if not NAME.fullmatch(name):
            problem = f"the key {json.dumps(name)} is no name of a secret"
            self._refusals.add(reason, problem, "use 1 to 512 letters, digits and /_+=.@- and no wildcard")
            return None
        self.names.add(name)
        return name, self.arn_of(name)

    def _by_arn(self, key: str, reason: str) -> tuple[str, str] | None:
        if self._prefix:
            problem = f"the key {json.dumps(key)} is an ARN, before which the store puts {json.dumps(self._prefix)}"
            self._refusals.add(reason, problem, "use a store without prefix for ARNs")
            return None
        arn = parse_arn(key)
        name = arn.resource.removeprefix("secret:") if arn is not None else ""
        if arn is None or arn.service != "secretsmanager" or name == arn.resource or not NAME.fullmatch(name):
            remedy = "give arn:<partition>:secretsmanager:<region>:<account>:secret:<name>-<six characters>"
            self._refusals.add(reason, f"the key {json.dumps(key)} is no ARN of a secret", remedy)
            return None
        if problem := self._location.foreign(arn):
            remedy = "read it through a store of its own, with region and role of where it is"
            self._refusals.add(reason, f"the secret {key} {problem}", remedy)
            return None
        whole = _WITH_SUFFIX.fullmatch(name)
        if whole is None:  # without the six characters AWS looks for the name
            self.names.add(name)
            return name, self.arn_of(name)
        self.names.add(whole[1])
        alone = self._level is AccessLevel.Secrets and not whole[1].startswith(tuple(self._prefixes))
        return whole[1], key if alone else self.arn_of(whole[1])

    def _find(self, find: Find, reason: str, needed: Needed) -> None:
        tags = tags_of(find, reason, self._refusals)
        names = found_names(find, NAME, reason, level=self._level, refusals=self._refusals, notes=needed.notes)
        needed.requirements.append(Requirement(LIST, ANY, reason))
        for name in names:
            arn = self.arn_of(ANY if is_unbounded(name) else name)
            needed.requirements.append(Requirement(READ, self._resource(arn), reason, self._narrowing(tags)))
            needed.encrypted.append(Encrypted(name, arn, reason))

    def _narrowing(self, tags: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tags if self._level is AccessLevel.Secrets else ()
