"""What one preview under the policy pack is made of, from the engine's events."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from local.commands import previewing
from local.commands.previewing import Preview, Violation
from local.commands.stack import Engine, committed_path, committed_stacks
from local.errors import LocalError
from local.layout import PROJECT, Layout

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

URN = "urn:pulumi:prod::external-secrets::platform:Platform$kubernetes:core/v1:Namespace::demo"


def _violation(level: str) -> dict[str, object]:
    return {
        "policyEvent": {
            "resourceUrn": URN,
            "message": "<{%fg 1%}>Namespaces are named.<{%reset%}>\nname it\n",
            "policyName": "named",
            "enforcementLevel": level,
        }
    }


def _error(message: str) -> dict[str, object]:
    return {"diagnosticEvent": {"severity": "error", "message": message}}


SUMMARY = {"summaryEvent": {"resourceChanges": {"create": 2, "same": 1}}}


def _take(*events: object) -> Preview:
    preview = Preview("prod")
    for event in events:
        previewing.take(event if isinstance(event, str) else json.dumps(event), preview)
    return preview


def test_events_become_counts_resources_rules_and_violations() -> None:
    preview = _take(
        "no event\n",
        {"resourcePreEvent": {"metadata": {"op": "create", "urn": URN}}},
        {"policyAnalyzeSummaryEvent": {"passed": ["a", "b"], "failed": ["named"]}},
        {"policyAnalyzeStackSummaryEvent": {"passed": ["c"]}},
        _violation("advisory"),
        {"diagnosticEvent": {"severity": "warning", "message": "old\n"}},
        {"diagnosticEvent": {"severity": "debug", "message": "noise"}},
        {"diagnosticEvent": {"severity": "error", "message": "waiting", "ephemeral": True}},
        SUMMARY,
    )
    assert preview.changes == {"create": 2, "same": 1}
    assert preview.resources == [("create", "kubernetes:core/v1:Namespace demo")]
    assert preview.rules == {"a", "b", "c", "named"}
    assert preview.violations == [
        Violation("named", "advisory", "kubernetes:core/v1:Namespace demo", "Namespaces are named.\nname it")
    ]
    assert preview.warnings == ["old"]
    assert preview.problems == []
    assert preview.passed
    assert str(preview) == "3 resources, 4 rules, 1 violation"


def test_a_mandatory_violation_or_an_error_lets_nothing_through() -> None:
    assert not _take(_violation("mandatory"), SUMMARY).passed
    failed = _take(_error("no such mount"), SUMMARY)
    assert not failed.passed
    assert str(failed).endswith("failed")


def test_what_plugins_say_while_they_stop_is_no_problem() -> None:
    assert _take(SUMMARY, _error("exited prematurely")).passed


def test_parameters_are_handed_over_where_the_environment_has_some(tmp_path: Path) -> None:
    assert previewing.pack_arguments(tmp_path, "prod") == ["--policy-pack", "policies"]
    path = tmp_path / "policies" / "config" / "prod.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert previewing.pack_arguments(tmp_path, "prod")[2:] == ["--policy-pack-config", str(path)]
    assert previewing.pack_arguments(tmp_path, "dev") == ["--policy-pack", "policies"]


def _engine(tmp_path: Path, code: int, *lines: object, complaint: str = "") -> Engine:
    """An engine that writes these lines, and ends with this code."""
    (tmp_path / "events").write_text("".join(json.dumps(line) + "\n" for line in lines))
    program = tmp_path / "pulumi"
    program.write_text(
        f"#!/bin/sh\necho \"$@\" >'{tmp_path}/said'\ncat '{tmp_path}/events'\n{complaint}\nexit {code}\n"
    )
    program.chmod(stat.S_IRWXU)
    return Engine(program, {}, Layout(tmp_path), project=tmp_path, stack="prod")


def test_a_run_that_a_rule_stopped_is_a_result_and_no_error(tmp_path: Path) -> None:
    engine = _engine(tmp_path, 1, _violation("mandatory"), _error("preview failed\n"), SUMMARY)
    preview = previewing.run(engine, ["--policy-pack", "policies"])
    assert preview.problems == []
    assert not preview.passed
    said = (tmp_path / "said").read_text()
    assert said.startswith("preview --json --policy-pack policies ")
    assert "--stack prod" in said


def test_a_run_that_failed_without_a_word_is_told_by_what_is_known(tmp_path: Path) -> None:
    quiet = previewing.run(_engine(tmp_path, 255))
    assert quiet.problems == ["the engine ended with exit code 255"]
    told = previewing.run(_engine(tmp_path, 255, complaint="echo 'error: no such stack' >&2"))
    assert told.problems == ["error: no such stack"]
    exited = _error("an unhandled error occurred: Program exited with non-zero exit code: 1\n")
    assert previewing.run(_engine(tmp_path, 1, _error("the manifest is wrong"), exited)).problems == [
        "the manifest is wrong"
    ]
    assert len(previewing.run(_engine(tmp_path, 1, exited)).problems) == 1
    broken = previewing.run(_engine(tmp_path, 1, _violation("advisory"), complaint="echo 'it broke' >&2"))
    assert broken.problems == ["it broke"]


def test_the_committed_stacks_are_known_by_name_and_paths_are_none(tmp_path: Path) -> None:
    for name in ("b", "a.c", "a"):
        (tmp_path / f"Pulumi.{name}.yaml").touch()
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "Pulumi.d").mkdir()
    (tmp_path / "Pulumi.d" / "e.yaml").touch()
    assert committed_stacks(tmp_path) == ("a", "a.c", "b")
    assert committed_path(tmp_path, "a.c") == tmp_path / "Pulumi.a.c.yaml"
    for wrong in ("../x", "", "c", "/etc", "d/e"):
        with pytest.raises(LocalError, match=r"the stacks are a, a\.c, b"):
            committed_path(tmp_path, wrong)
    assert committed_stacks(PROJECT) == ("aws-local", "dev", "prod", "staging")
