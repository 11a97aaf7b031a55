"""Which AWS resource types take tags, as the installed SDK of the aws provider says.

The list is a file, so that a policy pack needs no SDK; ``python -m policies.taggable`` writes it anew.
"""

from __future__ import annotations

import json
import re
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE: Final = Path(__file__).with_name("taggable.json")
_TOKEN: Final = re.compile(r"^\s+'(aws:[\w/]+:\w+)',$", re.MULTILINE)
_TAGS: Final = re.compile(r"^\s+tags: pulumi\.Input\[Optional\[Mapping\[", re.MULTILINE)

TAGGABLE: Final[frozenset[str]] = frozenset(json.loads(_FILE.read_text(encoding="utf-8")) if _FILE.is_file() else ())
"""Type tokens."""


def read_sdk() -> list[str]:
    """The type tokens of resources with an input ``tags``, from the source of the installed SDK."""
    return sorted(set(_tokens()))


def _tokens() -> Iterator[str]:
    spec = PathFinder.find_spec("pulumi_aws")
    if spec is None or spec.origin is None:
        return
    for file in Path(spec.origin).parent.glob("*/*.py"):
        source = file.read_text(encoding="utf-8")
        token = _TOKEN.search(source)
        if token is not None and _TAGS.search(source):
            yield token[1]


if __name__ == "__main__":
    _FILE.write_text(json.dumps(read_sdk(), indent=1) + "\n", encoding="utf-8")
