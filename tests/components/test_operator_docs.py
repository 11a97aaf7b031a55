"""The page of the operator tells every setting there is, with its default, and none that is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from components.settings import OperatorSettings
from components.settings.section import camel
from components.settings.upstream import TYPED_VALUES, ServiceMonitorSettings, UpstreamSettings
from tests.components.stack_files import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.unit

PAGE = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
WHOLE = {"resources", "webhook.resources", "certController.resources", "values", "serviceMonitor"}
"""What is described as one."""


def documented() -> set[str]:
    """Keys of the table of settings, below ``operator``; ``.x`` belongs to the section of the key before it."""
    keys: set[str] = set()
    for row in re.findall(r"^\| (`[^|]+`) \|", PAGE.partition("### Settings")[2].partition("### ")[0], re.MULTILINE):
        section = ""
        for key in re.findall(r"`([^`]+)`", row):
            whole = f"{section}{key}" if key.startswith(".") else key
            section = section if key.startswith(".") else key.rpartition(".")[0]
            keys.add(whole)
    return keys


def settings(model: type[BaseModel], at: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        key = f"{at}{camel(name)}"
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel) and key not in WHOLE:
            yield from settings(type(default), f"{key}.")
        else:
            yield key, default


def test_every_setting_of_upstream_is_in_the_table_and_no_other() -> None:
    keys = {f"upstream.{key}" for key, _ in settings(UpstreamSettings)}
    keys |= {f"upstream.serviceMonitor.{camel(name)}" for name in ServiceMonitorSettings.model_fields}
    shared = {"namespace", "replicas", "concurrency"}
    assert documented() == keys | shared
    assert shared < set(map(camel, OperatorSettings.model_fields))


@pytest.mark.parametrize(
    "key", ["version", "repository", "timeoutSeconds", "serves", "scope", "logLevel", "webhook.failurePolicy"]
)
def test_defaults_are_told_as_they_are(key: str) -> None:
    (row,) = re.findall(rf"^\| `upstream\.{re.escape(key)}` \| ([^|]+) \|", PAGE, re.MULTILINE)
    default = dict(settings(UpstreamSettings))[key]
    assert re.search(rf"; `?{re.escape(str(default))}`? *$", row), (row, default)


def test_what_refuses_values_exists() -> None:
    known = {f"operator.upstream.{key}" for key, _ in settings(UpstreamSettings)}
    known |= {f"operator.{camel(name)}" for name in OperatorSettings.model_fields}
    sections = {key.rpartition(".")[0] for key in known}
    assert set(TYPED_VALUES.values()) <= known | sections
