"""What state keeps of a synced Secret: checked inputs, outputs, and how those of earlier schemas are read.

A SyncedSecret keeps one `Item` as its inputs and one `Record` as its outputs. A SyncedSecretSet keeps the same field by
field, each a map from ``namespace/name`` of the ExternalSecret, so that a preview names the one that changes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from secretsync.api import CreationPolicy, DeletionPolicy, ExternalSecret, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION: Final = 2
"""Counts changes of what outputs mean; a new number makes every resource update once.

1: outputs repeated the inputs, the declaration and all stores of the namespace among them.
"""

_DIGEST_CHARACTERS: Final = 16
_FIELDS: Final = (
    *("declaration", "target", "creationPolicy", "deletionPolicy", "declared", "keys", "versions", "fingerprint"),
    *("drift", "rotated", "problem"),
)
_PLURAL: Final[Mapping[str, str]] = {
    "declaration": "declarations",
    "target": "targets",
    "fingerprint": "fingerprints",
    "creationPolicy": "creationPolicies",
    "deletionPolicy": "deletionPolicies",
    "problem": "problems",
}


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration and what identifies it.

    Attributes:
        external_secret: the declaration.
        digest: of its text, independent of spacing and order.
    """

    external_secret: ExternalSecret
    digest: str

    @property
    def identity(self) -> str:
        """``namespace/name``."""
        metadata = self.external_secret.metadata
        return f"{metadata.namespace}/{metadata.name}"

    @property
    def target(self) -> str:
        """``namespace/name`` of the Secret."""
        metadata = self.external_secret.metadata
        return f"{metadata.namespace}/{self.external_secret.spec.target.name or metadata.name}"


@lru_cache(maxsize=8192)
def read_declaration(text: str) -> Declared:
    """The declaration in a JSON text.

    Raises:
        ManifestError: it is none.
    """
    document = json.loads(text)
    parsed = parse(document)
    if not isinstance(parsed, ExternalSecret):
        raise TypeError(parsed.kind)
    return Declared(parsed, _digest(document))


def store_digests(stores: str | Mapping[str, str] | None) -> dict[str, str]:
    """Stores as state keeps them: ``Kind/namespace/name`` or ``Kind/name`` → digest of the manifest.

    Args:
        stores: a JSON list of manifests, as the program gives it and schema 1 kept it; or the map itself.
    """
    if not isinstance(stores, str):
        return dict(stores or {})
    return {_store_name(each): _digest(each) for each in json.loads(stores or "[]")}


def _store_name(manifest: Mapping[str, Any]) -> str:
    metadata = manifest["metadata"]
    return "/".join(part for part in (manifest["kind"], metadata.get("namespace"), metadata["name"]) if part)


def _digest(document: object) -> str:
    return hashlib.sha256(compact(document).encode()).hexdigest()[:_DIGEST_CHARACTERS]


def compact(document: object) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def same_document(left: object, right: object) -> bool:
    """Whether two JSON texts say the same."""
    if left == right:
        return True
    return isinstance(left, str) and isinstance(right, str) and bool(left) and json.loads(left) == json.loads(right)


@dataclass(frozen=True, slots=True)
class Item:
    """Checked inputs of one declaration.

    Attributes:
        declaration: the ExternalSecret as JSON.
        target: ``namespace/name`` of the Secret.
        keys: keys that the declaration gives it.
        versions: store and remote key → upstream version.
        fingerprint: of the content; empty where it could not be looked at.
        drift: what somebody did to the Secret; only in a preview.
        rotated: keys that upstream or the declaration changed; only in a preview.
        problem: why it cannot be synced.
    """

    declaration: str
    target: str = ""
    keys: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    drift: str = ""
    rotated: tuple[str, ...] = ()
    problem: str = ""

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Item:
        """From inputs of any schema."""
        return cls(
            declaration=row.get("declaration") or "",
            target=row.get("target") or "",
            keys=tuple(row.get("keys") or ()),
            versions=dict(row.get("versions") or {}),
            fingerprint=row.get("fingerprint") or "",
            drift=row.get("drift") or "",
            rotated=tuple(row.get("rotated") or ()),
            problem=row.get("problem") or "",
        )

    def row(self) -> dict[str, Any]:
        """As inputs; what is empty is left out."""
        wire = {
            "declaration": self.declaration,
            "target": self.target,
            "keys": list(self.keys),
            "versions": dict(self.versions),
            "fingerprint": self.fingerprint,
            "drift": self.drift,
            "rotated": list(self.rotated),
            "problem": self.problem,
        }
        return {name: value for name, value in wire.items() if value}


