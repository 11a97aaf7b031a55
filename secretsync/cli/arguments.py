"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from secretsync.api import go_duration
from secretsync.kube import config

if TYPE_CHECKING:
    from datetime import timedelta

    from secretsync.kube.config import ClusterConfig


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Options that say which cluster."""
    group = parser.add_argument_group("cluster")
    group.add_argument("--kubeconfig", type=Path, metavar="FILE", help="instead of KUBECONFIG or the pod's account")
    group.add_argument("--context", metavar="NAME", help="context of the kubeconfig")


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option for programs that read the output."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def read_config(arguments: argparse.Namespace) -> ClusterConfig:
    """The cluster that the options name."""
    if arguments.kubeconfig is not None or arguments.context is not None:
        return config.from_kubeconfig(arguments.kubeconfig, arguments.context)
    return config.from_environment()


def duration(text: str) -> timedelta:
    """A Go duration as an option value."""
    try:
        return go_duration.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
