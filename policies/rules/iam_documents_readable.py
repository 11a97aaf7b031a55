"""A policy document can be read, and so be judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies.iam_documents import IDENTITY, RESOURCE, TRUST, DocumentUnreadable, documents, parse
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[str]:
    for inputs in (IDENTITY, TRUST, RESOURCE):
        for name, document in documents(resource, inputs):
            try:
                parse(document)
            except DocumentUnreadable as problem:
                yield f"{name} {problem}; write it with json.dumps of Version and a list of Statement objects"


POLICY = resource_rule(
    "iam-documents-readable",
    "An IAM policy document is JSON with statements; one that cannot be read cannot be judged by the other rules.",
    _check,
    types=(*IDENTITY, *TRUST, *RESOURCE),
    severity=Severity.HIGH,
    fix="Make documents with json.dumps, with secretsync.access or with aws.iam.get_policy_document.",
)
"""The rule."""
