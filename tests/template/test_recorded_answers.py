"""Renderings recorded from Go's text/template (Go 1.26) with sprig v3.3.0 and sigs.k8s.io/yaml v1.6.0, replayed.

``recorded_combinations.json`` was recorded with the versions of sprig's own libraries that ESO builds with; its
header names them. It has every function with several kinds of arguments, verbs of printf, comparisons between kinds,
control structures, and YAML maps as templateFrom reads them into text.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from secretsync.errors import TemplateError
from secretsync.template import render, render_mapping

pytestmark = pytest.mark.unit


def _recorded(name: str) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))
    return recorded


RECORDED = _recorded("recorded_answers.json")
COMBINATIONS = _recorded("recorded_combinations.json")
CASES = [*RECORDED["cases"], *COMBINATIONS["cases"]]
MAPPINGS = COMBINATIONS["mappings"]


@pytest.mark.parametrize("case", CASES, ids=[case["template"][:60] for case in CASES])
def test_renders_as_go_does(case: dict[str, Any]) -> None:
    if case.get("fails"):
        with pytest.raises(TemplateError):
            render(case["template"], RECORDED["data"])
    else:
        assert render(case["template"], RECORDED["data"]) == base64.b64decode(case["output_b64"])


@pytest.mark.parametrize("case", MAPPINGS, ids=[repr(case["text"]) for case in MAPPINGS])
def test_reads_yaml_into_text_as_go_does(case: dict[str, Any]) -> None:
    if case.get("fails"):
        with pytest.raises(TemplateError):
            render_mapping(case["text"], {})
    else:
        assert render_mapping(case["text"], {}) == {key: text.encode() for key, text in case["values"].items()}


def test_a_mapping_of_bytes_that_are_no_text_is_refused() -> None:
    with pytest.raises(TemplateError, match="not YAML"):
        render_mapping("key: {{ .value }}", {"value": b"\xff"})


def test_there_are_recorded_answers() -> None:
    assert len(RECORDED["cases"]) > 400
    assert len(COMBINATIONS["cases"]) > 500
    assert len(MAPPINGS) > 50
