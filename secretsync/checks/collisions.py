"""Keys that several entries of one declaration give: the later entry wins, in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.checks.findings import Check
from secretsync.checks.subject import listed
from secretsync.sync.plan import DataEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from secretsync.checks.findings import Finding
    from secretsync.checks.reading import Read
    from secretsync.checks.subject import Subject


def check(subject: Subject, reads: Sequence[Read]) -> Iterator[Finding]:
    """A warning for every pair of entries; ``data`` over ``dataFrom`` is how one key of many is replaced on purpose."""
    for index, later in enumerate(reads):
        for earlier in reads[:index]:
            if isinstance(later.entry, DataEntry) is not isinstance(earlier.entry, DataEntry):
                continue
            common = _replaced(earlier, later)
            if common:
                problem = f"{listed(common)} of {earlier.entry.field} is replaced by another value of this entry"
                remedy = "rename the keys of one of them with rewrite, or leave them out"
                yield subject.warning(Check.Collision, later.entry.field, problem, remedy)


def _replaced(earlier: Read, later: Read) -> list[str]:
    if earlier.assembled is None or later.assembled is None:
        return []
    before, after = earlier.assembled.data, later.assembled.data
    return [key for key in before if key in after and before[key] != after[key]]
