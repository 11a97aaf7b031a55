"""What makes new values each time an ExternalSecret is synced, so that looking twice never shows the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.template import volatile_functions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsync.api import ExternalSecret, ExternalSecretTemplate


def volatile_parts(external_secret: ExternalSecret) -> tuple[str, ...]:
    """The fields that do so, each with the reason, in declaration order; empty where there is none.

    Templates that a ConfigMap or Secret holds are not looked at.
    """
    return tuple(_parts(external_secret))


def _parts(external_secret: ExternalSecret) -> Iterator[str]:
    spec = external_secret.spec
    for index, source in enumerate(spec.data_from):
        if source.source_ref is not None and source.source_ref.generator_ref is not None:
            generator = source.source_ref.generator_ref
            if str(generator.kind) != "Fake":
                yield f"spec.dataFrom[{index}]: the generator {generator.kind}/{generator.name}"
    for field, text in _templates(external_secret):
        functions = sorted(volatile_functions(text))
        if functions:
            yield f"{field}: {', '.join(functions)}"


def _templates(external_secret: ExternalSecret) -> Iterator[tuple[str, str]]:
    template = external_secret.spec.target.template
    if template is not None:
        yield from _of_target(template)
    for index, source_entry in enumerate(external_secret.spec.data_from):
        for step, rewrite in enumerate(source_entry.rewrite):
            if rewrite.transform is not None:
                yield f"spec.dataFrom[{index}].rewrite[{step}].transform", rewrite.transform.template


def _of_target(template: ExternalSecretTemplate) -> Iterator[tuple[str, str]]:
    place = "spec.target.template"
    for key, text in template.data.items():
        yield f"{place}.data.{key}", text
    for index, source in enumerate(template.template_from):
        if source.literal:
            yield f"{place}.templateFrom[{index}].literal", source.literal
    if template.metadata is not None:
        for key, text in template.metadata.labels.items():
            yield f"{place}.metadata.labels.{key}", text
        for key, text in template.metadata.annotations.items():
            yield f"{place}.metadata.annotations.{key}", text
