"""SyncedSecret as the engine calls it: ``python -m pulumi.dynamic`` over gRPC, a real API server, a real backend."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from pulumi.dynamic.dynamic import serialize_provider

from components.dynamic.synced_secret import SyncedSecretProvider
from local.layout import PROJECT
from local.pulumi import protocol
from local.pulumi.wire import encode_map
from tests.pulumi_standins.plugin_client import PluginClient, Resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.fixtures.local_parts import ControlPlane, OpenBaoServer

pytestmark = pytest.mark.contract

TYPE = "pulumi-python:dynamic/external-secrets:SyncedSecret"
KEY = "fingerprint-key-of-this-test-0123456789"
CANARY = "canary-value-of-the-backend"
STATE_BYTES = 4096
ENDS_WITHIN = 5
UNPROXIED = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class DynamicProviders(PluginClient):
    """The process that serves a program's dynamic providers; started in the project's folder, as the engine does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pulumi.dynamic", "127.0.0.1:1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
            process_group=0,
        )
        self.channel: grpc.Channel | None = None

    def configured(self, **settings: str) -> DynamicProviders:
        arguments = {f"external-secrets:{name}": value for name, value in settings.items()}
        self.stub.Configure(protocol.provider_pb2.ConfigureRequest(args=encode_map(arguments)))
        return self


class Program:
    """What a stack declares: one store with a stored token, one ExternalSecret."""

    def __init__(self, plane: ControlPlane, namespace: str, backend: OpenBaoServer) -> None:
        self.plane, self.namespace, self.backend = plane, namespace, backend
        self.mount = f"kv-{uuid.uuid4().hex[:8]}"
        self.ask("POST", f"sys/mounts/{self.mount}", {"type": "kv", "options": {"version": "2"}})
        self.rotate(CANARY)
        secret = {"metadata": {"name": "login"}, "stringData": {"token": backend.token}}
        assert plane.request("POST", f"/api/v1/namespaces/{namespace}/secrets", secret).status == 201

    def ask(self, method: str, path: str, payload: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"{self.backend.address}/v1/{path}",
            method=method,
            headers={"X-Vault-Token": self.backend.token},
            data=json.dumps(payload).encode(),
        )
        with UNPROXIED.open(request, timeout=30):
            pass

    def rotate(self, value: str) -> None:
        for _ in range(50):  # a new mount upgrades itself for a moment
            try:
                self.ask("POST", f"{self.mount}/data/app", {"data": {"password": value}})
            except urllib.error.HTTPError as error:
                if error.code != 400:
                    raise
                threading.Event().wait(0.1)
            else:
                return

    def inputs(self, *, store: str = "backend", property_: str = "password", **spec: Any) -> dict[str, Any]:
        declaration = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "app", "namespace": self.namespace},
            "spec": {
                "secretStoreRef": {"name": store, "kind": "SecretStore"},
                "target": {"name": "target"},
                "data": [{"secretKey": "PASSWORD", "remoteRef": {"key": "app", "property": property_}}],
                **spec,
            },
        }
        backend = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": {"name": "backend", "namespace": self.namespace},
            "spec": {
                "provider": {
                    "vault": {
                        "server": self.backend.address,
                        "path": self.mount,
                        "version": "v2",
                        "auth": {"tokenSecretRef": {"name": "login", "key": "token"}},
                    }
                }
            },
        }
        return {
            "declaration": json.dumps(declaration, sort_keys=True),
            "stores": json.dumps([backend], sort_keys=True),
            "__provider": serialize_provider(SyncedSecretProvider()),
            "fingerprint": "",
        }

    def live(self) -> str | None:
        answer = self.plane.request("GET", f"/api/v1/namespaces/{self.namespace}/secrets/target")
        if answer.status != 200:
            return None
        return base64.b64decode(answer.document()["data"]["PASSWORD"]).decode()

    def edit(self, value: str) -> None:
        path = f"/api/v1/namespaces/{self.namespace}/secrets/target"
        live = self.plane.request("GET", path).document()
        live["data"]["PASSWORD"] = base64.b64encode(value.encode()).decode()
        assert self.plane.request("PUT", f"{path}?fieldManager=kubectl-edit", live).status == 200


