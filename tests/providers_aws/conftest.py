"""The services' endpoint is the moto server, where a test asks for it."""

from __future__ import annotations

import pytest


@pytest.fixture
def aws(moto: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty moto server, set as every service's endpoint."""
    for name in ("AWS_SECRETSMANAGER_ENDPOINT", "AWS_SSM_ENDPOINT", "AWS_STS_ENDPOINT"):
        monkeypatch.setenv(name, moto)
    return moto
