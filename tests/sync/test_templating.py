"""Templates: precedence, sources, metadata, and what is refused."""

from __future__ import annotations

import base64
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
            "templateFrom": [{"literal": "a: 1\nb: 1\nc: 1"}, {"literal": "b: 2\nc: 2"}],
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


async def test_a_missing_source_names_object_and_place() -> None:
    declared = external_secret(
        target={"template": {"templateFrom": [{"configMap": {"name": "no", "items": [{"key": "a"}]}}]}}
    )
    with pytest.raises(TemplateError, match=r"templateFrom\[0\]: ConfigMap team/no does not exist"):
        await read_sources(declared, MemoryCluster())


async def test_a_secret_that_is_not_text_is_refused() -> None:
    declared = external_secret(
        target={"template": {"templateFrom": [{"secret": {"name": "s", "items": [{"key": "a"}]}}]}}
    )
    broken = secret("s")
    broken["data"] = {"a": base64.b64encode(b"\xff\xfe").decode()}
    with pytest.raises(TemplateError, match="Secret s holds a value that is not UTF-8"):
        await read_sources(declared, MemoryCluster([broken]))


def test_a_missing_item_names_the_key() -> None:
    sources = Sources({("ConfigMap", "c"): {"a": "x"}})
    template = {"templateFrom": [{"configMap": {"name": "c", "items": [{"key": "b"}]}}]}
    with pytest.raises(TemplateError, match="ConfigMap c has no key b"):
        _apply(template, sources)


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
    with pytest.raises(TemplateError, match="paths into a generic target"):
        apply_template(external_secret(target=target), DATA, Sources())
