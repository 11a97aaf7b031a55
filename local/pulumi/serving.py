"""How a stand-in serves gRPC: the port on the first line of stdout, and a quick, quiet end on a signal.

The engine stops every plugin with SIGINT to its process group and kills it five seconds later; a server that ignored
the signal would cost each run ten seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent import futures
from typing import TYPE_CHECKING, Any

from local.pulumi import protocol as _protocol  # noqa: F401 - switches gRPC's fork handlers off before it is imported

import grpc  # isort: skip

from local.pulumi.plugin_errors import abort  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Callable

_MESSAGE_BYTES = 400 << 20
"""The engine's own limit for one message."""
_PARENT_SECONDS = 1.0
"""How often a stand-in looks whether the engine still lives."""
_PARENT = os.getppid()
"""Who started this process; taken before the port is told, after which the engine may be killed at any moment."""
OPTIONS = (
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
)


class _Failures(grpc.ServerInterceptor):
    """Turns exceptions of unary calls into status codes."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        inner = handler.unary_unary

        def call(request: object, context: grpc.ServicerContext) -> object:
            try:
                return inner(request, context)
            except Exception as error:  # noqa: BLE001 - whatever it is, the engine needs an answer without its text
                abort(context, error)

        return grpc.unary_unary_rpc_method_handler(call, handler.request_deserializer, handler.response_serializer)


def wait_for_end(stop: threading.Event) -> None:
    """Wait for the signal, or for the end of the process that started this one: a killed engine stops nothing."""
    while not stop.wait(_PARENT_SECONDS) and os.getppid() == _PARENT:
        pass


def serve(
    register: Callable[[grpc.Server], None],
    *,
    workers: int,
    answer_failures: bool = True,
    stopped: Callable[[], None] | None = None,
) -> None:
    """Serve until SIGINT, SIGTERM or the end of the engine, then end the process; does not return.

    Args:
        register: Adds the servicers.
        workers: Threads that answer calls.
        answer_failures: Whether exceptions of the servicers are turned into status codes here.
        stopped: Called once after the signal, before the process ends.
    """
    server = grpc.server(
        futures.ThreadPoolExecutor(workers), interceptors=[_Failures()] if answer_failures else [], options=OPTIONS
    )
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    wait_for_end(stop)
    if stopped is not None:
        stopped()
    # Calls may still be waiting for a server's answer; nothing is left to tidy that the engine would wait for.
    os._exit(0)
