"""CustomResourceDefinitions and admission policies, generated from the models."""

from __future__ import annotations

from secretsync.api.crd.admission import admission_policies
from secretsync.api.crd.definitions import crds
from secretsync.api.crd.rendering import render_yaml

__all__ = ["admission_policies", "crds", "render_yaml"]
