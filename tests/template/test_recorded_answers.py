"""Renderings recorded from Go's text/template (Go 1.26) with sprig v3.3.0 and sigs.k8s.io/yaml v1.6.0, replayed."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from secretsync.errors import TemplateError
from secretsync.template import render

pytestmark = pytest.mark.unit

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded_answers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", RECORDED["cases"], ids=[case["template"][:60] for case in RECORDED["cases"]])
def test_renders_as_go_does(case: dict[str, Any]) -> None:
    if case.get("fails"):
        with pytest.raises(TemplateError):
            render(case["template"], RECORDED["data"])
    else:
        assert render(case["template"], RECORDED["data"]) == base64.b64decode(case["output_b64"])


def test_there_are_recorded_answers() -> None:
    assert len(RECORDED["cases"]) > 400