@pytest.fixture
def program(control_plane: ControlPlane, namespace: str, openbao: OpenBaoServer) -> Program:
    return Program(control_plane, namespace, openbao)


@pytest.fixture
def providers(control_plane: ControlPlane) -> Iterator[DynamicProviders]:
    with DynamicProviders({"KUBECONFIG": str(control_plane.kubeconfig)}) as started:
        yield started.configured(fingerprintKey=KEY)


def _resource(**fields: Any) -> Resource:
    return Resource(TYPE, "app", **fields)


def _created(providers: DynamicProviders, program: Program) -> Resource:
    return providers.create(_resource(), program.inputs())


def _restarted(control_plane: ControlPlane) -> DynamicProviders:
    """Every operation of the engine starts a process of its own."""
    return DynamicProviders({"KUBECONFIG": str(control_plane.kubeconfig)})


def _some(answer: object) -> bool:
    return bool(answer == protocol.provider_pb2.DiffResponse.DIFF_SOME)


def test_create_writes_the_secret_and_state_holds_names_versions_and_a_fingerprint(
    providers: DynamicProviders, program: Program
) -> None:
    made = _created(providers, program)
    assert made.id == f"{program.namespace}/app/target"
    assert program.live() == CANARY
    assert made.outputs["target"] == f"{program.namespace}/target"
    assert made.outputs["keys"] == ["PASSWORD"]
    assert made.outputs["versions"] == {"SecretStore/backend app": "1"}
    assert made.outputs["drift"] == ""
    assert len(str(made.outputs["fingerprint"])) == 64
    state = json.dumps([made.inputs, made.outputs], default=str)
    assert CANARY not in state
    assert program.backend.token not in state
    assert KEY not in state
    assert len(json.dumps(made.outputs, default=str)) <= STATE_BYTES


def test_nothing_changed_is_no_difference_also_in_the_refresh_right_after(
    providers: DynamicProviders, program: Program, control_plane: ControlPlane
) -> None:
    made = _created(providers, program)
    with _restarted(control_plane) as later:
        later.configured(fingerprintKey=KEY)
        assert not _some(later.diff(made, program.inputs()).changes)
        program.edit("edited")
        drifted = later.diff(made, program.inputs())
        assert _some(drifted.changes)
        made = later.update(made, program.inputs())
        assert made.inputs["drift"] == "key PASSWORD edited by kubectl-edit"
    with _restarted(control_plane) as refreshing:
        refreshing.configured(fingerprintKey=KEY)
        read = refreshing.read(made)
        assert read is not None
        assert read.outputs["drift"] == ""
        assert not _some(_refresh_diff(refreshing, made, read).changes)
        program.edit("edited again")
        edited = refreshing.read(made)
        assert edited is not None
        assert "kubectl-edit" in str(edited.outputs["drift"])
        assert _some(_refresh_diff(refreshing, made, edited).changes)


def _refresh_diff(providers: DynamicProviders, made: Resource, read: Resource) -> Any:
    """As the engine asks after a read: what was read as the old, the last inputs as the new."""
    return providers.stub.Diff(
        protocol.provider_pb2.DiffRequest(
            id=made.id,
            urn=made.urn,
            type=made.type,
            name=made.name,
            olds=encode_map(read.outputs),
            old_inputs=encode_map(made.inputs),
            news=encode_map(made.inputs),
        )
    )


def test_a_rotation_shows_versions_and_no_drift_and_an_update_writes_it(
    providers: DynamicProviders, program: Program, control_plane: ControlPlane
) -> None:
    made = _created(providers, program)
    program.rotate("another value")
    with _restarted(control_plane) as later:
        later.configured(fingerprintKey=KEY)
        checked, failures = later.check(made, program.inputs())
        assert failures == []
        assert checked["versions"] == {"SecretStore/backend app": "2"}
        assert checked["drift"] == ""
        assert checked["fingerprint"] != made.inputs["fingerprint"]
        answer = later.diff(made, program.inputs())
        assert _some(answer.changes)
        assert not answer.replaces
        assert program.live() == CANARY
        later.update(made, program.inputs())
        assert program.live() == "another value"


