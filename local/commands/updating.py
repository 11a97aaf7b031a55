"""One ``pulumi up`` of a stack: its events told as they come, counted at the end."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.commands import engine_run
from local.commands.stack import Engine, StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COLOUR_TAG = re.compile(r"<\{%.*?%\}>")
_QUIET = frozenset({"same", "read", "read-discard", "refresh"})
_VERBS: Mapping[str, str] = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "replace": "replaced",
    "create-replacement": "created anew",
    "delete-replaced": "deleted",
    "import": "imported",
}
_DIAGNOSES = 20
_STATUS_SECONDS = 5.0


@dataclass(slots=True)
class Update:
    """What an update did.

    Attributes:
        changes: number of resources by operation (``create``, ``update``, ``same``, …).
        problems: what the engine and the program complained about, errors only.
        warnings: likewise, warnings only.
        waiting: what each waiting resource last said, and when.
    """

    changes: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    waiting: dict[str, tuple[str, float]] = field(default_factory=dict)

    @property
    def unchanged(self) -> bool:
        """Whether every resource was as it should be."""
        return not any(count for operation, count in self.changes.items() if operation not in _QUIET)

    def __str__(self) -> str:
        changed = [
            f"{count} {_VERBS.get(operation, operation)}"
            for operation, count in self.changes.items()
            if count and operation not in _QUIET
        ]
        same = self.changes.get("same", 0)
        return ", ".join([*changed, f"{same} unchanged"]) if changed else f"{same} resources unchanged"


def run(engine: Engine, tell: Callable[[str], None], *, refresh: bool = False) -> Update:
    """Brings the stack up.

    Args:
        engine: the engine and its stack.
        tell: called with one line for each resource that changes, and each line the program prints.
        refresh: whether it is first looked what of the stack is still there.

    Raises:
        StackError: the update failed; the message quotes the engine's diagnoses.
    """
    update = Update()
    arguments = ["up", "--yes", "--skip-preview", "--json", *(("--refresh",) if refresh else ())]
    ended = engine_run.follow(engine, arguments, lambda line: take(line, update, tell))
    if ended.code:
        raise failure("update", "up", engine, update, ended)
    return update


def failure(what: str, command: str, engine: Engine, update: Update, ended: engine_run.Ended) -> StackError:
    """The error for a run that failed; it quotes the engine's last diagnoses.

    Args:
        what: what it was, for the message.
        command: the engine's command, which is also the one of `make` that runs it.
        engine: the engine and its stack.
        update: what its events told.
        ended: how it ended.
    """
    said = update.problems or ended.complaints or [f"exit code {ended.code}"]
    return StackError(
        f"the {what} failed:"
        + "".join(f"\n    {line}" for text in said[-_DIAGNOSES:] for line in text.splitlines())
        + "\n",
        place=f"pulumi {command} of stack {engine.stack}",
        remedy=f"mend the cause and run `make {command}` again: what was done is kept",
    )


def take(line: str, update: Update, tell: Callable[[str], None]) -> None:
    """Takes one event, or one line that is none.

    Args:
        line: as the engine wrote it.
        update: what is added to.
        tell: called with a line for people.
    """
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        if line.strip():
            tell(line.rstrip())
        return
    if outputs := event.get("resOutputsEvent"):
        _tell_resource(outputs["metadata"], tell, done=True)
    elif failed := event.get("resOpFailedEvent"):
        _tell_resource(failed["metadata"], tell, done=False)
    elif summary := event.get("summaryEvent"):
        update.changes = dict(summary.get("resourceChanges") or {})
    elif diagnosis := event.get("diagnosticEvent"):
        _take_diagnosis(diagnosis, update, tell)
    elif error := event.get("errorEvent"):
        update.problems.append(str(error.get("error", "")))


def _take_diagnosis(diagnosis: dict[str, Any], update: Update, tell: Callable[[str], None]) -> None:
    text = plain_text(str(diagnosis.get("message", "")))
    severity = diagnosis.get("severity")
    urn = resource_name(str(diagnosis.get("urn") or ""))
    if diagnosis.get("ephemeral"):
        _take_status(urn, text, update, tell)
        return
    if not text:
        return
    if severity == "error":
        update.problems.append(f"{urn}: {text}" if urn else text)
    elif severity == "warning":
        update.warnings.append(text)
        tell(f"warning: {text}")
    elif severity == "info":
        tell(text)


def _take_status(urn: str, text: str, update: Update, tell: Callable[[str], None]) -> None:
    """What a resource waits for: told when it changes, and not in a stream."""
    said, when = update.waiting.get(urn, ("", -_STATUS_SECONDS))
    now = time.monotonic()
    if text and text != said and now - when >= _STATUS_SECONDS:
        update.waiting[urn] = text, now
        tell(f"{urn}: {text}" if urn else text)


def _tell_resource(metadata: dict[str, Any], tell: Callable[[str], None], *, done: bool) -> None:
    operation = str(metadata.get("op", ""))
    if operation in _QUIET:
        return
    verb = _VERBS.get(operation, operation)
    tell(f"{resource_name(str(metadata.get('urn', '')))} {verb if done else 'failed'}")


def plain_text(text: str) -> str:
    """A message of the engine without its colour tags."""
    return _COLOUR_TAG.sub("", text).strip()


def resource_name(urn: str) -> str:
    """Kind and name of a resource, as people say them: ``kubernetes:core/v1:Secret demo``."""
    pieces = urn.split("::")
    return f"{pieces[2].rpartition('$')[2]} {pieces[3]}" if len(pieces) > 3 else ""  # noqa: PLR2004  stack, project, type, name
