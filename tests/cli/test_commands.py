"""The commands that need no cluster, as a user calls them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from secretsync.api import CreationPolicy, DeletionPolicy, ExternalSecret, RefreshPolicy, parse
from secretsync.cli import main, output
from secretsync.cli.explain import explain
from secretsync.cli.status import collect
from secretsync.kube.fake import MemoryCluster
from secretsync.sync import lane
from secretsync.sync.fetching import FetchWindow
from tests.sync.builders import Backend, external_secret, secret

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

MANIFEST = """\
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: vault, namespace: team}
spec:
  provider:
    vault: {server: "https://vault.example.com", path: kv, auth: {tokenSecretRef: {name: t, key: t}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: app, namespace: team}
spec:
  secretStoreRef: {name: vault}
  target: {template: {data: {dsn: "postgres://{{ .user }}@db"}}}
  data:
    - {secretKey: user, remoteRef: {key: app/db, property: user}}
"""


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "app.yaml"
    path.write_text(MANIFEST)
    return path


def _values(folder: Path, text: str = "app/db: {user: hunter2}\n") -> str:
    path = folder / "values.yaml"
    path.write_text(text)
    return str(path)


def test_render_masks_values_unless_asked(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = _values(manifest.parent)
    assert main(["render", str(manifest), "--values", values]) == 0
    masked = capsys.readouterr().out
    assert "hunter2" not in masked
    assert "data-hash" not in masked, "a hash lets a guessed value be tried"
    assert "SecretStore/vault: app/db, property user" in masked
    document = next(yaml.safe_load_all(masked))
    assert document["stringData"] == {"dsn": "***"}
    assert main(["render", str(manifest), "--values", values, "--show-values"]) == 0
    assert "postgres://hunter2@db" in capsys.readouterr().out


def test_render_without_values_uses_placeholders_and_says_so(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", str(manifest), "--show-values"]) == 0
    shown = capsys.readouterr().out
    assert "postgres://<app/db>@db" in shown
    assert "placeholders stand for the values" in shown


def test_render_as_json(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(manifest), "--json"]) == 0
    (rendering,) = json.loads(capsys.readouterr().out)["renderings"]
    assert (rendering["namespace"], rendering["name"], rendering["error"]) == ("team", "app", "")
    assert rendering["reads"][0]["field"] == "spec.data[0]"


@pytest.mark.parametrize("text", ["other: x\n", "app/db: {}\n"])
def test_render_fails_where_a_value_is_missing(manifest: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert main(["render", str(manifest), "--values", _values(manifest.parent, text)]) == 1
    assert "# error: spec.data[0] (key: app/db)" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["- a\n", "a: [hunter2\n"])
def test_a_values_file_that_cannot_be_used_is_named_without_its_content(
    manifest: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert main(["render", str(manifest), "--values", _values(manifest.parent, text)]) == 1
    failed = capsys.readouterr().err
    assert "values.yaml" in failed
    assert "hunter2" not in failed


def test_render_reads_the_objects_of_template_from(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = yaml.safe_load_all(MANIFEST)
    documents = list(spec)
    documents[1]["spec"]["target"]["template"] = {
        "templateFrom": [
            {"configMap": {"name": "c", "items": [{"key": "k"}]}},
            {"secret": {"name": "s", "items": [{"key": "k2"}]}},
        ]
    }
    manifest.write_text(yaml.safe_dump_all(documents))
    objects = manifest.parent / "objects.txt"
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "c={{ .user }}"}}
    template = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k2": "s={{ .user }}"}}
    objects.write_text(yaml.safe_dump_all([config_map, template]))
    arguments = ["render", str(manifest), "--objects", str(objects), "--show-values"]
    assert main([*arguments, "--values", _values(manifest.parent)]) == 0
    assert "c=hunter2" in (shown := capsys.readouterr().out)
    assert "s=hunter2" in shown
    objects.write_text("[]")
    assert main(arguments) == 1
    assert "no Kubernetes object" in capsys.readouterr().err


def test_fake_stores_and_generators_render_by_themselves(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = "generators.external-secrets.io/v1alpha1"
    manifest.write_text(
        f"""\
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {{name: fake}}
spec: {{provider: {{fake: {{data: [{{key: k, value: '{{"a": "from-store"}}'}}]}}}}}}
---
apiVersion: {generator}
kind: Fake
metadata: {{name: g}}
spec: {{data: {{b: from-generator}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: app}}
spec:
  secretStoreRef: {{name: fake, kind: ClusterSecretStore}}
  dataFrom:
    - extract: {{key: k}}
    - sourceRef: {{generatorRef: {{apiVersion: {generator}, kind: Fake, name: g}}}}
    - find: {{name: {{regexp: k}}}}
"""
    )
    assert main(["render", str(manifest), "--show-values", "-n", "elsewhere"]) == 0
    document = next(yaml.safe_load_all(capsys.readouterr().out))
    assert document["metadata"]["namespace"] == "elsewhere"
    assert document["stringData"] == {"a": "from-store", "b": "from-generator", "k": '{"a": "from-store"}'}


def test_explain_prints_every_event(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(manifest)]) == 0
    shown = capsys.readouterr().out
    assert "ExternalSecret team/app" in shown
    assert "somebody deletes the target" in shown
    assert main(["explain", "--json", str(manifest)]) == 0
    (explained,) = json.loads(capsys.readouterr().out)
    assert len(explained["events"]) == 8


def _effects(**spec: Any) -> dict[str, tuple[str, str]]:
    lines = asyncio.run(explain(external_secret(**spec)))
    return {line.event: (line.effect, line.when) for line in lines}


def test_explain_follows_the_policies() -> None:
    owner = _effects(target={"deletionPolicy": "Delete"})
    assert owner["all secrets disappear upstream"] == ("is deleted", "within 1h0m0s")
    assert owner["somebody edits the target"] == ("is written anew", "at once")
    orphan = _effects(target={"creationPolicy": "Orphan"}, refreshPolicy="CreatedOnce")
    assert orphan["somebody deletes the target"][0] == "stays as it is"
    assert orphan["the ExternalSecret is deleted"][0] == "stays, with its data"
    merge = _effects(target={"creationPolicy": "Merge"})
    assert merge["first sync, no target yet"][0].startswith("is waited for")
    none = _effects(target={"creationPolicy": "None"})
    assert none["first sync, a Secret of that name exists"][0].startswith("is not written")


def test_explain_can_play_every_combination_of_policies() -> None:
    for creation in CreationPolicy:
        for deletion in DeletionPolicy:
            for refresh in RefreshPolicy:
                data = [{"secretKey": key, "remoteRef": {"key": key}} for key in ("a", "b")]
                target = {"creationPolicy": str(creation), "deletionPolicy": str(deletion)}
                effects = _effects(target=target, refreshPolicy=str(refresh), data=data)
                assert len(effects) == 8


def test_crds_as_yaml_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crds", "--admission"]) == 0
    documents = list(yaml.safe_load_all(capsys.readouterr().out))
    kinds = {document["kind"] for document in documents}
    assert {"CustomResourceDefinition", "ValidatingAdmissionPolicy"} <= kinds
    assert main(["crds", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["kind"] == "List"
    assert {item["kind"] for item in listed["items"]} == {"CustomResourceDefinition"}


def test_a_wrong_manifest_ends_with_one_and_all_its_errors(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest.write_text(MANIFEST.replace("secretKey", "secretkey").replace("kind: SecretStore", "kind: Nope"))
    assert main(["render", str(manifest)]) == 1
    failed = capsys.readouterr().err
    assert "app.yaml:" in failed
    assert "secretkey" in failed
    assert "Nope" in failed


@pytest.mark.parametrize("arguments", [[], ["nope"], ["controller", "--concurrent", "0"]])
def test_a_wrong_command_line_ends_with_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize("command", ["controller", "crds", "status", "render", "explain"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out) > 200


def test_moments_in_json_are_written_as_kubernetes_writes_them(capsys: pytest.CaptureFixture[str]) -> None:
    east = datetime(2026, 1, 1, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=1)))
    output.write_json({"synced": east, "policy": CreationPolicy.Owner})
    assert json.loads(capsys.readouterr().out) == {"synced": "2026-01-01T00:02:03Z", "policy": "Owner"}


async def test_status_shows_both_lanes_and_the_cause() -> None:
    declared = external_secret().to_json()
    declared["status"] = {
        "conditions": [{"type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": "no"}]
    }
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "team"},
        "type": "Warning",
        "message": "the store is sealed",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "involvedObject": {"kind": "ExternalSecret", "name": "app", "namespace": "team"},
    }
    store = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "store", "namespace": "team"},
        "spec": {"provider": {"fake": {"data": []}}},
    }
    cluster = MemoryCluster([declared, event, store, secret("unrelated")])
    program = external_secret("by-program", metadata={"uid": ""})
    backend = Backend()
    fetches = FetchWindow(backend)
    await lane.write(program, cluster=cluster, fetches=fetches, key=b"k", not_before=fetches.now())
    lines, stores = await collect(cluster, None)
    assert [(line.name, line.lane, line.ready, line.keys) for line in lines] == [
        ("app", "operator", False, 0),
        ("by-program", "pulumi", True, 1),
    ]
    assert lines[0].detail == "no: the store is sealed"
    assert [(each["name"], each["ready"]) for each in stores] == [("store", False)]


def test_tables_keep_their_columns_and_colours_stay_out_of_pipes() -> None:
    text = output.table(("A", "LONGER"), [("first", "x"), ("y", "second")], colours=("red", ""))
    assert text.splitlines() == ["A      LONGER", "first  x", "y      second"]
    now = datetime(2026, 1, 10, tzinfo=UTC)
    ages = [
        output.age(now - timedelta(**each), now) for each in ({"seconds": 5}, {"minutes": 5}, {"hours": 5}, {"days": 5})
    ]
    assert ages == ["5s", "5m", "5h", "5d"]
    assert output.age(None, now) == "-"


def test_the_example_of_the_fixture_is_valid() -> None:
    parsed = parse(list(yaml.safe_load_all(MANIFEST))[1])
    assert isinstance(parsed, ExternalSecret)
