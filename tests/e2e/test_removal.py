"""``pulumi destroy``: everything goes, in order, and a later ``up`` begins anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.checkout import NAMESPACE

if TYPE_CHECKING:
    from tests.e2e.checkout import Checkout

pytestmark = pytest.mark.e2e


def test_destroy_removes_everything_and_leaves_an_empty_state(platform: Checkout) -> None:
    done = platform.pulumi("destroy", "--yes", "--skip-preview")
    assert "deleted" in done.output.partition("Resources:")[2]
    assert not platform.pulumi("stack", "export").document()["deployment"].get("resources")
    definitions = platform.kubernetes("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions").document()
    assert not [crd for crd in definitions["items"] if crd["spec"]["group"].endswith("external-secrets.io")]
    for namespace in (NAMESPACE, "external-secrets"):
        assert platform.kubernetes("GET", f"/api/v1/namespaces/{namespace}").status == 404
    assert "secret/" not in platform.backend("GET", "sys/mounts")["data"]
    assert "kubernetes/" not in platform.backend("GET", "sys/auth")["data"]
    assert platform.backend("LIST", "sys/policies/acl")["data"]["keys"] == ["default", "root"]
    order = [line for line in done.output.splitlines() if " deleted (" in line]

    def gone(name: str) -> int:
        return next(number for number, line in enumerate(order) if name in line)

    store = gone("SecretStore-demo-vault-backend")
    assert max(gone("SyncedSecret"), gone("ExternalSecret-demo-vault-example")) < store
    assert store < gone("Deployment operator") < gone("CustomResourceDefinition externalsecrets")
    assert gone("Deployment operator") < gone("Namespace demo")


def test_what_was_destroyed_comes_up_again(platform: Checkout) -> None:
    done = platform.local("up", "--json").document()
    assert set(done["changes"]) - {"same"} == {"create"}
    assert all(each["ready"] for each in done["secrets"]["externalSecrets"])
