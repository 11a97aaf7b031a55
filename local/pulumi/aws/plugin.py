"""Stand-in for the official aws plugin: a table of resource types over the API at a named endpoint."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, ClassVar, Final

import grpc

from local.pulumi import property_diff, sdk_schema
from local.pulumi.aws import input_rules, settings
from local.pulumi.aws.connection import AwsConnection, Clients
from local.pulumi.aws.functions import FUNCTIONS
from local.pulumi.aws.resource_types import RESOURCE_TYPES
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
from local.pulumi.wire import UNKNOWN, PropertyMap, PropertyValue, Secret, has_unknown, mark_like, plain, secret

if TYPE_CHECKING:
    from pulumi.runtime.proto import provider_pb2

    from local.pulumi.aws.resource_type import ResourceType

_SDK: Final = "pulumi_aws"
_FILLED_IN: Final = "__defaults"
"""Input with the names of those that the plugin made up, as the official plugin keeps it; the engine hides it."""


class AwsPlugin(ProviderPlugin):
    """The provider's operations."""

    name: ClassVar[str] = "aws"
    secret_configuration: ClassVar[tuple[str, ...]] = ("accessKey", "secretKey", "token")

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self._connection: AwsConnection | None = None
        self._default_tags: dict[str, str] = {}

    @property
    def _aws(self) -> AwsConnection:
        if self._connection is None:
            raise PluginError("the provider is not configured", grpc.StatusCode.FAILED_PRECONDITION)
        return self._connection

    def configure(self, arguments: PropertyMap) -> None:
        """Read the arguments; AWS is asked when something first needs it."""
        for name in settings.UNSERVED:
            if arguments.get(name) not in (None, "", "[]", "{}", "null"):
                raise self.not_served(f"the provider argument {name}")
        found = settings.read(arguments)
        self._default_tags = dict(found.default_tags)
        self._connection = AwsConnection(Clients(found))

    def _type(self, token: str) -> ResourceType:
        try:
            return RESOURCE_TYPES[token]
        except KeyError:
            raise self.not_served(token) from None

    def _in(self, kind: ResourceType, values: PropertyMap) -> AwsConnection:
        """The connection for a resource, in the Region that it names."""
        region = plain(values.get("region")) if kind.regional else None
        return self._aws.in_region(region)

    def check(self, call: CheckCall) -> Checked:
        """Fill in defaults, names, Region and tags; mark secrets by the type; check types, values and documents."""
        kind = self._type(call.type)
        given: PropertyMap = {name: value for name, value in call.news.items() if value is not None}
        failures = sdk_schema.check(_SDK, call.type, given)
        known = sdk_schema.schema(_SDK, call.type)
        for name in given:
            if known is not None and name in known.inputs and name not in kind.inputs:
                raise self.not_served(f"the input {name} of {call.type}")
        completed = self._completed(kind, call, given)
        told = input_rules.check(call.type, kind, plain(given), plain(completed))
        return Checked(completed, (*failures, *(Failure("", reason) for reason in told)))

    def _completed(self, kind: ResourceType, call: CheckCall, given: PropertyMap) -> PropertyMap:
        found: PropertyMap = {**given}
        for name in kind.secrets:
            if name in found:
                found[name] = secret(found[name])
        for name in kind.documents:
            if isinstance(plain(found.get(name)), dict) and not has_unknown(found[name]):
                found[name] = mark_like(json.dumps(plain(found[name])), found[name])
        filled = [name for name in kind.defaults if found.get(name) is None]
        found.update({name: kind.defaults[name] for name in filled})
        if kind.named and found.get("name") is None:
            filled.append("name")
            found["name"] = self._name(call, found.get("namePrefix"))
        if kind.regional and found.get("region") is None and self._connection is not None:
            filled.append("region")
            found["region"] = self._connection.region
        if kind.tagged:
            found["tags"] = self._tags(found.get("tags"))
        return {**{name: value for name, value in found.items() if value is not None}, _FILLED_IN: sorted(filled)}

    def _name(self, call: CheckCall, prefix: PropertyValue) -> PropertyValue:
        """The name of before, as long as the prefix is the same; else a new one."""
        before = call.old_inputs
        if "name" in (plain(before.get(_FILLED_IN)) or ()) and plain(before.get("namePrefix")) == plain(prefix):
            return before["name"]
        if prefix is UNKNOWN:
            return UNKNOWN
        return call.automatic_name() if prefix is None else f"{plain(prefix)}{time.time_ns() // 1000}"

    def _tags(self, given: PropertyValue) -> PropertyValue:
        """The resource's tags over the provider's: that is how the official plugin hands both on."""
        if given is UNKNOWN or not (self._default_tags or given):
            return given
        merged = {**self._default_tags, **(given.value if isinstance(given, Secret) else given or {})}
        return secret(merged) if isinstance(given, Secret) else merged

    def diff(self, call: DiffCall) -> provider_pb2.DiffResponse:
        """Compare inputs; documents and sets by what they mean."""
        kind = self._type(call.type)
        old = _comparable(kind, property_diff.inputs_or_outputs(call.old_inputs, call.old_outputs))
        found = property_diff.changes(old, _comparable(kind, call.news))
        automatic = kind.named and "name" in (plain(call.news.get(_FILLED_IN)) or ())
        return property_diff.response(
            found,
            replace=kind.replaced_by,
            delete_before_replace=kind.named and not automatic,
            ignore=call.ignore_changes,
        )

    def create(self, call: CreateCall) -> tuple[str, PropertyMap]:
        """Create, and read back what AWS made of it."""
        kind = self._type(call.type)
        if call.preview:
            return "", _outputs(kind, call.inputs, {})
        inputs: PropertyMap = plain(call.inputs)
        aws = self._in(kind, call.inputs)
        id_ = kind.create(aws, inputs)
        try:
            kind.complete(aws, id_, inputs)
            live = kind.fetch(aws, id_, inputs)
        except PluginError as error:
            raise InitFailed(id_, _outputs(kind, call.inputs, {}), [str(error)], call.inputs) from None
        if live is None:
            raise PluginError(f"{call.type} {id_} cannot be read after its creation", grpc.StatusCode.UNAVAILABLE)
        return id_, _outputs(kind, call.inputs, live)

    def update(self, call: UpdateCall) -> PropertyMap:
        """Make the changes, and read back what AWS made of them."""
        kind = self._type(call.type)
        if call.preview:
            return _outputs(kind, {**call.old_outputs, **call.news}, {})
        inputs: PropertyMap = plain(call.news)
        aws = self._in(kind, call.news)
        kind.update(aws, call.id, plain(call.old_inputs), inputs)
        return _outputs(kind, call.news, kind.fetch(aws, call.id, inputs) or {})

    def read(self, call: ReadCall) -> Read | None:
        """Read the live object; without inputs it is an import or a `get`."""
        kind = self._type(call.type)
        live = kind.fetch(self._in(kind, call.inputs or call.outputs), call.id, plain(call.inputs))
        if live is None:
            return None
        if not call.inputs:
            outputs = _outputs(kind, {}, live)
            return Read(call.id, outputs, {name: outputs[name] for name in kind.inputs if name in outputs})
        outputs = _outputs(kind, call.outputs, live)
        return Read(call.id, outputs, _live_inputs(kind, call.inputs, plain(call.outputs), live))

    def delete(self, call: DeleteCall) -> None:
        """Delete."""
        kind = self._type(call.type)
        kind.delete(self._in(kind, call.outputs), call.id, plain(call.outputs))

    def invoke(self, token: str, arguments: PropertyMap) -> PropertyMap:
        """Call a function of the package."""
        function = FUNCTIONS.get(token)
        if function is None:
            raise self.not_served(token)
        return function(self._aws, arguments)


