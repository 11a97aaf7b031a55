"""What is wrong (errors: ESO's admission rules) or surprising (warnings: our own checks) about one declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.api.cluster_external_secret import ClusterExternalSecret
from secretsync.api.external_secret import ExternalSecret
from secretsync.api.push_secret import PushSecret
from secretsync.api.stores.store import ClusterSecretStore, SecretStore
from secretsync.api.validation import admission, push, stores, surprises

if TYPE_CHECKING:
    from secretsync.api.base import Kind
    from secretsync.api.problems import Problem


def validate(kind: Kind) -> list[Problem]:
    """The findings about one object.

    Errors are the rules of ESO v2.9.0's admission webhooks: an API server with them (or with our admission policies)
    refuses the object. Warnings are ours: the object works as ESO does it, which may surprise its author.
    """
    if isinstance(kind, ExternalSecret):
        return [*admission.external_secret(kind.spec, "spec"), *surprises.external_secret(kind.spec, "spec")]
    if isinstance(kind, ClusterExternalSecret):
        inner, path = kind.spec.external_secret_spec, "spec.externalSecretSpec"
        return [*admission.external_secret(inner, path), *surprises.external_secret(inner, path)]
    if isinstance(kind, SecretStore | ClusterSecretStore):
        return stores.store(kind)
    if isinstance(kind, PushSecret):
        return push.push_secret(kind.spec)
    return []
