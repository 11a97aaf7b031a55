"""``external-secrets:sync``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from components.settings.section import ObjectName, Section


class SyncSettings(Section):
    """Which lane syncs an ExternalSecret."""

    default: Literal["operator", "pulumi"] = "operator"
    """Lane of every ExternalSecret that is not listed below."""
    operator: tuple[ObjectName, ...] = ()
    """ExternalSecrets (``namespace/name``) of the operator lane."""
    pulumi: tuple[ObjectName, ...] = ()
    """ExternalSecrets (``namespace/name``) of the pulumi lane."""

    @model_validator(mode="after")
    def _one_lane_each(self) -> Self:
        both = sorted(set(self.operator) & set(self.pulumi))
        if both:
            raise ValueError(f"{', '.join(both)} cannot be in both lanes")
        return self

    def lane(self, namespace: str, name: str) -> Literal["operator", "pulumi"]:
        """The lane of one ExternalSecret."""
        identity = f"{namespace}/{name}"
        if identity in self.pulumi:
            return "pulumi"
        return "operator" if identity in self.operator else self.default