def _comparable(kind: ResourceType, values: PropertyMap) -> PropertyMap:
    """Inputs that can be told apart by comparing them; a value that is only sent is known by its version."""
    found: PropertyMap = {}
    for name, value in values.items():
        if name != _FILLED_IN and name not in kind.write_only:
            hidden = isinstance(value, Secret)
            same = value if has_unknown(value) else kind.comparable(name, plain(value))
            found[name] = Secret(same) if hidden and not isinstance(same, Secret) else same
    return found


def _outputs(kind: ResourceType, known: PropertyMap, live: PropertyMap) -> PropertyMap:
    """Outputs: what is known, overlaid by what is live, with the program's marks and the type's own."""
    left_out = (*kind.write_only, _FILLED_IN)
    merged = {**plain(known), **live}
    kept = {name: value for name, value in merged.items() if value is not None and name not in left_out}
    marked = mark_like(kept, known)
    return {name: secret(value) if name in kind.secrets else value for name, value in marked.items()}


def _live_inputs(kind: ResourceType, inputs: PropertyMap, before: PropertyMap, live: PropertyMap) -> PropertyMap:
    """Inputs to record after a refresh; tags that somebody added are drift, as the official plugin has it."""
    now = {**before, **live}
    for name in (*kind.documents, *kind.sets):
        if name in now and not kind.changed(before, now, name):
            now[name] = before[name]  # the API spells it in its own way
    found: PropertyMap = merge_live(inputs, {**inputs, **before}, {**inputs, **now})
    if kind.tagged and "tags" in live and (live["tags"] or {}) != (before.get("tags") or {}):
        found["tags"] = live["tags"]
        found = {name: value for name, value in found.items() if value is not None}
    return {name: secret(value) if name in kind.secrets else value for name, value in found.items()}


def main() -> None:
    """Serve the engine; the first argument is the official plugin's version that this one stands in for."""
    serve_plugin(AwsPlugin(sys.argv[1]))
