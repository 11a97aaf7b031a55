"""Plugins, configured against the shared control plane and OpenBao."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.pulumi_standins.plugin_client import VERSION, PluginClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.local_parts import ControlPlane, OpenBaoServer


@pytest.fixture(scope="module")
def kubernetes(control_plane: ControlPlane) -> Iterator[PluginClient]:
    with PluginClient("local.pulumi.kubernetes.plugin", VERSION) as plugin:
        plugin.configure(kubeconfig=str(control_plane.kubeconfig))
        yield plugin


@pytest.fixture(scope="module")
def vault(openbao: OpenBaoServer) -> Iterator[PluginClient]:
    with PluginClient("local.pulumi.vault.plugin", "7.14.0") as plugin:
        plugin.configure(address=openbao.address, token=openbao.token)
        yield plugin


@pytest.fixture
def unique() -> str:
    """A name no other test uses."""
    return f"t{uuid.uuid4().hex[:8]}"
