"""The reference of the template functions as Markdown, made from the registry."""

from __future__ import annotations

import sys

from secretsync.template import budget
from secretsync.template.registry import FUNCTIONS

_HEAD = """# Template functions

Generated from the code (`python -m secretsync.template.reference > docs/template-functions.md`).

Templates are Go's `text/template` with the functions of sprig and of ESO's template engine v2 (ESO v2.9.0). The root
is a `map[string]string`: `{{ .key }}` fails where the key is missing, `{{ index . "key" }}` gives an empty string, and
sprig's functions on maps do not accept the root. `any` stands for Go's `interface {}`. A *volatile* function gives
something new at every rendering, so that the target changes at every refresh. `env`, `expandenv` and `getHostByName`
are absent.
"""


def reference() -> str:
    """The whole page."""
    bounds = (
        ("template", f"{budget.MAX_TEMPLATE_BYTES:,} bytes, {budget.MAX_NESTING} nested blocks or parentheses"),
        ("rendered text, and any text inside a template", f"{budget.MAX_OUTPUT_BYTES:,} bytes"),
        ("steps (calls, loop rounds, and text by its length)", f"{budget.MAX_STEPS:,}"),
        ("nested `template` calls", f"{budget.MAX_TEMPLATE_DEPTH:,}"),
        ("items of a list that a function makes", f"{budget.MAX_LIST_ITEMS:,}"),
        ("keys and password hashes", f"{budget.MAX_KEY_WORK} (an RSA key of 4096 bits counts 4)"),
        ("time", f"{budget.MAX_SECONDS:g} s"),
    )
    lines = [_HEAD, "## Bounds", "", "| what | at most |", "|---|---|"]
    lines += [f"| {what} | {most} |" for what, most in bounds]
    families = dict.fromkeys(function.family for function in FUNCTIONS.values())
    for family in families:
        lines += ["", f"## {family[0].upper()}{family[1:]}", "", "| function | signature | volatile |", "|---|---|---|"]
        lines += [
            f"| `{function.name}` | `{function.signature}` | {'yes' if function.volatile else ''} |"
            for function in sorted(FUNCTIONS.values(), key=lambda item: item.name.lower())
            if function.family == family
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
