"""Semantic versions and constraints as Masterminds/semver v3 reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from secretsync.template.failures import FunctionFailure
from secretsync.template.govalues import GoObject, Uint64

_MAX_SEGMENT: Final = (1 << 64) - 1
_MAX_LENGTH: Final = 256
_SUFFIX: Final = r"(?:-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?(?:\+([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?"
_VERSION: Final = re.compile(r"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?" + _SUFFIX)
_OPERATORS: Final = r"(>=|=>|<=|=<|!=|~>|=|>|<|~|\^|)"
_CONSTRAINED: Final = r"v?([0-9xX|*]+)(?:\.([0-9xX|*]+))?(?:\.([0-9xX|*]+))?" + _SUFFIX
_CONSTRAINT: Final = re.compile(r"\s*" + _OPERATORS + r"\s*" + _CONSTRAINED + r"\s*", re.ASCII)
_RANGE: Final = re.compile(r"\s*(v?[0-9xX*][^\s,]*)\s+-\s+(v?[0-9xX*][^\s,]*)\s*")
_WILDCARDS: Final = ("", "x", "X", "*")
_SAME: Final = {"": "=", "=>": ">=", "=<": "<=", "~>": "~"}


@dataclass(frozen=True)
class Version(GoObject):
    """Go's *semver.Version."""

    major: int
    minor: int
    patch: int
    pre: str = ""
    metadata: str = ""
    original: str = ""

    go_type: ClassVar[str] = "*semver.Version"
    go_kind: ClassVar[str] = "ptr"

    @classmethod
    def parse(cls, text: str) -> Version:
        """A version; minor and patch may be missing.

        Raises:
            FunctionFailure: the text is no version.
        """
        match = _VERSION.fullmatch(text) if len(text) <= _MAX_LENGTH and text.isascii() else None
        if match is None:
            raise FunctionFailure("the semantic version is not valid")
        numbers = [int(match.group(index) or 0) for index in (1, 2, 3)]
        pre = match.group(4) or ""
        zero_led = any(part.isdigit() and len(part) > 1 and part[0] == "0" for part in pre.split("."))
        if zero_led or max(numbers) > _MAX_SEGMENT:
            raise FunctionFailure("the semantic version is not valid")
        return cls(numbers[0], numbers[1], numbers[2], pre, match.group(5) or "", text)

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        return text + (f"-{self.pre}" if self.pre else "") + (f"+{self.metadata}" if self.metadata else "")

    def to_json(self) -> str:
        """The version as text."""
        return str(self)

    def compare(self, other: Version) -> int:
        """-1, 0 or 1 by semver's precedence; metadata does not count."""
        mine, theirs = (self.major, self.minor, self.patch), (other.major, other.minor, other.patch)
        if mine != theirs:
            return -1 if mine < theirs else 1
        return _compare_pre(self.pre, other.pre)

    def raised(self, part: str) -> Version:
        """The next version of a part, as IncMajor, IncMinor and IncPatch give it."""
        if part == "major":
            return Version(self.major + 1, 0, 0)
        if part == "minor":
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + (0 if self.pre else 1))


def _compare_pre(left: str, right: str) -> int:
    if left == right:
        return 0
    if not left or not right:
        return -1 if left else 1
    ours, theirs = left.split("."), right.split(".")
    for mine, other in zip(ours, theirs, strict=False):
        if mine == other:
            continue
        if mine.isdigit() and other.isdigit():
            return -1 if int(mine) < int(other) else 1
        if mine.isdigit() != other.isdigit():
            return -1 if mine.isdigit() else 1
        return -1 if mine < other else 1
    return -1 if len(ours) < len(theirs) else 1


Version.members = {
    "Major": lambda self: Uint64(self.major),
    "Minor": lambda self: Uint64(self.minor),
    "Patch": lambda self: Uint64(self.patch),
    "Prerelease": lambda self: self.pre,
    "Metadata": lambda self: self.metadata,
    "Original": lambda self: self.original,
    "String": str,
    "Compare": lambda self, other: self.compare(other),
    "Equal": lambda self, other: self.compare(other) == 0,
    "LessThan": lambda self, other: self.compare(other) < 0,
    "GreaterThan": lambda self, other: self.compare(other) > 0,
    "IncMajor": lambda self: self.raised("major"),
    "IncMinor": lambda self: self.raised("minor"),
    "IncPatch": lambda self: self.raised("patch"),
}


