"""One ``pulumi up`` of the dev stack: its events told as they come, counted at the end."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.commands.stack import STACK, Engine, StackError

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


def run(engine: Engine, tell: Callable[[str], None]) -> Update:
    """Brings the stack up.

    Args:
        engine: the engine and its stack.
        tell: called with one line for each resource that changes, and each line the program prints.

    Raises:
        StackError: the update failed; the message quotes the engine's diagnoses.
    """
    child = subprocess.Popen(
        [
            str(engine.program), "up", "--yes", "--skip-preview", "--non-interactive", "--json", "--stack", STACK,
            "--config-file", str(engine.configuration),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=engine.project,
        env=dict(engine.environment),
        process_group=0,
    )  # fmt: skip
    update = Update()
    rest: list[str] = []
    # Both pipes are drained at once: a full one would stop the engine.
    complaints = threading.Thread(target=lambda: rest.extend(child.stderr or ()), name="pulumi-stderr", daemon=True)
    complaints.start()
    try:
        for line in child.stdout or ():
            _take(line, update, tell)
        code = child.wait()
    except KeyboardInterrupt:
        _interrupt(child)
        raise
    finally:
        complaints.join(timeout=5)
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
    if code:
        said = update.problems or [line.strip() for line in rest if line.strip()] or [f"exit code {code}"]
        raise StackError(
            "the update failed:"
            + "".join(f"\n    {line}" for text in said[-_DIAGNOSES:] for line in text.splitlines())
            + "\n",
            place=f"pulumi up of stack {STACK}",
            remedy="mend the cause and run `make up` again: what was done is kept",
        )
    return update


def _interrupt(child: subprocess.Popen[str]) -> None:
    """Lets the engine write down what it did; a second Ctrl-C makes it hurry, a third one leaves it alone."""
    for _ in range(2):
        with suppress(ProcessLookupError):
            child.send_signal(signal.SIGINT)
        try:
            for _line in child.stdout or ():
                pass
            child.wait()
        except KeyboardInterrupt:
            continue
        return


def _take(line: str, update: Update, tell: Callable[[str], None]) -> None:
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
    text = _COLOUR_TAG.sub("", str(diagnosis.get("message", ""))).strip()
    severity = diagnosis.get("severity")
    urn = _name(str(diagnosis.get("urn") or ""))
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
    tell(f"{_name(str(metadata.get('urn', '')))} {verb if done else 'failed'}")


def _name(urn: str) -> str:
    """Kind and name of a resource, as people say them: ``kubernetes:core/v1:Secret demo``."""
    pieces = urn.split("::")
    return f"{pieces[2].rpartition('$')[2]} {pieces[3]}" if len(pieces) > 3 else ""  # noqa: PLR2004  stack, project, type, name
