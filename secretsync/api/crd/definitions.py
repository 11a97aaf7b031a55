"""The CustomResourceDefinitions: names, versions, columns, selectable fields."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from secretsync.api.cluster_external_secret import ClusterExternalSecret
from secretsync.api.crd import descriptions, schema
from secretsync.api.external_secret import ExternalSecret
from secretsync.api.generators import (
    ClusterGenerator,
    FakeGenerator,
    PasswordGenerator,
    SSHKeyGenerator,
    UUIDGenerator,
)
from secretsync.api.kinds import GENERATORS_GROUP, GROUP
from secretsync.api.push_secret import PushSecret
from secretsync.api.stores.store import ClusterSecretStore, SecretStore

if TYPE_CHECKING:
    from secretsync.api.base import JsonObject, Kind

LABELS: Final = {"external-secrets.io/component": "controller"}
_READY: Final = '.status.conditions[?(@.type=="Ready")]'


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ``kubectl get``."""

    name: str
    path: str
    type: str = "string"


_AGE: Final = Column("AGE", ".metadata.creationTimestamp", "date")
_STATUS: Final = Column("Status", f"{_READY}.reason")
_IS_READY: Final = Column("Ready", f"{_READY}.status")
_LAST_SYNC: Final = Column("Last Sync", ".status.refreshTime", "date")
_STORE_COLUMNS: Final = (_AGE, _STATUS, Column("Capabilities", ".status.capabilities"), _IS_READY)


@dataclass(frozen=True, slots=True)
class Definition:
    """What a CRD says besides its schema.

    Attributes:
        model: the kind.
        plural: plural name in addresses.
        versions: served versions, the stored one first.
        short: short name for kubectl; empty for none.
        cluster: whether objects belong to no namespace.
        group: API group.
        categories: what `kubectl get CATEGORY` lists them under.
        columns: columns of ``kubectl get``.
        selectable: fields that field selectors may name.
    """

    model: type[Kind]
    plural: str
    versions: tuple[str, ...]
    short: str = ""
    cluster: bool = False
    group: str = GROUP
    categories: tuple[str, ...] = ("external-secrets",)
    columns: tuple[Column, ...] = field(default=())
    selectable: tuple[str, ...] = ()


_STABLE: Final = ("v1", "v1beta1")
_GENERATOR_CATEGORIES: Final = ("external-secrets", "external-secrets-generators")

DEFINITIONS: Final = (
    Definition(
        ExternalSecret,
        "externalsecrets",
        _STABLE,
        "es",
        columns=(
            Column("StoreType", ".spec.secretStoreRef.kind"),
            Column("Store", ".spec.secretStoreRef.name"),
            Column("Refresh Interval", ".spec.refreshInterval"),
            _STATUS,
            _IS_READY,
            _LAST_SYNC,
        ),
        selectable=(
            ".spec.secretStoreRef.name",
            ".spec.secretStoreRef.kind",
            ".spec.target.name",
            ".spec.refreshInterval",
        ),
    ),
    Definition(SecretStore, "secretstores", _STABLE, "ss", columns=_STORE_COLUMNS),
    Definition(ClusterSecretStore, "clustersecretstores", _STABLE, "css", cluster=True, columns=_STORE_COLUMNS),
    Definition(
        ClusterExternalSecret,
        "clusterexternalsecrets",
        _STABLE,
        "ces",
        cluster=True,
        columns=(
            Column("Store", ".spec.externalSecretSpec.secretStoreRef.name"),
            Column("Refresh Interval", ".spec.refreshTime"),
            _IS_READY,
        ),
    ),
    Definition(PushSecret, "pushsecrets", ("v1alpha1",), "ps", columns=(_AGE, _STATUS, _LAST_SYNC)),
    *(
        Definition(
            model,
            plural,
            ("v1alpha1",),
            cluster=model is ClusterGenerator,
            group=GENERATORS_GROUP,
            categories=_GENERATOR_CATEGORIES,
        )
        for model, plural in (
            (ClusterGenerator, "clustergenerators"),
            (FakeGenerator, "fakes"),
            (PasswordGenerator, "passwords"),
            (SSHKeyGenerator, "sshkeys"),
            (UUIDGenerator, "uuids"),
        )
    ),
)
"""All CRDs, in the order in which they are written."""


def crds() -> list[JsonObject]:
    """The CustomResourceDefinitions of all kinds, generated from the models."""
    return [copy.deepcopy(_crd(definition)) for definition in DEFINITIONS]


def _crd(definition: Definition) -> JsonObject:
    kind = definition.model.model_fields["kind"].default
    names: JsonObject = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": definition.plural,
        "singular": kind.lower(),
        "categories": list(definition.categories),
    }
    if definition.short:
        names["shortNames"] = [definition.short]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{definition.plural}.{definition.group}", "labels": dict(LABELS)},
        "spec": {
            "group": definition.group,
            "names": names,
            "scope": "Cluster" if definition.cluster else "Namespaced",
            "versions": [_version(definition, version) for version in definition.versions],
        },
    }


def _version(definition: Definition, version: str) -> JsonObject:
    stored = version == definition.versions[0]
    result: JsonObject = {"name": version, "served": True, "storage": stored}
    if not stored:
        newest = f"{definition.group}/{definition.versions[0]}"
        kind = definition.model.model_fields["kind"].default
        result |= {
            "deprecated": True,
            "deprecationWarning": f"{definition.group}/{version} {kind} is deprecated; use {newest} {kind}",
        }
    result["schema"] = {"openAPIV3Schema": _schema(definition.model, described=stored)}
    result["subresources"] = {"status": {}}
    if definition.columns:
        result["additionalPrinterColumns"] = [
            {"name": column.name, "type": column.type, "jsonPath": column.path} for column in definition.columns
        ]
    if definition.selectable and stored:  # said alike in all versions, the API server refuses them (1.36)
        result["selectableFields"] = [{"jsonPath": path} for path in definition.selectable]
    return result


def _schema(model: type[Kind], *, described: bool) -> JsonObject:
    fields = model.model_fields
    properties: dict[str, Any] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    below = schema.of(model, described=described)["properties"]
    for name in ("spec", "status"):
        if name in fields:
            properties[name] = below[name]
    result: JsonObject = {"description": descriptions.of_model(model), "type": "object", "properties": properties}
    if fields["spec"].is_required():
        result["required"] = ["spec"]
    return result
