"""Files become objects with places, or errors that say file, line, field, problem and remedy, all at once."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secretsync import api
from secretsync.errors import ManifestError, ManifestErrors
from tests.api.objects import FAKE, external_secret, minimal_spec, store, vault

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

GOOD = """\
apiVersion: external-secrets.io/v1beta1
kind: ExternalSecret
metadata:
  name: vault-example # a comment
  namespace: team
spec:
  refreshInterval: "15s"
  secretStoreRef:
    name: vault-backend
    kind: SecretStore
  target:
    name: mysecretfoobar
  data:
  - secretKey: foobar
    remoteRef:
      key: secret/foo
      property: my-value
"""


def errors(folder: Path, content: str | bytes, name: str = "x.yaml") -> list[str]:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ManifestErrors) as caught:
        api.load_manifests([name], root=folder)
    return [str(error) for error in caught.value.errors]


def load(folder: Path, content: str | bytes, name: str = "x.yaml") -> api.Manifests:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return api.load_manifests([name], root=folder)


def test_an_object_knows_the_line_of_each_of_its_fields(tmp_path: Path) -> None:
    manifests = load(tmp_path, "---\n" + GOOD)
    (item,) = manifests.external_secrets
    assert manifests.place(item) == "x.yaml:2"
    assert manifests.place(item, "spec.data[0].remoteRef.property") == "x.yaml:18"
    assert manifests.place(item, "spec.data[0].remoteRef.version") == "x.yaml:16"
    assert manifests.place(item, "spec.data[1]") == "x.yaml:14"
    assert manifests.place(item, "spec.target.template.data") == "x.yaml:12"
    assert manifests.place(api.parse(external_secret(minimal_spec()))) == "ExternalSecret team/app"
    assert manifests.raw(item)["apiVersion"] == "external-secrets.io/v1beta1"


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    plain = load(tmp_path, GOOD).external_secrets
    document = json.dumps(external_secret(minimal_spec())).encode()
    assert load(tmp_path, b"\xef\xbb\xbf" + document, "x.json").external_secrets
    assert load(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()).external_secrets == plain


def test_folders_are_read_in_order_with_their_subfolders(tmp_path: Path) -> None:
    for name, file in (("b", "b.yml"), ("a", "a.yaml"), ("c", "sub/c.json"), ("d", ".hidden.yaml"), ("e", "e.txt")):
        path = tmp_path / "manifests" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(store(vault(), name=name)))
    manifests = api.load_manifests(["manifests", "manifests/a.yaml"], root=tmp_path)
    assert [item.metadata.name for item in manifests.secret_stores] == ["a", "b", "c"]
    assert manifests.place(manifests.secret_stores[2]) == "manifests/sub/c.json:1"


def test_documents_and_lists_give_all_their_objects_by_kind(tmp_path: Path) -> None:
    generator = {"apiVersion": "generators.external-secrets.io/v1alpha1", "kind": "UUID", "metadata": {"name": "u"}}
    items = [store(FAKE, kind="ClusterSecretStore"), generator]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    manifests = load(tmp_path, f"# nothing\n---\n---\n{GOOD}---\n{listed}\n...\n")
    assert [type(item).__name__ for item in manifests.objects] == [
        "ExternalSecret",
        "ClusterSecretStore",
        "UUIDGenerator",
    ]
    assert len(manifests.external_secrets) == len(manifests.cluster_secret_stores) == len(manifests.generators) == 1
    assert manifests.stores == manifests.cluster_secret_stores
    assert manifests.place(manifests.generators[0]).startswith("x.yaml:")


def test_a_copied_markdown_link_is_named_and_reading_goes_on(tmp_path: Path) -> None:
    link = "[external-secrets.io/v1beta1](http://external-secrets.io/v1beta1)"
    content = GOOD.replace("external-secrets.io/v1beta1", link).replace("SecretStore", "SecretStor")
    found = errors(tmp_path, content + "---\n" + content.replace("vault-example", "second"))
    assert found[0].startswith("x.yaml:1: apiVersion: is followed by a Markdown link")
    assert found[0].endswith("write apiVersion: external-secrets.io/v1beta1")
    assert found[1].startswith("x.yaml:19: apiVersion: is followed by a Markdown link")
    assert any("spec.secretStoreRef.kind" in line for line in found[2:])


def test_a_quoted_markdown_link_is_named_too(tmp_path: Path) -> None:
    (found,) = errors(tmp_path, GOOD.replace("external-secrets.io/v1beta1", '"[external-secrets.io/v1](http://e)"'))
    assert "is a Markdown link" in found
    assert found.endswith("write apiVersion: external-secrets.io/v1")


def test_a_link_inside_a_text_is_a_text(tmp_path: Path) -> None:
    template = "    template:\n      data:\n        readme: |\n          see: [docs](http://e)\n"
    manifests = load(tmp_path, GOOD.replace("    name: mysecretfoobar\n", "    name: mysecretfoobar\n" + template))
    target = manifests.external_secrets[0].spec.target
    assert target.template is not None
    assert target.template.data == {"readme": "see: [docs](http://e)\n"}


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        ("a: b\n\tc: d\n", "x.yaml:2", "indented with a tab"),
        ("a: [b\n", "x.yaml:2", "is not YAML"),
        ("a: b: c\n", "x.yaml:1", "a colon where none may be"),
        ("a: *b\n", "x.yaml:1", "alias whose anchor is not defined"),
        ("a: &x [*x]\n", "x.yaml:1", "inside the value it stands for"),
        ("kind: A\nkind: B\n", "x.yaml:2", "kind is already set in line 1"),
        ("? [a]\n: b\n", "x.yaml:1", "an object or a list as a key"),
        ("a: !!python/object:os.system x\n", "x.yaml:1", "a YAML tag"),
        ("a: !!binary eA==\n", "x.yaml:1", "a YAML tag"),
        ("a: 0777\n", "x.yaml:1", "leading zero"),
        ("a: 1e999\n", "x.yaml:1", "too large"),
        ("<<: 1\n", "x.yaml:1", "merges something that is not an object"),
        ("a\x00b: c\n", "x.yaml:1", "U+0000"),
        (b"a: b\nc: \xff\n", "x.yaml:2", "not UTF-8"),
        (b"\xff\xfea\x00", "x.yaml:1", "UTF-16"),
        ("- a\n", "x.yaml:1", "must be an object, not a list"),
        ("just text\n", "x.yaml:1", "must be an object, not text"),
        ("a: " + "[" * 10_000, "x.yaml:1", "deeper than 64 levels"),
        ("a: " + "{a: " * 10_000, "x.yaml:1", "deeper than 64 levels"),
        ("".join(" " * depth + "a:\n" for depth in range(500)), "x.yaml:", "deeper than 64 levels"),
        ("".join(f"a{n}: &a{n} [{f'*a{n - 1}' if n else 'x'}]\n" for n in range(500)), "x.yaml:", "deeper than 64"),
        (
            "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)),
            "x.yaml:6",
            "more than 250000 values",
        ),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value[:24].strip() or None,
)
def test_what_is_not_a_manifest_is_told_with_its_line(
    tmp_path: Path, content: str | bytes, place: str, message: str
) -> None:
    (found,) = errors(tmp_path, content)
    assert found.startswith(place)
    assert message in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1, "a": 2}', "already set in line 1"),
        ('{"a": }', "a value is expected"),
        ('{"a": 1 "b": 2}', "a comma or }"),
        ('["a", ]', "a value is expected"),
        ("{a: 1}", "a key in double quotes"),
        ('{"a"', "a colon"),
        ('{"a": "b', "a string does not end"),
        ('{"a": 1e999}', "too large"),
        ('{"a": ' + "9" * 5_000 + "}", "too many digits"),
        ('{"a": NaN}', "a value is expected"),
        ("[" * 100_000, "deeper than 64 levels"),
        ('{"a":' * 100_000, "deeper than 64 levels"),
    ],
    ids=lambda value: value[:16],
)
def test_json_files_are_json(tmp_path: Path, content: str, message: str) -> None:
    (found,) = errors(tmp_path, content, "x.json")
    assert found.startswith("x.json:1")
    assert message in found


def test_json_files_know_lines(tmp_path: Path) -> None:
    manifests = load(tmp_path, json.dumps(external_secret(minimal_spec()), indent="\t"), "x.json")
    assert manifests.place(manifests.external_secrets[0], "spec.secretStoreRef.name") == "x.json:10"


def test_scalars_mean_what_yaml_1_2_says(tmp_path: Path) -> None:
    data = "n: no\ny: on\noff: 12:30\nyes: 2024-01-31\nk: 1_000\nq: ~\n"
    text = (
        "apiVersion: generators.external-secrets.io/v1alpha1\nkind: Fake\nmetadata: {name: f}\nspec:\n  data:\n"
        + "".join(f"    {line}\n" for line in data.splitlines())
    )
    (generator,) = load(tmp_path, text).generators
    assert isinstance(generator, api.FakeGenerator)
    assert generator.spec.data == {"n": "no", "y": "on", "off": "12:30", "yes": "2024-01-31", "k": "1_000"}


def test_anchors_and_merge_keys_work(tmp_path: Path) -> None:
    text = GOOD.replace(
        "  data:\n", "  data:\n  - &first\n    secretKey: a\n    remoteRef: &ref {key: k, version: v}\n"
    )
    text += "  - {<<: *first, secretKey: b}\n  - secretKey: c\n    remoteRef: {<<: [*ref, {property: p}], version: w}\n"
    data = load(tmp_path, text).external_secrets[0].spec.data
    assert [(item.secret_key, item.remote_ref.key, item.remote_ref.version) for item in data] == [
        ("a", "k", "v"),
        ("foobar", "secret/foo", ""),
        ("b", "k", "v"),
        ("c", "k", "w"),
    ]
    assert data[3].remote_ref.property == "p"


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("secretKey", "secretKye").replace('"15s"', "soon"))
    (tmp_path / "b.yaml").write_text("a: [")
    (tmp_path / "c.yaml").write_text(GOOD + "---\n" + GOOD)
    (tmp_path / "d.yaml").write_text(GOOD.replace("vault-example", "d").replace("team", "other") + "  dataFrom: [{}]\n")
    with pytest.raises(ManifestErrors) as caught:
        api.load_manifests(["a.yaml", "b.yaml", "c.yaml", "d.yaml", "gone.yaml"], root=tmp_path)
    told = str(caught.value)
    assert "a.yaml:14, ExternalSecret team/vault-example, spec.data[0].secretKye: is not a field" in told
    assert "did you mean secretKey?" in told
    assert "a.yaml:7, ExternalSecret team/vault-example, spec.refreshInterval: is not a duration" in told
    assert "a.yaml:14, ExternalSecret team/vault-example, spec.data[0].secretKey: is missing" in told
    assert "b.yaml:" in told
    assert "c.yaml:19, ExternalSecret team/vault-example: is already declared at" in told
    assert "d.yaml:18, ExternalSecret other/d, spec.dataFrom[0]: sets none of extract, find and sourceRef" in told
    assert "gone.yaml: cannot be read: No such file or directory" in told


def test_the_same_name_in_v1_and_v1beta1_is_the_same_object(tmp_path: Path) -> None:
    (found,) = errors(tmp_path, GOOD + "---\n" + GOOD.replace("v1beta1", "v1"))
    assert found.startswith("x.yaml:19, ExternalSecret team/vault-example: is already declared at x.yaml:1")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: ExternalSecret\n", "kind: ConfigMap\n", "there is no kind ConfigMap"),
        ("  name: vault-example # a comment\n", "", "metadata.name: is missing"),
        ("vault-example", "Vault_Example", "metadata.name: is not a name"),
        ("  secretStoreRef:\n", "  secretStoreref:\n", "did you mean secretStoreRef?"),
        ("    name: mysecretfoobar\n", "    name: 7\n", "must be text, not a number; put it in quotes"),
        ("    kind: SecretStore\n", "    kind: secretstore\n", "did you mean SecretStore?"),
        ("spec:\n", "spec: {}\nstats:\n", "stats: is not a field"),
    ],
)
def test_each_mistake_comes_with_its_remedy(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert any(message in line for line in errors(tmp_path, GOOD.replace(old, new)))


def test_a_misspelt_provider_is_told_once(tmp_path: Path) -> None:
    (found,) = errors(tmp_path, json.dumps(store({"valut": {}})))
    assert "spec.provider.valut" in found
    assert "did you mean vault?" in found


def test_huge_names_are_shown_shortened(tmp_path: Path) -> None:
    huge = "x" * 1_000_000
    obj = external_secret(minimal_spec(target={"template": {"data": {huge: 1}}}) | {huge: 1})
    found = errors(tmp_path, json.dumps(obj), "x.json")
    assert len(found) == 2
    assert all("x…" in line and len(line) < 1_000 for line in found)


def test_a_cluster_kind_has_no_namespace(tmp_path: Path) -> None:
    obj = store(vault(), kind="ClusterSecretStore")
    obj["metadata"]["namespace"] = "team"
    (found,) = errors(tmp_path, json.dumps(obj))
    assert "belongs to no namespace" in found


def test_no_value_of_a_manifest_is_ever_told(tmp_path: Path) -> None:
    canary = "canary-9c2d"
    for provider in (
        {"fake": {"data": [{"key": "k", "value": [canary]}, {"key": "k", "value": {"a": canary}}, canary]}},
        {"webhook": {"url": [canary], "result": canary, "body": [canary], "headers": canary, "timeout": canary}},
        {"vault": {"server": "s", "caBundle": canary + "!", "version": canary, "auth": canary}},
    ):
        assert canary not in "\n".join(errors(tmp_path, json.dumps(store(provider), indent=1)))
    assert canary not in "\n".join(errors(tmp_path, f'a: "{canary}\n'))
    assert canary not in "\n".join(errors(tmp_path, f'{{"a": "{canary}', "x.json"))
    assert canary not in "\n".join(errors(tmp_path, f"a: {canary}: {canary}\n"))
    assert canary not in "\n".join(errors(tmp_path, f"a: !!int {canary}\n"))


def test_what_is_not_a_file_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "empty").mkdir()
    (tmp_path / "big.yaml").write_bytes(b"#" * (16 * 1024 * 1024 + 1))
    with pytest.raises(ManifestErrors) as caught:
        api.load_manifests(["pipe.yaml", "empty", "big.yaml"], root=tmp_path)
    assert [(item.place, item.problem) for item in caught.value.errors] == [
        ("pipe.yaml", "is not a regular file"),
        ("empty", "holds no manifest"),
        ("big.yaml", "is larger than 16 MiB"),
    ]


def test_warnings_have_places(tmp_path: Path) -> None:
    manifests = load(tmp_path, GOOD.replace('"15s"', '"0"'))
    (remark,) = manifests.warnings
    assert str(remark).startswith("x.yaml:7, ExternalSecret team/vault-example, spec.refreshInterval: 0 fetches once")


def test_a_large_file_is_read(tmp_path: Path) -> None:
    entries = "".join(f"  - {{secretKey: key-{index}, remoteRef: {{key: k}}}}\n" for index in range(10_000))
    manifests = load(tmp_path, GOOD + entries)
    assert len(manifests.external_secrets[0].spec.data) == 10_001
    assert manifests.place(manifests.external_secrets[0], "spec.data[10000].secretKey") == "x.yaml:10017"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200) | st.text(alphabet="ab: -[]{}&*!|>'\"#\n\t,?%@0.~<", max_size=80).map(str.encode)
)
@pytest.mark.parametrize("name", ["x.yaml", "x.json"])
def test_any_bytes_are_read_or_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    wrong: tuple[ManifestError, ...] = ()
    try:
        api.load_manifests([name], root=tmp_path)
    except ManifestErrors as error:
        wrong = error.errors
    assert all(item.problem and item.remedy and item.place.startswith(name) for item in wrong)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(max_size=40), key=st.text(max_size=20))
def test_a_json_file_says_the_same_as_json(tmp_path: Path, key: str, value: str) -> None:
    obj = {
        "apiVersion": "generators.external-secrets.io/v1alpha1",
        "kind": "Fake",
        "metadata": {"name": "f"},
        "spec": {"data": {key: value}},
    }
    (generator,) = load(tmp_path, json.dumps(obj), "x.json").generators
    assert isinstance(generator, api.FakeGenerator)
    assert generator.spec.data == {key: value}
