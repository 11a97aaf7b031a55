"""What a refreshed preview tells about drift: one finding per cause, read from the engine's events; pure.

Values never come this far: a SyncedSecret's inputs hold names, versions and a keyed hash, which the engine masks.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from local.commands.updating import plain_text, resource_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SINGLE = ":SyncedSecret"
_SEVERAL = ":SyncedSecretSet"
_IN_SETS: Mapping[str, str] = {"declaration": "declarations", "target": "targets", "problem": "problems"}
"""Fields of a SyncedSecret that a SyncedSecretSet keeps under another name."""

_POLICIES = re.compile(
    r"aws:iam/|aws:secretsmanager/secretPolicy:|aws:kms/key:|vault:index/policy:|vault:kubernetes/authBackendRole:"
    r"|kubernetes:rbac\.authorization\.k8s\.io/"
)
"""Types of what says who may read what."""

_BY_HAND = re.compile(r"kubectl|k9s|lens|dashboard|bao|vault", re.IGNORECASE)
"""Field managers of the tools that people type into."""

_EDIT = re.compile(r"(?:key (?P<key>\S+) |label \S+ |annotation \S+ )?(?:edited|added)(?: by (?P<by>.+))?")
_KEY = re.compile(r"key (\S+) ")
_MISSING = "missing"
_QUIET = frozenset({"same", "read", "refresh", "create-replacement", "delete-replaced", "read-discard"})


class Cause(StrEnum):
    """Why something is not as it was made."""

    ROTATED = "rotated"
    EDITED = "edited"
    MISSING = "missing"
    FOREIGN_MANAGER = "foreign manager"
    POLICY_EDITED = "policy edited"
    POLICY_MISSING = "policy missing"
    DECLARATION_CHANGED = "declaration changed"
    PENDING = "not applied"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An upstream secret with another version than before.

    Attributes:
        remote: store and remote key.
        before: version that was synced; empty for a key that is new.
        now: version upstream; empty for a key that is gone.
    """

    remote: str
    before: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference, by cause.

    Attributes:
        name: ``namespace/name`` of the ExternalSecret, or type and name of another resource.
        target: ``namespace/name`` of the Secret; empty for other resources.
        cause: why.
        keys: keys of the Secret, or properties of another resource.
        versions: upstream versions that changed.
        by: field manager that changed it, where it is known.
        detail: more, as a sentence.
    """

    name: str
    target: str = ""
    cause: Cause
    keys: tuple[str, ...] = ()
    versions: tuple[Version, ...] = ()
    by: str = ""
    detail: str = ""


@dataclass(slots=True)
class Drift:
    """What a refreshed preview found.

    Attributes:
        findings: in the order they were met.
        problems: errors of the engine and the program.
        compared: number of resources that were looked at.
        seen: URNs of those whose difference was told already.
        ended: whether the engine has come to its summary; what plugins say while they stop is no problem.
    """

    findings: list[Finding] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    compared: int = 0
    seen: set[str] = field(default_factory=set)
    ended: bool = False


def take(line: str, drift: Drift) -> None:
    """Takes one event, or one line that is none.

    Args:
        line: as the engine wrote it.
        drift: what is added to.
    """
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        return
    if after := event.get("resOutputsEvent"):
        if after["metadata"].get("op") == "refresh":
            _take_refreshed(after["metadata"], drift)
    elif before := event.get("resourcePreEvent"):
        _take_planned(before["metadata"], drift)
    elif summary := event.get("summaryEvent"):
        drift.compared = sum(int(count) for count in (summary.get("resourceChanges") or {}).values())
        drift.ended = True
    elif (diagnosis := event.get("diagnosticEvent")) and not drift.ended:
        text = plain_text(str(diagnosis.get("message", "")))
        if diagnosis.get("severity") == "error" and text:
            name = resource_name(str(diagnosis.get("urn") or ""))
            drift.problems.append(f"{name}: {text}" if name else text)


def _take_refreshed(metadata: Mapping[str, Any], drift: Drift) -> None:
    """What is not in the world as the state has it."""
    urn, kind = str(metadata.get("urn", "")), str(metadata.get("type", ""))
    gone = not (metadata.get("new") or {}).get("urn")
    if kind.endswith((_SINGLE, _SEVERAL)):
        if gone:
            drift.seen.add(urn)
            for identity, row in _rows(kind, (metadata.get("old") or {}).get("inputs") or {}).items():
                keys = tuple(str(name) for name in row.get("keys") or ())
                target = _target(identity, row)
                drift.findings.append(Finding(name=identity, target=target, cause=Cause.MISSING, keys=keys))
        return
    changed = tuple(sorted(metadata.get("detailedDiff") or ()))
    if not gone and not changed:
        return
    drift.seen.add(urn)
    policy = bool(_POLICIES.match(kind))
    if gone:
        cause = Cause.POLICY_MISSING if policy else Cause.MISSING
    else:
        cause = Cause.POLICY_EDITED if policy else Cause.EDITED
    drift.findings.append(Finding(name=resource_name(urn), cause=cause, keys=changed))


def _take_planned(metadata: Mapping[str, Any], drift: Drift) -> None:
    """What an update would change."""
    urn, kind, operation = (str(metadata.get(name, "")) for name in ("urn", "type", "op"))
    if operation in _QUIET or urn in drift.seen:
        return
    old, new = ((metadata.get(side) or {}) for side in ("old", "new"))
    if kind.endswith((_SINGLE, _SEVERAL)):
        before, now = _rows(kind, old.get("inputs") or {}), _rows(kind, new.get("inputs") or {})
        for identity in sorted({*before, *now}):
            drift.findings += _compared(identity, before.get(identity), now.get(identity))
    elif (new or old).get("custom") is not False and not kind.startswith("pulumi:"):
        changed = tuple(sorted(metadata.get("detailedDiff") or ()))
        drift.findings.append(Finding(name=resource_name(urn), cause=Cause.PENDING, keys=changed, detail=operation))


def _rows(kind: str, inputs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Inputs of each declaration of a resource by its ``namespace/name``."""
    if kind.endswith(_SINGLE):
        identity = _identity(inputs.get("declaration"))
        return {identity: dict(inputs)} if identity else {}
    declared = inputs.get(_IN_SETS["declaration"])
    names = ("declaration", "target", "keys", "versions", "drift", "rotated", "problem")
    return {
        identity: {
            name: column[identity]
            for name in names
            if isinstance(column := inputs.get(_IN_SETS.get(name, name)), dict) and identity in column
        }
        for identity in (declared if isinstance(declared, dict) else ())
    }


