"""What makes new values at every refresh, where refreshes come by themselves; and versions that never change."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from secretsync.api import RefreshPolicy, go_duration
from secretsync.checks.findings import Check
from secretsync.errors import TemplateError
from secretsync.sync.plan import DataEntry, ExtractEntry
from secretsync.sync.volatile import volatile_parts
from secretsync.template import volatile_functions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from secretsync.checks.findings import Finding
    from secretsync.checks.reading import Read
    from secretsync.checks.subject import Subject

_PENDING: Final = "AWSPENDING"
_FIXED: Final = re.compile(r"\d+|uuid/.*|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")
"""Numbers and ids; other versions are names that move on."""


def check(subject: Subject, texts: Mapping[str, str]) -> Iterator[Finding]:
    """A warning for every part that does so.

    Args:
        subject: the declaration.
        texts: its templates by field, those of ConfigMaps and Secrets too.
    """
    if not _is_periodic(subject):
        return
    every = go_duration.format(subject.external_secret.spec.refresh_interval)
    remedy = "use refreshPolicy CreatedOnce or OnChange to keep what was made first"
    for path, what in _parts(subject, texts):
        problem = f"{what} gives something new at each refresh (every {every} with an operator)"
        yield subject.warning(Check.Volatile, path, problem, remedy)


def _parts(subject: Subject, texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    try:
        for part in volatile_parts(subject.external_secret):
            path, _, what = part.partition(": ")
            yield path, what
    except TemplateError:
        return  # that it does not parse has been said
    for path, text in texts.items():
        if " key " not in path:
            continue  # templates of the declaration itself are among the parts above
        try:
            functions = sorted(volatile_functions(text))
        except TemplateError:
            continue
        if functions:
            yield path, ", ".join(functions)


def _is_periodic(subject: Subject) -> bool:
    spec = subject.external_secret.spec
    return spec.refresh_policy is RefreshPolicy.Periodic and spec.refresh_interval > timedelta(0)


def pins(subject: Subject, reads: Sequence[Read]) -> Iterator[Finding]:
    """Entries that follow no rotation, because they name a version."""
    if not _is_periodic(subject):
        return
    for each in reads:
        if not isinstance(each.entry, DataEntry | ExtractEntry) or each.error is not None:
            continue
        version = each.entry.ref.version
        if version == _PENDING:
            problem = f"reads version {version}, which a rotation is still trying out and may take back"
            yield subject.warning(Check.Version, each.entry.field, problem, "leave the version out")
        elif _FIXED.fullmatch(version):
            problem = f"reads version {version} and follows no rotation"
            yield subject.note(Check.Version, each.entry.field, problem, "leave the version out to follow it")
