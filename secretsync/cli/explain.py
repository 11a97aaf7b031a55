"""``explain``: what happens to the target of an ExternalSecret under every event that its policies speak of.

Nothing here knows a rule: each event is played on a small cluster in memory, by the code that does it for real.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secretsync.api import go_duration, load_manifests
from secretsync.cli import output
from secretsync.cli.arguments import add_json
from secretsync.cli.rehearsal import Rehearsal
from secretsync.sync import refresh

if TYPE_CHECKING:
    import argparse

    from secretsync.api import ExternalSecret
    from secretsync.sync.types import Outcome

_DESCRIPTION = """\
Says what each policy of an ExternalSecret leads to: at the first sync, when a value changes upstream, when the secret
disappears there, when somebody edits or deletes the target, and when the ExternalSecret is deleted. Every line was
played through in memory by the code that the controller runs. Works without a cluster.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One event and what it leads to.

    Attributes:
        event: what happens.
        effect: what then happens to the target.
        when: how soon.
        condition: reason and message of the Ready condition afterwards; empty where it stays as it was.
    """

    event: str
    effect: str
    when: str
    condition: str


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("explain", help="say what the policies lead to", description=_DESCRIPTION)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="manifests, or folders of them")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print an explanation of each ExternalSecret."""
    manifests = load_manifests(arguments.files, root=Path.cwd())
    explained = [(each, asyncio.run(explain(each))) for each in manifests.external_secrets]
    if arguments.json:
        output.write_json([_entry(each, lines) for each, lines in explained])
        return 0
    for each, lines in explained:
        output.write(
            output.coloured(f"ExternalSecret {each.metadata.namespace or 'default'}/{each.metadata.name}", "bold")
        )
        output.write(_settings(each))
        rows = [(line.event, line.effect, line.when, line.condition) for line in lines]
        output.write(output.table(("WHEN", "THE TARGET", "HOW SOON", "READY"), rows))
        output.write("")
    return 0


async def explain(external_secret: ExternalSecret) -> list[Line]:
    """All events, each played from a fresh start."""
    plays = (
        _first_sync_absent,
        _first_sync_present,
        _value_changes,
        _one_secret_disappears,
        _everything_disappears,
        _target_edited,
        _target_deleted,
        _external_secret_deleted,
    )
    return [await play(external_secret) for play in plays]


async def _first_sync_absent(declared: ExternalSecret) -> Line:
    rehearsal = Rehearsal(declared)
    outcome = await rehearsal.sync()
    return _line("first sync, no target yet", rehearsal, outcome, "at once")


async def _first_sync_present(declared: ExternalSecret) -> Line:
    rehearsal = Rehearsal(declared)
    await rehearsal.create_foreign_target()
    outcome = await rehearsal.sync()
    return _line("first sync, a Secret of that name exists", rehearsal, outcome, "at once")


async def _value_changes(declared: ExternalSecret) -> Line:
    rehearsal = await _synced(declared)
    rehearsal.change_values()
    return await _later(rehearsal, "a value changes upstream")


async def _one_secret_disappears(declared: ExternalSecret) -> Line:
    rehearsal = await _synced(declared)
    if not rehearsal.remove_one():
        return Line("one of several secrets disappears upstream", "does not apply: only one is read", "-", "")
    return await _later(rehearsal, "one of several secrets disappears upstream")


async def _everything_disappears(declared: ExternalSecret) -> Line:
    rehearsal = await _synced(declared)
    rehearsal.remove_all()
    return await _later(rehearsal, "all secrets disappear upstream")


async def _target_edited(declared: ExternalSecret) -> Line:
    rehearsal = await _synced(declared)
    if not await rehearsal.edit_target():
        return Line("somebody edits the target", "does not apply: there is none", "-", "")
    return await _later(rehearsal, "somebody edits the target")


async def _target_deleted(declared: ExternalSecret) -> Line:
    rehearsal = await _synced(declared)
    if not await rehearsal.delete_target():
        return Line("somebody deletes the target", "does not apply: there is none", "-", "")
    return await _later(rehearsal, "somebody deletes the target")


async def _external_secret_deleted(declared: ExternalSecret) -> Line:
    rehearsal = await _synced(declared)
    before = await rehearsal.target()
    await rehearsal.delete_external_secret()
    after = await rehearsal.target()
    effect = "there is none" if before is None else "is deleted with it" if after is None else "stays, with its data"
    return Line("the ExternalSecret is deleted", effect, "at once", "")


async def _synced(declared: ExternalSecret) -> Rehearsal:
    """A rehearsal whose target is in place, whoever had to create it."""
    rehearsal = Rehearsal(declared)
    if not rehearsal.creates_target():
        await rehearsal.create_foreign_target()
    await rehearsal.sync()
    return rehearsal


async def _later(rehearsal: Rehearsal, event: str) -> Line:
    """What the event leads to, and when: at once, at the next interval, or never."""
    now = datetime.now(UTC)
    external_secret = await rehearsal.current()
    live = await rehearsal.target()
    if refresh.decide(external_secret, live, now).refresh:
        return _line(event, rehearsal, await rehearsal.sync(), "at once")
    every = refresh.interval(external_secret)
    if every is None:
        return Line(event, "stays as it is", "until the ExternalSecret is edited", "")
    if not refresh.decide(external_secret, live, now + every + timedelta(seconds=1)).refresh:
        return Line(event, "stays as it is", "while the sync windows are closed", "")
    return _line(event, rehearsal, await rehearsal.sync(), f"within {go_duration.format(every)}")


def _line(event: str, rehearsal: Rehearsal, outcome: Outcome, when: str) -> Line:
    return Line(event, rehearsal.describe(outcome), when, f"{outcome.reason}: {outcome.message}")


def _settings(external_secret: ExternalSecret) -> str:
    spec = external_secret.spec
    every = refresh.interval(external_secret)
    parts = {
        "refreshPolicy": spec.refresh_policy,
        "refreshInterval": go_duration.format(every) if every is not None else "none",
        "creationPolicy": spec.target.creation_policy,
        "deletionPolicy": spec.target.deletion_policy,
        "immutable": str(spec.target.immutable).lower(),
    }
    return "  ".join(f"{name} {value}" for name, value in parts.items())


def _entry(external_secret: ExternalSecret, lines: list[Line]) -> dict[str, Any]:
    meta = external_secret.metadata
    events = [
        {"event": line.event, "effect": line.effect, "when": line.when, "condition": line.condition} for line in lines
    ]
    return {"namespace": meta.namespace, "name": meta.name, "events": events}