def test_a_template_that_is_new_each_time_is_written_again_only_when_its_source_changed(
    providers: DynamicProviders, program: Program, control_plane: ControlPlane
) -> None:
    volatile = program.inputs(
        target={"name": "target", "template": {"data": {"PASSWORD": "{{ .PASSWORD }}-{{ randAlphaNum 20 }}"}}}
    )
    made = providers.create(_resource(), volatile)
    written = program.live()
    with _restarted(control_plane) as later:
        later.configured(fingerprintKey=KEY)
        assert not _some(later.diff(made, volatile).changes)
        program.edit("edited")
        assert _some(later.diff(made, volatile).changes)
        made = later.update(made, volatile)
        assert made.outputs["drift"] == ""
        assert program.live() not in (written, "edited")
        assert not _some(later.diff(made, volatile).changes)
    program.rotate("another value")
    with _restarted(control_plane) as rotated:
        rotated.configured(fingerprintKey=KEY)
        assert _some(rotated.diff(made, volatile).changes)


def test_another_target_replaces(providers: DynamicProviders, program: Program) -> None:
    made = _created(providers, program)
    answer = providers.diff(made, program.inputs(target={"name": "elsewhere"}))
    assert _some(answer.changes)
    assert list(answer.replaces) == ["declaration"]


def test_a_deleted_secret_is_missing_to_check_and_gone_to_read(providers: DynamicProviders, program: Program) -> None:
    made = _created(providers, program)
    path = f"/api/v1/namespaces/{program.namespace}/secrets/target"
    assert program.plane.request("DELETE", path).status == 200
    checked, _ = providers.check(made, program.inputs())
    assert checked["drift"] == "missing"
    assert providers.read(made) is None


def test_delete_takes_the_secret_away_and_may_be_repeated(providers: DynamicProviders, program: Program) -> None:
    made = _created(providers, program)
    providers.delete(made)
    assert program.live() is None
    providers.delete(made)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"store": "nowhere"}, "/nowhere: no manifest of this stack declares it"),
        ({"property_": "missing-property"}, "missing-property"),
    ],
)
def test_what_cannot_be_synced_is_a_named_problem_without_a_value(
    providers: DynamicProviders, program: Program, change: dict[str, str], said: str
) -> None:
    made = _created(providers, program)
    _, failures = providers.check(made, program.inputs(**change))
    assert len(failures) == 1
    properties = encode_map(program.inputs(**change))
    with pytest.raises(grpc.RpcError) as caught:
        providers.stub.Create(protocol.provider_pb2.CreateRequest(urn=made.urn, type=TYPE, properties=properties))
    for text in (failures[0], str(caught.value)):
        assert said in text
        assert CANARY not in text
        assert program.backend.token not in text


def test_what_the_same_update_may_still_make_is_not_known_yet_in_a_preview(
    providers: DynamicProviders, program: Program
) -> None:
    made = _created(providers, program)
    elsewhere = [{"secretKey": "PASSWORD", "remoteRef": {"key": "made-later", "property": "password"}}]
    for resource in (_resource(), made):
        inputs, failures = providers.check(resource, program.inputs(data=elsewhere))
        assert failures == []
        assert str(inputs["drift"]).startswith("not known yet: ")
        assert "made-later" in str(inputs["drift"])
    with pytest.raises(grpc.RpcError, match="made-later"):
        providers.create(_resource(), program.inputs(data=elsewhere))


def test_a_key_too_short_for_fingerprints_is_refused_by_name(control_plane: ControlPlane, program: Program) -> None:
    with _restarted(control_plane) as started:
        started.configured(fingerprintKey="short")
        with pytest.raises(grpc.RpcError) as caught:
            started.check(_resource(), program.inputs())
    assert "external-secrets:fingerprintKey: is missing or shorter than 32 characters" in str(caught.value)


def test_four_threads_share_one_session(providers: DynamicProviders, program: Program) -> None:
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda: results.append(providers.check(_resource(), program.inputs())))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({str(checked["fingerprint"]) for checked, _ in results}) == 1
    assert [failures for _, failures in results] == [[]] * 4


def test_the_process_ends_soon_and_silently(control_plane: ControlPlane, program: Program) -> None:
    with _restarted(control_plane) as started:
        started.configured(fingerprintKey=KEY)
        started.create(_resource(), program.inputs())
        code, seconds, printed = started.interrupt()
    assert code == 0
    assert printed == b""
    assert seconds < ENDS_WITHIN
