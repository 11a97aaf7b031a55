"""What a plugin tells the engine when something fails; no text ever contains a secret value."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage

from local.errors import LocalError
from local.pulumi import protocol
from local.pulumi.wire import PropertyMap, PropertyValue, Secret, encode_map, plain

_SHORT = 4


class PluginError(LocalError):
    """An operation failed, and the text says all the user needs.

    Args:
        problem: What is wrong and, where it is not plain, what to do next.
        code: How the engine reads it: UNKNOWN, INTERNAL and DATA_LOSS mean "may not be recoverable", all others are
            understood failures.
    """

    def __init__(self, problem: str, code: grpc.StatusCode = grpc.StatusCode.FAILED_PRECONDITION) -> None:
        super().__init__(problem)
        self.code = code


class NotServed(PluginError):
    """The stand-in does not do this; the official plugin does.

    Args:
        what: The resource type, function or provider argument.
        plugin: The plugin's name with its version, as `pulumi plugin install resource` takes it.
    """

    def __init__(self, what: str, plugin: str) -> None:
        super().__init__(
            f"{what} is not served by the local stand-in of the {plugin.split(maxsplit=1)[0]} plugin; "
            f"it needs the official plugin (pulumi plugin install resource {plugin})",
            grpc.StatusCode.UNIMPLEMENTED,
        )


class InitFailed(PluginError):
    """The object exists but did not become ready: the engine records it and tries again by an update.

    Args:
        id_: The object's id.
        outputs: What it is now.
        reasons: One sentence for each thing that is not ready.
        inputs: The inputs to record.
    """

    def __init__(self, id_: str, outputs: PropertyMap, reasons: Sequence[str], inputs: PropertyMap) -> None:
        super().__init__("; ".join(reasons), grpc.StatusCode.UNKNOWN)
        self.detail = protocol.provider_pb2.ErrorResourceInitFailed(
            id=id_, properties=encode_map(outputs), reasons=reasons, inputs=encode_map(inputs)
        )


def abort(context: grpc.ServicerContext, error: Exception) -> NoReturn:
    """End the call with the error's text, or with its type and place only where the text is not ours."""
    if isinstance(error, InitFailed):
        detail = AnyMessage()
        detail.Pack(error.detail, "type.googleapis.com")
        status = protocol.status_pb2.Status(code=2, message=str(error), details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    if isinstance(error, PluginError):
        context.abort(error.code, str(error))
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
    # An unexpected exception's own text may quote a value.
    context.abort(grpc.StatusCode.UNKNOWN, f"internal error of the plugin: {type(error).__name__} at {place}")
    raise AssertionError("abort always raises")


def _secret_texts(value: PropertyValue, *, inside: bool = False) -> Iterator[str]:
    if isinstance(value, Secret):
        yield from _secret_texts(value.value, inside=True)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secret_texts(item, inside=inside)
    elif isinstance(value, list):
        for item in value:
            yield from _secret_texts(item, inside=inside)
    elif inside and isinstance(value, str) and value:
        yield value
    elif inside and isinstance(value, int | float) and not isinstance(value, bool):
        yield json.dumps(value)


def _forms(text: str) -> Iterator[str]:
    """How a value may turn up in a server's message: as it is, in JSON, and to and from base64."""
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield base64.b64encode(text.encode()).decode()
    with contextlib.suppress(ValueError):
        yield base64.b64decode(text, validate=True).decode()
    try:
        document = json.loads(text)
    except ValueError:
        return
    if isinstance(document, dict | list):
        for leaf in _secret_texts(plain(document), inside=True):
            yield leaf
            yield base64.b64encode(leaf.encode()).decode()


def scrub(text: str, values: Iterable[PropertyValue]) -> str:
    """A server's message without any value that is marked secret in `values`.

    Short values are replaced only where they stand alone: a password "a" must not turn every "a" of a sentence.
    """
    forms = {form for value in values for leaf in _secret_texts(value) for form in _forms(leaf) if form}
    for form in sorted(forms, key=len, reverse=True):
        pattern = re.escape(form) if len(form) >= _SHORT else rf"(?<!\w){re.escape(form)}(?!\w)"
        text = re.sub(pattern, "[secret]", text)
    return text
