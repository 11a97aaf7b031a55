"""What a ``find`` matches, and whether that is another set than at the last sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.checks.findings import Check
from secretsync.checks.subject import listed
from secretsync.sync.plan import DataEntry, ExtractEntry, FindEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from secretsync.checks.findings import Finding
    from secretsync.checks.reading import Read
    from secretsync.checks.subject import Subject


def check(subject: Subject, reads: Sequence[Read]) -> Iterator[Finding]:
    """One note per search with what it matches, and a warning per store whose matches have changed."""
    found: dict[str, set[str]] = {}
    fields: dict[str, str] = {}
    failed: set[str] = set()
    for each in reads:
        if not isinstance(each.entry, FindEntry):
            continue
        store = f"{each.entry.store.kind}/{each.entry.store.name}"
        fields.setdefault(store, each.entry.field)
        if each.assembled is None:
            failed.add(store)
            continue
        names = {version.key for version in each.assembled.versions}
        found.setdefault(store, set()).update(names)
        what = f"matches {len(names)}: {listed(names)}" if names else "matches nothing"
        yield subject.note(Check.Find, each.entry.field, what)
    for store, names in found.items():
        if store not in failed:
            yield from _change(subject, store, fields[store], names, _named(reads, store))


def _named(reads: Sequence[Read], store: str) -> set[str]:
    """Keys of a store that are asked for by name."""
    return {
        each.entry.ref.key
        for each in reads
        if isinstance(each.entry, DataEntry | ExtractEntry)
        and f"{each.entry.store.kind}/{each.entry.store.name}" == store
    }


def _change(subject: Subject, store: str, path: str, names: set[str], named: set[str]) -> Iterator[Finding]:
    if subject.previous is None or subject.previous.versions is None:
        return
    head = f"{store} "
    before = {key.removeprefix(head) for key in subject.previous.versions if key.startswith(head)} - named
    added, removed = names - named - before, before - names
    changes = [f"{listed(added)} came in"] if added else []
    changes += [f"{listed(removed)} fell out"] if removed else []
    if changes:
        problem = f"the search matches other secrets than at the last sync: {', '.join(changes)}"
        yield subject.warning(Check.Find, path, problem, "see that this is meant, or narrow the search")
