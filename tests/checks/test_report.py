"""Findings for people and for programs."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.checks import Check, Finding, Options, Severity, counts, render, to_json
from secretsync.errors import ProviderDenied
from tests.checks.scenarios import SETTLED, entries
from tests.checks.stage import Stage, declared

pytestmark = pytest.mark.unit

findings = st.builds(
    Finding,
    st.sampled_from(Check),
    st.sampled_from(Severity),
    st.text(),
    st.text(min_size=1),
    st.text(),
    st.sampled_from(["team/a", "team/b", ""]),
)


def finding(severity: Severity, name: str = "team/a", problem: str = "it is so", **parts: str) -> Finding:
    place = parts.get("place", f"ExternalSecret {name}, spec.data[0]")
    return Finding(Check.Key, severity, place, problem, parts.get("remedy", "mend it"), name)


def test_findings_are_grouped_by_their_declaration_and_counted() -> None:
    found = [
        finding(Severity.Note, "team/b", remedy=""),
        finding(Severity.Warning),
        finding(Severity.Error, "team/b", place="manifests/b.yaml:7, spec.data[0]"),
        finding(Severity.Error),
        finding(Severity.Error, problem="it is\nmore", place="ExternalSecret team/a"),
        finding(Severity.Unknown),
    ]
    assert render(found) == (
        "ExternalSecret team/b: 1 error, 1 note\n"
        "  error [key] manifests/b.yaml:7, spec.data[0]: it is so; mend it\n"
        "  note [key] spec.data[0]: it is so\n"
        "\n"
        "ExternalSecret team/a: 2 errors, 1 warning, 1 unknown\n"
        "  error [key] spec.data[0]: it is so; mend it\n"
        "  error [key] it is more; mend it\n"
        "  warning [key] spec.data[0]: it is so; mend it\n"
        "  unknown [key] spec.data[0]: it is so; mend it"
    )


def test_without_findings_there_is_nothing_to_render() -> None:
    assert (render([]), counts([]), to_json([])) == ("", "", [])


@given(st.lists(findings, max_size=20))
def test_every_finding_is_one_line_and_one_object(found: list[Finding]) -> None:
    lines = re.findall(r"(?m)^  (?:error|warning|unknown|note) \[", render(found))
    assert len(lines) == len(found)
    told = json.loads(json.dumps(to_json(found)))
    assert [(each["severity"], each["problem"], each["place"]) for each in told] == [
        (str(each.severity), each.problem, each.place) for each in found
    ]


def test_as_text_a_finding_has_place_problem_and_remedy() -> None:
    assert str(finding(Severity.Error)) == "ExternalSecret team/a, spec.data[0]: it is so; mend it"
    assert str(finding(Severity.Error, place="", remedy="")) == "it is so"


async def test_places_come_from_the_manifests_where_they_are_known() -> None:
    stage = Stage(declared(data=entries("k", "gone")))
    stage.options = Options(place=lambda _declared, path: f"m.yaml:{3 if path else 1}")
    (found,) = (await stage.first(SETTLED)).findings
    assert found.place == "m.yaml:3, spec.data[1]"
    assert found.external_secret == "team/app"


async def test_errors_come_first_and_nothing_twice() -> None:
    stage = Stage(declared(data=entries("k", "gone"), target={"creationPolicy": "Merge"}))
    stage.backend.errors["k"] = ProviderDenied("no", remedy="mend it")
    found = (await stage.first(SETTLED)).findings
    assert [each.severity for each in found] == [Severity.Error, Severity.Error, Severity.Warning]
    assert len(set(found)) == len(found)
