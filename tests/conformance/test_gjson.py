"""Every recorded property path, answered by tidwall/gjson 1.18, is a case of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from secretsync.values import gjson

pytestmark = pytest.mark.conformance

_RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("gjson.json").read_text(encoding="utf-8"))
_DOCUMENTS: dict[str, str] = _RECORDED["docs"]


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{case['Doc']}:{case['Path']}") for case in _RECORDED["cases"]]
)
def test_path_selects_what_gjson_selects(case: dict[str, Any]) -> None:
    document = _DOCUMENTS[case["Doc"]]
    expected = (case["Exists"], case["Type"], case["String"], case["Raw"])
    for given in (document, document.encode()):
        result = gjson.get(given, case["Path"])
        assert (result.exists, result.type.value, result.text, result.raw.decode()) == expected
