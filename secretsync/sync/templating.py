"""Templates, metadata and type of the target; pure, apart from `read_sources`, which fetches what templates name.

Precedence of data: ``template.data`` over ``templateFrom`` over provider data; the last counts only without data
templates or with mergePolicy Merge (ESO v2.9.0).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secretsync.api import TemplateMergePolicy, TemplateScope
from secretsync.errors import TemplateError
from secretsync.kube.resources import CONFIG_MAPS, SECRETS
from secretsync.sync.types import TargetContent
from secretsync.template import render, render_mapping
from secretsync.values import decoding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsync.api import ExternalSecret, ExternalSecretTemplate, JsonObject, TemplateFrom, TemplateRef
    from secretsync.kube.protocol import Cluster
    from secretsync.kube.resources import Resource

_BOOTSTRAP_TOKEN = "bootstrap.kubernetes.io/token"  # noqa: S105 - a Secret type
_SERVICE_ACCOUNT_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - a Secret type
_SERVICE_ACCOUNT_NAME = "kubernetes.io/service-account.name"
_TARGETS = ("Data", "Annotations", "Labels")


@dataclass(frozen=True, slots=True)
class Sources:
    """The ConfigMaps and Secrets that ``templateFrom`` names: (kind, name) → key → text; masked in the repr."""

    objects: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict, repr=False)


async def read_sources(external_secret: ExternalSecret, cluster: Cluster) -> Sources:
    """Read every ConfigMap and Secret that the template names, each once.

    Raises:
        TemplateError: one of them does not exist, or what is taken from a Secret is not text.
        ClusterError: the API server refused.
    """
    template = external_secret.spec.target.template
    objects: dict[tuple[str, str], Mapping[str, str]] = {}
    namespace = external_secret.metadata.namespace
    for index, item in enumerate(template.template_from if template is not None else ()):
        for kind, resource, ref in (("ConfigMap", CONFIG_MAPS, item.config_map), ("Secret", SECRETS, item.secret)):
            if ref is None or (kind, ref.name) in objects:
                continue
            place = f"spec.target.template.templateFrom[{index}]"
            found = await _read(cluster, resource, ref, namespace, place)
            objects[kind, ref.name] = _texts(found, kind, _named(template, ref.name), place)
    return Sources(objects)


async def _read(cluster: Cluster, resource: Resource, ref: TemplateRef, namespace: str, place: str) -> JsonObject:
    found = await cluster.get(resource, ref.name, namespace)
    if found is None:
        problem = f"{resource.kind} {namespace}/{ref.name} does not exist"
        raise TemplateError(problem, place=place, remedy="create it in the namespace of the ExternalSecret")
    return found


def _named(template: ExternalSecretTemplate | None, name: str) -> frozenset[str]:
    """The keys that the items of a template take from the Secrets of this name."""
    items = template.template_from if template is not None else ()
    refs = [item.secret for item in items if item.secret is not None and item.secret.name == name]
    return frozenset(entry.key for ref in refs for entry in ref.items)


def _texts(obj: JsonObject, kind: str, named: frozenset[str], place: str) -> dict[str, str]:
    """The texts by key; of a Secret, only those that are taken: what else it holds need not be text."""
    data = obj.get("data") or {}
    if kind == "ConfigMap":
        return dict(data)
    try:
        return {key: base64.b64decode(value).decode() for key, value in data.items() if key in named}
    except (UnicodeDecodeError, binascii.Error):
        name = obj.get("metadata", {}).get("name", "")
        raise TemplateError(f"Secret {name} holds a value that is not UTF-8 text", place=place) from None


def apply_template(external_secret: ExternalSecret, data: Mapping[str, bytes], sources: Sources) -> TargetContent:
    """What the target is to hold, before it meets what is already there.

    Without a template the labels and annotations of the ExternalSecret are copied (ESO v2.9.0).

    Raises:
        TemplateError: a template does not parse, execute or stay within bounds, or asks for what is not allowed.
        DecodingError: a rendered value is not what its valuesDecodingStrategy says.
    """
    template = external_secret.spec.target.template
    if template is None:
        meta = external_secret.metadata
        return TargetContent("", dict(data), dict(meta.labels), dict(meta.annotations))
    if external_secret.spec.target.manifest is None:
        _check_type(template)
        _check_targets(template)
    builder = _Builder(data)
    no_data_templates = not template.data and not template.template_from
    if template.merge_policy is TemplateMergePolicy.Merge or no_data_templates:
        builder.parts["Data"].update(data)
    metadata = template.metadata
    for index, item in enumerate(template.template_from):
        builder.template_from(item, sources, f"spec.target.template.templateFrom[{index}]")
    builder.render_all("Data", template.data, "spec.target.template.data")
    builder.render_all("Labels", metadata.labels, "spec.target.template.metadata.labels")
    builder.render_all("Annotations", metadata.annotations, "spec.target.template.metadata.annotations")
    return TargetContent(
        template.type or "",
        builder.parts["Data"],
        builder.texts("Labels"),
        builder.texts("Annotations"),
        tuple(metadata.finalizers),
    )


class _Builder:
    """Collects what the templates of one ExternalSecret give, later over earlier."""

    def __init__(self, data: Mapping[str, bytes]) -> None:
        self._data = data
        self.parts: dict[str, dict[str, bytes]] = {part: {} for part in _TARGETS}

    def render_all(self, part: str, templates: Mapping[str, str], place: str) -> None:
        """Render each template under its key."""
        for key, text in templates.items():
            self.parts[part][key] = self._render(text, key, f"{place}[{key}]")

    def template_from(self, item: TemplateFrom, sources: Sources, place: str) -> None:
        """Apply one ``templateFrom`` item."""
        part = self._part(item, place)
        for kind, ref in (("ConfigMap", item.config_map), ("Secret", item.secret)):
            if ref is None:
                continue
            texts = sources.objects[kind, ref.name]
            for entry in ref.items:
                if entry.key not in texts:
                    problem = f"{kind} {ref.name} has no key {entry.key}"
                    raise TemplateError(problem, place=place, remedy="add the key or remove the item")
                values = entry.template_as is TemplateScope.Values
                self._apply(part, item, texts[entry.key], entry.key if values else None, place)
        if item.literal is not None:
            self._apply(part, item, item.literal, None, place)

    def texts(self, part: str) -> dict[str, str]:
        """A part as text, for labels and annotations."""
        return {key: value.decode("utf-8", "replace") for key, value in self.parts[part].items()}

    def _apply(self, part: str, item: TemplateFrom, text: str, key: str | None, place: str) -> None:
        if key is not None:
            rendered = {key: self._render(text, key, place)}
        else:
            try:
                rendered = render_mapping(text, self._data, name="literal")
            except TemplateError as error:
                raise error.at(place) from None
        for name, value in rendered.items():
            self.parts[part][name] = decoding.decode(value, item.values_decoding_strategy)

    def _render(self, text: str, key: str, place: str) -> bytes:
        try:
            return render(text, self._data, name=key)
        except TemplateError as error:
            raise error.at(place) from None

    def _part(self, item: TemplateFrom, place: str) -> str:
        target = str(item.target or "Data")
        if target in _TARGETS:
            return target
        problem = f"the target {target} is not offered"
        remedy = "paths into a generic target are not offered here: use Data, Annotations or Labels"
        raise TemplateError(problem, place=place, remedy=remedy)


def _check_type(template: ExternalSecretTemplate) -> None:
    place = "spec.target.template.type"
    if template.type == _BOOTSTRAP_TOKEN:
        raise TemplateError(
            f"the Secret type {_BOOTSTRAP_TOKEN} is not allowed", place=place, remedy="use another type"
        )
    if template.type != _SERVICE_ACCOUNT_TOKEN:
        return
    into_annotations = any(str(item.target) == "Annotations" for item in template.template_from)
    if _SERVICE_ACCOUNT_NAME in template.metadata.annotations or into_annotations:
        problem = (
            f"the Secret type {_SERVICE_ACCOUNT_TOKEN} is not allowed together with an annotation that names an account"
        )
        remedy = (
            "it would make the cluster mint a token: remove the annotation, or templateFrom with target Annotations"
        )
        raise TemplateError(problem, place=place, remedy=remedy)


def _check_targets(template: ExternalSecretTemplate) -> None:
    for index, item in enumerate(template.template_from):
        target = str(item.target or "Data")
        if target not in _TARGETS:
            place = f"spec.target.template.templateFrom[{index}].target"
            remedy = "use Data, Annotations or Labels"
            raise TemplateError(f"{target} is not allowed where the target is a Secret", place=place, remedy=remedy)
