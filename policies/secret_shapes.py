"""What looks like a secret: by the shapes that issuers give their credentials, or by chance-like text.

Shapes are the published formats of the issuers. Entropy alone misjudges hashes, so digests and identifiers that are
known to be public are let through before.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHAPES: Final = (
    ("an AWS access key id", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    ("a private key in PEM", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"),
    ("a Vault token", r"\b(?:hv[sbr]\.[A-Za-z0-9_-]{20,}|[sbr]\.[A-Za-z0-9]{24,})"),
    ("a JSON Web Token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})"),
    ("a GitLab token", r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,}"),
    ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("a Slack webhook address", r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{20,}"),
    ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("a Stripe key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}"),
    ("a Pulumi access token", r"\bpul-[0-9a-f]{40}\b"),
    ("a password in an address", r"\b[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s:@$]{3,}@"),
)
_COMPILED: Final = tuple((name, re.compile(pattern)) for name, pattern in _SHAPES)
_WORD: Final = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_PUBLIC: Final = re.compile(
    r"(?:sha(?:256|512)[:-])[A-Za-z0-9+/=]+"  # digests
    r"|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"  # UUIDs
    r"|arn:[\w:/*?.+=@-]+"  # ARNs
    r"|LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t[A-Za-z0-9+/=\s]*"  # Base64 of a certificate in PEM
    r"|-----BEGIN (?:CERTIFICATE|PUBLIC KEY)-----.*?-----END (?:CERTIFICATE|PUBLIC KEY)-----",
    re.DOTALL,
)
_BITS_PER_CHARACTER: Final = 4.3
_LEAST_KINDS: Final = 3


def shape(text: str) -> str:
    """What a text looks like, e.g. ``a Vault token``; empty if like no secret."""
    for name, pattern in _COMPILED:
        if pattern.search(text):
            return name
    return "a random text" if any(_is_random(word) for word in _words(text)) else ""


def _words(text: str) -> Iterator[str]:
    return (match[0] for match in _WORD.finditer(_PUBLIC.sub(" ", text)))


def _is_random(word: str) -> bool:
    """Chance-like text mixes digits and both cases, and hardly repeats; words, paths and names do not."""
    kinds = sum(bool(re.search(kind, word)) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    if kinds < _LEAST_KINDS or "-" in word or ("/" in word.strip("/") and "+" not in word):
        return False
    return entropy(word) >= min(_BITS_PER_CHARACTER, math.log2(len(word)) * 0.87)


def entropy(text: str) -> float:
    """Shannon entropy in bits per character."""
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values())