@dataclass(frozen=True, slots=True)
class _Constraint:
    operator: str
    version: Version
    given: int
    """How many of major, minor, patch are given; a wildcard ends them."""

    def admits(self, version: Version) -> bool:
        if version.pre and not self.version.pre:
            return self.operator == "!=" and self.given == 3 and version.compare(self.version) != 0  # noqa: PLR2004
        order = version.compare(self.version)
        match self.operator:
            case "=":
                return order == 0 if self.given == 3 else self._tilde(version)  # noqa: PLR2004 - all three are given
            case "!=":
                return self._differs(version)
            case "<":
                return order < 0
            case ">=":
                return order >= 0
            case ">":
                return self._above(version)
            case "<=":
                return self._up_to(version)
            case "~":
                return self._tilde(version)
        return self._caret(version)

    def _differs(self, version: Version) -> bool:
        if self.given == 3:  # noqa: PLR2004 - all three are given
            return version.compare(self.version) != 0
        if self.version.major != version.major:
            return True
        if self.given < 2:  # noqa: PLR2004 - major only
            return False
        if self.version.minor != version.minor:
            return True
        return version.pre != self.version.pre

    def _above(self, version: Version) -> bool:
        if self.given == 3:  # noqa: PLR2004 - all three are given
            return version.compare(self.version) > 0
        if version.major != self.version.major:
            return version.major > self.version.major
        return self.given == 2 and version.minor > self.version.minor  # noqa: PLR2004 - major and minor

    def _up_to(self, version: Version) -> bool:
        if self.given == 3:  # noqa: PLR2004 - all three are given
            return version.compare(self.version) <= 0
        if version.major != self.version.major:
            return version.major < self.version.major
        return self.given < 2 or version.minor <= self.version.minor  # noqa: PLR2004 - major and minor

    def _tilde(self, version: Version) -> bool:
        wanted = self.version
        if version.compare(wanted) < 0:
            return False
        if (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0) and self.given in (0, 3):
            return True
        return version.major == wanted.major and (self.given == 1 or version.minor == wanted.minor)

    def _caret(self, version: Version) -> bool:
        wanted = self.version
        if version.compare(wanted) < 0:
            return False
        if wanted.major > 0 or self.given == 1:
            return version.major == wanted.major
        if version.major > 0 and wanted.major == 0:
            return False
        if wanted.minor > 0 or self.given == 2:  # noqa: PLR2004 - major and minor
            return version.minor == wanted.minor
        if version.minor > 0:
            return False
        return version.patch == wanted.patch


class Constraints:
    """Alternatives (``||``) of constraints that all have to hold (spaces or commas)."""

    def __init__(self, text: str) -> None:
        if len(text) > 10_000:  # noqa: PLR2004 - a hundred constraints
            raise FunctionFailure("the version constraint is too long")
        rewritten = _RANGE.sub(lambda match: f">= {match.group(1)}, <= {match.group(2)} ", text)
        self._alternatives = [_parse_all(part) for part in rewritten.split("||")]

    def admit(self, version: Version) -> bool:
        """Whether one alternative holds."""
        return any(all(constraint.admits(version) for constraint in group) for group in self._alternatives)


def _parse_all(text: str) -> list[_Constraint]:
    found: list[_Constraint] = []
    position = 0
    while position < len(text) or not found:
        match = _CONSTRAINT.match(text, position)
        if match is None or match.end() == position:
            raise FunctionFailure("the version constraint is not valid")
        found.append(_constraint(match))
        position = match.end()
        if position < len(text):
            if text[position] == ",":
                position += 1
            elif not text[position - 1].isspace():
                raise FunctionFailure("the version constraint is not valid")
    return found


def _constraint(match: re.Match[str]) -> _Constraint:
    operator, major, minor, patch, pre, metadata = (match.group(index) or "" for index in range(1, 7))
    suffix = (f"-{pre}" if pre else "") + (f"+{metadata}" if metadata else "")
    given = 0
    numbers = ["0", "0", "0"]
    for index, segment in enumerate((major, minor, patch)):
        if segment in _WILDCARDS:
            break
        numbers[index] = segment
        given = index + 1
    if given < 3:  # noqa: PLR2004 - what stands behind a wildcard
        suffix = f"-{pre}" if pre else ""
    version = Version.parse(".".join(numbers) + suffix)
    return _Constraint(_SAME.get(operator, operator), version, given)
