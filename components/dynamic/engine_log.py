"""Warnings beside a preview: the SDK gives dynamic providers no way to log, but the engine tells them its address."""

from __future__ import annotations

import re
import sys
import threading

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

_ADDRESS = re.compile(r"^[\w.\[\]:-]+:\d+$")
_SECONDS = 5.0

_lock = threading.Lock()
_told: set[str] = set()


def warn(text: str) -> None:
    """Show a warning among the engine's diagnostics, once per operation; without an engine, nothing happens."""
    _log(engine_pb2.LogSeverity.WARNING, text)


def inform(text: str) -> None:
    """Show a line of information, likewise."""
    _log(engine_pb2.LogSeverity.INFO, text)


def _log(severity: engine_pb2.LogSeverity.ValueType, text: str) -> None:
    address = sys.argv[-1]  # `python -m pulumi.dynamic ADDRESS`
    with _lock:
        if text in _told or not _ADDRESS.match(address):
            return
        _told.add(text)
    try:
        with grpc.insecure_channel(address) as channel:
            request = engine_pb2.LogRequest(severity=severity, message=text)
            engine_pb2_grpc.EngineStub(channel).Log(request, timeout=_SECONDS)
    except grpc.RpcError:
        return  # nobody listens; a check must not fail for that
