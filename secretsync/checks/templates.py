"""Whether the templates of a declaration read what is there, and render; each by itself, so that no error is hidden."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from secretsync.api import TemplateMergePolicy, TemplateMetadata
from secretsync.checks.findings import Check
from secretsync.checks.key_names import KeyNames
from secretsync.checks.reading import merged, produced
from secretsync.checks.subject import listed, told
from secretsync.errors import ClusterError, SecretSyncError, TemplateError
from secretsync.sync import lane
from secretsync.sync.plan import DataEntry
from secretsync.sync.templating import Sources, apply_template, read_sources
from secretsync.template import referenced_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from secretsync.api import ExternalSecret, ExternalSecretTemplate, TemplateFrom
    from secretsync.checks.findings import Finding
    from secretsync.checks.reading import Read
    from secretsync.checks.subject import Subject
    from secretsync.kube.protocol import Cluster
    from secretsync.sync.types import TargetContent

_FIELD: Final = "spec.target.template"
_STAND_INS: Final = (b"x", b"")
"""Values that stand for those that cannot be read: one takes each branch of an ``if``, the other the opposite one."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What came of the templates.

    Attributes:
        content: what the target is to hold; None where it cannot be told. Masked in the repr.
        texts: field → template, as far as they are known.
        findings: what is wrong with them.
        names: which keys of the content may be named.
    """

    content: TargetContent | None = field(repr=False)
    texts: Mapping[str, str]
    findings: tuple[Finding, ...]
    names: KeyNames = field(default_factory=KeyNames)


async def check(subject: Subject, reads: Sequence[Read], cluster: Cluster) -> Rendered:
    """Render the templates with what was read; where something could not be read, look at the keys alone."""
    external_secret = subject.external_secret
    assembled = merged(reads)
    template = external_secret.spec.target.template
    if template is None:
        content = apply_template(external_secret, assembled.data, Sources()) if assembled is not None else None
        return Rendered(content, {}, (), KeyNames(frozenset(content.data if content is not None else ())))
    sources, findings = await _sources(subject, template, cluster)
    texts = dict(_texts(template, sources))
    if assembled is None:
        findings += _without_data(subject, template, produced(reads), sources)
        return Rendered(None, texts, tuple(findings))
    if lane.is_without_data(external_secret, assembled):
        return Rendered(None, texts, (*findings, *_syntax_errors(subject, texts)))
    content = None
    try:
        content = apply_template(external_secret, assembled.data, sources) if sources is not None else None
    except SecretSyncError as error:
        findings += _errors(subject, template, assembled.data, sources, error)
    if sources is None:
        findings += _each_error(subject, template, assembled.data, sources)
    if content is not None:
        findings += _absent_keys(subject, texts, frozenset(assembled.data))
        findings += _unused_entries(subject, template, texts, reads)
    names = KeyNames(frozenset(assembled.data), (*texts, *texts.values()))
    return Rendered(content, texts, tuple(findings), names)


async def _sources(
    subject: Subject, template: ExternalSecretTemplate, cluster: Cluster
) -> tuple[Sources | None, list[Finding]]:
    """The ConfigMaps and Secrets with templates; None, and what is wrong with each, where one cannot be had."""
    try:
        return await read_sources(subject.external_secret, cluster), []
    except SecretSyncError:
        findings = []
        for index, item in enumerate(template.template_from):
            path = f"{_FIELD}.templateFrom[{index}]"
            try:
                await read_sources(_only(subject.external_secret, template, template_from=(item,)), cluster)
            except ClusterError as error:
                findings.append(subject.unknown(Check.Template, path, f"cannot be read: {told(error)}", error.remedy))
            except SecretSyncError as error:
                findings.append(subject.absent(Check.Template, path, error.problem, error.remedy))
        return None, findings


def _parts(
    external_secret: ExternalSecret, template: ExternalSecretTemplate, sources: Sources | None
) -> Iterator[tuple[str, ExternalSecret]]:
    """The declaration with one of its templates at a time; those kept elsewhere only where they could be read."""
    for index, item in enumerate(template.template_from):
        if sources is not None or (item.config_map is None and item.secret is None):
            yield f"{_FIELD}.templateFrom[{index}]", _only(external_secret, template, template_from=(item,))
    for key, text in template.data.items():
        yield f"{_FIELD}.data[{key}]", _only(external_secret, template, data={key: text})
    for part in ("labels", "annotations"):
        for key, text in getattr(template.metadata, part).items():
            metadata = TemplateMetadata().model_copy(update={part: {key: text}})
            yield f"{_FIELD}.metadata.{part}[{key}]", _only(external_secret, template, metadata=metadata)


def _only(external_secret: ExternalSecret, template: ExternalSecretTemplate, **parts: object) -> ExternalSecret:
    """The declaration with a template that has nothing but some parts."""
    spec = external_secret.spec
    nothing = {"type": "", "data": {}, "template_from": (), "metadata": TemplateMetadata()}
    reduced = template.model_copy(update={**nothing, **parts})
    target = spec.target.model_copy(update={"template": reduced})
    return external_secret.model_copy(update={"spec": spec.model_copy(update={"target": target})})


def _errors(
    subject: Subject,
    template: ExternalSecretTemplate,
    data: Mapping[str, bytes],
    sources: Sources | None,
    first: SecretSyncError,
) -> list[Finding]:
    """All errors of a rendering, of which `first` is known."""
    findings = list(_each_error(subject, template, data, sources))
    if first.place.startswith(f"{_FIELD}.type"):
        findings.append(subject.error(Check.Type, f"{_FIELD}.type", first.problem, first.remedy))
    return findings or [subject.error(Check.Template, _FIELD, told(first), first.remedy)]


def _each_error(
    subject: Subject, template: ExternalSecretTemplate, data: Mapping[str, bytes], sources: Sources | None
) -> Iterator[Finding]:
    for path, part in _parts(subject.external_secret, template, sources):
        error = _error(part, data, sources)
        if error is not None:
            remedy = _keys_remedy(part, data, sources) if _lacks_key(error) else error.remedy
            yield subject.error(Check.Template, path, _inside(error), remedy)


def _lacks_key(error: SecretSyncError | None) -> bool:
    return isinstance(error, TemplateError) and "has no key" in error.problem


def _keys_remedy(part: ExternalSecret, keys: Collection[str], sources: Sources | None) -> str:
    """What the entries give, and everything else that a template reads and they do not give."""
    read: set[str] = set()
    for _, text in _texts(part.spec.target.template, sources):
        read |= referenced_keys(text) or frozenset()
    return f"provide {listed(read - set(keys)) or 'it'}: the entries give {listed(keys) or 'no key'}"


def _error(part: ExternalSecret, data: Mapping[str, bytes], sources: Sources | None) -> SecretSyncError | None:
    try:
        apply_template(part, data, sources or Sources())
    except SecretSyncError as error:
        return error
    return None


def _inside(error: SecretSyncError) -> str:
    """What an error says, with the line inside the template, without the field that findings name anyway."""
    field_of_part, _, rest = error.place.partition(", ")
    inner = rest if field_of_part.startswith(_FIELD) else error.place
    return f"{inner}: {error.problem}" if inner else error.problem


def _without_data(
    subject: Subject, template: ExternalSecretTemplate, keys: frozenset[str] | None, sources: Sources | None
) -> Iterator[Finding]:
    """What can be said of templates whose values are not there."""
    findings = list(_syntax_errors(subject, dict(_texts(template, sources))))
    if keys is not None:
        findings += _without_keys(subject, template, keys, sources)
    yield from findings
    if not findings:
        problem = "whether it renders is not known, because not all values could be read"
        yield subject.unknown(Check.Template, _FIELD, problem, "see the other findings of this declaration")


def _without_keys(
    subject: Subject, template: ExternalSecretTemplate, keys: frozenset[str], sources: Sources | None
) -> Iterator[Finding]:
    """Templates that fail for want of a key, whatever the values are."""
    for path, part in _parts(subject.external_secret, template, sources):
        errors = [_error(part, dict.fromkeys(keys, value), sources) for value in _STAND_INS]
        lacking = [error for error in errors if error is not None and _lacks_key(error)]
        if len(lacking) == len(_STAND_INS):
            yield subject.error(Check.Template, path, _inside(lacking[0]), _keys_remedy(part, keys, sources))


def _syntax_errors(subject: Subject, texts: Mapping[str, str]) -> Iterator[Finding]:
    for path, text in texts.items():
        try:
            referenced_keys(text)
        except TemplateError as error:
            yield subject.error(Check.Template, path, told(error), error.remedy)


def _texts(template: ExternalSecretTemplate | None, sources: Sources | None) -> Iterator[tuple[str, str]]:
    """Field → template."""
    if template is None:
        return
    for key, text in template.data.items():
        yield f"{_FIELD}.data[{key}]", text
    for key, text in template.metadata.labels.items():
        yield f"{_FIELD}.metadata.labels[{key}]", text
    for key, text in template.metadata.annotations.items():
        yield f"{_FIELD}.metadata.annotations[{key}]", text
    for index, item in enumerate(template.template_from):
        for key, text in _texts_from(item, sources):
            yield f"{_FIELD}.templateFrom[{index}]{key}", text


def _texts_from(item: TemplateFrom, sources: Sources | None) -> Iterator[tuple[str, str]]:
    if item.literal is not None:
        yield ".literal", item.literal
    for kind, ref in (("ConfigMap", item.config_map), ("Secret", item.secret)):
        held = sources.objects.get((kind, ref.name), {}) if ref is not None and sources is not None else {}
        for entry in ref.items if ref is not None else ():
            if entry.key in held:
                yield f", {kind} key {entry.key}", held[entry.key]


def _absent_keys(subject: Subject, texts: Mapping[str, str], keys: frozenset[str]) -> Iterator[Finding]:
    """Keys that a rendering got over without, because it reads them with ``index`` or in a branch not taken."""
    for path, text in texts.items():
        absent = (referenced_keys(text) or frozenset()) - keys
        if absent:
            problem = f"reads {listed(absent)}, which no entry gives; it renders, but with nothing in that place"
            yield subject.warning(Check.Template, path, problem, f"the entries give {listed(keys) or 'no key'}")


def _unused_entries(
    subject: Subject, template: ExternalSecretTemplate, texts: Mapping[str, str], reads: Sequence[Read]
) -> Iterator[Finding]:
    """``data`` entries whose key no template reads, where templates alone make the target: read for nothing."""
    if template.merge_policy is TemplateMergePolicy.Merge or not (template.data or template.template_from):
        return
    used: set[str] = set()
    for text in texts.values():
        found = referenced_keys(text)
        if found is None:
            return
        used |= found
    for each in reads:
        if isinstance(each.entry, DataEntry) and each.entry.secret_key not in used:
            problem = f"{each.entry.secret_key} is read, but no template uses it, so it is not in the Secret"
            remedy = "use it in the template, set mergePolicy Merge, or remove the entry"
            yield subject.warning(Check.Template, each.entry.field, problem, remedy)
