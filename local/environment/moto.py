"""The AWS API of this machine: a moto server, which keeps everything in memory and forgets it when it stops."""

from __future__ import annotations

import http
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from local.environment import ports as loopback
from local.environment.parts import MOTO, Part, ask
from local.errors import LocalError, PartError
from local.layout import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.layout import Layout

ACCOUNT = "123456789012"
"""The account it is where nobody says otherwise."""

CREDENTIALS: Mapping[str, str] = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
"""What to sign requests with: moto takes any key, and these are nobody's."""

_ROLE = "arn:aws:iam::{account}:role/cluster"
_SECONDS = 10


def part(layout: Layout, ports: Mapping[str, int], *, account: str) -> Part:
    """A moto server on the loopback address.

    Args:
        layout: where its account is noted.
        ports: ``moto``.
        account: the account it is; empty for the one it was last, or else the usual one.

    Raises:
        LocalError: moto is not installed.
    """
    if find_spec("moto") is None:
        raise LocalError("it is not installed", place=MOTO, remedy="install the project's requirements-dev.txt")
    wanted = account or account_of(layout)
    address = url(ports)
    return Part(
        name=MOTO,
        command=(sys.executable, "-m", "moto.server", "-H", loopback.LOOPBACK, "-p", str(ports["moto"])),
        environment={"MOTO_ACCOUNT_ID": wanted},
        address=address,
        obstacle=lambda: _obstacle(address),
        stuck=lambda: account_of(layout) != wanted,
        prepare=lambda: write_private(layout.moto_account, wanted),
    )


def account_of(layout: Layout) -> str:
    """The account it was last started as."""
    try:
        return layout.moto_account.read_text()
    except OSError:
        return ACCOUNT


def url(ports: Mapping[str, int]) -> str:
    """Address of moto."""
    return f"http://{loopback.LOOPBACK}:{ports['moto']}"


def seed(address: str, *, account: str, region: str, clusters: Iterable[str]) -> tuple[str, ...]:
    """Makes what a stack expects to find in its account: EKS clusters, which answer with an OIDC issuer.

    Args:
        address: address of moto.
        account: the account it is.
        region: the Region of the clusters.
        clusters: their names; those that are there already are left alone.

    Returns:
        The names of those that were made.

    Raises:
        PartError: moto refused.
    """
    import boto3  # noqa: PLC0415  half a second that only stacks with a cluster need
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  likewise

    made = []
    client = boto3.client(
        "eks",
        region_name=region,
        endpoint_url=address,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    try:
        present = set(client.list_clusters()["clusters"])
        for name in dict.fromkeys(clusters):
            if name not in present:
                role = _ROLE.format(account=account)
                client.create_cluster(name=name, roleArn=role, resourcesVpcConfig={"subnetIds": ["subnet-00000000"]})
                made.append(name)
    except (BotoCoreError, ClientError) as error:
        raise PartError(
            f"it did not take the EKS clusters ({type(error).__name__})",
            place=MOTO,
            remedy=f"read its log: `make log PART={MOTO}`",
        ) from error
    finally:
        client.close()
    return tuple(made)


def _obstacle(address: str) -> str:
    answer = ask(f"{address}/moto-api/", seconds=_SECONDS)
    return "" if answer.status == http.HTTPStatus.OK else answer.body.strip()[:200] or f"HTTP {answer.status}"