def _identity(declaration: object) -> str:
    try:
        metadata = json.loads(str(declaration))["metadata"]
        return f"{metadata['namespace']}/{metadata['name']}"
    except (ValueError, KeyError, TypeError):
        return ""


def _compared(identity: str, before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> Iterator[Finding]:
    """What is different about one declaration."""
    target = _target(identity, now or before or {})
    if before is None or now is None:
        said = "it is not declared any more" if now is None else "it was not synced before"
        yield Finding(name=identity, target=target, cause=Cause.DECLARATION_CHANGED, detail=said)
        return
    if problem := str(now.get("problem") or ""):
        yield Finding(name=identity, target=target, cause=Cause.PROBLEM, detail=problem)
    yield from _drifted(identity, target, str(now.get("drift") or ""))
    redeclared = not _same(before.get("declaration"), now.get("declaration"))
    if redeclared:
        yield Finding(name=identity, target=target, cause=Cause.DECLARATION_CHANGED)
    versions = _versions(before.get("versions") or {}, now.get("versions") or {})
    rotated = tuple(str(name) for name in now.get("rotated") or ())
    if rotated and not (redeclared and not versions):
        yield Finding(name=identity, target=target, cause=Cause.ROTATED, keys=rotated, versions=versions)


def _drifted(identity: str, target: str, text: str) -> Iterator[Finding]:
    """The parts of a SyncedSecret's text about what somebody did to its Secret; keys of one author together."""
    together: dict[tuple[Cause, str], list[str]] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        key = _KEY.match(part)
        if part == _MISSING:
            yield Finding(name=identity, target=target, cause=Cause.MISSING)
        elif (edit := _EDIT.fullmatch(part)) and edit["key"]:
            by = edit["by"] or ""
            cause = Cause.FOREIGN_MANAGER if by and not _BY_HAND.search(by) else Cause.EDITED
            together.setdefault((cause, by), []).append(edit["key"])
        elif key and part.endswith(_MISSING):
            together.setdefault((Cause.EDITED, ""), []).append(key[1])
        else:
            yield Finding(name=identity, target=target, cause=Cause.EDITED, detail=part)
    for (cause, by), keys in together.items():
        yield Finding(name=identity, target=target, cause=cause, keys=tuple(keys), by=by)


def _versions(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[Version, ...]:
    return tuple(
        Version(remote=remote, before=str(before.get(remote, "")), now=str(now.get(remote, "")))
        for remote in sorted({*before, *now})
        if before.get(remote) != now.get(remote)
    )


def _target(identity: str, row: Mapping[str, Any]) -> str:
    return str(row.get("target") or identity)


def _same(left: object, right: object) -> bool:
    try:
        return left == right or json.loads(str(left)) == json.loads(str(right))
    except ValueError:
        return False
