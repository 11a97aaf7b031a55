"""Findings for people, grouped by ExternalSecret, and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from secretsync.checks.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsync.api import JsonObject

_WORDS: Final = {
    Severity.Error: ("error", "errors"),
    Severity.Warning: ("warning", "warnings"),
    Severity.Unknown: ("unknown", "unknown"),
    Severity.Note: ("note", "notes"),
}


def render(findings: Iterable[Finding]) -> str:
    """One paragraph for each ExternalSecret, as they come, errors first in each; empty without findings."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.external_secret, []).append(finding)
    return "\n\n".join(_group(name, group) for name, group in groups.items())


def counts(findings: Iterable[Finding]) -> str:
    """How many there are, e.g. ``2 errors, 1 warning``; empty without findings."""
    told = [finding.severity for finding in findings]
    numbers = [(told.count(severity), words) for severity, words in _WORDS.items()]
    return ", ".join(f"{number} {words[number != 1]}" for number, words in numbers if number)


def to_json(findings: Iterable[Finding]) -> list[JsonObject]:
    """One object for each finding, all of its fields as text."""
    return [
        {
            "externalSecret": finding.external_secret,
            "check": finding.check.value,
            "severity": finding.severity.value,
            "place": finding.place,
            "problem": finding.problem,
            "remedy": finding.remedy,
        }
        for finding in findings
    ]


def _group(name: str, findings: list[Finding]) -> str:
    head = f"ExternalSecret {name}"
    order = list(_WORDS)
    lines = [
        f"  {finding.severity} [{finding.check}] {_line(finding, head)}"
        for finding in sorted(findings, key=lambda each: order.index(each.severity))
    ]
    return "\n".join([f"{head}: {counts(findings)}", *lines])


def _line(finding: Finding, head: str) -> str:
    """The finding without what the paragraph's head says already, on one line."""
    place = finding.place.removeprefix(head).removeprefix(", ")
    text = f"{place}: {finding.problem}" if place else finding.problem
    return " ".join((f"{text}; {finding.remedy}" if finding.remedy else text).split())
