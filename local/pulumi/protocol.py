"""The engine's gRPC messages and services, without the price of importing the whole SDK.

The generated modules ship inside the Pulumi SDK as `pulumi.runtime.proto`, and importing them there runs
`pulumi/__init__`, which a plugin has no use for (0.55 s instead of 0.12 s on the reference machine). They import each
other relatively and depend on nothing but protobuf and gRPC, so they are loaded here under a package name of our own
whose search path is the SDK's folder: the same files, nothing patched. Where the SDK has been imported anyway, its own
modules are used.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from typing import TYPE_CHECKING

from local.errors import LocalError

# A plugin starts no forks of its own; gRPC's fork handlers would only cost time in the children of the language host.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

if TYPE_CHECKING:
    from types import ModuleType

    from pulumi.runtime.proto import (
        analyzer_pb2,
        analyzer_pb2_grpc,
        engine_pb2,
        engine_pb2_grpc,
        language_pb2,
        language_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
        resource_pb2,
        resource_pb2_grpc,
        status_pb2,
    )

__all__ = [
    "analyzer_pb2",
    "analyzer_pb2_grpc",
    "engine_pb2",
    "engine_pb2_grpc",
    "language_pb2",
    "language_pb2_grpc",
    "plugin_pb2",
    "provider_pb2",
    "provider_pb2_grpc",
    "resource_pb2",
    "resource_pb2_grpc",
    "status_pb2",
]

_OWN_PACKAGE = "pulumi_engine_protocol"
_SDK_PACKAGE = "pulumi.runtime.proto"


def _package() -> str:
    if _SDK_PACKAGE in sys.modules:
        return _SDK_PACKAGE
    if _OWN_PACKAGE not in sys.modules:
        sdk = PathFinder.find_spec("pulumi")
        if sdk is None or not sdk.submodule_search_locations:
            raise LocalError(
                "the Pulumi SDK is not installed",
                place=sys.executable,
                remedy="install the project's requirements.txt into this Python",
            )
        spec = ModuleSpec(_OWN_PACKAGE, None, is_package=True)
        spec.submodule_search_locations = [os.path.join(p, "runtime", "proto") for p in sdk.submodule_search_locations]  # noqa: PTH118 - pathlib would be the only reason to import it here
        sys.modules[_OWN_PACKAGE] = module_from_spec(spec)
    return _OWN_PACKAGE


def __getattr__(name: str) -> ModuleType:
    """Load one generated module when it is first named."""
    if name not in __all__:
        raise AttributeError(name)
    module = importlib.import_module(f"{_package()}.{name}")
    globals()[name] = module
    return module
