"""The operator's release as the components make it, and ways to lose the CRDs with it."""

from __future__ import annotations

from typing import Any

import pytest

from components.operator.upstream_scope import UpstreamScope
from components.operator.upstream_values import compile_values
from components.settings import OperatorSettings
from policies.rules import chart_version_floor, crds_outlive_release
from tests.policy.resources import Given, violations

pytestmark = pytest.mark.policy

RELEASE = "kubernetes:helm.sh/v3:Release"
KEEP = {"helm.sh/resource-policy": "keep"}
SCOPE = UpstreamScope(
    namespaces=("team",),
    token_accounts=(),
    definitions=(),
    cluster_stores=True,
    cluster_external_secrets=True,
    cluster_generators=True,
    push_secrets=True,
    backend_ports=(443,),
    own_identity=(),
)


def release(values: dict[str, Any], type_: str = RELEASE, **inputs: Any) -> Given:
    return Given(type_, {"chart": "external-secrets", "version": "2.9.0", "values": values, **inputs})


def test_the_release_of_the_components_passes() -> None:
    settings = OperatorSettings(kind="upstream")
    given = release(compile_values(settings, SCOPE), version=settings.upstream.version)
    assert violations(crds_outlive_release.POLICY, given) == []
    assert violations(chart_version_floor.POLICY, given) == []


@pytest.mark.parametrize(
    "given",
    [
        release({}),
        release({"installCRDs": True}),
        release({"crds": {"annotations": {}}}),
        release({"crds": {"annotations": {"helm.sh/resource-policy": "delete"}}}),
        release({"crds": {"annotations": KEEP}}, "kubernetes:helm.sh/v4:Chart"),
    ],
    ids=["nothing", "installed", "unannotated", "another policy", "rendered chart"],
)
def test_crds_that_go_with_the_release_are_told_with_both_remedies(given: Given) -> None:
    (message,) = violations(crds_outlive_release.POLICY, given)
    assert "helm.sh/resource-policy" in message
    assert "retain_on_delete=True" in message


@pytest.mark.parametrize(
    "given",
    [
        release({"installCRDs": False}),
        release({"installCRDs": False}, "kubernetes:helm.sh/v4:Chart"),
        release({"crds": {"annotations": KEEP}}),
        release({}, chart="oci://registry.test/charts/another"),
    ],
    ids=["not installed", "not rendered", "kept", "another chart"],
)
def test_crds_that_stay_pass(given: Given) -> None:
    assert violations(crds_outlive_release.POLICY, given) == []
