"""Looks for values where none may be: plain and in every encoding a tool might have given them."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SHAPES: Mapping[str, re.Pattern[bytes]] = {
    "a token of OpenBao": re.compile(rb"(?<![A-Za-z0-9_.-])(?:hv)?[sb]\.[A-Za-z0-9]{24,}(?![A-Za-z0-9(])"),
    "a ServiceAccount's token": re.compile(rb"eyJhbGciOi[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{20,}"),
}
"""Credentials that nobody can know beforehand, told by how they look."""


def encodings(value: str) -> frozenset[bytes]:
    """The value as it is, in base64 at every alignment, URL-escaped, in hex, and as JSON and Python write it."""
    raw = value.encode()
    forms = {raw, raw.hex().encode(), raw.hex().upper().encode(), quote(value, safe="").encode()}
    forms |= {quote(value).encode(), quote_plus(value).encode(), quote(value, safe="").lower().encode()}
    forms |= {value.encode("unicode_escape"), repr(value)[1:-1].encode(), value.replace("/", "\\/").encode()}
    for shift in range(3):
        # Whatever stands before and after in the same base64 text changes the first and the last characters.
        padded = raw[(3 - shift) % 3 :]
        whole = padded[: len(padded) // 3 * 3]
        forms |= {base64.b64encode(whole), base64.urlsafe_b64encode(whole)}
    return frozenset(form for form in forms if len(form) >= len(raw) // 2)


@dataclass(slots=True)
class Search:
    """One search over many places.

    Attributes:
        canaries: what must not be found, by what it is.
        found: each hit as a sentence that holds no value.
        searched: number of places looked at.
    """

    canaries: Mapping[str, str] = field(repr=False)
    found: list[str] = field(default_factory=list)
    searched: int = 0
    _forms: dict[str, frozenset[bytes]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._forms = {what: encodings(value) for what, value in self.canaries.items()}

    def look(self, place: str, content: bytes | str) -> None:
        """Looks at one text or file."""
        data = content.encode() if isinstance(content, str) else content
        self.searched += 1
        for what, forms in self._forms.items():
            if any(form in data for form in forms):
                self.found.append(f"{what} in {place}")
        for what, shape in SHAPES.items():
            if shape.search(data):
                self.found.append(f"{what} in {place}")


def files(root: Path) -> Iterator[Path]:
    """Every regular file below a folder; links are not followed."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path
