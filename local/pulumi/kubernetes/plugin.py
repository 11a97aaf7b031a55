"""Stand-in for the official kubernetes plugin: every `<group>/<version>:<Kind>` by discovery and server-side apply."""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import grpc

from local.pulumi import property_diff
from local.pulumi.http_connection import Answer
from local.pulumi.kubernetes import helm_release, objects
from local.pulumi.kubernetes.api import JsonObject, KubernetesApi, Reference
from local.pulumi.kubernetes.cluster_access import connect
from local.pulumi.kubernetes.deletion import Deletion
from local.pulumi.kubernetes.objects import annotation
from local.pulumi.kubernetes.readiness import Readiness
from local.pulumi.kubernetes.replacement import delete_first, replacing_fields
from local.pulumi.live_merge import merge_live
from local.pulumi.plugin_errors import InitFailed, PluginError
from local.pulumi.provider_plugin import ProviderPlugin, serve_plugin
from local.pulumi.resource_calls import (
    CheckCall,
    Checked,
    CreateCall,
    DeleteCall,
    DiffCall,
    Failure,
    Read,
    ReadCall,
    UpdateCall,
)
from local.pulumi.wire import UNKNOWN, PropertyMap, PropertyValue, Secret, has_unknown, plain

if TYPE_CHECKING:
    from pulumi.runtime.proto import provider_pb2

_COMING_UP: Final = 60.0
"""Seconds that a missing kind or namespace is waited for: it may be made by the same program."""
_REFUSED_TYPES: Final = ("kubernetes:helm.sh/", "kubernetes:kustomize", "kubernetes:yaml:")
_REFUSED_ARGUMENTS: Final = ("renderYamlToDirectory", "helmReleaseSettings", "kubeClientSettings", "kubeconfigPath")
_CLIENT_SIDE_MANAGER: Final = "pulumi-kubernetes"


@dataclass(frozen=True, slots=True)
class Settings:
    """The provider's switches, with the official plugin's defaults."""

    server_side_apply: bool = True
    patch_force: bool = False
    upsert: bool = False
    secret_mutable: bool = False
    config_map_mutable: bool = False


def _switch(arguments: PropertyMap, name: str, variable: str, *, default: bool) -> bool:
    given = arguments.get(name)
    text = given if given not in (None, "") else os.environ.get(variable, str(default))
    return str(text).lower() == "true"


