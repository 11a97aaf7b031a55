"""``controller``: keep every target as its ExternalSecret says."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from secretsync.api import go_duration
from secretsync.cli.arguments import add_cluster, duration, read_config
from secretsync.controller import logs, process
from secretsync.controller.settings import ControllerSettings
from secretsync.kube.client import KubeClient

if TYPE_CHECKING:
    from secretsync.kube.config import ClusterConfig

_DESCRIPTION = """\
Watches ExternalSecrets and their stores, and writes the Secrets they describe. One process per cluster, or several with
--leader-elect. Ends in order on SIGTERM and SIGINT.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    defaults = ControllerSettings()
    parser = commands.add_parser(
        "controller",
        help="sync ExternalSecrets continuously",
        description=_DESCRIPTION,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add_cluster(parser)
    parser.add_argument(
        "--namespace", action="append", default=[], metavar="NAME", help="watch this namespace only; may be repeated"
    )
    parser.add_argument("--no-cluster-stores", action="store_true", help="serve no ClusterSecretStores")
    parser.add_argument(
        "--concurrent", type=_positive, default=defaults.concurrent, metavar="N", help="ExternalSecrets synced at once"
    )
    parser.add_argument(
        "--controller-class",
        default=defaults.controller_class,
        metavar="NAME",
        help="leave stores alone whose spec.controller is another",
    )
    parser.add_argument(
        "--store-requeue-interval",
        type=duration,
        default=go_duration.format(defaults.store_requeue_interval),
        metavar="DURATION",
        help="time between two validations of a store",
    )
    parser.add_argument("--no-floodgate", action="store_true", help="ask stores even where they are known not to work")
    parser.add_argument("--leader-elect", action="store_true", help="work only while holding the Lease")
    parser.add_argument("--leader-namespace", default="", metavar="NAME", help="namespace of the Lease (the pod's own)")
    parser.add_argument("--lease-name", default=defaults.lease_name, metavar="NAME", help="name of the Lease")
    parser.add_argument(
        "--listen", default=defaults.listen, metavar="HOST:PORT", help="address of /metrics, /healthz and /readyz"
    )
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info", help="from which level on"
    )
    parser.add_argument("--log-format", choices=("text", "json"), default="text", help="lines or JSON objects")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run until told to end."""
    logs.configure(level=arguments.log_level, style=arguments.log_format)
    config = read_config(arguments)
    settings = ControllerSettings(
        concurrent=arguments.concurrent,
        namespaces=tuple(dict.fromkeys(arguments.namespace)),
        cluster_stores=not arguments.no_cluster_stores,
        controller_class=arguments.controller_class,
        store_requeue_interval=arguments.store_requeue_interval,
        floodgate=not arguments.no_floodgate,
        leader_elect=arguments.leader_elect,
        leader_namespace=arguments.leader_namespace or config.namespace,
        lease_name=arguments.lease_name,
        listen=arguments.listen,
    )
    asyncio.run(_run(config, settings))
    return 0


async def _run(config: ClusterConfig, settings: ControllerSettings) -> None:
    async with KubeClient(config) as cluster:
        await process.run(cluster, settings)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
