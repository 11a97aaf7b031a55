"""Annotations of workloads: ours, and those of Stakater's Reloader (v1), which restarts by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from secretsync.values import object_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLLOUT: Final = "external-secrets-on-pulumi/rollout"
"""``"true"`` on a workload, or on its pod template, asks to be restarted with the Secrets it uses."""

CHECKSUM_PREFIX: Final = "checksum.external-secrets-on-pulumi/"
"""Of what a restart writes into a pod template; each Secret has one, so that several do not undo each other."""

_RELOADER: Final = "reloader.stakater.com/"
_RELOADER_OF_SECRETS: Final = "secret.reloader.stakater.com/"
_LONGEST_NAME: Final = 63
_HASH_LENGTH: Final = 16


def checksum_of(secret: str) -> str:
    """Name of the pod-template annotation that holds the checksum of a Secret."""
    if len(secret) <= _LONGEST_NAME:
        return CHECKSUM_PREFIX + secret
    digest = object_hash.name_hash(secret)[:_HASH_LENGTH]
    return f"{CHECKSUM_PREFIX}{secret[: _LONGEST_NAME - _HASH_LENGTH - 1].rstrip('.-')}-{digest}"


def asks_for_rollout(annotations: Mapping[str, str]) -> bool:
    """Whether a workload with these annotations wants to be restarted."""
    return annotations.get(ROLLOUT) == "true"


def is_reloaded(annotations: Mapping[str, str], secret: str) -> bool:
    """Whether Stakater's Reloader restarts a workload with these annotations for a Secret that it uses."""
    if annotations.get(f"{_RELOADER}auto") == "true" or annotations.get(f"{_RELOADER_OF_SECRETS}auto") == "true":
        return True
    named = annotations.get(f"{_RELOADER_OF_SECRETS}reload", "")
    return secret in (name.strip() for name in named.split(","))
