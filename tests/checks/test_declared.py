"""Two declarations for one target, told from the manifests alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsync.api import load_manifests
from secretsync.checks import Check, Options, Severity, conflicts
from secretsync.checks.declared import declared_keys
from tests.checks.scenarios import entries, template
from tests.checks.stage import Stage, check_form, declared, of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit


def sharing(policy: str, other: str, **spec: Any) -> list[Severity]:
    first = declared("app", data=entries("a"), target={"creationPolicy": policy})
    second = {"data": entries("b"), "target": {"name": "app", "creationPolicy": other}}
    return [finding.severity for finding in conflicts([first, declared("other", **{**second, **spec})])]


@pytest.mark.parametrize(
    ("policy", "other", "severities"),
    [
        ("Owner", "Owner", [Severity.Error]),
        ("Owner", "Merge", [Severity.Error]),
        ("CreateOrMerge", "Owner", [Severity.Error]),
        ("Orphan", "Orphan", [Severity.Error]),
        ("Orphan", "Merge", [Severity.Error]),
        ("Merge", "Merge", []),
        ("CreateOrMerge", "Merge", []),
        ("Owner", "None", []),
    ],
)
def test_only_those_that_merge_share_a_target(policy: str, other: str, severities: list[Severity]) -> None:
    assert sharing(policy, other) == severities


def test_those_that_merge_the_same_key_undo_each_other() -> None:
    assert sharing("Merge", "Merge", data=entries("a", "b")) == [Severity.Error]


@pytest.mark.parametrize(
    "spec",
    [
        {"dataFrom": [{"extract": {"key": "x"}}]},
        {"target": {"name": "app", "creationPolicy": "Merge", "template": {"templateFrom": [{"literal": "a: b"}]}}},
    ],
    ids=["an extract", "a template of several keys"],
)
def test_where_the_keys_depend_on_upstream_it_is_unknown(spec: dict[str, Any]) -> None:
    assert sharing("Merge", "Merge", **spec) == [Severity.Unknown]


@pytest.mark.parametrize(
    ("target", "keys"),
    [
        ({}, {"a"}),
        (template(data={"x": ""}), {"x"}),
        (template(data={"x": ""}, mergePolicy="Merge"), {"a", "x"}),
        (template(type="Opaque"), {"a"}),
        (template(templateFrom=[{"literal": "l: x", "target": "Labels"}], data={"x": ""}), {"x"}),
        (template(templateFrom=[{"literal": "l: x"}]), None),
    ],
)
def test_the_keys_of_a_declaration(target: dict[str, Any], keys: set[str] | None) -> None:
    assert declared_keys(declared(data=entries("a"), target=target)) == keys


def test_other_namespaces_and_other_kinds_of_targets_are_no_conflict() -> None:
    first = declared("app")
    elsewhere = first.model_copy(update={"metadata": first.metadata.model_copy(update={"namespace": "other"})})
    kind = declared("other", target={"name": "app", "manifest": {"apiVersion": "v1", "kind": "ConfigMap"}})
    assert not conflicts([first, elsewhere, kind])


def test_each_pair_is_told_once_and_both_are_named() -> None:
    three = [declared(name, target={"name": "shared"}) for name in ("a", "b", "c")]
    found = [(finding.external_secret, finding.problem.partition(" writes")[0]) for finding in conflicts(three)]
    assert found == [
        ("team/b", "ExternalSecret team/a"),
        ("team/c", "ExternalSecret team/a"),
        ("team/c", "ExternalSecret team/b"),
    ]


def test_places_are_files_and_lines_where_they_are_known(tmp_path: Path) -> None:
    document = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: {name}, namespace: team}}
spec:
  secretStoreRef: {{name: store}}
  target: {{name: shared}}
  data: [{{secretKey: a, remoteRef: {{key: k}}}}]
"""
    (tmp_path / "es.yaml").write_text("---\n".join(document.format(name=name) for name in ("a", "b")))
    manifests = load_manifests(["es.yaml"], root=tmp_path)
    (found,) = conflicts(manifests.external_secrets, manifests.place)
    assert found.place == "es.yaml:14, spec.target"
    assert found.problem.startswith("ExternalSecret team/a (es.yaml:1) writes Secret team/shared too")


async def test_an_examination_of_many_tells_them_too() -> None:
    stage = Stage(declared("app"), declared("other", target={"name": "app"}))
    stage.options = Options(place=lambda _declared, path: f"m.yaml:{2 if path else 1}")
    examined = await stage.examine()
    assert not of(examined["team/app"], Check.Conflict)
    assert examined["team/other"].findings[0].place == "m.yaml:2, spec.target"
    assert examined["team/other"].findings[0].check is Check.Conflict, "errors come first"


def test_a_merging_template_over_an_extract_gives_keys_that_are_not_known() -> None:
    merging = template(data={"x": ""}, mergePolicy="Merge")
    assert declared_keys(declared(dataFrom=[{"extract": {"key": "k"}}], target=merging)) is None


def test_what_is_told_of_each_conflict() -> None:
    def told(policy: str, other: str, **spec: Any) -> str:
        first = declared("app", data=entries("a"), target={"creationPolicy": policy})
        second = {"data": entries("a"), "target": {"name": "app", "creationPolicy": other}}
        (found,) = conflicts([first, declared("other", **{**second, **spec})])
        check_form(found, "team/other")
        assert found.check is Check.Conflict
        assert found.place == "ExternalSecret team/other, spec.target"
        return found.problem.removeprefix("ExternalSecret team/app writes Secret team/app too")

    assert told("Owner", "Merge") == ", and creationPolicy Owner shares it with nobody"
    assert told("Orphan", "Merge") == ", and with creationPolicy Orphan each write replaces all keys"
    assert told("Merge", "CreateOrMerge") == ", and both give it the keys a, so each undoes the other"
    unknown = told("Merge", "Merge", dataFrom=[{"extract": {"key": "x"}}])
    assert unknown == "; whether their keys differ depends on what is upstream"
