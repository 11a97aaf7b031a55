"""Pulumi mocks that keep every registration as it was asked for, with typed finders."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Registration:
    """One resource as the program registered it.

    Attributes:
        urn: its URN.
        type: its type token.
        name: its name.
        parent: URN of its parent.
        provider: reference of its provider; empty for components and providers.
        protect: whether it is protected.
        retain: whether it stays when the stack goes.
        depends: URNs it depends on.
        ignored: properties whose changes are ignored.
        secret_outputs: outputs marked secret.
        secret_inputs: inputs that arrived with the secret mark.
        inputs: all inputs, unmarked.
    """

    urn: str
    type: str
    name: str
    parent: str
    provider: str
    protect: bool
    retain: bool
    depends: tuple[str, ...]
    ignored: tuple[str, ...]
    secret_outputs: tuple[str, ...]
    secret_inputs: frozenset[str]
    inputs: dict[str, Any]


class _Echo(Mocks):
    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return f"{args.name}-id", dict(args.inputs)

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {}, None


class Recorder(MockMonitor):
    """A monitor that answers with the inputs and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(_Echo())
        self.registered: list[Registration] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the method of the service has its name
        with _event_loop():  # the SDK calls from its worker threads, and would leave a loop open in each
            answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]  # the SDK's has no annotations
        if request.type == "pulumi:pulumi:Stack":
            return answer
        inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
        self.registered.append(
            Registration(
                urn=answer.urn,
                type=request.type,
                name=request.name,
                parent=request.parent,
                provider=request.provider,
                protect=request.protect,
                retain=request.retainOnDelete,
                depends=tuple(request.dependencies),
                ignored=tuple(request.ignoreChanges),
                secret_outputs=tuple(request.additionalSecretOutputs),
                secret_inputs=frozenset(name for name, value in inputs.items() if rpc.is_rpc_secret(value)),
                inputs={name: rpc.unwrap_rpc_secret(value) for name, value in inputs.items()},
            )
        )
        return answer

    def of_type(self, suffix: str) -> list[Registration]:
        """All of a type, told by the end of its token."""
        return [each for each in self.registered if each.type.endswith(suffix)]

    def one(self, suffix: str, name: str = "") -> Registration:
        """The only one of a type, or the one of that name."""
        (found,) = (each for each in self.of_type(suffix) if name in ("", each.name))
        return found

    def before(self, start: Registration) -> set[str]:
        """Names of everything that is made before `start` and removed after it.

        That is what it depends on, and what the components around it depend on, with the same of each of those.
        """
        by_urn = {each.urn: each for each in self.registered}
        seen: set[str] = set()
        waiting = [start.urn]
        while waiting:
            each = by_urn.get(waiting.pop())
            if each is None:
                continue
            new = [urn for urn in each.depends if urn not in seen]
            seen.update(new)
            waiting += [*new, each.parent]
        return {by_urn[urn].name for urn in seen if urn in by_urn}


def record(program: Callable[[], object], *, preview: bool) -> Recorder:
    """Runs a program to its end against a recorder."""
    recorder = Recorder()
    with _event_loop():
        set_mocks(_Echo(), project="external-secrets", stack="test", preview=preview, monitor=recorder)

        @pulumi.runtime.test  # type: ignore[untyped-decorator]  # the SDK's has no annotations
        def run() -> None:
            program()

        run()
    return recorder


@contextmanager
def _event_loop() -> Iterator[None]:
    """A loop of this thread's own: the SDK asks for the current one."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()


def names(registrations: Iterable[Registration]) -> set[str]:
    """Names of registrations."""
    return {each.name for each in registrations}
