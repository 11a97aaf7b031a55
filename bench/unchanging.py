"""A dynamic resource that does nothing: what the engine itself costs for each resource, to compare others with."""

from __future__ import annotations

from typing import Any, ClassVar

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, ResourceProvider


class UnchangingProvider(ResourceProvider):
    """Accepts whatever it is given."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """As it is."""
        return CheckResult(news, [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """None."""
        return DiffResult(changes=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Nothing is made."""
        return CreateResult("unchanging", props)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """As it was."""
        return ReadResult(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing was made."""


class Unchanging(Resource, module="bench", name="Unchanging"):
    """The floor: one resource with one text."""

    _unchanging: ClassVar[ResourceProvider] = UnchangingProvider()

    def __init__(self, name: str, text: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(self._unchanging, name, {"text": text}, opts)
