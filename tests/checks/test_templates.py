"""Templates: every error of every template, with its line; keys that nobody gives or nobody reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsync.checks import Check, Severity, templates
from secretsync.errors import ClusterDenied, ClusterUnavailable, ProviderUnavailable, TemplateError
from tests.checks.scenarios import SETTLED, entries, template
from tests.checks.stage import NAMESPACE, Stage, declared, of, only

if TYPE_CHECKING:
    from secretsync.api import ExternalSecret

pytestmark = pytest.mark.unit


def config_map(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "texts", "namespace": NAMESPACE},
        "data": data,
    }


def from_config_map(key: str, template_as: str = "Values") -> dict[str, Any]:
    return {"configMap": {"name": "texts", "items": [{"key": key, "templateAs": template_as}]}}


async def test_every_template_that_fails_is_told_with_its_line() -> None:
    stage = Stage(
        declared(
            target=template(
                data={"a": "x\n{{ .absent }}", "b": "{{ if }}", "c": "{{ .own }}", "d": '{{ fail "never" }}'},
                templateFrom=[{"literal": "k: {{ .nothing }}"}, {"literal": "just text {{ .own }}"}],
                metadata={"labels": {"l": "{{ .l }}"}, "annotations": {"n": "{{ .n }}"}},
            )
        )
    )
    examined = await stage.first()
    found = {finding.place.rpartition("template.")[2]: finding.problem for finding in of(examined, Check.Template)}
    assert set(found) == {
        "data[a]",
        "data[b]",
        "data[d]",
        "templateFrom[0]",
        "templateFrom[1]",
        "metadata.labels[l]",
        "metadata.annotations[n]",
    }
    assert found["data[a]"].startswith("template a, line 2: ")
    assert all(finding.severity is Severity.Error for finding in of(examined, Check.Template))
    assert examined.observation is None


async def test_a_key_that_is_read_with_index_and_not_given_is_a_warning() -> None:
    stage = Stage(declared(target=template(data={"a": '{{ .own }}{{ index . "other" }}'})))
    examined = await stage.first()
    assert only(examined, Check.Template, Severity.Warning).problem.startswith("reads other, which no entry gives")
    assert examined.observation is not None


async def test_an_entry_that_no_template_reads_is_a_warning() -> None:
    stage = Stage(declared(data=entries("k", "l"), target=template(data={"a": "{{ .k }}"})))
    stage.backend.values["l"] = b"unread"
    found = only(await stage.first(), Check.Template, Severity.Warning)
    assert found.place.endswith("spec.data[1]")
    assert found.problem.startswith("l is read, but no template uses it")


@pytest.mark.parametrize(
    "parts",
    [
        {"data": {"a": "{{ .k }}"}, "mergePolicy": "Merge"},
        {"data": {"a": "{{ range $key, $value := . }}{{ $value }}{{ end }}"}},
        {"data": {"a": "{{ .k }}"}, "metadata": {"labels": {"l": "{{ .l }}"}}},
        {"metadata": {"labels": {"l": "x"}}},
        {"type": "Opaque"},
    ],
    ids=["merged", "read as a whole", "read by a label", "no data template", "type only"],
)
async def test_an_entry_that_may_be_used_is_not_told_of(parts: dict[str, Any]) -> None:
    stage = Stage(declared(data=entries("k", "l"), target={"template": parts}))
    stage.backend.values["l"] = b"value"
    assert not of(await stage.first(), Check.Template)


async def test_the_members_of_an_extract_need_not_all_be_used() -> None:
    stage = Stage(declared(data=[], dataFrom=[{"extract": {"key": "k"}}], target=template(data={"a": "{{ .user }}"})))
    stage.backend.values["k"] = b"user=u,password=p"
    assert not of(await stage.first(), Check.Template)


async def test_a_template_that_lacks_a_key_is_an_error_before_any_value_can_be_read() -> None:
    stage = Stage(declared(target=template(data={"a": "{{ .own }}{{ .absent }}"})))
    stage.backend.errors["k"] = ProviderUnavailable("the server does not answer", remedy="mend it")
    found = only(await stage.first(), Check.Template, Severity.Error)
    assert 'no key "absent"' in found.problem
    assert found.remedy == "provide absent: the entries give own"


@pytest.mark.parametrize(
    "text",
    ["{{ .own }}", "{{ if .own }}{{ .absent }}{{ end }}", "{{ fromJson .own }}"],
    ids=["may render", "may take another branch", "depends on the value"],
)
async def test_what_depends_on_values_that_cannot_be_read_is_unknown(text: str) -> None:
    stage = Stage(declared(target=template(data={"a": text})))
    stage.backend.errors["k"] = ProviderUnavailable("the server does not answer", remedy="mend it")
    only(await stage.first(), Check.Template, Severity.Unknown)


async def test_syntax_is_told_even_where_the_keys_are_not_known() -> None:
    stage = Stage(declared(data=[], dataFrom=[{"extract": {"key": "gone"}}], target=template(data={"a": "{{ end }}"})))
    only(await stage.first(), Check.Template, Severity.Error)


async def test_a_template_that_is_kept_elsewhere_and_not_there_may_come_first() -> None:
    target = template(templateFrom=[from_config_map("text")], data={"a": "{{ .absent }}"})
    stage = Stage(declared(target=target))
    examined = await stage.first()
    unknown = [finding for finding in of(examined, Check.Template) if finding.severity is Severity.Unknown]
    assert ["ConfigMap team/texts does not exist" in finding.problem for finding in unknown] == [True]
    assert len(of(examined, Check.Template)) == 2, "the other template is rendered all the same"
    settled = await stage.first(SETTLED)
    assert all(finding.severity is Severity.Error for finding in of(settled, Check.Template))


@pytest.mark.parametrize(
    "error", [ClusterDenied("denied", remedy="mend it"), ClusterUnavailable("no answer", remedy="mend it")]
)
async def test_a_template_that_must_not_be_read_is_unknown(error: Exception) -> None:
    stage = Stage(declared(target=template(templateFrom=[from_config_map("text")])))

    def fail(verb: str, plural: str, name: str) -> None:
        if plural == "configmaps":
            raise error

    stage.cluster.before = fail
    examined = await stage.first(SETTLED)
    assert only(examined, Check.Template, Severity.Unknown).problem.startswith("cannot be read: ")
    assert examined.observation is None


async def test_a_text_in_a_config_map_is_looked_into() -> None:
    target = template(templateFrom=[from_config_map("text"), from_config_map("none")])
    stage = Stage(declared(target=target), objects=[config_map(text="{{ .own }}{{ .absent }}")])
    found = of(await stage.first(), Check.Template)
    assert {finding.place.rpartition("template.")[2] for finding in found} == {"templateFrom[0]", "templateFrom[1]"}
    quiet = Stage(
        declared(target=template(templateFrom=[from_config_map("text")])),
        objects=[config_map(text="{{ .own }}{{ now }}")],
    )
    examined = await quiet.first()
    assert not of(examined, Check.Template)
    assert only(examined, Check.Volatile, Severity.Warning).problem.startswith("now gives something new")


async def test_a_forbidden_type_is_told_beside_the_templates() -> None:
    target = template(type="bootstrap.kubernetes.io/token", data={"a": "{{ .absent }}"})
    examined = await Stage(declared(target=target)).first()
    assert "is not allowed" in only(examined, Check.Type, Severity.Error).problem
    assert 'no key "absent"' in only(examined, Check.Template, Severity.Error).problem


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ({"refreshInterval": "1h"}, 1),
        ({"refreshInterval": "0"}, 0),
        ({"refreshPolicy": "CreatedOnce"}, 0),
        ({"refreshPolicy": "OnChange"}, 0),
    ],
)
async def test_new_values_at_each_refresh_are_told_only_where_there_are_refreshes(
    spec: dict[str, Any], count: int
) -> None:
    stage = Stage(declared(target=template(data={"a": "{{ .own }}{{ now }}"}), **spec))
    assert len(of(await stage.first(), Check.Volatile)) == count


async def test_every_part_that_makes_new_values_is_told() -> None:
    target = template(
        templateFrom=[
            from_config_map("end"),
            from_config_map("plain"),
            from_config_map("text"),
            {"literal": "a: {{ now }}"},
        ]
    )
    texts = config_map(end="{{ end }}", plain="x", text="{{ uuidv4 }}")
    found = of(await Stage(declared(target=target), objects=[texts]).first(), Check.Volatile)
    assert [finding.problem.partition(" ")[0] for finding in found] == ["now", "uuidv4"]


async def test_both_the_template_elsewhere_and_the_values_may_be_out_of_reach() -> None:
    stage = Stage(declared(target=template(templateFrom=[from_config_map("text")], data={"a": "{{ .absent }}"})))
    stage.backend.errors["k"] = ProviderUnavailable("the server does not answer", remedy="mend it")
    found = {
        finding.place.rpartition("template.")[2]: finding.severity
        for finding in of(await stage.first(), Check.Template)
    }
    assert found == {"templateFrom[0]": Severity.Unknown, "data[a]": Severity.Error}


async def test_all_keys_that_a_template_lacks_are_named_together() -> None:
    target = template(templateFrom=[{"literal": "a: {{ .one }}\nb: {{ .two }}"}])
    found = only(await Stage(declared(target=target)).first(), Check.Template, Severity.Error)
    assert found.remedy == "provide one, two: the entries give own"


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_what_is_not_rendered_for_want_of_data_is_no_error(policy: str) -> None:
    search = [{"find": {"name": {"regexp": "none"}}}]
    target = {**template(data={"a": "{{ .own }}"}), "deletionPolicy": policy}
    stage = Stage(declared(data=[], dataFrom=search, target=target))
    stage.backend.values = {}
    examined = await stage.first()
    assert not of(examined, Check.Template)
    assert examined.observation is not None
    stage.declared = (declared(data=[], dataFrom=search, target={**target, **template(data={"a": "{{ end }}"})}),)
    only(await stage.first(), Check.Template, Severity.Error)


async def test_with_merge_a_template_is_rendered_without_data() -> None:
    target = {**template(data={"a": "{{ .own }}"}), "deletionPolicy": "Merge"}
    stage = Stage(declared(data=entries("gone"), target=target))
    assert 'no key "own"' in only(await stage.first(), Check.Template, Severity.Error).problem


async def test_an_error_that_no_single_template_has_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_as_a_whole(external_secret: ExternalSecret, data: object, sources: object) -> None:
        parts = external_secret.spec.target.template
        if parts is not None and len(parts.data) > 1:
            raise TemplateError("too much together", remedy="make it smaller")

    monkeypatch.setattr(templates, "apply_template", fail_as_a_whole)
    examined = await Stage(declared(target=template(data={"a": "", "b": ""}))).first()
    assert only(examined, Check.Template, Severity.Error).problem == "too much together"


async def test_keys_of_what_could_be_read_and_of_what_could_not_are_known_together() -> None:
    stage = Stage(
        declared(
            data=entries("gone"),
            dataFrom=[{"extract": {"key": "k"}}],
            target=template(data={"a": "{{ .user }}{{ .gone }}{{ .absent }}"}),
        )
    )
    stage.backend.values["k"] = b"user=u"
    found = only(await stage.first(), Check.Template, Severity.Error)
    assert found.remedy == "provide absent: the entries give gone, user"


async def test_keys_that_several_texts_lack_are_named_together() -> None:
    items = [{"key": key, "templateAs": "Values"} for key in ("one", "two")]
    target = template(templateFrom=[{"configMap": {"name": "texts", "items": items}}])
    texts = config_map(one="{{ .first }}", two="{{ .second }}")
    found = only(await Stage(declared(target=target), objects=[texts]).first(), Check.Template, Severity.Error)
    assert found.remedy == "provide first, second: the entries give own"
