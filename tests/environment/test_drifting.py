"""Drift by cause, from the events of a refreshed preview."""

from __future__ import annotations

import argparse
import json
import os
import signal
import stat
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from local.__main__ import main
from local.commands import drift as command
from local.commands import drifting
from local.commands.drifting import Cause, Drift, Finding, Version
from local.commands.stack import StackError
from local.errors import LocalError
from local.layout import ROOT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.unit

SYNCED = "pulumi-python:dynamic/external-secrets:SyncedSecret"
SET = "pulumi-python:dynamic/external-secrets:SyncedSecretSet"
POLICY = "aws:iam/policy:Policy"
STORE = "SecretStore/vault"


def _urn(kind: str, name: str = "x") -> str:
    return f"urn:pulumi:dev::external-secrets::external-secrets:index:Platform${kind}::{name}"


def _declaration(name: str = "app", **more: object) -> str:
    return json.dumps({"metadata": {"namespace": "team", "name": name}, **more})


def _inputs(**more: object) -> dict[str, Any]:
    return {"declaration": _declaration(), "target": "team/app", "keys": ["a", "b"], "versions": {}, **more}


def _event(kind: str, operation: str, old: object, new: object, *, event: str = "resourcePreEvent", **more: Any) -> str:
    def side(inputs: object) -> object:
        return None if inputs is None else {"urn": _urn(kind), "custom": True, "inputs": inputs}

    metadata = {"op": operation, "type": kind, "urn": _urn(kind), "old": side(old), "new": side(new), **more}
    return json.dumps({event: {"metadata": metadata}})


def _refreshed(kind: str, old: object, new: object, **more: Any) -> str:
    return _event(kind, "refresh", old, new, event="resOutputsEvent", **more)


def _found(*lines: str) -> list[Finding]:
    drift = Drift()
    for line in lines:
        drifting.take(line, drift)
    return drift.findings


def _synced(**now: object) -> list[Finding]:
    return _found(_event(SYNCED, "update", _inputs(), _inputs(**now)))


def test_a_rotation_names_keys_and_both_versions() -> None:
    before = _inputs(versions={f"{STORE} db": "1", f"{STORE} old": "7", f"{STORE} same": "3"})
    now = _inputs(versions={f"{STORE} db": "2", f"{STORE} new": "1", f"{STORE} same": "3"}, rotated=["a"])
    assert _found(_event(SYNCED, "update", before, now)) == [
        Finding(
            name="team/app",
            target="team/app",
            cause=Cause.ROTATED,
            keys=("a",),
            versions=(
                Version(remote=f"{STORE} db", before="1", now="2"),
                Version(remote=f"{STORE} new", before="", now="1"),
                Version(remote=f"{STORE} old", before="7", now=""),
            ),
        )
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("missing", [(Cause.MISSING, (), "", "")]),
        ("key a edited by kubectl-edit", [(Cause.EDITED, ("a",), "kubectl-edit", "")]),
        ("key a edited by kubectl; key b added by kubectl", [(Cause.EDITED, ("a", "b"), "kubectl", "")]),
        ("key a edited by argocd-controller", [(Cause.FOREIGN_MANAGER, ("a",), "argocd-controller", "")]),
        (
            "key a edited by helm; key b edited by kubectl-patch",
            [(Cause.FOREIGN_MANAGER, ("a",), "helm", ""), (Cause.EDITED, ("b",), "kubectl-patch", "")],
        ),
        ("key a missing; key b edited", [(Cause.EDITED, ("a", "b"), "", "")]),
        ("ownerReferences edited", [(Cause.EDITED, (), "", "ownerReferences edited")]),
        ("label x missing", [(Cause.EDITED, (), "", "label x missing")]),
    ],
)
def test_what_somebody_did_to_the_target_is_told_by_cause(
    text: str, expected: list[tuple[Cause, tuple[str, ...], str, str]]
) -> None:
    assert [(each.cause, each.keys, each.by, each.detail) for each in _synced(drift=text)] == expected


