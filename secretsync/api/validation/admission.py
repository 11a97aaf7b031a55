"""The rules of ESO's admission webhook for ExternalSecrets (ESO v2.9.0, externalsecret_validator.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from secretsync.api.enums import CreationPolicy, DeletionPolicy, TemplateTarget
from secretsync.api.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsync.api.external_secret import DataFrom, ExternalSecretSpec

BOOTSTRAP_TOKEN: Final = "bootstrap.kubernetes.io/token"  # noqa: S105 - the name of a type
SERVICE_ACCOUNT_TOKEN: Final = "kubernetes.io/service-account-token"  # noqa: S105 - the name of a type
SERVICE_ACCOUNT_NAME: Final = "kubernetes.io/service-account.name"
NOT_OWNED: Final = frozenset({CreationPolicy.Merge, CreationPolicy.None_, CreationPolicy.CreateOrMerge})


def external_secret(spec: ExternalSecretSpec, path: str) -> list[Problem]:
    """What ESO's webhook refuses about an ExternalSecret's spec; `path` is where the spec stands in its object."""
    return [*_policies(spec, path), *_sources(spec, path), *_duplicates(spec, path), *_template(spec, path)]


def _policies(spec: ExternalSecretSpec, path: str) -> Iterator[Problem]:
    target = spec.target
    if target.deletion_policy is DeletionPolicy.Delete and target.creation_policy in NOT_OWNED:
        yield Problem(
            f"{path}.target.deletionPolicy",
            f"Delete cannot be combined with creationPolicy {target.creation_policy}: the Secret is not owned",
            "use creationPolicy Owner, or deletionPolicy Retain or Merge",
        )
    if target.deletion_policy is DeletionPolicy.Merge and target.creation_policy is CreationPolicy.None_:
        yield Problem(
            f"{path}.target.deletionPolicy",
            "Merge cannot be combined with creationPolicy None: there is no Secret to take keys out of",
            "use deletionPolicy Retain",
        )


def _sources(spec: ExternalSecretSpec, path: str) -> Iterator[Problem]:
    if not spec.data and not spec.data_from:
        yield Problem(path, "asks for nothing: neither data nor dataFrom is set", "add an entry to data or dataFrom")
    for index, entry in enumerate(spec.data_from):
        yield from _entry(entry, f"{path}.dataFrom[{index}]")


def _entry(entry: DataFrom, field: str) -> Iterator[Problem]:
    generator = entry.source_ref is not None and entry.source_ref.generator_ref is not None
    if (entry.extract is not None) + (entry.find is not None) + generator > 1:
        yield Problem(
            field,
            "sets more than one of extract, find and sourceRef.generatorRef",
            "split it into one entry for each",
        )
    if entry.extract is None and entry.find is None and entry.source_ref is None:
        yield Problem(field, "sets none of extract, find and sourceRef", "say where the values come from")


def _duplicates(spec: ExternalSecretSpec, path: str) -> Iterator[Problem]:
    if spec.target.deletion_policy is not DeletionPolicy.Retain:
        return
    first: dict[str, int] = {}
    for index, entry in enumerate(spec.data):
        earlier = first.setdefault(entry.secret_key, index)
        if earlier != index:
            yield Problem(
                f"{path}.data[{index}].secretKey",
                f"{entry.secret_key} is already the key of data[{earlier}]",
                "give each entry its own secretKey",
            )


def _template(spec: ExternalSecretSpec, path: str) -> Iterator[Problem]:
    template = spec.target.template
    if template is None or spec.target.manifest is not None:
        return
    where = f"{path}.target.template"
    if template.type == BOOTSTRAP_TOKEN:
        yield Problem(
            f"{where}.type", "may not be a bootstrap token: it would admit nodes to the cluster", "use another type"
        )
    allowed = {"", *TemplateTarget}
    for index, source in enumerate(template.template_from):
        if source.target not in allowed:
            yield Problem(
                f"{where}.templateFrom[{index}].target",
                "may only be Data, Annotations or Labels, because the target is a Secret",
                "use one of the three; other paths are for spec.target.manifest",
            )
    if template.type == SERVICE_ACCOUNT_TOKEN:
        if SERVICE_ACCOUNT_NAME in template.metadata.annotations:
            yield Problem(
                f"{where}.metadata.annotations",
                f"may not have {SERVICE_ACCOUNT_NAME} with type {SERVICE_ACCOUNT_TOKEN}: it would mint a token",
                "ask for a token with a TokenRequest instead",
            )
        for index, source in enumerate(template.template_from):
            if source.target == TemplateTarget.Annotations:
                yield Problem(
                    f"{where}.templateFrom[{index}].target",
                    f"may not be Annotations with type {SERVICE_ACCOUNT_TOKEN}: it could mint a token",
                    "use another type",
                )
