"""A stack's outputs and plain configuration hold no secret.

Rules are not told which outputs are marked as secret, so one that has to be exported stands in `ignored`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pulumi.runtime.config import get_config_env, get_config_secret_keys_env
from pulumi_policy import Severity, StackValidationPolicy

from policies import parameters
from policies.inputs import plain, texts
from policies.secret_shapes import shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pulumi_policy import ReportViolation, StackValidationArgs

_IGNORED = parameters.names("ignored", [], "Outputs and configuration keys that only look so.")
_STACK: Final = "pulumi:pulumi:Stack"


def _validate(args: StackValidationArgs, report: ReportViolation) -> None:
    ignored = set(_IGNORED.of(args.get_config()))
    for resource in args.resources:
        if resource.resource_type == _STACK:
            for name, found in _secrets(plain(resource.props), ignored):
                report(
                    f"the output {name} looks like {found}; export a name or an ARN in its place, and read it there",
                    resource.urn,
                )
    hidden = set(get_config_secret_keys_env())
    configuration = {key: value for key, value in get_config_env().items() if key not in hidden}
    for name, found in _secrets(configuration, ignored):
        report(
            f"the configuration {name} looks like {found} and is plain; write `pulumi config set --secret {name}`", None
        )


def _secrets(values: Mapping[str, object], ignored: set[str]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if name in ignored:
            continue
        for path, text in texts(value, name):
            found = shape(text)
            if found:
                yield path, found


POLICY = StackValidationPolicy(
    "no-secret-outputs",
    "Outputs, which every stack reference reads, and plain configuration hold nothing that looks like a secret.",
    _validate,
    config_schema=parameters.schema((_IGNORED,)),
    severity=Severity.CRITICAL,
    remediation_steps="Export names, ARNs and paths; keep secrets in the backend or in secret configuration.",
)
"""The rule."""
