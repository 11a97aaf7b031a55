"""What is surprising about objects that stand beside each other: shared targets, credentials that are overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.api.base import Model
from secretsync.api.enums import CreationPolicy
from secretsync.api.problems import Problem, Severity
from secretsync.api.references import SecretKeySelector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from secretsync.api.base import Kind
    from secretsync.api.external_secret import ExternalSecret
    from secretsync.api.stores.store import Store


def neighbours(external_secrets: Sequence[ExternalSecret], stores: Sequence[Store]) -> list[tuple[Kind, Problem]]:
    """Our warnings about ExternalSecrets that meet in one target, or whose target is a store's credential."""
    return [*_shared_targets(external_secrets), *_overwritten_credentials(external_secrets, stores)]


def target_name(external_secret: ExternalSecret) -> str:
    """The name of the object that an ExternalSecret writes."""
    return external_secret.spec.target.name or external_secret.metadata.name


def _shared_targets(external_secrets: Sequence[ExternalSecret]) -> Iterator[tuple[Kind, Problem]]:
    first: dict[tuple[str, str, str], ExternalSecret] = {}
    for item in external_secrets:
        if item.spec.target.creation_policy is CreationPolicy.None_:
            continue
        manifest = item.spec.target.manifest
        key = (manifest.kind if manifest is not None else "Secret", item.metadata.namespace, target_name(item))
        other = first.setdefault(key, item)
        if other is item:
            continue
        policies = {item.spec.target.creation_policy, other.spec.target.creation_policy}
        if CreationPolicy.Owner in policies:
            effect = "one of the two owns it and the other is refused, permanently"
        elif CreationPolicy.Orphan in policies:
            effect = "each refresh replaces what the other wrote"
        else:
            continue
        yield (
            item,
            Problem(
                "spec.target",
                f"{other.metadata.name} writes the same {key[0]} {key[2]}: {effect}",
                "use another target, or creationPolicy Merge in all of them",
                Severity.warning,
            ),
        )


def _overwritten_credentials(
    external_secrets: Sequence[ExternalSecret], stores: Sequence[Store]
) -> Iterator[tuple[Kind, Problem]]:
    used = {
        (selector.namespace or store.metadata.namespace, selector.name): store.metadata.name
        for store in stores
        for selector in _selectors(store.spec.provider)
        if selector.name is not None
    }
    for item in external_secrets:
        store_name = used.get((item.metadata.namespace, target_name(item)))
        owns = item.spec.target.creation_policy in {CreationPolicy.Owner, CreationPolicy.Orphan}
        if store_name is not None and owns:
            policy = item.spec.target.creation_policy
            yield (
                item,
                Problem(
                    "spec.target",
                    f"is the Secret that store {store_name} logs in with; {policy} takes it over with all its keys",
                    "use another target name",
                    Severity.warning,
                ),
            )


def _selectors(value: object) -> Iterator[SecretKeySelector]:
    if isinstance(value, SecretKeySelector):
        yield value
    elif isinstance(value, Model):
        for name in value.model_fields_set:
            yield from _selectors(getattr(value, name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _selectors(item)
