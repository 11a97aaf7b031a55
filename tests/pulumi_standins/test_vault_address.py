"""Which server the vault stand-in talks to."""

from __future__ import annotations

import pytest

from local.pulumi.plugin_errors import PluginError
from local.pulumi.vault import connection
from local.pulumi.vault.plugin import VaultPlugin

pytestmark = pytest.mark.unit

CONFIGURED = "https://vault.example.com:8200"


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that connections were made to."""
    made: list[str] = []
    for name in ("VAULT_ADDR", "BAO_ADDR", "VAULT_AGENT_ADDR", "BAO_AGENT_ADDR", "VAULT_TOKEN", "BAO_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(connection, "HttpConnection", lambda url, **_options: made.append(url))
    return made


def test_an_agent_of_the_environment_is_asked_before_any_address(
    address: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    connection.connect(VaultPlugin("1"), {"address": CONFIGURED})
    connection.connect(VaultPlugin("1"), {})
    monkeypatch.setenv("VAULT_AGENT_ADDR", "http://127.0.0.1:2")
    connection.connect(VaultPlugin("1"), {"address": CONFIGURED})
    connection.connect(VaultPlugin("1"), {})
    agent = "http://127.0.0.1:2/v1"
    assert address == [f"{CONFIGURED}/v1", "http://127.0.0.1:1/v1", agent, agent]


def test_no_address_at_all_is_refused(address: list[str]) -> None:
    with pytest.raises(PluginError, match="VAULT_ADDR"):
        connection.connect(VaultPlugin("1"), {})
    assert address == []
