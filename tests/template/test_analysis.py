"""What is told about a template without rendering it, and the generated reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from secretsync.errors import TemplateError
from secretsync.template import referenced_keys, volatile_functions
from secretsync.template.reference import reference
from secretsync.template.registry import FUNCTIONS

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("template", "functions"),
    [
        ("{{ .a | upper }}", set()),
        ('{{ now | date "2006" }}{{ randAlphaNum 5 }}', {"now", "randAlphaNum"}),
        ('{{ define "x" }}{{ uuidv4 }}{{ end }}', {"uuidv4"}),
        ('{{ if .a }}{{ else }}{{ print (genCA "a" 1).Cert }}{{ end }}', {"genCA"}),
        ('{{ with uuidv4 }}{{ range list 1 }}{{ bcrypt "a" }}{{ end }}{{ end }}', {"uuidv4", "bcrypt"}),
    ],
)
def test_volatile_functions_are_found_wherever_they_stand(template: str, functions: set[str]) -> None:
    assert volatile_functions(template) == functions


@pytest.mark.parametrize(
    ("template", "keys"),
    [
        ("text", set()),
        ('{{ .a }}{{ $.b }}{{ index . "c-d" }}{{ index $ `e` }}', {"a", "b", "c-d", "e"}),
        ("{{ if .a }}{{ .b }}{{ else }}{{ .c }}{{ end }}", {"a", "b", "c"}),
        ("{{ with .a }}{{ . }}{{ .inner }}{{ $.b }}{{ else }}{{ .c }}{{ end }}", {"a", "b", "c"}),
        ('{{ range splitList "," .a }}{{ . }}{{ else }}{{ .d }}{{ end }}', {"a", "d"}),
        ("{{ (fromJson .a).x }}{{ print (printf .b) }}{{ $x := .c }}{{ $x }}", {"a", "b", "c"}),
        ("{{ range $k, $v := . }}{{ end }}", None),
        ("{{ toJson . }}", None),
        ("{{ toJson $ }}", None),
        ("{{ index . .a }}", None),
        ("{{ index . }}", None),
        ("{{ (print .).x }}", None),
        ("{{ $x := . }}{{ $x.a }}", None),
        ('{{ define "x" }}{{ .a }}{{ end }}{{ template "x" . }}', None),
        ('{{ define "x" }}{{ print 1 }}{{ end }}{{ template "x" .a }}', {"a"}),
        ('{{ block "x" .b }}{{ .a }}{{ end }}', None),
    ],
)
def test_referenced_keys_are_those_that_may_be_read(template: str, keys: set[str] | None) -> None:
    assert referenced_keys(template) == keys


@pytest.mark.parametrize("analyse", [referenced_keys, volatile_functions])
def test_a_template_that_does_not_parse_is_a_template_error(analyse: object) -> None:
    assert callable(analyse)
    with pytest.raises(TemplateError):
        analyse("{{ nope }}")


def test_the_reference_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "template-functions.md"
    assert page.read_text(encoding="utf-8") == reference(), (
        "run python -m secretsync.template.reference > docs/template-functions.md"
    )


@pytest.mark.parametrize("name", ["env", "expandenv", "getHostByName"])
def test_functions_that_look_outside_are_absent(name: str) -> None:
    assert name not in FUNCTIONS
