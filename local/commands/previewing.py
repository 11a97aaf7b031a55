"""One preview of a stack under the policy pack: its events counted, its violations kept."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.commands import engine_run
from local.commands.updating import plain_text, resource_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local.commands.stack import Engine

PACK = "policies"
"""Folder of the policy pack, in the project."""

STREAM = {"PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}
"""Makes the engine write each event of a preview as it comes, one JSON object a line."""

_BLOCKING = "mandatory"
_NO_REASON = re.compile(r"preview failed|an unhandled error occurred: Program exited with non-zero exit code: \d+")
"""What the engine says after the reason, or after a violation."""

_REFUSED = 1
_DIAGNOSES = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """What a rule of the policy pack found.

    Attributes:
        policy: the rule.
        level: ``mandatory`` or ``advisory``.
        resource: type and name of the resource; empty where it is about the whole stack.
        message: the rule's description and its finding.
    """

    policy: str
    level: str
    resource: str
    message: str

    @property
    def blocks(self) -> bool:
        """Whether an update would be refused for it."""
        return self.level == _BLOCKING


@dataclass(slots=True)
class Preview:
    """What a preview would do, and what is wrong with it.

    Attributes:
        stack: the stack.
        changes: number of resources by operation.
        resources: operation, and type and name, of each resource.
        rules: the rules that judged.
        violations: what they found.
        problems: errors of the engine and the program.
        warnings: likewise, warnings.
        seconds: how long the engine took.
        ended: whether the engine has come to its summary; what plugins say while they stop is no problem.
    """

    stack: str
    changes: dict[str, int] = field(default_factory=dict)
    resources: list[tuple[str, str]] = field(default_factory=list)
    rules: set[str] = field(default_factory=set)
    violations: list[Violation] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    ended: bool = False

    @property
    def passed(self) -> bool:
        """Whether an update would be let through."""
        return not self.problems and not any(violation.blocks for violation in self.violations)

    def __str__(self) -> str:
        count = sum(self.changes.values())
        found = len(self.violations)
        said = f"{count} resources, {len(self.rules)} rules, {found} violation{'' if found == 1 else 's'}"
        return said if not self.problems else f"{said}, failed"


def pack_arguments(project: Path, environment: str) -> list[str]:
    """Options that let the pack judge, with the parameters of the stack's environment where there are any.

    Args:
        project: folder of the project.
        environment: ``dev``, ``staging`` or ``prod``.
    """
    words = ["--policy-pack", PACK]
    parameters = project / PACK / "config" / f"{environment}.json"
    if environment and parameters.is_file():
        words += ["--policy-pack-config", str(parameters)]
    return words


def run(engine: Engine, options: Sequence[str] = ()) -> Preview:
    """Previews the stack.

    Args:
        engine: the engine and its stack.
        options: of the engine's command, beside those every preview gets.

    Returns:
        What it would do; also where the program or a rule stopped it.
    """
    preview = Preview(engine.stack)
    begun = time.monotonic()
    ended = engine_run.follow(engine, ["preview", "--json", *options], lambda line: take(line, preview), STREAM)
    preview.seconds = time.monotonic() - begun
    reasons = [text for text in preview.problems if not _NO_REASON.fullmatch(text)]
    refused = ended.code == _REFUSED and any(violation.blocks for violation in preview.violations)
    preview.problems = reasons if refused or reasons else preview.problems
    if ended.code and not refused and not preview.problems:
        preview.problems = ended.complaints[-_DIAGNOSES:] or [f"the engine ended with exit code {ended.code}"]
    return preview


def take(line: str, preview: Preview) -> None:
    """Takes one event, or one line that is none.

    Args:
        line: as the engine wrote it.
        preview: what is added to.
    """
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        return
    if before := event.get("resourcePreEvent"):
        metadata = before["metadata"]
        preview.resources.append((str(metadata.get("op", "")), resource_name(str(metadata.get("urn", "")))))
    elif found := event.get("policyEvent"):
        _take_violation(found, preview)
    elif judged := event.get("policyAnalyzeSummaryEvent") or event.get("policyAnalyzeStackSummaryEvent"):
        preview.rules.update(judged.get("passed") or (), judged.get("failed") or ())
    elif summary := event.get("summaryEvent"):
        preview.changes = dict(summary.get("resourceChanges") or {})
        preview.ended = True
    elif (diagnosis := event.get("diagnosticEvent")) and not preview.ended:
        _take_diagnosis(diagnosis, preview)
    elif error := event.get("errorEvent"):
        preview.problems.append(str(error.get("error", "")))


def _take_violation(found: dict[str, Any], preview: Preview) -> None:
    preview.violations.append(
        Violation(
            policy=str(found.get("policyName", "")),
            level=str(found.get("enforcementLevel", "")),
            resource=resource_name(str(found.get("resourceUrn") or "")),
            message=plain_text(str(found.get("message", ""))),
        )
    )


def _take_diagnosis(diagnosis: dict[str, Any], preview: Preview) -> None:
    text = plain_text(str(diagnosis.get("message", "")))
    if not text or diagnosis.get("ephemeral"):
        return
    if diagnosis.get("severity") == "error":
        name = resource_name(str(diagnosis.get("urn") or ""))
        preview.problems.append(f"{name}: {text}" if name else text)
    elif diagnosis.get("severity") == "warning":
        preview.warnings.append(text)
