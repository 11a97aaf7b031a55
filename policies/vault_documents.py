"""Vault's ACL policies, as far as rules need them.

Source: the policy syntax of Vault and OpenBao: ``path "…" { capabilities = […] }`` in HCL, or its JSON form; ``+``
stands for one segment, a ``*`` at the end for any rest.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policies.inputs import at, items_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

POLICY_TYPE: Final = "vault:index/policy:Policy"
_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
_TOKENS: Final = re.compile(
    rf"(?P<comment>\#[^\n]*|//[^\n]*|/\*.*?\*/)|path\s+{_QUOTED}\s*\{{|capabilities\s*=\s*\[(?P<list>[^\]]*)\]"
    rf'|policy\s*=\s*"(?P<old>\w+)"|(?P<text>{_QUOTED})',
    re.DOTALL,
)
_OLD: Final[Mapping[str, frozenset[str]]] = {
    "read": frozenset({"read", "list"}),
    "write": frozenset({"create", "read", "update", "delete", "list"}),
    "sudo": frozenset({"create", "read", "update", "delete", "list", "sudo"}),
    "deny": frozenset({"deny"}),
}


@dataclass(frozen=True, slots=True)
class PathRule:
    """What one path block grants."""

    path: str
    capabilities: frozenset[str]

    @property
    def open(self) -> bool:
        """Whether it fits more than one path."""
        return self.path.endswith("*") or "+" in self.path.split("/")


def rules(document: str) -> Iterator[PathRule]:
    """The path blocks of a policy in HCL or JSON; of a text that is neither, whatever looks like one."""
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError):
        yield from _hcl(document)
        return
    for path, body in _blocks(at(parsed, "path")):
        given = items_at(body, "capabilities")
        yield PathRule(
            str(path), frozenset(str(each) for each in given) | _OLD.get(str(at(body, "policy")), frozenset())
        )


def _blocks(paths: object) -> Iterator[tuple[str, object]]:
    """The blocks of the JSON form; blocks of one name may be a list there."""
    if isinstance(paths, list):
        for each in paths:
            yield from _blocks(each)
    elif isinstance(paths, dict):
        for path, body in paths.items():
            for each in body if isinstance(body, list) else [body]:
                yield str(path), each


def _hcl(document: str) -> Iterator[PathRule]:
    path: str | None = None
    granted: frozenset[str] = frozenset()
    for match in _TOKENS.finditer(document):
        if match["comment"] is not None or match["text"] is not None:
            continue
        if match["list"] is not None:
            granted |= frozenset(re.findall(_QUOTED, match["list"]))
        elif match["old"] is not None:
            granted |= _OLD.get(match["old"], frozenset())
        else:
            if path is not None:
                yield PathRule(path, granted)
            path, granted = re.sub(r"\\(.)", r"\1", match[2]), frozenset()
    if path is not None:
        yield PathRule(path, granted)
