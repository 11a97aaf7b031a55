"""AWS Systems Manager Parameter Store: what the entries of a store need there.

The ARN of a parameter is ``parameter/`` and its name without the slash it begins with.
Sources: the Systems Manager user guide on access to parameters, and the requests of the provider
(``docs/decisions/0004-aws-batch-reads.md``).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from secretsync.access.aws_account import AccessLevel, Arn, Location, parse_arn
from secretsync.access.aws_search import found_names, tags_of
from secretsync.access.patterns import ANY, ONE, after, beginning_with, is_unbounded, without_covered
from secretsync.access.requirements import Encrypted, Needed, Requirement
from secretsync.api import MetadataPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsync.access.needs import RemoteNeed
    from secretsync.access.refusals import Refusals
    from secretsync.api import Find

READ: Final = "ssm:GetParameter"
READ_MANY: Final = "ssm:GetParameters"
READ_PATH: Final = "ssm:GetParametersByPath"
TAGS: Final = "ssm:ListTagsForResource"
DESCRIBE: Final = "ssm:DescribeParameters"
WORDS: Final = {
    READ: "Read",
    READ_MANY: "ReadTogether",
    READ_PATH: "ReadPath",
    TAGS: "ListTags",
    DESCRIBE: "DescribeParameters",
}
"""What the statements of this service are called."""
ALONE: Final = frozenset({DESCRIBE})
"""Actions on ``*``, which stand alone."""

NAME: Final = re.compile(r"[A-Za-z0-9_./-]{1,1011}")
"""Names that Parameter Store accepts."""
_SELECTOR: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_SECRETS: Final = "aws/reference/secretsmanager/"
_PUBLIC: Final = "aws/service/"


class ParameterStoreAccess:
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
        self._prefixes = tuple(prefix.removeprefix("/") for prefix in prefixes)
        self._refusals = refusals
        self.names: set[str] = set()
        """The names that are declared, without the slash they begin with."""

    def needed(self, needs: Sequence[RemoteNeed]) -> Needed:
        """The permissions of all entries; versions are read as values are, but not decrypted."""
        needed = Needed()
        latest: dict[str, list[Requirement]] = {}
        for need in needs:
            if need.find is not None:
                self._find(need.find, need.reason, needed)
                continue
            if need.ref is None:
                continue
            name = self._prefix + need.ref.key + (f":{need.ref.version}" if need.ref.version else "")
            parameter = self._parameter(name, need.reason)
            if parameter is None:
                continue
            tail, arn = parameter
            if need.ref.metadata_policy is MetadataPolicy.Fetch:
                needed.requirements.append(Requirement(TAGS, self._resource(arn), need.reason))
                continue
            needed.requirements.append(Requirement(READ, self._resource(arn), need.reason))
            needed.encrypted.append(Encrypted(tail, arn, need.reason))
            if ":" not in name:
                latest.setdefault(name, []).append(Requirement(READ_MANY, self._resource(arn), need.reason))
        if len(latest) > 1:
            needed.requirements += [each for requirements in latest.values() for each in requirements]
        return needed

    def arn_of(self, name: str) -> str:
        """The pattern of the ARN of a name without the slash it begins with, or of a pattern of such names."""
        if self._level is not AccessLevel.Secrets:
            return self._location.arn("ssm", f"parameter/{ANY}")
        for prefix in self._prefixes:
            if name.startswith(prefix):
                name = prefix + ANY
        return self._location.arn("ssm", f"parameter/{name}")

    def _resource(self, arn: str) -> str:
        return ANY if self._level is AccessLevel.Everything else arn

    def _parameter(self, name: str, reason: str) -> tuple[str, str] | None:
        """Name (without the slash it begins with) and ARN of a parameter; None where it cannot be granted."""
        given = name.removeprefix(self._prefix)
        if given.startswith("arn:"):
            return self._by_arn(given, reason)
        name, _, selector = name.partition(":")
        tail = name.removeprefix("/")
        if not NAME.fullmatch(name) or not tail or (selector and not _SELECTOR.fullmatch(selector)):
            problem = f"the key {json.dumps(name)} is no name of a parameter"
            self._refusals.add(reason, problem, "use letters, digits and _.-/ and no wildcard")
            return None
        return self._named(tail, name, reason)

    def _named(self, tail: str, shown: str, reason: str) -> tuple[str, str] | None:
        if tail.startswith(_SECRETS):
            problem = f"the parameter {json.dumps(shown)} is a secret of Secrets Manager"
            self._refusals.add(reason, problem, "read it through a store with the service SecretsManager")
            return None
        self.names.add(tail)
        if tail.startswith(_PUBLIC) and self._level is AccessLevel.Secrets:
            location = self._location
            return tail, str(Arn(location.partition, "ssm", location.region, "", f"parameter/{tail}"))
        return tail, self.arn_of(tail)

    def _by_arn(self, key: str, reason: str) -> tuple[str, str] | None:
        if self._prefix:
            problem = f"the key {json.dumps(key)} is an ARN, before which the store puts {json.dumps(self._prefix)}"
            self._refusals.add(reason, problem, "use a store without prefix for ARNs")
            return None
        arn = parse_arn(key)
        resource, _, selector = arn.resource.partition(":") if arn is not None else ("", "", "")
        tail = resource.removeprefix("parameter/")
        right = arn is not None and arn.service == "ssm" and tail != resource and NAME.fullmatch(tail)
        if arn is None or not right or (selector and not _SELECTOR.fullmatch(selector)):
            remedy = "give arn:<partition>:ssm:<region>:<account>:parameter/<name>"
            self._refusals.add(reason, f"the key {json.dumps(key)} is no ARN of a parameter", remedy)
            return None
        public = tail.startswith(_PUBLIC) and not arn.account
        if not public and (problem := self._location.foreign(arn)):
            remedy = "read it through a store of its own, with region and role of where it is"
            self._refusals.add(reason, f"the parameter {key} {problem}", remedy)
            return None
        return self._named(tail, key, reason)

    def _find(self, find: Find, reason: str, needed: Needed) -> None:
        path = find.path
        if path is not None and not path.startswith("/"):
            problem = f"the path {json.dumps(path)} does not begin with a slash"
            self._refusals.add(reason, problem, "correct find.path")
            return
        by_path = find.name is not None and (path not in {None, "/"} or self._level is not AccessLevel.Secrets)
        if by_path:
            self._find_by_path(find, path or "/", reason, needed)
            return
        by_tags = find.name is None
        tags = tags_of(find, reason, self._refusals) if by_tags else ()
        # the path is one of whole segments, and for a search by name the root
        searched = find.model_copy(update={"path": None} if by_tags else {"path": None, "tags": {}})
        names = found_names(searched, NAME, reason, level=self._level, refusals=self._refusals, notes=needed.notes)
        if path is not None and path != "/":
            names = beginning_with(path.rstrip("/") + "/", names)
        needed.requirements.append(Requirement(DESCRIBE, ANY, reason))
        for tail in self._tails(names, reason, needed.notes, narrowed=bool(tags)):
            arn = self.arn_of(tail)
            narrowing = tags if self._level is AccessLevel.Secrets else ()
            needed.requirements += [
                Requirement(action, self._resource(arn), reason, narrowing) for action in (READ, READ_MANY)
            ]
            needed.encrypted.append(Encrypted(tail, arn, reason))

    def _find_by_path(self, find: Find, path: str, reason: str, needed: Needed) -> None:
        tail = path.removeprefix("/")
        if (tail and not NAME.fullmatch(tail)) or tail.startswith("/"):
            problem = f"the path {json.dumps(path)} is none that parameters have"
            self._refusals.add(reason, problem, "correct find.path")
            return
        unpathed = find.model_copy(update={"path": None, "tags": {}})
        found_names(
            unpathed, NAME, reason, level=AccessLevel.Region, refusals=self._refusals, notes=needed.notes
        )  # only for what is wrong with the regular expression
        regexp = find.name.regexp if find.name is not None else ""
        if self._level is AccessLevel.Secrets and regexp not in {"", ".*", ".+", "^.*$", "^.+$"}:
            needed.notes.append(
                f"{reason}: {json.dumps(regexp)} does not narrow what may be read: "
                f"ssm:GetParametersByPath gives all below {path}"
            )
        needed.requirements.append(Requirement(READ_PATH, self._resource(self._path_arn(tail)), reason))
        below = f"{tail.rstrip('/')}/{ANY}".removeprefix("/")
        needed.encrypted.append(Encrypted(below, self.arn_of(below), reason))

    def _path_arn(self, tail: str) -> str:
        if self._level is not AccessLevel.Secrets:
            return self.arn_of(tail)
        return self._location.arn("ssm", f"parameter/{tail}")

    def _tails(self, names: tuple[str, ...], reason: str, notes: list[str], *, narrowed: bool) -> tuple[str, ...]:
        """Patterns of ARNs behind ``parameter/`` for patterns of names, which may begin with a slash or not."""
        if any(map(is_unbounded, names)):
            return (ANY,)
        flat = [name for name in names if name[0] not in {"/", ANY, ONE} and ANY in name]
        if flat and not narrowed:
            notes.append(
                f"{reason}: a policy cannot say that {', '.join(flat)} has no slash before it: "
                "what lies in a folder of such a name may be read too"
            )
        with_slash = [tail for name in names for tail in after("/", name)]
        return without_covered([*with_slash, *(name for name in names if not name.startswith("/"))])
