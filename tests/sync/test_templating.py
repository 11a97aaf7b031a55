"""Templates: precedence, sources, metadata, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsync.errors import DecodingError, TemplateError
from secretsync.kube.fake import MemoryCluster
from secretsync.sync.templating import Sources, apply_template, read_sources
from tests.sync.builders import NAMESPACE, external_secret, secret

if TYPE_CHECKING:
    from secretsync.sync.types import TargetContent

pytestmark = pytest.mark.unit

DATA = {"user": b"admin", "pass": b"s3cret"}


def _apply(template: dict[str, Any] | None, sources: Sources | None = None, **metadata: Any) -> TargetContent:
    target = {} if template is None else {"template": template}
    return apply_template(external_secret(target=target, metadata=metadata), DATA, sources or Sources())


def test_without_template_data_labels_and_annotations_are_copied() -> None:
    content = _apply(None, labels={"l": "1"}, annotations={"a": "2"})
    assert (content.data, content.labels, content.annotations) == (DATA, {"l": "1"}, {"a": "2"})
    assert content.type == ""


def test_with_template_only_the_template_says_labels() -> None:
    content = _apply({"metadata": {"labels": {"t": "{{ .user }}"}, "finalizers": ["example.com/f"]}}, labels={"l": "1"})
    assert content.labels == {"t": "admin"}
    assert content.finalizers == ("example.com/f",)
    assert content.data == DATA


def test_replace_drops_provider_keys_and_merge_keeps_them() -> None:
    template = {"type": "example.com/x", "data": {"t": "{{ .user }}"}}
    assert _apply(template).data == {"t": b"admin"}
    merged = _apply({**template, "mergePolicy": "Merge"})
    assert merged.data == {**DATA, "t": b"admin"}
    assert merged.type == "example.com/x"


def test_template_data_wins_over_template_from_and_later_items_over_earlier() -> None:
    content = _apply(
        {
            "templateFrom": [{"literal": "a: 1\nb: 1\nc: 1", "target": ""}, {"literal": "b: 2\nc: 2"}],
            "data": {"c": "3"},
        }
    )
    assert content.data == {"a": b"1", "b": b"2", "c": b"3"}


async def test_sources_are_read_once_each_and_used_by_scope_and_target() -> None:
    cluster = MemoryCluster(
        [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "c", "namespace": NAMESPACE},
                "data": {"conf": "user={{ .user }}", "map": "lab: '{{ .user }}'"},
            },
            secret("s", {"t": b"{{ .pass }}!"}),
        ]
    )
    template = {
        "templateFrom": [
            {"configMap": {"name": "c", "items": [{"key": "conf"}]}},
            {"configMap": {"name": "c", "items": [{"key": "map", "templateAs": "KeysAndValues"}]}, "target": "Labels"},
            {"secret": {"name": "s", "items": [{"key": "t"}]}, "target": "Annotations"},
        ]
    }
    declared = external_secret(target={"template": template})
    sources = await read_sources(declared, cluster)
    content = apply_template(declared, DATA, sources)
    assert content.data == {"conf": b"user=admin"}
    assert content.labels == {"lab": "admin"}
    assert content.annotations == {"t": "s3cret!"}
    assert "user=" not in repr(sources)


async def _refused_source(ref: dict[str, Any], *objects: dict[str, Any]) -> str:
    """What is said where the second item of templateFrom names a source that cannot be read."""
    declared = external_secret(target={"template": {"templateFrom": [{"literal": "a: b"}, ref]}})
    with pytest.raises(TemplateError) as refused:
        await read_sources(declared, MemoryCluster(objects))
    return str(refused.value)


@pytest.mark.parametrize(("member", "kind"), [("configMap", "ConfigMap"), ("secret", "Secret")])
async def test_a_missing_source_names_object_and_place(member: str, kind: str) -> None:
    elsewhere = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "no", "namespace": "elsewhere"}}
    assert await _refused_source({member: {"name": "no", "items": [{"key": "a"}]}}, elsewhere) == (
        f"spec.target.template.templateFrom[1]: {kind} team/no does not exist; "
        "create it in the namespace of the ExternalSecret"
    )


async def test_what_is_taken_from_a_secret_and_is_not_text_is_refused() -> None:
    broken = secret("s", {"a": b"\xff\xfe"})
    assert await _refused_source({"secret": {"name": "s", "items": [{"key": "a"}]}}, broken) == (
        "spec.target.template.templateFrom[1]: Secret s holds a value that is not UTF-8 text"
    )


async def test_what_else_a_secret_holds_need_not_be_text() -> None:
    template = {"templateFrom": [{"secret": {"name": "s", "items": [{"key": key}]}} for key in ("a", "b")]}
    declared = external_secret(target={"template": template})
    sources = await read_sources(declared, MemoryCluster([secret("s", {"a": b"1", "b": b"2", "unused": b"\xff"})]))
    assert apply_template(declared, {}, sources).data == {"a": b"1", "b": b"2"}


def test_a_missing_item_names_the_key() -> None:
    sources = Sources({("ConfigMap", "c"): {"a": "x"}})
    template = {"templateFrom": [{"configMap": {"name": "c", "items": [{"key": "b"}]}}]}
    with pytest.raises(TemplateError) as refused:
        _apply(template, sources)
    assert str(refused.value) == (
        "spec.target.template.templateFrom[0]: ConfigMap c has no key b; add the key or remove the item"
    )


@pytest.mark.parametrize(
    ("template", "place", "name"),
    [
        ({"data": {"t": "{{ fail .user }}"}}, "data[t]", "t"),
        ({"metadata": {"labels": {"l": "{{ fail .user }}"}}}, "metadata.labels[l]", "l"),
        ({"metadata": {"annotations": {"a": "{{ fail .user }}"}}}, "metadata.annotations[a]", "a"),
        ({"templateFrom": [{"literal": "a: b"}, {"literal": "{{ fail .user }}"}]}, "templateFrom[1]", "literal"),
        ({"templateFrom": [{"secret": {"name": "s", "items": [{"key": "k"}]}}]}, "templateFrom[0]", "k"),
        (
            {"templateFrom": [{"secret": {"name": "s", "items": [{"key": "k", "templateAs": "KeysAndValues"}]}}]},
            "templateFrom[0]",
            "literal",
        ),
    ],
)
def test_a_template_that_fails_is_named_with_its_field(template: dict[str, Any], place: str, name: str) -> None:
    with pytest.raises(TemplateError) as refused:
        _apply(template, Sources({("Secret", "s"): {"k": "{{ fail .user }}"}}))
    assert refused.value.place == f"spec.target.template.{place}, template {name}, line 1"


def test_metadata_that_is_not_text_is_written_with_replacement_characters() -> None:
    content = _apply({"metadata": {"labels": {"l": '{{ "/w==" | b64dec }}'}}})
    assert content.labels == {"l": "\ufffd"}


def test_rendered_values_are_decoded_where_asked() -> None:
    template = {"templateFrom": [{"literal": "k: {{ .user | b64enc }}", "valuesDecodingStrategy": "Base64"}]}
    assert _apply(template).data == {"k": b"admin"}
    template["templateFrom"][0]["literal"] = "k: '%%%'"
    with pytest.raises(DecodingError):
        _apply(template)


@pytest.mark.parametrize(
    "template",
    [
        {"data": {"t": "{{ .absent }}"}},
        {"templateFrom": [{"literal": "{{ .absent }}"}]},
        {"templateFrom": [{"literal": "k: v", "target": "spec.x"}]},
        {"type": "bootstrap.kubernetes.io/token"},
        {
            "type": "kubernetes.io/service-account-token",
            "metadata": {"annotations": {"kubernetes.io/service-account.name": "x"}},
        },
        {
            "type": "kubernetes.io/service-account-token",
            "templateFrom": [{"literal": "a: b", "target": "Annotations"}],
        },
    ],
)
def test_refusals_name_their_field(template: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match=r"^spec\.target\.template\."):
        _apply(template)


def test_a_service_account_token_without_account_passes() -> None:
    assert _apply({"type": "kubernetes.io/service-account-token", "data": {"a": "b"}}).type.endswith("token")


def test_paths_into_a_generic_target_are_refused() -> None:
    template = {"templateFrom": [{"literal": "k: v", "target": "spec.x"}]}
    target = {"template": template, "manifest": {"apiVersion": "v1", "kind": "ConfigMap"}}
    with pytest.raises(TemplateError) as refused:
        apply_template(external_secret(target=target), DATA, Sources())
    assert str(refused.value) == (
        "spec.target.template.templateFrom[0]: the target spec.x is not offered; "
        "paths into a generic target are not offered here: use Data, Annotations or Labels"
    )


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            {"type": "bootstrap.kubernetes.io/token"},
            "type: the Secret type bootstrap.kubernetes.io/token is not allowed; use another type",
        ),
        (
            {"type": "kubernetes.io/service-account-token", "templateFrom": [{"literal": "", "target": "Annotations"}]},
            (
                "type: the Secret type kubernetes.io/service-account-token is not allowed together with an annotation "
                "that names an account; it would make the cluster mint a token: "
                "remove the annotation, or templateFrom with target Annotations"
            ),
        ),
        (
            {"templateFrom": [{"literal": "k: v"}, {"literal": "k: v", "target": "spec.x"}]},
            (
                "templateFrom[1].target: spec.x is not allowed where the target is a Secret; "
                "use Data, Annotations or Labels"
            ),
        ),
    ],
)
def test_what_is_not_allowed_is_said_with_a_remedy(template: dict[str, Any], message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        _apply(template)
    assert str(refused.value) == f"spec.target.template.{message}"
