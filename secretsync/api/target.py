"""What is written: the target and its template."""

from __future__ import annotations

from pydantic import Field

from secretsync.api.base import Bool, DataKey, Items, Model, ObjectName
from secretsync.api.enums import (
    CreationPolicy,
    DecodingStrategy,
    DeletionPolicy,
    TemplateEngineVersion,
    TemplateMergePolicy,
    TemplateScope,
)


class TemplateMetadata(Model):
    """Metadata of the target; values are templates."""

    annotations: dict[str, str] = Field(default={})
    """Annotations of the target."""
    labels: dict[str, str] = Field(default={})
    """Labels of the target."""
    finalizers: Items[str] = ()
    """Finalizers of the target."""


class TemplateRefItem(Model):
    """One key of a ConfigMap or Secret that holds a template."""

    key: DataKey
    """Key in the data."""
    template_as: TemplateScope = TemplateScope.Values
    """Values: the result is the value of this key. KeysAndValues: the result is a YAML map."""


class TemplateRef(Model):
    """A ConfigMap or Secret that holds templates."""

    name: ObjectName
    """Name of the object."""
    items: Items[TemplateRefItem]
    """Its keys that are used."""


class TemplateFrom(Model):
    """Templates kept elsewhere, or a literal one."""

    config_map: TemplateRef | None = None
    """Templates in a ConfigMap."""
    secret: TemplateRef | None = None
    """Templates in a Secret."""
    target: str = "Data"
    """Data, Annotations or Labels; for manifest targets also a path such as spec.rules[0]."""
    literal: str | None = None
    """A template whose result is a YAML map."""
    values_decoding_strategy: DecodingStrategy = DecodingStrategy.None_
    """How rendered values are decoded."""


class ExternalSecretTemplate(Model):
    """The blueprint of the target."""

    type: str = ""
    """Type of the Secret; empty means Opaque."""
    engine_version: TemplateEngineVersion = TemplateEngineVersion.v2
    """The template language."""
    metadata: TemplateMetadata = Field(default_factory=TemplateMetadata)
    """Metadata of the target."""
    merge_policy: TemplateMergePolicy = TemplateMergePolicy.Replace
    """Replace: only templates make keys. Merge: the provider's keys stay, templates win."""
    data: dict[str, str] = Field(default={})
    """Key to template."""
    template_from: Items[TemplateFrom] = ()
    """Further templates; those in data win over them."""


class ManifestReference(Model):
    """Another kind of target than a Secret."""

    api_version: str = Field(min_length=1)
    """apiVersion of the target."""
    kind: str = Field(min_length=1)
    """Kind of the target."""


class ExternalSecretTarget(Model):
    """The object that is written, one per ExternalSecret."""

    name: ObjectName | None = None
    """Name of the target; absent means that of the ExternalSecret."""
    creation_policy: CreationPolicy = CreationPolicy.Owner
    """Who creates and owns the target."""
    deletion_policy: DeletionPolicy = DeletionPolicy.Retain
    """What happens when the provider's secrets are gone."""
    template: ExternalSecretTemplate | None = None
    """Blueprint of the target."""
    manifest: ManifestReference | None = None
    """Writes this kind of object in place of a Secret."""
    immutable: Bool = False
    """Makes the Secret immutable; its data then never changes."""
