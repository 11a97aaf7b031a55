"""Programs and the process that serves their dynamic providers: real pulumi.dynamic, API server and backend."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

from pulumi.dynamic.dynamic import serialize_provider

from components.dynamic.synced_secret import SyncedSecretProvider
from components.dynamic.synced_secret_set import SyncedSecretSetProvider
from local.layout import PROJECT
from local.pulumi import protocol
from local.pulumi.wire import encode_map
from tests.pulumi_standins.plugin_client import PluginClient

if TYPE_CHECKING:
    from collections.abc import Mapping

    import grpc
    from pulumi.runtime.proto import provider_pb2

    from tests.fixtures.local_parts import ControlPlane, OpenBaoServer
    from tests.pulumi_standins.plugin_client import Resource

TYPE = "pulumi-python:dynamic/external-secrets:SyncedSecret"
SET_TYPE = "pulumi-python:dynamic/external-secrets:SyncedSecretSet"
KEY = "fingerprint-key-of-this-test-0123456789"
CANARY = "canary-value-of-the-backend"
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

    def __init__(self, plane: ControlPlane, namespace: str, backend: OpenBaoServer, *, mount: str = "") -> None:
        self.plane, self.namespace, self.backend = plane, namespace, backend
        self.mount = mount or f"kv-{uuid.uuid4().hex[:8]}"
        self.ask("POST", f"sys/mounts/{self.mount}", {"type": "kv", "options": {"version": "2"}})
        self.rotate(CANARY)
        secret = {"metadata": {"name": "login"}, "stringData": {"token": backend.token}}
        assert plane.request("POST", f"/api/v1/namespaces/{namespace}/secrets", secret).status == 201

    def ask(self, method: str, path: str, payload: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"{self.backend.address}/v1/{urllib.parse.quote(path)}",
            method=method,
            headers={"X-Vault-Token": self.backend.token},
            data=json.dumps(payload).encode(),
        )
        with UNPROXIED.open(request, timeout=30):
            pass

    def rotate(self, value: str, key: str = "app") -> None:
        for _ in range(50):  # a new mount upgrades itself for a moment
            try:
                self.ask("POST", f"{self.mount}/data/{key}", {"data": {"password": value}})
            except urllib.error.HTTPError as error:
                if error.code != 400:
                    raise
                threading.Event().wait(0.1)
            else:
                return

    def external_secret(self, name: str = "app", *, store: str = "backend", **spec: Any) -> str:
        """A declaration as text; by default it writes the Secret ``target``."""
        declaration = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "secretStoreRef": {"name": store, "kind": "SecretStore"},
                "target": {"name": "target"},
                "data": [entry("PASSWORD", "app")],
                **spec,
            },
        }
        return json.dumps(declaration, sort_keys=True)

    @property
    def stores(self) -> str:
        """The only store, as text."""
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
        return json.dumps([backend], sort_keys=True)

    def inputs(self, *, store: str = "backend", property_: str = "password", **spec: Any) -> dict[str, Any]:
        """What a program gives a SyncedSecret."""
        spec = {"data": [entry("PASSWORD", "app", property_)], **spec}
        return {
            "declaration": self.external_secret(store=store, **spec),
            "stores": self.stores,
            "__provider": serialize_provider(SyncedSecretProvider()),
            "preview": False,
            "fingerprint": "",
        }

    def set_inputs(self, **declarations: str) -> dict[str, Any]:
        """What a program gives a SyncedSecretSet."""
        return {
            "declarations": {f"{self.namespace}/{name}": text for name, text in declarations.items()},
            "stores": self.stores,
            "__provider": serialize_provider(SyncedSecretSetProvider()),
            "preview": False,
            "fingerprints": {},
        }

    def live(self, name: str = "target") -> str | None:
        """The password in a Secret; None where there is none."""
        found = self.secret(name)
        return None if found is None else base64.b64decode(found["data"]["PASSWORD"]).decode()

    def secret(self, name: str = "target") -> dict[str, Any] | None:
        """A Secret."""
        answer = self.plane.request("GET", self.path(name))
        return answer.document() if answer.status == 200 else None

    def path(self, name: str = "target") -> str:
        """Of a Secret at the API server."""
        return f"/api/v1/namespaces/{self.namespace}/secrets/{name}"

    def edit(self, value: str, name: str = "target") -> None:
        """As somebody does by hand."""
        found = self.secret(name)
        assert found is not None
        found["data"]["PASSWORD"] = base64.b64encode(value.encode()).decode()
        assert self.plane.request("PUT", f"{self.path(name)}?fieldManager=kubectl-edit", found).status == 200

    def delete(self, name: str = "target") -> None:
        """As somebody does by hand."""
        assert self.plane.request("DELETE", self.path(name)).status == 200


def entry(secret_key: str, key: str, property_: str = "password") -> dict[str, Any]:
    """One item of spec.data."""
    return {"secretKey": secret_key, "remoteRef": {"key": key, "property": property_}}


def is_difference(answer: provider_pb2.DiffResponse) -> bool:
    """Whether the engine will update."""
    return bool(answer.changes == protocol.provider_pb2.DiffResponse.DIFF_SOME)


def refresh_diff(providers: DynamicProviders, made: Resource, read: Resource) -> provider_pb2.DiffResponse:
    """As the engine asks after a read: what was read as the old, the last inputs as the new."""
    answer: provider_pb2.DiffResponse = providers.stub.Diff(
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
    return answer