class KubernetesPlugin(ProviderPlugin):
    """The provider's operations."""

    name: ClassVar[str] = "kubernetes"
    secret_configuration: ClassVar[tuple[str, ...]] = ("kubeconfig",)
    replacing_configuration: ClassVar[tuple[str, ...]] = ("clusterIdentifier",)

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self._settings = Settings()
        self._api_or_none: KubernetesApi | None = None

    @property
    def _api(self) -> KubernetesApi:
        if self._api_or_none is None:
            raise PluginError("the provider is not configured", grpc.StatusCode.FAILED_PRECONDITION)
        return self._api_or_none

    def configure(self, arguments: PropertyMap) -> None:
        """Read the kubeconfig and the switches; the API server is not contacted yet."""
        for name in _REFUSED_ARGUMENTS:
            if arguments.get(name) not in (None, "", "{}", "null"):
                raise self.not_served(f"the provider argument {name}")
        self._settings = Settings(
            server_side_apply=_switch(
                arguments, "enableServerSideApply", "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", default=True
            ),
            patch_force=_switch(arguments, "enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE", default=False),
            upsert=_switch(arguments, "upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS", default=False),
            secret_mutable=_switch(arguments, "enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE", default=False),
            config_map_mutable=_switch(
                arguments, "enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE", default=False
            ),
        )
        self._api_or_none = KubernetesApi(
            connect(
                arguments.get("kubeconfig"),
                context=arguments.get("context"),
                cluster=arguments.get("cluster"),
                namespace=arguments.get("namespace"),
            )
        )

    def _covered(self, type_: str) -> None:
        if type_.startswith(_REFUSED_TYPES) or type_.endswith("List"):
            raise self.not_served(type_)

    @staticmethod
    def _is_patch(type_: str, kind: str) -> bool:
        """Whether the resource changes some fields of an object that others made."""
        return type_.endswith("Patch") and not kind.endswith("Patch")

    # Check and diff

    def check(self, call: CheckCall) -> Checked:
        """Complete name and namespace, and mark a Secret's data."""
        if call.type == helm_release.TYPE:
            return helm_release.check(call, self._api.default_namespace)
        self._covered(call.type)
        news: PropertyMap = {**call.news}
        for key in ("apiVersion", "kind"):
            if key in news:
                news[key] = plain(news[key])
        news.pop("status", None)
        if news.get("metadata") is not UNKNOWN:
            metadata = self._metadata(call, news)
            # A metadata that is secret as a whole stays so; marks inside it stay where they are.
            news["metadata"] = Secret(plain(metadata)) if isinstance(news.get("metadata"), Secret) else metadata
        marked = objects.mark_secret_data(news)
        return Checked(marked, tuple(_bad_data(marked)))

    def _metadata(self, call: CheckCall, news: PropertyMap) -> PropertyMap:
        given = news.get("metadata")
        metadata: PropertyMap = dict(given.value if isinstance(given, Secret) else given or {})
        kind = news.get("kind")
        if "name" not in metadata and "generateName" not in metadata and not self._is_patch(call.type, str(kind)):
            old = plain(call.old_inputs.get("metadata")) or {}
            kept = old.get("name") if (old.get("annotations") or {}).get("pulumi.com/autonamed") == "true" else None
            metadata["name"] = kept or call.automatic_name()
            annotations = metadata.get("annotations")
            if annotations is not UNKNOWN:
                metadata["annotations"] = {**(plain(annotations) or {}), "pulumi.com/autonamed": "true"}
        api_version = news.get("apiVersion")
        if isinstance(api_version, str) and isinstance(kind, str):
            served = self._api.served(api_version, kind)
            if served is not None and not served.namespaced:
                metadata.pop("namespace", None)
            elif served is not None and metadata.get("namespace") is None:
                metadata["namespace"] = self._api.default_namespace
        return metadata

    def diff(self, call: DiffCall) -> provider_pb2.DiffResponse:
        """Compare inputs; a namespace that a later discovery filled in is no change."""
        if call.type == helm_release.TYPE:
            return helm_release.diff(call)
        old = objects.comparable(property_diff.inputs_or_outputs(call.old_inputs, call.old_outputs))
        new = objects.comparable(call.news)
        new_metadata, old_metadata = plain(new.get("metadata")), plain(old.get("metadata")) or {}
        if isinstance(new_metadata, dict) and "namespace" in new_metadata and "namespace" not in old_metadata:
            live = plain(call.old_outputs.get("metadata")) or {}
            old = {**old, "metadata": {**old_metadata, "namespace": live.get("namespace")}}
        found = property_diff.changes(old, new)
        api_version, kind = objects.api_kind(call.news)
        group = api_version.rpartition("/")[0]
        fields = replacing_fields(group, kind, mutable_data=self._mutable(kind, call.old_outputs))
        if self._is_patch(call.type, kind):
            fields = replacing_fields("", "", mutable_data=True)
        return property_diff.response(
            found,
            replace=fields,
            delete_before_replace=delete_first(call.news, call.old_outputs),
            ignore=call.ignore_changes,
        )

    def _mutable(self, kind: str, old_outputs: PropertyMap) -> bool:
        allowed = self._settings.secret_mutable if kind == "Secret" else self._settings.config_map_mutable
        return allowed and plain(old_outputs.get("immutable")) is not True

    # Create and update

    def _force(self, inputs: PropertyMap) -> bool:
        return self._settings.patch_force or annotation(inputs, "patchForce") == "true"

    def create(self, call: CreateCall) -> tuple[str, PropertyMap]:
        """Make the object and wait until it is ready; in a preview, ask the API server by a dry run."""
        if call.preview and call.type == helm_release.TYPE:
            return "", helm_release.foretold(call.inputs)
        self._covered(call.type)
        inputs = call.inputs
        if call.preview and has_unknown(inputs):
            return "", inputs
        reference = objects.reference(inputs, (plain(inputs["metadata"]) or {}).get("name") or "")
        manager = objects.field_manager(call.urn, inputs)
        if call.preview:
            return "", self._foretell(call.type, reference, inputs, manager)
        patch = self._is_patch(call.type, reference.kind)
        limit = time.monotonic() + _COMING_UP
        while True:
            answer = self._create_once(reference, inputs, manager, patch=patch)
            if answer.status != http.client.NOT_FOUND or time.monotonic() > limit or self.cancelled.wait(0.25):
                break
        if answer.failed:
            self._api.fail(answer, f"creation of {call.type} {reference.name or call.name!r}", [inputs])
        return self._finish(call, answer.body, reference, inputs, manager)

    def _foretell(self, type_: str, reference: Reference, inputs: PropertyMap, manager: str) -> PropertyMap:
        """A dry run's outcome, or the inputs where the same run makes the kind or the namespace."""
        if not reference.name:
            return inputs
        answer = self._api.apply(reference, objects.to_api(inputs), field_manager=manager, force=True, dry_run=True)
        if answer.status in (http.client.NOT_FOUND, http.client.FORBIDDEN, http.client.CONFLICT):
            return inputs
        if answer.failed:
            self._api.fail(answer, f"preview of {type_} {reference.name}", [inputs])
        return objects.foretold(answer.body, inputs)

    def _create_once(self, reference: Reference, inputs: PropertyMap, manager: str, *, patch: bool) -> Answer:
        body = objects.to_api(inputs)
        if not reference.name:
            return self._api.create(reference, body, field_manager=manager)
        takes_over = self._settings.upsert or patch
        if not takes_over and self._api.get(reference).status == http.client.OK:
            message = (
                "the object exists already; import it, use the kind's Patch resource, or set "
                "upsertExistingObjects on the provider"
            )
            return Answer(http.client.CONFLICT, {"reason": "AlreadyExists", "message": message})
        if not self._settings.server_side_apply:
            collection = Reference(reference.api_version, reference.kind, reference.namespace)
            return self._api.create(collection, body, field_manager=_CLIENT_SIDE_MANAGER)
        return self._api.apply(reference, body, field_manager=manager, force=self._force(inputs))

    def _finish(
        self,
        call: CreateCall | UpdateCall,
        live: JsonObject,
        reference: Reference,
        inputs: PropertyMap,
        manager: str,
    ) -> tuple[str, PropertyMap]:
        named = Reference(
            reference.api_version, reference.kind, live["metadata"].get("namespace", ""), live["metadata"]["name"]
        )
        readiness = Readiness(self._api, self.cancelled, lambda text: self.tell(call.urn, text))
        live, problems = readiness.wait(named, live, inputs, call.timeout)
        id_ = objects.qualified_name(live)
        outputs = objects.outputs(live, inputs, manager)
        if problems:
            raise InitFailed(id_, outputs, [f"{named.kind} {id_} is not ready: {why}" for why in problems], inputs)
        return id_, outputs

    def update(self, call: UpdateCall) -> PropertyMap:
        """Change the object and wait until it is ready; in a preview, ask the API server by a dry run."""
        if call.preview and call.type == helm_release.TYPE:
            return helm_release.foretold(call.news)
        self._covered(call.type)
        inputs = call.news
        if call.preview and has_unknown(inputs):
            return inputs
        reference = objects.reference(inputs, plain(call.old_outputs["metadata"])["name"])
        manager = objects.field_manager(call.urn, inputs, call.old_outputs)
        if call.preview:
            return self._foretell(call.type, reference, inputs, manager)
        body = objects.to_api(inputs)
        if self._settings.server_side_apply:
            answer = self._api.apply(reference, body, field_manager=manager, force=self._force(inputs))
        else:
            patch = _merge_patch(objects.to_api(call.old_inputs), body)
            answer = self._api.merge_patch(reference, patch, field_manager=_CLIENT_SIDE_MANAGER)
        if answer.status == http.client.CONFLICT:
            answer.body["message"] = (
                f"another field manager owns a field: {answer.body.get('message', '')}; set the annotation "
                'pulumi.com/patchForce: "true", or enablePatchForce on the provider, to take it over'
            )
        if answer.failed:
            self._api.fail(answer, f"update of {call.type} {call.id}", [inputs, call.old_inputs])
        return self._finish(call, answer.body, reference, inputs, manager)[1]

    # Read and delete

    def read(self, call: ReadCall) -> Read | None:
        """Read the live object; without inputs it is an import or a `get`."""
        self._covered(call.type)
        reference = self._identity(call)
        answer = self._api.get(reference)
        if answer.status == http.client.NOT_FOUND:
            return None
        if answer.failed:
            self._api.fail(answer, f"read of {call.type} {call.id}", [call.outputs])
        live = answer.body
        if call.inputs:
            inputs = _refreshed(call.inputs, call.outputs, objects.from_api(live))
        else:
            inputs = objects.imported_inputs(live)
        manager = objects.field_manager(call.urn, inputs, call.outputs)
        return Read(objects.qualified_name(live), objects.outputs(live, inputs, manager), inputs)

    @staticmethod
    def _identity(call: ReadCall | DeleteCall) -> Reference:
        namespace, _, name = call.id.rpartition("/")
        known = (call.inputs if isinstance(call, ReadCall) else {}) or call.outputs
        if known.get("apiVersion") and known.get("kind"):
            api_version, kind = objects.api_kind(known)
        else:
            api_version, kind = call.type.split(":", 2)[1:]
            api_version = api_version.removeprefix("core/")
            kind = kind.removesuffix("Patch")
        return Reference(api_version, kind, namespace, name)

    def delete(self, call: DeleteCall) -> None:
        """Delete the object, or give up the fields a Patch resource owns."""
        self._covered(call.type)
        reference = self._identity(call)
        if self._is_patch(call.type, reference.kind):
            manager = objects.field_manager(call.urn, {}, call.outputs)
            empty = {"apiVersion": reference.api_version, "kind": reference.kind}
            answer = self._api.apply(reference, empty, field_manager=manager, force=False)
            if answer.failed and answer.status != http.client.NOT_FOUND:
                self._api.fail(answer, f"release of the fields of {call.id}", [call.outputs])
            return
        Deletion(self._api, self.cancelled).delete(reference, call.outputs, call.timeout)

    def construct(self, request: provider_pb2.ConstructRequest) -> provider_pb2.ConstructResponse:
        """Make the children of a yaml.v2 ConfigGroup or ConfigFile."""
        from local.pulumi.kubernetes import config_group  # noqa: PLC0415 - few programs use it, and it reads YAML

        if request.type not in config_group.TYPES:
            raise self.not_served(request.type)
        return config_group.construct(request, self.version)


