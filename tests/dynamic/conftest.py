"""A program of one's own, and the process that serves its dynamic providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from tests.dynamic.programs import KEY, DynamicProviders, Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.local_parts import ControlPlane, OpenBaoServer


class Start(Protocol):
    """Starts a process, as every operation of the engine does."""

    def __call__(self, **settings: str) -> DynamicProviders: ...


@pytest.fixture
def program(control_plane: ControlPlane, namespace: str, openbao: OpenBaoServer) -> Program:
    return Program(control_plane, namespace, openbao)


@pytest.fixture
def operation(control_plane: ControlPlane) -> Iterator[Start]:
    started: list[DynamicProviders] = []

    def start(**settings: str) -> DynamicProviders:
        providers = DynamicProviders({"KUBECONFIG": str(control_plane.kubeconfig)})
        started.append(providers)
        return providers.__enter__().configured(**{"fingerprintKey": KEY, **settings})

    yield start
    for each in started:
        each.__exit__(None, None, None)


@pytest.fixture
def providers(operation: Start) -> DynamicProviders:
    return operation()
