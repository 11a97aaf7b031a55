"""Stand-in for the yaml.v2 components: a ConfigGroup or ConfigFile registers one resource for each object."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc
import yaml

from local.pulumi import protocol
from local.pulumi.kubernetes.objects import from_api, is_secret, mark_secret_data
from local.pulumi.plugin_errors import PluginError
from local.pulumi.serving import OPTIONS
from local.pulumi.wire import (
    REFERENCE_SIGNATURE,
    SIGNATURE,
    PropertyMap,
    PropertyValue,
    decode_map,
    encode_map,
    has_secret,
    has_unknown,
    plain,
    secret,
)

if TYPE_CHECKING:
    from pulumi.runtime.proto import provider_pb2, resource_pb2

    from local.pulumi.kubernetes.api import JsonObject

TYPES: Final = ("kubernetes:yaml/v2:ConfigGroup", "kubernetes:yaml/v2:ConfigFile")
_FIRST: Final = {"Namespace": 0, "CustomResourceDefinition": 1}
_LATER: Final = 2
_INVALID: Final = grpc.StatusCode.INVALID_ARGUMENT


def _as_list(value: PropertyValue) -> list[PropertyValue]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _parse(text: str, source: str) -> list[JsonObject]:
    try:
        return [document for document in yaml.safe_load_all(text) if document]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{source}, line {mark.line + 1}" if mark is not None else source
        # The parser quotes the text around the fault, which may be a value.
        raise PluginError(
            f"{place}: this is not YAML: {getattr(error, 'problem', None) or 'it cannot be read'}", _INVALID
        ) from None


def _files(pattern: str) -> list[JsonObject]:
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - the pattern may be absolute, which Path.glob refuses
    if not found:
        raise PluginError(f"no file matches {pattern!r} (addresses on the web need the official plugin)", _INVALID)
    return [document for name in found for document in _parse(Path(name).read_text(encoding="utf-8"), name)]


def _objects(inputs: PropertyMap) -> list[JsonObject]:
    """All objects of the component, namespaces and definitions first."""
    documents: list[JsonObject] = []
    for text in _as_list(inputs.get("yaml")):
        documents += _parse(text, "the component's yaml")
    for pattern in [*_as_list(inputs.get("files")), *_as_list(inputs.get("file"))]:
        documents += _files(pattern)
    documents += _as_list(inputs.get("objs"))
    flat: list[JsonObject] = []
    for document in documents:
        is_list = str(document.get("kind", "")).endswith("List") and "items" in document
        flat += document["items"] if is_list else [document]
    for document in flat:
        if not document.get("apiVersion") or not document.get("kind"):
            raise PluginError("an object of the component has no apiVersion or no kind", _INVALID)
    return sorted(flat, key=lambda document: _FIRST.get(document["kind"], _LATER))


def _name(prefix: str, document: JsonObject) -> str:
    metadata = document.get("metadata") or {}
    name = metadata.get("name", "")
    return f"{prefix}:{metadata['namespace']}/{name}" if metadata.get("namespace") else f"{prefix}:{name}"


def _marked(document: JsonObject, *, all_secret: bool) -> PropertyMap:
    """A child's inputs; where the component's own inputs are secret, so is all but the child's identity."""
    spelled = mark_secret_data(from_api(document))
    if not all_secret or is_secret(document):
        return spelled
    return {
        key: value if key in ("apiVersion", "kind", "metadata") else secret(value) for key, value in spelled.items()
    }


def construct(request: provider_pb2.ConstructRequest, version: str) -> provider_pb2.ConstructResponse:
    """Register the component and its children with the engine.

    Args:
        request: The engine's call.
        version: The provider version the children ask for.
    """
    messages = protocol.resource_pb2
    marked = decode_map(request.inputs)
    inputs: PropertyMap = plain(marked)
    channel = grpc.insecure_channel(request.monitorEndpoint, options=OPTIONS)
    monitor = protocol.resource_pb2_grpc.ResourceMonitorStub(channel)

    def register(**fields: PropertyValue) -> resource_pb2.RegisterResourceResponse:
        asked = messages.RegisterResourceRequest(acceptSecrets=True, supportsPartialValues=True, **fields)
        answer: resource_pb2.RegisterResourceResponse = monitor.RegisterResource(asked)
        return answer

    with channel:
        component = register(
            type=request.type, name=request.name, parent=request.parent, object=encode_map({}), aliases=request.aliases
        )
        urns: list[str] = []
        first: list[str] = []
        for document in [] if has_unknown(inputs) else _objects(inputs):
            if inputs.get("skipAwait"):
                annotations = document.setdefault("metadata", {}).setdefault("annotations", {})
                annotations["pulumi.com/skipAwait"] = "true"
            api_version = document["apiVersion"]
            group_version = api_version if "/" in api_version else f"core/{api_version}"
            child = register(
                type=f"kubernetes:{group_version}:{document['kind']}",
                name=_name(inputs.get("resourcePrefix") or request.name, document),
                parent=component.urn,
                custom=True,
                provider=request.providers.get("kubernetes", ""),
                version=version,
                object=encode_map(_marked(document, all_secret=has_secret(marked))),
                dependencies=[*first, *request.dependencies],
            )
            urns.append(child.urn)
            if document["kind"] in _FIRST:
                first.append(child.urn)
        state = encode_map({"resources": [{SIGNATURE: REFERENCE_SIGNATURE, "urn": urn} for urn in urns]})
        monitor.RegisterResourceOutputs(messages.RegisterResourceOutputsRequest(urn=component.urn, outputs=state))
    return protocol.provider_pb2.ConstructResponse(urn=component.urn, state=state)
