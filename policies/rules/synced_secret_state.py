"""The program's own syncs keep no value in state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pulumi_policy import Severity

from policies.declared import SYNCED
from policies.inputs import UNKNOWN, at, texts
from policies.rule import Resource, resource_rule
from policies.secret_shapes import shape

if TYPE_CHECKING:
    from collections.abc import Iterator

KNOWN_INPUTS: Final = frozenset(
    {
        "declaration",
        "declarations",
        "drift",
        "fingerprint",
        "fingerprints",
        "keys",
        "owners",
        "problem",
        "problems",
        "rollout",
        "rotated",
        "schemaVersion",
        "stores",
        "target",
        "targets",
        "versions",
    }
)
"""What a SyncedSecret or SyncedSecretSet is known to keep."""
_FINGERPRINT: Final = re.compile(r"(?:[a-z0-9]+:)?[0-9a-f]{0,128}")
_JUDGED: Final = ("drift", "keys", "problem", "problems", "rollout", "rotated", "target", "targets", "versions")


def _check(resource: Resource) -> Iterator[str]:
    for name in sorted(set(resource.inputs) - KNOWN_INPUTS - {"__provider"}):
        yield f"the input {name} is none that a sync is known to keep; take it out, state must hold no value"
    for name in ("fingerprint", "fingerprints"):
        for path, text in texts(at(resource.inputs, name), name):
            if not _is_fingerprint(text):
                yield f"{path} is no fingerprint; write the keyed hash in hexadecimal digits"
    for name in _JUDGED:
        for path, text in texts(at(resource.inputs, name), name):
            found = shape(text)
            if found:
                yield f"{path} looks like {found}; keep names and versions there, never a value"


def _is_fingerprint(text: Any) -> bool:  # noqa: ANN401 - JSON
    return text == UNKNOWN or _FINGERPRINT.fullmatch(str(text)) is not None


POLICY = resource_rule(
    "synced-secret-state",
    "A SyncedSecret keeps declarations, versions, key names and a fingerprint; nothing that could be a value.",
    _check,
    types=(SYNCED,),
    severity=Severity.CRITICAL,
    fix="Take the input out of components.dynamic; a value belongs into the cluster alone.",
)
"""The rule."""
