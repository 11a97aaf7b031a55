"""The API server: discovery, paths, and the few requests the plugin makes."""

from __future__ import annotations

import copy
import http.client
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import grpc

from local.pulumi.http_connection import Answer
from local.pulumi.plugin_errors import PluginError, scrub

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.pulumi.kubernetes.cluster_access import ClusterAccess
    from local.pulumi.wire import PropertyValue

JsonObject = dict[str, Any]
"""A raw Kubernetes object."""

_CODES: Final = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ALREADY_EXISTS,
    422: grpc.StatusCode.INVALID_ARGUMENT,
}


@dataclass(frozen=True, slots=True)
class ServedKind:
    """A kind as the API server serves it."""

    plural: str
    namespaced: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """What names an object; an empty name stands for the collection."""

    api_version: str
    kind: str
    namespace: str = ""
    name: str = ""

    @property
    def group(self) -> str:
        """The API group; empty for the core one."""
        return self.api_version.rpartition("/")[0]


class KubernetesApi:
    """One API server.

    Args:
        access: The connection and the default namespace.
    """

    def __init__(self, access: ClusterAccess) -> None:
        self._http = access.http
        self.default_namespace = access.namespace
        self._served: dict[str, dict[str, ServedKind]] = {}
        self._lock = threading.Lock()

    def served(self, api_version: str, kind: str, *, again: bool = False) -> ServedKind | None:
        """How a kind is served; None where it is not (yet). What is known is asked once, what is not each time."""
        with self._lock:
            kinds = self._served.get(api_version)
        if not again and kinds is not None and kind in kinds:
            return kinds[kind]
        root = "/api/v1" if api_version == "v1" else f"/apis/{quote(api_version)}"
        answer = self._http.request("GET", root)
        if answer.status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN) or answer.status >= 500:  # noqa: PLR2004 - the server's own failures
            self.fail(answer, f"discovery of {api_version}")
        found = {
            entry["kind"]: ServedKind(entry["name"], entry["namespaced"])
            for entry in (answer.body.get("resources") or [] if not answer.failed else [])
            if "/" not in entry["name"]
        }
        with self._lock:
            self._served[api_version] = found
        return found.get(kind)

    def forget(self) -> None:
        """Ask discovery again from now on: kinds have come or gone."""
        with self._lock:
            self._served.clear()

    def _path(self, reference: Reference, **query: str) -> str | None:
        kind = self.served(reference.api_version, reference.kind)
        if kind is None:
            return None
        path = "/api/v1" if reference.api_version == "v1" else f"/apis/{reference.api_version}"
        if kind.namespaced:
            path += "/namespaces/" + quote(reference.namespace or self.default_namespace, safe="")
        path += "/" + kind.plural
        if reference.name:
            path += "/" + quote(reference.name, safe="")
        return f"{path}?{urlencode(query)}" if query else path

    def _request(
        self,
        method: str,
        reference: Reference,
        body: object = None,
        content_type: str = "application/json",
        **query: str,
    ) -> Answer:
        path = self._path(reference, **query)
        if path is None:
            message = f'no matches for kind "{reference.kind}" in version "{reference.api_version}"'
            return Answer(http.client.NOT_FOUND, {"reason": "NoMatch", "message": message})
        return self._http.request(method, path, body, content_type=content_type)

    def get(self, reference: Reference) -> Answer:
        """Read an object."""
        return self._request("GET", reference)

    def list(self, reference: Reference, label_selector: str) -> list[JsonObject]:
        """Objects with the labels; none where they cannot be listed."""
        answer = self._request("GET", reference, labelSelector=label_selector, limit="50")
        return [] if answer.failed else list(answer.body.get("items") or [])

    def create(self, reference: Reference, obj: JsonObject, *, field_manager: str) -> Answer:
        """Create an object by POST."""
        return self._request("POST", reference, obj, fieldManager=field_manager, fieldValidation="Warn")

    def apply(
        self, reference: Reference, obj: JsonObject, *, field_manager: str, force: bool, dry_run: bool = False
    ) -> Answer:
        """Server-side apply."""
        body = copy.copy(obj)
        body["metadata"] = {**(obj.get("metadata") or {}), "name": reference.name}
        query = {"fieldManager": field_manager, "force": str(force).lower(), "fieldValidation": "Warn"}
        if dry_run:
            query["dryRun"] = "All"
        return self._request("PATCH", reference, body, "application/apply-patch+yaml", **query)

    def merge_patch(self, reference: Reference, patch: JsonObject, *, field_manager: str) -> Answer:
        """Change some fields, without ownership."""
        return self._request("PATCH", reference, patch, "application/merge-patch+json", fieldManager=field_manager)

    def delete(self, reference: Reference, *, propagation: str) -> Answer:
        """Ask for an object's deletion."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        return self._request("DELETE", reference, options)

    @staticmethod
    def fail(answer: Answer, what: str, values: Iterable[PropertyValue] = ()) -> None:
        """Raise what the server said, without any value that is marked secret in `values`."""
        message = scrub(str(answer.body.get("message", "")), values)
        reason = answer.body.get("reason", "")
        raise PluginError(
            f"{what}: HTTP {answer.status} {reason}: {message}".rstrip(": "),
            _CODES.get(answer.status, grpc.StatusCode.UNAVAILABLE),
        )
