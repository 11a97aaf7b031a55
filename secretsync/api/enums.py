"""The closed sets of words an ExternalSecret may use; members are named like their values (ESO v2.9.0)."""

from __future__ import annotations

from enum import StrEnum


class StoreKind(StrEnum):
    """The kinds a store reference may name."""

    SecretStore = "SecretStore"
    ClusterSecretStore = "ClusterSecretStore"


class CreationPolicy(StrEnum):
    """Who creates the target and who owns it."""

    Owner = "Owner"
    Orphan = "Orphan"
    Merge = "Merge"
    None_ = "None"
    CreateOrMerge = "CreateOrMerge"


class DeletionPolicy(StrEnum):
    """What happens to the target when the provider's secrets are gone."""

    Delete = "Delete"
    Merge = "Merge"
    Retain = "Retain"


class RefreshPolicy(StrEnum):
    """When the provider is asked again."""

    CreatedOnce = "CreatedOnce"
    Periodic = "Periodic"
    OnChange = "OnChange"


class ConversionStrategy(StrEnum):
    """How provider keys become keys that a Secret accepts."""

    Default = "Default"
    Unicode = "Unicode"


class DecodingStrategy(StrEnum):
    """How provider values are decoded."""

    Auto = "Auto"
    Base64 = "Base64"
    Base64URL = "Base64URL"
    None_ = "None"


class NullBytePolicy(StrEnum):
    """What a NUL byte in a value means."""

    Ignore = "Ignore"
    Fail = "Fail"


class MetadataPolicy(StrEnum):
    """Whether the value or the provider's metadata of it is fetched."""

    None_ = "None"
    Fetch = "Fetch"


class TemplateEngineVersion(StrEnum):
    """The template language."""

    v2 = "v2"


class TemplateMergePolicy(StrEnum):
    """Whether templates replace the provider's keys or join them."""

    Replace = "Replace"
    Merge = "Merge"


class TemplateTarget(StrEnum):
    """Where the result of templateFrom goes in a Secret."""

    Data = "Data"
    Annotations = "Annotations"
    Labels = "Labels"


class TemplateScope(StrEnum):
    """Whether a template makes one value or a map of keys and values."""

    Values = "Values"
    KeysAndValues = "KeysAndValues"


class RewriteMergeStrategy(StrEnum):
    """What a merge makes: the members as keys, or one JSON value."""

    Extract = "Extract"
    JSON = "JSON"


class RewriteMergeConflictPolicy(StrEnum):
    """What a merge does when two values have the same member."""

    Ignore = "Ignore"
    Error = "Error"


class RewriteMergePriorityPolicy(StrEnum):
    """What a merge does when a key in priority is missing."""

    IgnoreNotFound = "IgnoreNotFound"
    Strict = "Strict"


class SyncWindowKind(StrEnum):
    """Whether the windows are the only times to synchronize, or the times not to."""

    allow = "allow"
    deny = "deny"
