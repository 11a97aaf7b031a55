"""The target Secret: what it should be, given what it is now; pure.

Byte for byte as ESO v2.9.0 writes it: managed and created-by labels, the data-hash annotation, the owner reference,
keys of others kept or cleared by creationPolicy, and what this ExternalSecret wrote before pruned by its field manager.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from secretsync.api import CreationPolicy
from secretsync.errors import TargetOwned, TargetTooLarge
from secretsync.sync.names import (
    API_VERSION,
    CREATED_BY_LABEL,
    DATA_HASH_ANNOTATION,
    GROUP,
    MANAGED_LABEL,
    MANAGED_VALUE,
    created_by,
    field_manager,
    is_hashed,
)
from secretsync.values import object_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretsync.api import ExternalSecret, JsonObject
    from secretsync.sync.types import TargetContent

SIZE_LIMIT = 1024 * 1024
"""Bytes of all values together that the API server accepts in one Secret."""

_KEEPS_FOREIGN_KEYS = (CreationPolicy.Merge, CreationPolicy.CreateOrMerge)


def target_name(external_secret: ExternalSecret) -> str:
    """Name of the target: ``spec.target.name``, or that of the ExternalSecret."""
    return external_secret.spec.target.name or external_secret.metadata.name


def decoded_data(secret: JsonObject | None) -> dict[str, bytes]:
    """The data of a Secret as bytes."""
    return {key: base64.b64decode(value) for key, value in ((secret or {}).get("data") or {}).items()}


def is_managed(secret: JsonObject) -> bool:
    """Whether a Secret carries the managed label."""
    return (secret["metadata"].get("labels") or {}).get(MANAGED_LABEL) == MANAGED_VALUE


def hash_matches(secret: JsonObject) -> bool:
    """Whether the data-hash annotation is that of the data."""
    annotated = (secret["metadata"].get("annotations") or {}).get(DATA_HASH_ANNOTATION)
    return bool(annotated) and annotated == object_hash.data_hash(decoded_data(secret))


def is_valid(external_secret: ExternalSecret, live: JsonObject | None) -> bool:
    """Whether the target is as this engine left it: there, labelled, and its data unedited. Orphans always are."""
    if external_secret.spec.target.creation_policy is CreationPolicy.Orphan:
        return True
    return live is not None and is_managed(live) and hash_matches(live)


def controller_of(obj: JsonObject) -> Mapping[str, Any] | None:
    """The owner reference that controls an object; None where nothing does."""
    references: Iterable[Mapping[str, Any]] = obj["metadata"].get("ownerReferences") or ()
    return next((reference for reference in references if reference.get("controller")), None)


def is_owned_by(external_secret: ExternalSecret, obj: JsonObject) -> bool:
    """Whether `external_secret` controls an object; the uid is not compared (ESO v2.9.0).

    One that is no object of the cluster cannot be referred to; there the created-by label says it.
    """
    owner = controller_of(obj)
    meta = external_secret.metadata
    if owner is None and not meta.uid:
        return (obj["metadata"].get("labels") or {}).get(CREATED_BY_LABEL) == created_by(meta.namespace, meta.name)
    return owner is not None and _is_external_secret(owner) and owner.get("name") == external_secret.metadata.name


def check_owner(external_secret: ExternalSecret, live: JsonObject | None) -> None:
    """Refuse a target that something else controls.

    Raises:
        TargetOwned: another ExternalSecret controls it, or, where this one wants to, anything else.
    """
    owner = controller_of(live) if live is not None else None
    if live is None or owner is None or is_owned_by(external_secret, live):
        return
    place = f"Secret {live['metadata'].get('namespace', '')}/{live['metadata'].get('name', '')}"
    who = f"{owner.get('kind', '')} {owner.get('name', '')}"
    if _is_external_secret(owner):
        remedy = "give one of the two another spec.target.name"
        raise TargetOwned(f"it is owned by another {who}", place=place, remedy=remedy)
    if external_secret.spec.target.creation_policy is CreationPolicy.Owner:
        remedy = "choose another spec.target.name, or creationPolicy Merge to add keys to it"
        raise TargetOwned(f"it is controlled by {who}", place=place, remedy=remedy)


def is_frozen(external_secret: ExternalSecret, live: JsonObject | None) -> bool:
    """Whether the content of the target stays as it is, because it is there and declared immutable."""
    return live is not None and external_secret.spec.target.immutable


def desired(external_secret: ExternalSecret, content: TargetContent, live: JsonObject | None) -> JsonObject:
    """The Secret to be, complete, without managedFields.

    Args:
        external_secret: whose target it is.
        content: what templates made; not used where `is_frozen`.
        live: what is there now; None where nothing is.

    Raises:
        TargetOwned: something else controls it.
        TargetTooLarge: its values exceed 1 MiB.
    """
    check_owner(external_secret, live)
    secret = _skeleton(external_secret) if live is None else _copied(live)
    metadata = secret["metadata"]
    labels: dict[str, str] = metadata.setdefault("labels", {})
    annotations: dict[str, str] = metadata.setdefault("annotations", {})
    _set_owner(external_secret, metadata)
    target = external_secret.spec.target
    if target.immutable:
        secret["immutable"] = True
    if not is_frozen(external_secret, live):
        _prune(external_secret.metadata.name, live, secret)
        labels.update(content.labels)
        annotations.update(content.annotations)
        if content.finalizers:
            metadata["finalizers"] = list(dict.fromkeys((*(metadata.get("finalizers") or ()), *content.finalizers)))
        kept = secret["data"] if target.creation_policy in _KEEPS_FOREIGN_KEYS else {}
        _check_size(external_secret, kept, content.data)
        encoded = {key: base64.b64encode(value).decode("ascii") for key, value in content.data.items()}
        secret["data"] = {**kept, **encoded}
        if content.type:
            secret["type"] = content.type
    meta = external_secret.metadata
    if target.creation_policy is CreationPolicy.Owner:
        labels[CREATED_BY_LABEL] = created_by(meta.namespace, meta.name)
    else:
        labels.pop(CREATED_BY_LABEL, None)
    labels[MANAGED_LABEL] = MANAGED_VALUE
    foreign_data = is_frozen(external_secret, live) or len(secret["data"]) != len(content.data)
    annotations[DATA_HASH_ANNOTATION] = object_hash.data_hash(decoded_data(secret) if foreign_data else content.data)
    return secret


def managed_keys(live: JsonObject | None, manager: str, *path: str) -> frozenset[str]:
    """Keys below a field, e.g. ``metadata``, ``labels``, that a field manager owns."""
    keys: set[str] = set()
    for entry in ((live or {}).get("metadata") or {}).get("managedFields") or ():
        if entry.get("manager") != manager:
            continue
        fields = entry.get("fieldsV1") or {}
        for part in path:
            fields = fields.get(f"f:{part}") or {}
        keys.update(key.removeprefix("f:") for key in fields if key.startswith("f:"))
    return frozenset(keys)


def _skeleton(external_secret: ExternalSecret) -> JsonObject:
    metadata = {"name": target_name(external_secret), "namespace": external_secret.metadata.namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {}, "type": "Opaque"}


def _copied(live: JsonObject) -> JsonObject:
    """A copy that can be changed, without managedFields: the API server keeps those itself."""
    metadata = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    for part in ("labels", "annotations"):
        metadata[part] = dict(metadata.get(part) or {})
    secret = {**live, "metadata": metadata, "data": dict(live.get("data") or {})}
    secret.setdefault("apiVersion", "v1")
    secret.setdefault("kind", "Secret")
    return secret


def _set_owner(external_secret: ExternalSecret, metadata: JsonObject) -> None:
    meta = external_secret.metadata
    references: list[Any] = list(metadata.get("ownerReferences") or ())
    others = [ref for ref in references if not (_is_external_secret(ref) and ref.get("name") == meta.name)]
    if external_secret.spec.target.creation_policy is CreationPolicy.Owner and meta.uid:
        own = {
            "apiVersion": API_VERSION,
            "kind": "ExternalSecret",
            "name": meta.name,
            "uid": meta.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
        if own not in references:
            references = [*others, own]
    else:
        references = [ref for ref in references if ref in others or not ref.get("controller")]
    if references:
        metadata["ownerReferences"] = references
    else:
        metadata.pop("ownerReferences", None)


def _prune(name: str, live: JsonObject | None, secret: JsonObject) -> None:
    """Take away what this ExternalSecret wrote before; whatever still counts comes back with the content.

    Labels and annotations are looked for under the plain manager only, so where the name is so long that the manager
    is a hash, stale ones stay (ESO v2.9.0).
    """
    manager, metadata = field_manager(name), secret["metadata"]
    for key in managed_keys(live, manager, "data"):
        secret["data"].pop(key, None)
    if is_hashed(manager):
        return
    for part in ("labels", "annotations"):
        for key in managed_keys(live, manager, "metadata", part):
            metadata[part].pop(key, None)


def _check_size(external_secret: ExternalSecret, kept: Mapping[str, str], data: Mapping[str, bytes]) -> None:
    foreign = sum(len(value) * 3 // 4 for key, value in kept.items() if key not in data)
    size = foreign + sum(len(value) for value in data.values())
    if size > SIZE_LIMIT:
        place = f"Secret {external_secret.metadata.namespace}/{target_name(external_secret)}"
        remedy = "select single properties instead of everything, or spread the keys over several ExternalSecrets"
        raise TargetTooLarge(
            f"{len(data)} keys hold {size} bytes, the limit is {SIZE_LIMIT}", place=place, remedy=remedy
        )


def _is_external_secret(owner: Mapping[str, Any]) -> bool:
    group = str(owner.get("apiVersion", "")).partition("/")[0]
    return group == GROUP and owner.get("kind") == "ExternalSecret"
