"""What a preview checks before anything is written, and says of all declarations at once."""

from secretsync.checks.declared import conflicts
from secretsync.checks.examine import Examined, examine
from secretsync.checks.findings import Check, Finding, Severity
from secretsync.checks.options import ADOPT_ANNOTATION, Options, Previous, adopts
from secretsync.checks.report import counts, render, to_json
from secretsync.checks.shared import Shared
from secretsync.checks.subject import identity

__all__ = [
    "ADOPT_ANNOTATION",
    "Check",
    "Examined",
    "Finding",
    "Options",
    "Previous",
    "Severity",
    "Shared",
    "adopts",
    "conflicts",
    "counts",
    "examine",
    "identity",
    "render",
    "to_json",
]
