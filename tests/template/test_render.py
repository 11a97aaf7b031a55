"""Rendering as a whole: the root, bytes, errors without values, maps, the cache."""

from __future__ import annotations

import pytest

from secretsync.errors import TemplateError
from secretsync.template import render, render_mapping
from secretsync.template.registry import FUNCTIONS
from secretsync.template.render import parsed

pytestmark = pytest.mark.unit

CANARY = "c4n4ry-v4lue"
OPERANDS = (
    ".s",
    ".b",
    ".n",
    ".p",
    "(list .s)",
    "(dict .s .s)",
    "5",
    "1.5",
    "true",
    "nil",
    '"x"',
    "(now)",
    "(semver .v)",
)


@pytest.mark.parametrize(
    "template", ["{{ .x }}", "{{ print .x }}", "{{ $y := .x }}{{ $y }}", "{{ range list .x }}{{ . }}{{ end }}"]
)
def test_bytes_that_are_not_utf8_survive(template: str) -> None:
    value = bytes(range(256))
    assert render(template, {"x": value}) == value


def test_text_and_bytes_are_the_same_to_a_template() -> None:
    assert render("{{ .a }}{{ eq .a .b }}", {"a": "ż", "b": "ż".encode()}) == "żtrue".encode()


def test_a_missing_key_is_an_error_but_index_gives_nothing() -> None:
    assert render('[{{ index . "nope" }}]', {}) == b"[]"
    with pytest.raises(TemplateError) as caught:
        render("a\nb {{ .nope }}", {"other": CANARY}, name="tls.crt")
    assert caught.value.place == "template tls.crt, line 2"
    assert caught.value.problem == 'the data has no key "nope"'
    assert caught.value.remedy


def test_a_missing_root_key_alone_is_the_same_error() -> None:
    with pytest.raises(TemplateError, match='the data has no key "nope"'):
        render("{{ .nope }}", {})


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ unknown .s }}", "unknown"),
        ("{{ trunc .s .s }}", "trunc: an argument is of type string where int is expected"),
        ("{{ trunc (add 1 2) .s }}", "int64 where int"),
        ("{{ trunc 1 }}", "trunc takes 2 arguments, 1 are given"),
        ("{{ fail .s }}", "not shown"),
        ('{{ fail "no password" }}', "no password"),
        ("{{ if .s }}", "unexpected EOF"),
    ],
)
def test_errors_say_what_is_wrong(template: str, words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        render(template, {"s": CANARY})


@pytest.mark.parametrize(
    "name", [name for name in FUNCTIONS if name not in ("genPrivateKey", "derivePassword", "bcrypt")]
)
def test_no_message_holds_a_value(name: str) -> None:
    data: dict[str, str | bytes] = {
        "s": CANARY,
        "b": CANARY.encode() + b"\xff",
        "n": "7",
        "p": f"-----BEGIN X-----\n{CANARY}\n-----END X-----\n",
        "v": "1.2.3",
    }
    function = FUNCTIONS[name]
    most = min(len(function.parameters) + (2 if function.variadic else 1), 4)
    calls = [" ".join([name, *[operand] * count]) for operand in OPERANDS for count in range(most + 1)]
    calls += [f"{name} .s {operand}" for operand in OPERANDS] + [f"{name} {operand} .s" for operand in OPERANDS]
    calls += [f"{name} 3 3 {operand}" for operand in OPERANDS] + [
        f"{name} .s .s .s 3 {operand}" for operand in OPERANDS
    ]
    for call in calls:
        error = failure(call, data)
        if error is not None:
            assert CANARY not in f"{error} {error!r} {error.args} {error.__cause__}"
            assert error.__suppress_context__


def failure(call: str, data: dict[str, str | bytes]) -> TemplateError | None:
    try:
        render("{{ " + call + " }}", data)
    except TemplateError as error:
        return error
    return None


def test_the_message_of_a_syntax_error_quotes_no_literal() -> None:
    for template in (
        f'{{{{ "{CANARY}" "{CANARY}"x }}}}',
        f'{{{{ "a"{CANARY} }}}}',
        f"{{{{ 1{CANARY} }}}}",
        f'{{{{ "{CANARY} }}}}',
    ):
        with pytest.raises(TemplateError) as caught:
            render(template, {})
        assert CANARY not in str(caught.value)


def test_a_surrogate_in_the_data_is_refused() -> None:
    with pytest.raises(TemplateError, match="surrogate"):
        render("{{ .a }}", {"a": "\ud800"})


def test_a_mapping_is_read_as_yaml() -> None:
    text = "a: {{ .x | quote }}\nb: 1\nc: 1.50\nd: true\ne: null\nf: 12345678901234567890\n1: x\ng: 2024-01-02"
    assert render_mapping(text, {"x": "p: q\n"}) == {
        "a": b"p: q\n", "b": b"1", "c": b"1.5", "d": b"true", "e": b"", "f": b"12345678901234567890",
        "1": b"x", "g": b"2024-01-02",
    }  # fmt: skip
    assert render_mapping("", {}) == {}
    assert render_mapping("{{ .x }}", {"x": '{"k": "v"}'}) == {"k": b"v"}


@pytest.mark.parametrize(
    "text",
    ["a: {b: c}", "a: [1]", "- a", "just text", "a: [", "a: *x", "? [a]\n: b", "a: !!binary '*'", "a: \x00"],
)
def test_a_mapping_of_anything_else_is_refused(text: str) -> None:
    with pytest.raises(TemplateError, match="rendered"):
        render_mapping(text, {}, name="t")


def test_a_template_is_parsed_once() -> None:
    template = "{{ .a }} parsed once"
    before = parsed.cache_info().misses
    for _ in range(5):
        render(template, {"a": "1"})
    assert parsed.cache_info().misses == before + 1


def test_renderings_do_not_share_state() -> None:
    template = '{{ $d := dict "a" 1 }}{{ $_ := set $d .k 2 }}{{ toJson $d }}'
    assert render(template, {"k": "b"}) == b'{"a":1,"b":2}'
    assert render(template, {"k": "c"}) == b'{"a":1,"c":2}'
