"""What all Kubernetes objects share: metadata, label selectors, conditions."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from secretsync.api.base import Bool, Int, Items, JsonObject, Model, Time


class OwnerReference(Model):
    """The owner of an object (``metav1.OwnerReference``)."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: Bool = False
    block_owner_deletion: Bool = False


class ObjectMeta(Model):
    """The metadata of an object (``metav1.ObjectMeta``)."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    labels: dict[str, str] = Field(default={})
    annotations: dict[str, str] = Field(default={})
    generation: Int = 0
    resource_version: str = ""
    uid: str = ""
    finalizers: Items[str] = ()
    owner_references: Items[OwnerReference] = ()
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    deletion_grace_period_seconds: Int | None = None
    self_link: str = ""
    managed_fields: Items[JsonObject] = Field(default=(), repr=False)


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    True_ = "True"
    False_ = "False"
    Unknown = "Unknown"


class Condition(Model):
    """One entry of ``status.conditions``."""

    type: str
    """What the condition is about, e.g. Ready."""
    status: ConditionStatus
    """Whether it holds."""
    reason: str = ""
    """Why, as one word."""
    message: str = ""
    """Why, as a sentence."""
    last_transition_time: Time | None = None
    """When the status last changed."""


class LabelSelectorOperator(StrEnum):
    """How a requirement compares."""

    In = "In"
    NotIn = "NotIn"
    Exists = "Exists"
    DoesNotExist = "DoesNotExist"


class LabelSelectorRequirement(Model):
    """One requirement of a label selector."""

    key: str
    """The label."""
    operator: LabelSelectorOperator
    """How it compares."""
    values: Items[str] = ()
    """What it is compared with."""


class LabelSelector(Model):
    """Chooses objects by their labels (``metav1.LabelSelector``); all requirements must hold, none means everything."""

    match_labels: dict[str, str] = Field(default={})
    """Labels with exactly these values."""
    match_expressions: Items[LabelSelectorRequirement] = ()
    """Further requirements."""
