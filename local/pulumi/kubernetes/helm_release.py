"""Helm releases as far as a preview goes: inputs are checked and compared, and no chart is fetched or installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from local.pulumi import property_diff, sdk_schema
from local.pulumi.resource_calls import Checked, Failure
from local.pulumi.wire import UNKNOWN, PropertyMap, has_unknown, plain

if TYPE_CHECKING:
    from pulumi.runtime.proto import provider_pb2

    from local.pulumi.resource_calls import CheckCall, DiffCall

TYPE: Final = "kubernetes:helm.sh/v3:Release"
_SDK: Final = "pulumi_kubernetes"
_DEFAULT_TIMEOUT: Final = 300
_COMPUTED: Final = ("status", "checksum")
_REPLACING: Final = ("name", "namespace")


def check(call: CheckCall, default_namespace: str) -> Checked:
    """Complete name, namespace and timeout, and hold the inputs to the types of the SDK.

    The official plugin renders the chart here too, and adds its checksum and the names of what is in it.
    """
    news: PropertyMap = {key: value for key, value in call.news.items() if key not in _COMPUTED}
    failures = sdk_schema.check(_SDK, TYPE, news)
    if plain(news.get("name")) in (None, ""):
        news["name"] = plain(call.old_inputs.get("name")) or call.automatic_name()
    if plain(news.get("namespace")) in (None, ""):
        news["namespace"] = default_namespace
    if plain(news.get("skipAwait")) is not True and "timeout" not in news:
        news["timeout"] = _DEFAULT_TIMEOUT
    for name in ("chart", "name"):
        if plain(news.get(name)) == "":
            failures.append(Failure("", f"{name} is empty"))
    return Checked(news, tuple(failures))


def diff(call: DiffCall) -> provider_pb2.DiffResponse:
    """Compare inputs; another name or namespace is another release."""
    old = property_diff.inputs_or_outputs(call.old_inputs, call.old_outputs)
    found = property_diff.changes(old, call.news)
    return property_diff.response(found, replace=_REPLACING, ignore=call.ignore_changes)


def foretold(inputs: PropertyMap) -> PropertyMap:
    """The outputs in a preview: the inputs; what the release becomes is not known."""
    return inputs if has_unknown(inputs) else {**inputs, "status": UNKNOWN}