@dataclass(frozen=True, slots=True)
class Record:
    """Outputs of one declaration: what was written, and what taking it back needs.

    Attributes:
        identity: ``namespace/name`` of the ExternalSecret.
        target: ``namespace/name`` of the Secret.
        creation_policy: as it was written.
        deletion_policy: likewise.
        digest: of the declaration that was written.
        keys: keys that were written.
        versions: store and remote key → upstream version they come from.
        fingerprint: of the content.
        drift: what a refresh found.
        problem: why the last write failed; empty where it did not.
    """

    identity: str
    target: str
    creation_policy: CreationPolicy = CreationPolicy.Owner
    deletion_policy: DeletionPolicy = DeletionPolicy.Retain
    digest: str = ""
    keys: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    drift: str = ""
    problem: str = ""

    @classmethod
    def read(cls, identity: str, row: Mapping[str, Any]) -> Record:
        """From outputs of any schema.

        Args:
            identity: ``namespace/name`` of the ExternalSecret.
            row: the outputs.
        """
        if row.get("declaration"):  # schema 1
            row = {**row, **Record.of(read_declaration(row["declaration"])).row()}
        return cls(
            identity=identity,
            target=row.get("target") or identity,
            creation_policy=CreationPolicy(row.get("creationPolicy") or CreationPolicy.Owner),
            deletion_policy=DeletionPolicy(row.get("deletionPolicy") or DeletionPolicy.Retain),
            digest=row.get("declared") or "",
            keys=tuple(row.get("keys") or ()),
            versions=dict(row.get("versions") or {}),
            fingerprint=row.get("fingerprint") or "",
            drift=row.get("drift") or "",
            problem=row.get("problem") or "",
        )

    @classmethod
    def of(cls, declared: Declared) -> Record:
        """What is known before anything is written."""
        target = declared.external_secret.spec.target
        return cls(
            identity=declared.identity,
            target=declared.target,
            creation_policy=target.creation_policy,
            deletion_policy=target.deletion_policy,
            digest=declared.digest,
        )

    def row(self) -> dict[str, Any]:
        """As outputs; what is empty is left out."""
        wire = {
            "target": self.target,
            "creationPolicy": str(self.creation_policy),
            "deletionPolicy": str(self.deletion_policy),
            "declared": self.digest,
            "keys": list(self.keys),
            "versions": dict(self.versions),
            "fingerprint": self.fingerprint,
            "drift": self.drift,
            "problem": self.problem,
        }
        return {name: value for name, value in wire.items() if value}

    @property
    def external_secret(self) -> ExternalSecret:
        """A declaration of the same name, target and policy; all that comparing and taking back need."""
        namespace, _, name = self.identity.partition("/")
        return ExternalSecret.model_validate(
            {
                "metadata": {"namespace": namespace, "name": name},
                "spec": {
                    "target": {
                        "name": self.target.partition("/")[2],
                        "creationPolicy": str(self.creation_policy),
                        "deletionPolicy": str(self.deletion_policy),
                    },
                },
            }
        )


def columns(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Rows by identity → maps by field, as a set keeps them."""
    maps: dict[str, dict[str, Any]] = {}
    for identity, row in rows.items():
        for name, value in row.items():
            maps.setdefault(_PLURAL.get(name, name), {})[identity] = value
    return maps


def row_of(props: Mapping[str, Any], identity: str) -> dict[str, Any]:
    """The row of one declaration in the maps of a set; empty where it has none."""
    found = {name: (props.get(_PLURAL.get(name, name)) or {}).get(identity) for name in _FIELDS}
    return {name: value for name, value in found.items() if value is not None}