def test_a_problem_and_another_declaration_are_told_and_spacing_is_none() -> None:
    assert [(each.cause, each.detail) for each in _synced(problem="no secret db")] == [(Cause.PROBLEM, "no secret db")]
    (changed,) = _synced(declaration=_declaration(spec={"x": 1}), rotated=["a"])
    assert changed.cause is Cause.DECLARATION_CHANGED  # the keys change by it, and not by a rotation
    assert _synced(declaration=_declaration().replace(": ", ":")) == []
    (new,) = _found(_event(SYNCED, "create", None, _inputs()))
    assert (new.cause, new.detail) == (Cause.DECLARATION_CHANGED, "it was not synced before")
    (old,) = _found(_event(SYNCED, "delete", _inputs(), None))
    assert (old.cause, old.detail) == (Cause.DECLARATION_CHANGED, "it is not declared any more")


def test_a_target_that_is_gone_is_told_once() -> None:
    lines = _refreshed(SYNCED, _inputs(), None), _event(SYNCED, "create", None, _inputs())
    assert _found(*lines) == [Finding(name="team/app", target="team/app", cause=Cause.MISSING, keys=("a", "b"))]


def test_a_set_names_the_declaration_that_differs() -> None:
    def columns(**now: object) -> dict[str, Any]:
        declared = {f"team/{name}": _declaration(name) for name in ("one", "two", "three")}
        return {"declarations": declared, "targets": {"team/two": "team/other"}, "keys": {}, **now}

    before = columns(versions={"team/two": {f"{STORE} k": "1"}})
    now = columns(
        versions={"team/two": {f"{STORE} k": "2"}},
        rotated={"team/two": ["b"]},
        drift={"team/one": "missing"},
        problems={"team/three": "denied"},
    )
    found = _found(_event(SET, "update", before, now))
    assert {each.name: (each.cause, each.target) for each in found} == {
        "team/one": (Cause.MISSING, "team/one"),
        "team/two": (Cause.ROTATED, "team/other"),
        "team/three": (Cause.PROBLEM, "team/three"),
    }


def test_policies_and_other_resources_are_told_by_what_a_refresh_found() -> None:
    difference = {"policy": {"diffKind": "update"}}
    assert _found(
        _refreshed(POLICY, {}, {}, detailedDiff=difference),
        _event(POLICY, "update", {}, {}, detailedDiff=difference),
    ) == [Finding(name=f"{POLICY} x", cause=Cause.POLICY_EDITED, keys=("policy",))]
    (gone,) = _found(_refreshed("vault:index/policy:Policy", {}, None))
    assert gone.cause is Cause.POLICY_MISSING
    (edited,) = _found(_refreshed("kubernetes:core/v1:ConfigMap", {}, {}, detailedDiff={"data": {}}))
    assert edited.cause is Cause.EDITED
    assert _found(_refreshed(POLICY, {}, {}, detailedDiff=None)) == []


def test_what_the_program_would_change_is_told_as_not_applied() -> None:
    (pending,) = _found(_event(POLICY, "update", {}, {}, detailedDiff={"tags": {}}))
    assert (pending.cause, pending.keys, pending.detail) == (Cause.PENDING, ("tags",), "update")
    for quiet in ("same", "read", "create-replacement", "delete-replaced"):
        assert _found(_event(POLICY, quiet, {}, {})) == []
    assert _found(_event("pulumi:providers:aws", "update", {}, {})) == []


def test_only_errors_before_the_summary_are_problems() -> None:
    drift = Drift()
    for line in (
        "no event\n",
        json.dumps({"diagnosticEvent": {"severity": "error", "message": "sealed\n", "urn": _urn(POLICY)}}),
        json.dumps({"diagnosticEvent": {"severity": "warning", "message": "old"}}),
        json.dumps({"summaryEvent": {"resourceChanges": {"same": 3, "update": 1}}}),
        json.dumps({"diagnosticEvent": {"severity": "error", "message": "exited prematurely"}}),
    ):
        drifting.take(line, drift)
    assert drift.problems == [f"{POLICY} x: sealed"]
    assert drift.compared == 4


