"""Whether a pattern is one that Go's regexp accepts (RE2)."""

from __future__ import annotations

from functools import lru_cache

import re2


@lru_cache(maxsize=256)
def is_valid(pattern: str) -> bool:
    """Whether RE2 can compile the pattern. Invalid Unicode never can."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except (re2.error, UnicodeError):
        return False
    return True
