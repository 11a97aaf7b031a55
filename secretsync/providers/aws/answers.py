"""What both services write in the same way: texts and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretsync.values import go_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def utf8(text: str) -> bytes:
    """A text of an answer as bytes; halves of surrogate pairs, which JSON can hold, become U+FFFD as in Go."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def tags(entries: Iterable[Mapping[str, Any]]) -> bytes:
    """Tags as a JSON object, as ``metadataPolicy: Fetch`` gives them: sorted, with ``<``, ``>`` and ``&`` escaped."""
    return go_json.dumps({entry["Key"]: entry.get("Value") or "" for entry in entries})
