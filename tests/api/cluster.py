"""The API server as the tests of the CRDs and policies speak to it."""

from __future__ import annotations

import http
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secretsync import api

if TYPE_CHECKING:
    from tests.fixtures.local_parts import ControlPlane

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POLICIES = "/apis/admissionregistration.k8s.io/v1"
_PLURALS = {crd["spec"]["names"]["kind"]: crd["spec"]["names"]["plural"] for crd in api.crds()}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the API server said."""

    status: int
    document: dict[str, Any]

    @property
    def message(self) -> str:
        return str(self.document.get("message", ""))


def send(plane: ControlPlane, method: str, path: str, payload: dict[str, Any] | None = None) -> Reply:
    answer = plane.request(method, path, payload)
    return Reply(answer.status, answer.document())


def install_crds(plane: ControlPlane) -> None:
    """Installs the CRDs, once per control plane, and waits until all of them are served."""
    for crd in api.crds():
        reply = send(plane, "POST", CRDS, crd)
        assert reply.status in {http.HTTPStatus.CREATED, http.HTTPStatus.CONFLICT}, reply.message
    for crd in api.crds():
        name = crd["metadata"]["name"]
        until(lambda name=name: conditions(plane, name).get("Established") == "True", f"{name} established")


def conditions(plane: ControlPlane, name: str) -> dict[str, str]:
    status = send(plane, "GET", f"{CRDS}/{name}").document.get("status", {})
    return {item["type"]: item["status"] for item in status.get("conditions", ())}


def until(holds: Any, what: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.05)


def path_of(obj: dict[str, Any]) -> str:
    kind, version = obj["kind"], obj["apiVersion"]
    namespace = obj["metadata"].get("namespace")
    if version == "v1":
        return f"/api/v1/namespaces/{namespace}/{kind.lower()}s"
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{version}{within}/{_PLURALS[kind]}"


def create(plane: ControlPlane, obj: dict[str, Any], *, dry_run: bool = False, strict: bool = False) -> Reply:
    query = "&".join(
        part for part in ("dryRun=All" if dry_run else "", "fieldValidation=Strict" if strict else "") if part
    )
    return send(plane, "POST", path_of(obj) + (f"?{query}" if query else ""), obj)
