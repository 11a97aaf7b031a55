"""Images are those that were tested."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pulumi_policy import Severity

from policies import parameters
from policies.inputs import text_at
from policies.pods import WORKLOADS, containers
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGEST = parameters.flag("digest", "Whether a tag is not enough: an image is named by its digest.", default=False)
_PINNED: Final = re.compile(r".+@sha256:[0-9a-f]{64}")
_TAG: Final = re.compile(r"(?:.*/)?[^/:@]+:([^/:@]+)")
_MOVING: Final = frozenset({"latest", "main", "master", "edge", "nightly", "stable"})


def _check(resource: Resource) -> Iterator[str]:
    for container in containers(resource):
        image = text_at(container.fields, "image")
        if not image or _PINNED.fullmatch(image):
            continue
        tag = _TAG.fullmatch(image)
        if _DIGEST.of(resource.config):
            yield f"{container.place}.image {image} may change under its tag; write {image.partition('@')[0]}@sha256:…"
        elif tag is None or tag[1] in _MOVING:
            yield f"{container.place}.image {image} names no version; write a version's tag or @sha256:…"


POLICY = resource_rule(
    "images-pinned",
    "Images are pinned: by a version's tag, or by digest where that is asked.",
    _check,
    types=WORKLOADS,
    severity=Severity.MEDIUM,
    fix="Append @sha256:<digest>, as `docker buildx imagetools inspect <image>` shows it.",
    parameters=(_DIGEST,),
)
"""The rule."""
