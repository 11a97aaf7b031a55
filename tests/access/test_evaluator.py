"""The judge of policies: there, or a clear failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.access import evaluator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.contract


def test_an_npm_that_fails_is_an_error_with_its_reason_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(evaluator.EvaluatorUnavailable, match="npm ci failed"):
        evaluator.installed()
    left = [path.name for path in (tmp_path / "cache" / "external-secrets-on-pulumi" / "npm").iterdir()]
    assert all(name.endswith(".lock") for name in left)


def test_it_is_installed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = evaluator.installed()
    monkeypatch.setattr(evaluator, "_install", lambda folder: pytest.fail(f"installs {folder} again"))
    assert evaluator.installed() == folder
