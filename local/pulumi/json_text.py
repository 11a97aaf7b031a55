"""JSON documents as texts that can be compared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.pulumi.wire import PropertyValue


def canonical(document: PropertyValue) -> str:
    """JSON with sorted keys and no spaces, as the official plugins record it."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