@pytest.fixture
def in_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``drift --cloud`` with an engine on the PATH that writes these lines."""

    def run(*lines: str, code: int = 0, json_wanted: bool = False, stack: str = "prod") -> int:
        (tmp_path / "events").write_text("\n".join(lines) + "\n")
        program = tmp_path / "pulumi"
        program.write_text(f"#!/bin/sh\necho \"$@\" >'{tmp_path}/said'\ncat '{tmp_path}/events'\nexit {code}\n")
        program.chmod(stat.S_IRWXU)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        return command.run(argparse.Namespace(stack=stack, cloud=True, json=json_wanted))

    return run


ROTATED = _event(
    SYNCED, "update", _inputs(versions={f"{STORE} db": "1"}), _inputs(versions={f"{STORE} db": "2"}, rotated=["a"])
)


def test_a_stack_in_the_cloud_is_compared_by_the_engine_of_the_shell(
    in_cloud: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert in_cloud(ROTATED) == command.FOUND == 2
    said = (tmp_path / "said").read_text()
    assert said.startswith("preview --refresh --json ")
    assert said.rstrip().endswith("Pulumi.prod.yaml")
    printed = capsys.readouterr().out
    assert "rotated" in printed
    assert "db: 1 → 2" in printed
    assert "1 difference of stack prod" in printed
    assert in_cloud(json.dumps({"summaryEvent": {"resourceChanges": {"same": 5}}})) == 0
    assert "No drift: 5 resources of stack prod" in capsys.readouterr().out


def test_drift_as_json_is_for_machines(in_cloud: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert in_cloud(ROTATED, json_wanted=True) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["stack"] == "prod"
    (found,) = document["drift"]
    assert found["cause"] == "rotated"
    assert found["versions"] == [{"remote": f"{STORE} db", "before": "1", "now": "2"}]


def test_values_in_what_is_passed_by_are_never_printed(
    in_cloud: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    canary = "canary-9fQ2xT"
    old = _inputs(fingerprint=canary, stores=canary, declaration=_declaration(note=canary))
    new = _inputs(fingerprint=canary + "2", drift="key a edited by kubectl", rotated=["b"], declaration=_declaration())
    kept = _refreshed("aws:ssm/parameter:Parameter", {"value": canary}, {"value": canary}, detailedDiff={"value": {}})
    for wanted in (False, True):
        assert in_cloud(_event(SYNCED, "update", old, new), kept, f"a line: {canary}", json_wanted=wanted) == 2
        printed = capsys.readouterr()
        assert canary not in printed.out + printed.err
        assert "value" in printed.out  # the property's name


def test_a_comparison_that_fails_quotes_the_engine(in_cloud: Callable[..., int]) -> None:
    line = json.dumps({"diagnosticEvent": {"severity": "error", "message": "denied by AWS"}})
    with pytest.raises(StackError, match="denied by AWS") as caught:
        in_cloud(line, ROTATED, code=1)
    assert "make drift" in str(caught.value)


def test_an_interrupt_ends_the_engine_too(tmp_path: Path, in_cloud: Callable[..., int]) -> None:
    assert in_cloud() == 0  # puts the engine on the PATH
    waiting, ended = tmp_path / "waiting", tmp_path / "ended"
    script = f"#!/bin/sh\ntrap \"touch '{ended}'; exit 1\" INT\ntouch '{waiting}'\nwhile :; do sleep 0.05; done\n"
    (tmp_path / "pulumi").write_text(script)

    def interrupt() -> None:
        while not waiting.exists():
            time.sleep(0.02)
        time.sleep(0.3)  # the engine is listened to by now
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        command.run(argparse.Namespace(stack="prod", cloud=True, json=False))
    assert ended.exists()


@pytest.mark.parametrize("words", [["drift", "--colour"], ["preview", "--stack"], ["preview", "prod"]])
def test_wrong_words_are_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "usage: python -m local" in printed.err


def test_without_an_engine_or_a_stack_the_next_step_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_cloud: Callable[..., int]
) -> None:
    with pytest.raises(LocalError, match="the stacks are aws-local, dev, prod, staging"):
        in_cloud(stack="production")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(LocalError, match="pulumi login"):
        command.run(argparse.Namespace(stack="prod", cloud=True, json=False))
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "local"))
    with pytest.raises(LocalError, match="ARGS=--cloud"):
        command.run(argparse.Namespace(stack="prod", cloud=False, json=False))
