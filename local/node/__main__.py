"""``python -m local.node``: runs the node until it is told to stop (SIGTERM or SIGINT)."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local.errors import LocalError
from local.node import kubeconfig
from local.node.agent import Agent, Settings
from local.node.backoff import BackOff
from local.node.pod import Images, repository

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTROLLER_IMAGE = "external-secrets-on-pulumi/controller"
"""The image the product's Deployment names."""

CONTROLLER_MODULE = "secretsync"
"""The module behind it."""


def _image(text: str) -> tuple[str, str]:
    name, separator, module = text.partition("=")
    if not separator or not name or not module:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=MODULE")
    return repository(name), module


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.node", description="Runs pods of known images as processes.")
    parser.add_argument("--kubeconfig", type=Path, required=True, help="how to reach the API server")
    parser.add_argument("--data", type=Path, required=True, help="folder for pods and their logs, made private")
    parser.add_argument("--name", default="local", help="the node's name (default: %(default)s)")
    parser.add_argument(
        "--image",
        type=_image,
        action="append",
        metavar="NAME=MODULE",
        help=f"an image and the Python module it runs; default: {CONTROLLER_IMAGE}={CONTROLLER_MODULE}",
    )
    parser.add_argument(
        "--back-off", type=float, default=BackOff().base, metavar="SECONDS", help="first restart delay (%(default)s)"
    )
    return parser


async def _run(settings: Settings) -> None:
    agent = Agent(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.stop)
    await agent.run()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the node; returns the exit code."""
    options = _parser().parse_args(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    images = Images(dict(options.image or [(CONTROLLER_IMAGE, CONTROLLER_MODULE)]))
    try:
        settings = Settings(
            connection=kubeconfig.load(options.kubeconfig),
            data=options.data.resolve(),
            images=images,
            name=options.name,
            back_off=BackOff(base=options.back_off),
        )
        asyncio.run(_run(settings))
    except LocalError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
