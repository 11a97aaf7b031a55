"""How a rule is written: a pure function from one resource to what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pulumi_policy import ResourceValidationPolicy

from policies.inputs import plain
from policies.parameters import schema

if TYPE_CHECKING:
    from pulumi_policy import EnforcementLevel, ReportViolation, ResourceValidationArgs, Severity

    from policies.parameters import Parameter
    from secretsync.api import JsonObject


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider that a resource goes through.

    Attributes:
        name: its logical name; the engine's own begin with ``default``.
        inputs: its arguments.
    """

    name: str
    inputs: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource as a rule sees it. Its inputs may hold secrets in clear text; no message may repeat a value.

    Attributes:
        type: type token, e.g. ``aws:iam/policy:Policy``.
        name: logical name.
        inputs: plain inputs, see `policies.inputs`.
        protected: the option ``protect``.
        provider: its provider; None for components and providers.
        config: the rule's configuration.
    """

    type: str
    name: str
    inputs: JsonObject = field(repr=False)
    protected: bool
    provider: Provider | None
    config: Mapping[str, Any] = field(repr=False)


Check = Callable[[Resource], Iterable[str]]
"""What is wrong with a resource: one message per fault, each with the smallest fix."""


def resource_rule(
    name: str,
    description: str,
    check: Check,
    *,
    types: Sequence[str],
    severity: Severity,
    fix: str,
    parameters: Sequence[Parameter[Any]] = (),
    enforcement: EnforcementLevel | None = None,
) -> ResourceValidationPolicy:
    """A rule about single resources.

    Args:
        name: the module's name with hyphens.
        description: what the rule wants, as one sentence.
        check: the rule.
        types: beginnings of the type tokens that it looks at.
        severity: how bad a violation is.
        fix: how to comply, in general.
        parameters: what its configuration may say.
        enforcement: where it is not the pack's.
    """
    beginnings = tuple(types)

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if not args.resource_type.startswith(beginnings):
            return
        provider = args.provider
        resource = Resource(
            type=args.resource_type,
            name=args.name,
            inputs=plain(args.props),
            protected=bool(args.opts.protect),
            provider=Provider(provider.name, plain(provider.props)) if provider is not None else None,
            config=args.get_config(),
        )
        for message in check(resource):
            report(message, args.urn)

    return ResourceValidationPolicy(
        name,
        description,
        validate,
        enforcement_level=enforcement,
        config_schema=schema(parameters),
        severity=severity,
        remediation_steps=fix,
    )
