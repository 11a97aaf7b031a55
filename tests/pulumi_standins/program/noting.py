"""A dynamic resource: its provider lives in an importable module, so that it is pickled by reference."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult


class NotingProvider(ResourceProvider):
    """Keeps a text."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Keep the text."""
        return CreateResult("noted", {"text": props["text"]})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Tell whether the text changed."""
        return DiffResult(changes=_olds["text"] != _news["text"])

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Keep the new text."""
        return UpdateResult({"text": _news["text"]})


class Note(Resource, module="tests", name="Note"):
    """A text that is kept."""

    text: pulumi.Output[str]

    def __init__(self, name: str, text: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(NotingProvider(), name, {"text": text}, opts)
