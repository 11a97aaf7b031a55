"""What the one who asks for a preview knows and wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from secretsync.api import ExternalSecret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsync.access.aws import AWSAccount
    from secretsync.api import Store

ADOPT_ANNOTATION: Final = "external-secrets-on-pulumi/adopt"
"""On an ExternalSecret, with the value ``true``: it may take over a Secret that somebody else made."""

Place = Callable[[ExternalSecret, str], str]
"""``file:line`` of a declaration, or of a field in it, as `secretsync.api.Manifests.place` tells it."""


def adopts(external_secret: ExternalSecret) -> bool:
    """Whether a declaration says that it may take over a Secret that is there already."""
    return external_secret.metadata.annotations.get(ADOPT_ANNOTATION) == "true"


@dataclass(frozen=True, slots=True)
class Previous:
    """What is remembered of the last sync of a declaration.

    Attributes:
        target: ``namespace/name`` of the Secret that was written.
        keys: its keys.
        versions: ``Kind/store key`` → version, complete; None where that is not remembered.
        settled: whether it was the same declaration with the same stores. Then nothing it needs is still to be made,
            and what is missing or denied is an error; otherwise the same program may make it first.
    """

    target: str = ""
    keys: tuple[str, ...] = ()
    versions: Mapping[str, str] | None = None
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """How to examine.

    Attributes:
        stores: the stores as they are declared, so that a missing policy statement can be named.
        aws: the account of stores with the provider ``aws``; without it, what a denial tells of it.
        place: tells files and lines; without it findings name the object.
        makes_first: whether the same program may still make what a new declaration needs (backend, access, namespace).
            Where it makes none of these, what is missing or denied is an error from the start.
        workloads: whether to look for workloads that will not notice a change.
        restarts: whether the program restarts those that ask for it after a write; then they are not told of. A
            declaration may say so for itself, by the annotation of `workloads.marks.ROLLOUT`.
    """

    stores: Sequence[Store] = ()
    aws: AWSAccount | None = None
    place: Place | None = None
    makes_first: bool = True
    workloads: bool = True
    restarts: bool = False
