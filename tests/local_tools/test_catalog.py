"""The table, the committed modules and the committed hashes say the same."""

from __future__ import annotations

import re

import pytest

from local.errors import ToolNotAvailable
from local.tools import catalog
from local.tools.catalog import Download, GoModule, Wheel
from local.tools.platform import Platform
from local.tools.versions import Accept, Version

pytestmark = pytest.mark.unit


def _go_mod(module: str) -> str:
    return (catalog.MODULES / module / "go.mod").read_text()


@pytest.mark.parametrize(
    ("module", "requirement"),
    [
        ("pulumi", f"github.com/pulumi/pulumi/pkg/v3 v{catalog.PULUMI.version}"),
        ("pulumi", f"github.com/pulumi/pulumi/sdk/v3 v{catalog.PULUMI.version}"),
        ("etcd", f"go.etcd.io/etcd/server/v3 v{catalog.ETCD.version}"),
        ("kubernetes", f"k8s.io/kubernetes v{catalog.KUBE_APISERVER.version}"),
    ],
)
def test_modules_pin_the_versions_of_the_table(module: str, requirement: str) -> None:
    assert requirement in _go_mod(module)


def test_every_staging_module_is_replaced_by_its_release() -> None:
    version = catalog.KUBE_APISERVER.version
    replaced = re.findall(r"^\t(k8s\.io/\S+) => (\S+) (\S+)$", _go_mod("kubernetes"), re.MULTILINE)
    assert len(replaced) == 33
    assert all(old == new and at == f"v0.{version.minor}.{version.patch}" for old, new, at in replaced)


@pytest.mark.parametrize("tool", [*catalog.TOOLS, catalog.GO], ids=lambda tool: tool.name)
def test_wheels_are_pinned_by_hash_and_modules_by_sum(tool: catalog.Tool) -> None:
    assert tool.sources
    for source in tool.sources:
        if isinstance(source, Wheel):
            pins = (catalog.WHEELS / source.requirements).read_text()
            assert f"=={tool.version}" in pins
            assert "--hash=sha256:" in pins
        if isinstance(source, GoModule):
            assert (catalog.MODULES / source.module / "go.sum").stat().st_size > 0


@pytest.mark.parametrize("tool", catalog.TOOLS, ids=lambda tool: tool.name)
def test_addresses_are_https_and_complete(tool: catalog.Tool) -> None:
    for source in tool.sources:
        if isinstance(source, Download):
            for pattern in (source.url, source.checksums):
                address = source.fill(pattern, tool.version, Platform("linux", "amd64"))
                assert address.startswith("https://")
                assert str(tool.version) in address
                assert "{" not in address


def test_a_pulumi_release_is_addressed_as_its_publisher_spells_it() -> None:
    source = catalog.PULUMI.sources[0]
    assert isinstance(source, Download)
    filled = source.fill(source.url, Version(3, 259, 0), Platform("darwin", "arm64"))
    assert filled.endswith("/v3.259.0/pulumi-v3.259.0-darwin-arm64.tar.gz")
    filled = source.fill(source.url, Version(3, 259, 0), Platform("linux", "amd64"))
    assert filled.endswith("/pulumi-v3.259.0-linux-x64.tar.gz")


def test_an_unknown_tool_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ToolNotAvailable, match="kube-apiserver"):
        catalog.find("kubectl")


def test_what_is_accepted_is_told_for_a_person() -> None:
    assert Accept.SameMinor.describe(Version(3, 6, 0)) == "3.6.0 or newer 3.6.x"
    assert Accept.SameMajor.describe(Version(3, 259, 0)) == "3.259.0 or newer 3.x"
