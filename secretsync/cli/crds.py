"""``crds``: the CustomResourceDefinitions, made from the models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from secretsync.api import admission_policies, crds
from secretsync.cli import output
from secretsync.cli.arguments import add_json

if TYPE_CHECKING:
    import argparse

_DESCRIPTION = """\
Prints the CustomResourceDefinitions that the controller needs, for kubectl apply --server-side -f -. With --admission
also a ValidatingAdmissionPolicy, with which the API server refuses wrong objects by itself, without a webhook.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("crds", help="print the CustomResourceDefinitions", description=_DESCRIPTION)
    parser.add_argument("--admission", action="store_true", help="print the admission policy as well")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print them."""
    objects = [*crds(), *(admission_policies() if arguments.admission else ())]
    if arguments.json:
        output.write_json({"apiVersion": "v1", "kind": "List", "items": objects})
    else:
        output.write(yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True, width=120).rstrip())
    return 0
