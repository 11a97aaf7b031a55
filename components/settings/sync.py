"""``external-secrets:sync``."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from components.settings.section import ObjectName, Section

SET_FROM: Final = 50
"""Between 10, where one resource for all saves little, and 100, where it saves seconds; see ``docs/lanes.md``."""


class SyncSettings(Section):
    """Which lane syncs an ExternalSecret."""

    default: Literal["operator", "pulumi"] = "operator"
    """Lane of every ExternalSecret that is not listed below."""
    operator: tuple[ObjectName, ...] = ()
    """ExternalSecrets (``namespace/name``) of the operator lane."""
    pulumi: tuple[ObjectName, ...] = ()
    """ExternalSecrets (``namespace/name``) of the pulumi lane."""
    set_from: int = Field(default=SET_FROM, ge=0)
    """From so many ExternalSecrets of the pulumi lane on they are one resource of the stack; 0 for never."""
    rollout: bool = False
    """Whether an update restarts the workloads that ask for it when a Secret of the pulumi lane has another content.

    Without it, that is done for the ExternalSecrets which carry the annotation of the same name.
    """
    rollout_patience_seconds: int = Field(default=300, ge=10, le=3600)
    """How long the workloads of one Secret may take to restart."""

    @model_validator(mode="after")
    def _one_lane_each(self) -> Self:
        both = sorted(set(self.operator) & set(self.pulumi))
        if both:
            raise ValueError(f"{', '.join(both)} cannot be in both lanes")
        return self

    def is_set(self, count: int) -> bool:
        """Whether so many ExternalSecrets of the pulumi lane are one resource."""
        return 0 < self.set_from <= count

    def lane(self, namespace: str, name: str) -> Literal["operator", "pulumi"]:
        """The lane of one ExternalSecret."""
        identity = f"{namespace}/{name}"
        if identity in self.pulumi:
            return "pulumi"
        return "operator" if identity in self.operator else self.default
