"""Who reads secrets at AWS, names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.iam_documents import IDENTITY, IDENTITY_TYPES, Statement, statements
from policies.rule import Resource, resource_rule
from policies.secret_access import READS, is_everything, name_pattern, names_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDERS = parameters.names(
    "folders", [], "Folders of secrets or parameters that may be granted whole, as find with a path needs it."
)


def _check(resource: Resource) -> Iterator[str]:
    folders = _FOLDERS.of(resource.config)
    for statement in statements(resource, IDENTITY):
        reads = statement.granted(READS)
        if reads:
            yield from _judge(statement, reads, folders)


def _judge(statement: Statement, reads: list[str], folders: list[str]) -> Iterator[str]:
    action = reads[0]
    if statement.not_resources:
        yield f"{statement.place} grants {action} on all but some resources; list the ARNs it needs in Resource"
    for pattern in statement.resources:
        name = name_pattern(pattern)
        if name is None:
            yield (
                f"{statement.place} grants {action} on {pattern}, which names no secret; write "
                "arn:<partition>:secretsmanager:<region>:<account>:secret:<name>-?????? "
                "or arn:<partition>:ssm:<region>:<account>:parameter/<name>"
            )
        elif not is_everything(name) and not names_secret(name, folders):
            yield (
                f"{statement.place} grants {action} on {pattern}; write one ARN for each secret "
                "(secret:<name>-??????), or list the folder in this rule's folders"
            )


POLICY = resource_rule(
    "secret-reads-name-secrets",
    "Reading secrets and parameters is granted by name: no wildcard in place of an account, a Region or a name.",
    _check,
    types=IDENTITY_TYPES,
    severity=Severity.CRITICAL,
    fix="Let `python -m secretsync access` compile the statements from the declarations.",
    parameters=(_FOLDERS,),
)
"""The rule."""
