"""Stand-in for the official vault plugin: a table of resource types over one API."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, ClassVar, Final

import grpc

from local.pulumi import property_diff, sdk_schema
from local.pulumi.json_text import canonical
from local.pulumi.live_merge import merge_live
from local.pulumi.plugin_errors import PluginError
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
from local.pulumi.vault.connection import VaultConnection, connect
from local.pulumi.vault.functions import FUNCTIONS
from local.pulumi.vault.resource_type import ResourceType, fill
from local.pulumi.vault.resource_types import RESOURCE_TYPES
from local.pulumi.wire import UNKNOWN, PropertyMap, Secret, has_unknown, mark_like, plain, secret

if TYPE_CHECKING:
    from pulumi.runtime.proto import provider_pb2

_SDK: Final = "pulumi_vault"
_PATHS: Final = ("path", "mount", "backend")


class VaultPlugin(ProviderPlugin):
    """The provider's operations."""

    name: ClassVar[str] = "vault"
    secret_configuration: ClassVar[tuple[str, ...]] = (
        "token",
        "authLogin",
        "authLoginUserpass",
        "authLoginJwt",
        "headers",
    )

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self._connection: VaultConnection | None = None

    @property
    def _api(self) -> VaultConnection:
        if self._connection is None:
            raise PluginError("the provider is not configured", grpc.StatusCode.FAILED_PRECONDITION)
        return self._connection

    def configure(self, arguments: PropertyMap) -> None:
        """Connect, and log in where a login is given instead of a token."""
        self._connection = connect(self, arguments)

    def _type(self, token: str) -> ResourceType:
        try:
            return RESOURCE_TYPES[token]
        except KeyError:
            raise self.not_served(token) from None

    def check(self, call: CheckCall) -> Checked:
        """Fill in defaults, mark secrets by the type, and check against the SDK's types."""
        kind = self._type(call.type)
        news: PropertyMap = {**call.news}
        for name, template in kind.defaults.items():
            if news.get(name) is None:
                news[name] = fill(template, news)
        for name in kind.secrets:
            if name in news:
                news[name] = secret(news[name])
        for name in _PATHS:
            if isinstance(news.get(name), str):
                news[name] = news[name].strip("/")
        failures: list[Failure] = []
        document = news.get("dataJson")
        if "dataJson" in kind.secrets and isinstance(document, Secret) and not has_unknown(document):
            try:
                news["dataJson"] = Secret(canonical(json.loads(document.value)))
            except (ValueError, TypeError):
                failures.append(Failure("", "dataJson is not a JSON document"))
        failures += sdk_schema.check(_SDK, call.type, {key: news[key] for key in call.news if key in news})
        policy = news.get("name") if call.type == "vault:index/policy:Policy" else None
        if isinstance(policy, str) and policy != policy.lower():
            failures.append(Failure("", f"the server stores policy names in lower case; write {policy.lower()!r}"))
        return Checked(news, tuple(failures))

    def diff(self, call: DiffCall) -> provider_pb2.DiffResponse:
        """Compare inputs; sets in any order are equal."""
        kind = self._type(call.type)
        old = _sorted_sets(kind, property_diff.inputs_or_outputs(call.old_inputs, call.old_outputs))
        found = property_diff.changes(old, _sorted_sets(kind, call.news))
        return property_diff.response(
            found, replace=kind.replacing, delete_before_replace=True, ignore=call.ignore_changes
        )

    def create(self, call: CreateCall) -> tuple[str, PropertyMap]:
        """Write, and read back what the server made of it."""
        kind = self._type(call.type)
        if call.preview:
            return "", call.inputs
        inputs: PropertyMap = plain(call.inputs)
        written = kind.write(self._api, inputs, None)
        live = kind.fetch(self._api, written.id, inputs)
        if live is None:
            raise PluginError(
                f"{call.type} {written.id} cannot be read back after it was written; may the token read it?",
                grpc.StatusCode.UNAVAILABLE,
            )
        return written.id, _outputs(kind, call.inputs, {**live, **written.outputs})

    def update(self, call: UpdateCall) -> PropertyMap:
        """Write the changes, and read back what the server made of them."""
        kind = self._type(call.type)
        if call.preview:
            return call.news
        inputs: PropertyMap = plain(call.news)
        written = kind.write(self._api, inputs, plain(call.old_inputs))
        live = kind.fetch(self._api, call.id, inputs) or {}
        return _outputs(kind, call.news, {**live, **written.outputs})

    def read(self, call: ReadCall) -> Read | None:
        """Read the live object; without inputs it is an import or a `get`."""
        kind = self._type(call.type)
        live = kind.fetch(self._api, call.id, plain(call.inputs))
        if live is None:
            return None
        outputs = _outputs(kind, call.outputs if call.inputs else {}, live)
        if call.inputs:
            inputs: PropertyMap = merge_live(call.inputs, call.outputs, {**plain(call.outputs), **live})
        else:
            inputs = {key: value for key, value in outputs.items() if key in kind.imported()}
        return Read(call.id, outputs, _marked(kind, inputs))

    def delete(self, call: DeleteCall) -> None:
        """Delete."""
        self._type(call.type).delete(self._api, call.id, plain(call.outputs))

    def invoke(self, token: str, arguments: PropertyMap) -> PropertyMap:
        """Call a function of the package."""
        function = FUNCTIONS.get(token)
        if function is None:
            raise self.not_served(token)
        return function(self._api, arguments)


def _marked(kind: ResourceType, values: PropertyMap) -> PropertyMap:
    return {key: secret(value) if key in kind.secrets else value for key, value in values.items()}


def _outputs(kind: ResourceType, known: PropertyMap, live: PropertyMap) -> PropertyMap:
    """Outputs: what is known, overlaid by what is live, with the program's marks and the type's own."""
    merged = {key: value for key, value in {**plain(known), **live}.items() if value is not None}
    return _marked(kind, mark_like(merged, known))


def _sorted_sets(kind: ResourceType, values: PropertyMap) -> PropertyMap:
    found = {**values}
    for name in kind.sets:
        items = plain(found.get(name))
        if isinstance(items, list) and UNKNOWN not in items:
            found[name] = sorted(items, key=str)
    return found


def main() -> None:
    """Serve the engine; the first argument is the official plugin's version that this one stands in for."""
    serve_plugin(VaultPlugin(sys.argv[1]))
