"""Pulumi mocks that keep every registration as it was asked for, with typed finders."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockMonitor, Mocks, set_mocks
from pulumi.runtime.settings import get_root_resource

from components.testing.answers import Answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pulumi.runtime.proto import resource_pb2

    from secretsync.api import JsonObject

PROJECT: Final = "external-secrets"
STACK: Final = "test"


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
        delete_first: whether it is deleted before another takes its place.
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
    delete_first: bool
    depends: tuple[str, ...]
    ignored: tuple[str, ...]
    secret_outputs: tuple[str, ...]
    secret_inputs: frozenset[str]
    inputs: dict[str, Any] = field(repr=False)


class Recorder(MockMonitor):
    """Keeps what a program registers, in its order.

    Attributes:
        registered: all resources but the stack itself.
        exports: what the program exported; without what is unknown in a preview.
    """

    def __init__(self, answers: Mocks | None = None) -> None:
        super().__init__(answers or Answers())
        self.registered: list[Registration] = []
        self.exports: dict[str, Any] = {}

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:  # noqa: N802 - the method of the service has its name
        """What the SDK calls for each resource."""
        with _event_loop():  # the SDK calls from its worker threads, and would leave a loop open in each
            answer: resource_pb2.RegisterResourceResponse = super().RegisterResource(request)  # type: ignore[no-untyped-call]  # the SDK's has no annotations
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
                delete_first=request.deleteBeforeReplace,
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
        """The only one of a type, or the one of that name.

        Raises:
            LookupError: there is none, or there are several; says which there are.
        """
        found = [each for each in self.of_type(suffix) if name in ("", each.name)]
        if len(found) != 1:
            there = ", ".join(sorted(f"{each.type} {each.name}" for each in self.registered))
            raise LookupError(f"{len(found)} resources are {suffix} {name}; registered are {there or 'none'}")
        return found[0]

    def objects(self, kind: str = "") -> list[JsonObject]:
        """The Kubernetes objects that would be made, as they would be sent; of one kind, or all."""
        made = (each.inputs for each in self.registered if each.type.startswith("kubernetes:"))
        return [inputs for inputs in made if "kind" in inputs and kind in ("", inputs["kind"])]

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


def record(
    program: Callable[[], object], *, preview: bool = False, answers: Mocks | None = None, stack: str = STACK
) -> Recorder:
    """Run a program to its end against mocks.

    Args:
        program: makes resources; an exception it raises is raised here.
        preview: whether the program is to think that this is ``pulumi preview``.
        answers: what resources and functions answer.
        stack: name of the stack.
    """
    recorder = Recorder(answers)
    with _event_loop():
        set_mocks(answers or Answers(), project=PROJECT, stack=stack, preview=preview, monitor=recorder)
        root = get_root_resource()
        exported: dict[str, Any] = getattr(root, "outputs", {})
        exported.clear()  # the SDK has one root for all programs of a process

        @pulumi.runtime.test  # type: ignore[untyped-decorator]  # the SDK's has no annotations
        def run() -> pulumi.Output[list[None]]:
            program()
            return pulumi.Output.all(*(_keep(recorder, name, value) for name, value in exported.items()))

        run()
    return recorder


def _keep(recorder: Recorder, name: str, value: pulumi.Input[Any]) -> pulumi.Output[None]:
    return pulumi.Output.from_input(value).apply(lambda known: recorder.exports.update({name: known}))


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
