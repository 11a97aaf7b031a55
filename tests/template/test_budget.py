"""Template bombs end with an error, early and without filling memory."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretsync.errors import TemplateError
from secretsync.template import referenced_keys, render, volatile_functions
from secretsync.template.registry import FUNCTIONS

pytestmark = pytest.mark.unit

GROW = "{{ range until 100 }}"
BOMBS = {
    "repeat": '{{ repeat 1000000000 "a" }}',
    "until": "{{ until 1000000000 }}",
    "seq": "{{ seq 1 1000000000 }}",
    "nested loops": "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}",
    "range over a number": "{{ range 1000000000 }}{{ end }}",
    "recursion": '{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}',
    "width": '{{ printf "%1000000000d" 1 }}',
    "starred width": '{{ printf "%*d" 999999 1 }}',
    "precision": '{{ printf "%.1000000f" 1.5 }}',
    "rsa": f'{GROW}{{{{ genPrivateKey "rsa" }}}}{{{{ end }}}}',
    "bcrypt": f'{GROW}{{{{ bcrypt "a" }}}}{{{{ end }}}}',
    "doubling text": f'{{{{ $x := "aaaaaaaa" }}}}{GROW}{{{{ $x = print $x $x }}}}{{{{ end }}}}',
    "squaring text": f'{{{{ $x := "aaaaaaaa" }}}}{GROW}{{{{ $x = replace "a" $x $x }}}}{{{{ end }}}}',
    "doubling lists": f"{{{{ $x := list 1 2 }}}}{GROW}{{{{ $x = concat $x $x }}}}{{{{ end }}}}",
    "shared lists": f"{{{{ $x := list 1 }}}}{GROW}{{{{ $x = list $x $x }}}}{{{{ end }}}}{{{{ $x }}}}",
    "shared lists as JSON": f"{{{{ $x := list 1 }}}}{GROW}{{{{ $x = list $x $x }}}}{{{{ end }}}}{{{{ toJson $x }}}}",
    "map in itself": '{{ $d := dict }}{{ $_ := set $d "a" $d }}{{ toYaml $d }}',
    "regexp": '{{ regexReplaceAll "" .big (repeat 1000 "z") }}',
    "regexp memory": '{{ mustRegexMatch "((a{100}){100}){100}" .big }}',
    "split": '{{ splitList "" .big }}',
    "splitn": '{{ splitn "" 1000000000 .big }}',
    "indent": '{{ indent 2000000000 "a" }}',
    "join": '{{ join (repeat 10000 "x") (splitList "" (trunc 10000 .big)) }}',
    "wrap": '{{ wrapWith 1 (repeat 10000 "x") .big }}',
    "digests": "{{ range until 100000 }}{{ sha512sum $.big }}{{ end }}",
    "words": "{{ range until 100000 }}{{ snakecase $.big }}{{ end }}",
    "random": "{{ randAlphaNum 100000000 }}",
    "aliases": '{{ fromYaml "a: &a [x,x,x,x,x,x,x,x,x,x]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\\n'
    "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\\n"
    'd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]" | len | trunc }}',
    "output": "{{ range until 1000 }}{{ $.big }}{{ end }}",
    "parentheses": "{{ " + "(" * 10_000 + "1" + ")" * 10_000 + " }}",
    "blocks": "{{ if 1 }}" * 10_000 + "{{ end }}" * 10_000,
    "else chain": "{{ if 1 }}" + "{{ else if 1 }}" * 20_000 + "{{ end }}",
    "source": "x" * 1_100_000,
    "uniq": "{{ $x := list }}{{ range until 3000 }}{{ $x = append $x (list .) }}{{ end }}{{ uniq $x }}",
}


@pytest.mark.parametrize("template", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_an_error(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template, {"big": "y" * 1_000_000})


def test_an_honest_template_of_a_thousand_rounds_is_not_a_bomb() -> None:
    template = '{{ range $i := until 1000 }}{{ $i }}={{ index $ (printf "k%d" $i) | b64enc | quote }}\n{{ end }}'
    data = {f"k{index}": "value" * 10 for index in range(1000)}
    assert render(template, data).count(b"\n") == 1000


pieces = st.sampled_from(
    ["{{", "}}", "{{-", "-}}", " ", "\n", ".a", ".b.c", "$", "$x", ":=", "=", "|", "(",
     ")", '"s"', "`r`", "'c'", "1", "-1.5", "0x1F",
     "nil", "true", "if", "else", "end", "range", "with", "define", "template", "block", "break",
     "continue", "/*", "*/", ",", "\\", '"', "é",
     *sorted(name for name in FUNCTIONS if not FUNCTIONS[name].key_work)]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(pieces, max_size=25).map(" ".join) | st.text(max_size=60))
def test_any_text_renders_or_is_a_template_error(template: str) -> None:
    for source in (template, "{{ " + template + " }}"):
        error = failure(source)
        assert error is None or "template" in error.place


def failure(source: str) -> TemplateError | None:
    try:
        render(source, {"a": "s3cr3t-canary", "b": b"\xff"})
        volatile_functions(source)
        referenced_keys(source)
    except TemplateError as error:
        return error
    return None


arguments = st.sampled_from(
    [".a", ".b", "1", "-1", "2.5", '""', '"%d"', "nil", "true", "(list 1 .a nil)", "(dict .a 1)", "(until 3)", "(now)"]
)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(sorted(name for name in FUNCTIONS if not FUNCTIONS[name].key_work)), st.lists(arguments, max_size=5)
)
def test_any_call_renders_or_is_a_template_error(name: str, operands: list[str]) -> None:
    assert "s3cr3t" not in str(failure("{{ " + " ".join([name, *operands]) + " }}"))
