"""The program's own syncs keep no value in state."""

from __future__ import annotations

from pulumi_policy import ReportViolation, ResourceValidationArgs, ResourceValidationPolicy, Severity

from policies.declared import SYNCED_SECRET

KNOWN_INPUTS = frozenset(
    {"declaration", "stores", "target", "keys", "versions", "fingerprint", "drift", "schemaVersion"}
)


def _validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type != SYNCED_SECRET:
        return
    for name in sorted(set(args.props) - KNOWN_INPUTS):
        report(
            f"the input {name} is none that a SyncedSecret is known to keep; take it out, state must hold no value",
            args.urn,
        )


POLICY = ResourceValidationPolicy(
    "synced-secret-state",
    "A SyncedSecret keeps declarations, versions, key names and a fingerprint; nothing that could be a value.",
    _validate,
    severity=Severity.CRITICAL,
)
"""The rule."""
