"""Template renderings recorded from ESO v2.9.0, replayed against our engine; one test per case, by its name."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from secretsync.errors import TemplateError
from secretsync.template import render

pytestmark = pytest.mark.conformance

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "vectors" / "template_functions.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_renders_as_eso_does(case: dict[str, Any]) -> None:
    if "error_kind" in case:
        with pytest.raises(TemplateError):
            render(case["template"], case["data"], name="out")
        return
    output = render(case["template"], case["data"], name="out")
    if "match" in case:
        assert re.search(case["match"], output.decode(errors="replace"))
    elif "output_b64" in case:
        assert output == base64.b64decode(case["output_b64"])
    else:
        assert output == case["output"].encode()


def test_there_are_cases() -> None:
    assert len(CASES) == 307
