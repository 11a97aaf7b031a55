"""Workloads that use the target and will not notice that its content changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.checks.content import changed_keys
from secretsync.checks.findings import Check
from secretsync.checks.subject import listed, told
from secretsync.errors import SecretSyncError
from secretsync.sync import target

if TYPE_CHECKING:
    from collections.abc import Collection

    from secretsync.api import JsonObject
    from secretsync.checks.findings import Finding
    from secretsync.checks.key_names import KeyNames
    from secretsync.checks.shared import Shared
    from secretsync.checks.subject import Subject
    from secretsync.workloads.dependents import Workload
    from secretsync.workloads.references import Use


async def check(
    subject: Subject, wanted: JsonObject, live: JsonObject, names: KeyNames, shared: Shared
) -> list[Finding]:
    """Name them, if there is a change of what they use."""
    changed = changed_keys(live, wanted)
    if not changed or not subject.options.workloads:
        return []
    name = target.target_name(subject.external_secret)
    try:
        found = await shared.dependents.find(subject.namespace, name)
    except SecretSyncError as error:
        problem = f"which workloads use Secret {subject.target} is not known: {told(error)}"
        remedy = error.remedy or "allow to list workloads and Pods in the namespace"
        return [subject.unknown(Check.Workloads, "spec.target", problem, remedy)]
    stale = [text for workload in found if (text := _stale(subject, workload, changed))]
    if not stale:
        return []
    problem = (
        f"the keys {names.listed(changed)} of Secret {subject.target} change, which {listed(stale)} will not notice"
    )
    return [subject.warning(Check.Workloads, "spec.target", problem, "restart them after the update")]


def _stale(subject: Subject, workload: Workload, changed: Collection[str]) -> str:
    """The workload and how it uses a changed key without following it; empty where it notices."""
    is_restarted = subject.restarts and workload.asks_for_rollout and workload.can_restart
    if workload.restarts_itself or is_restarted:
        return ""
    uses = [use for use in workload.uses if not use.follows and (not use.keys or not set(use.keys).isdisjoint(changed))]
    return f"{workload.kind} {workload.name} ({'; '.join(dict.fromkeys(map(_use, uses)))})" if uses else ""


def _use(use: Use) -> str:
    return f"{use.how} of {use.container}" if use.container else str(use.how)