def _bad_data(inputs: PropertyMap) -> list[Failure]:
    """Entries of a Secret's data that are not base64; the property stays unnamed, so that nothing is printed."""
    data = plain(inputs.get("data")) if objects.is_secret(inputs) else None
    found = []
    for key, value in data.items() if isinstance(data, dict) else ():
        if isinstance(value, str):
            try:
                base64.b64decode(value, validate=True)
            except binascii.Error:
                found.append(Failure("", f"data[{json.dumps(key)}] is not base64; use stringData for plain text"))
    return found


def _refreshed(inputs: PropertyMap, outputs: PropertyMap, live: PropertyMap) -> PropertyMap:
    """Inputs after a refresh; a Secret's stringData is compared through the data the server made of it."""
    merged: PropertyMap = merge_live(
        {key: value for key, value in inputs.items() if key != "stringData"}, outputs, live
    )
    if "stringData" in inputs:
        before, now = plain(outputs.get("data")) or {}, plain(live.get("data")) or {}
        merged["stringData"] = Secret(
            {
                key: text if before.get(key) == now[key] else base64.b64decode(now[key]).decode("utf-8", "replace")
                for key, text in plain(inputs["stringData"]).items()
                if key in now
            }
        )
    return objects.mark_secret_data(merged)


def _merge_patch(old: JsonObject, new: JsonObject) -> JsonObject:
    """RFC 7386: what turns the old inputs into the new ones."""
    patch: JsonObject = {key: None for key in old if key not in new}
    for key, value in new.items():
        before: PropertyValue = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := _merge_patch(before, value):
                patch[key] = inner
        elif before != value:
            patch[key] = value
    return patch


def main() -> None:
    """Serve the engine; the first argument is the official plugin's version that this one stands in for."""
    serve_plugin(KubernetesPlugin(sys.argv[1]))
