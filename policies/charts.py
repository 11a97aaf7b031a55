"""The operator's chart, and what its objects say about their version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from policies.inputs import text_at

if TYPE_CHECKING:
    from policies.rule import Resource

RELEASE: Final = "kubernetes:helm.sh/v3:Release"
"""Type token of a release, which Helm itself installs and removes."""
CHARTS: Final = (RELEASE, "kubernetes:helm.sh/v3:Chart", "kubernetes:helm.sh/v4:Chart")
"""Type tokens of what installs a chart."""
NAME: Final = "external-secrets"
_VERSION: Final = re.compile(r"v?([0-9]+)\.([0-9]+)\.([0-9]+)(.*)")


def is_external_secrets(resource: Resource) -> bool:
    """Whether a chart resource installs the operator, from a repository, a registry or a folder."""
    chart = text_at(resource.inputs, "chart").rstrip("/")
    return re.fullmatch(rf"{NAME}(-[0-9].*\.tgz)?", chart.rpartition("/")[2]) is not None


def version(text: str) -> tuple[int, int, int, bool] | None:
    """A version as numbers that compare, a release after its pre-releases; None where it is none, or a range."""
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        return None
    major, minor, patch, rest = match.groups()
    return int(major), int(minor), int(patch), not rest.startswith("-") or "rc" not in rest
