"""The stack file of this machine, and ``pulumi`` typed by hand."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from local.commands import by_hand, stack
from local.errors import LocalError
from local.layout import Layout, write_private

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

SECURE = {"secure": "v1:abc"}
COMMITTED = {"config": {"external-secrets:environment": "dev", "external-secrets:vault": {"samples": ["foo", "a/b"]}}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: external-secrets\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump(COMMITTED))
    return folder


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "local")
    made.prepare()
    return made


def _own(layout: Layout) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(layout.stack_configuration("dev").read_text())
    return document


def test_the_committed_values_win_and_the_encrypted_ones_stay(project: Path, layout: Layout) -> None:
    write_private(
        layout.stack_configuration("dev"),
        yaml.safe_dump(
            {
                "encryptionsalt": "v1:salt",
                "config": {"external-secrets:environment": "old", "external-secrets:gone": "x", "a:secret": SECURE},
            }
        ),
    )
    stack.merge_configuration(layout, project)
    assert _own(layout) == {"encryptionsalt": "v1:salt", "config": {**COMMITTED["config"], "a:secret": SECURE}}
    assert (project / "Pulumi.dev.yaml").read_text() == yaml.safe_dump(COMMITTED)


def test_a_merge_that_changes_nothing_writes_nothing(project: Path, layout: Layout) -> None:
    path = stack.merge_configuration(layout, project)
    before = path.stat().st_ino
    assert stack.merge_configuration(layout, project).stat().st_ino == before
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("text", "said"), [("a: [", "it is not YAML"), ("- a", "not a mapping"), ("\tx: 1", "not YAML")]
)
def test_a_broken_stack_file_is_named_with_its_line(project: Path, layout: Layout, text: str, said: str) -> None:
    (project / "Pulumi.dev.yaml").write_text(text)
    with pytest.raises(LocalError, match=said) as caught:
        stack.merge_configuration(layout, project)
    assert str(project / "Pulumi.dev.yaml") in str(caught.value)


def test_secret_values_are_made_for_what_the_stack_lacks_and_only_for_that(project: Path, layout: Layout) -> None:
    path = stack.merge_configuration(layout, project)
    makers = stack.missing_secrets(path)
    samples = json.loads(makers[stack.SAMPLE_KEY]())
    assert set(samples) == {"foo", "a/b"}
    assert samples != json.loads(makers[stack.SAMPLE_KEY]())
    assert len(makers[stack.FINGERPRINT_KEY]()) >= 32
    document = _own(layout)
    document["config"][stack.FINGERPRINT_KEY] = SECURE
    write_private(path, yaml.safe_dump(document))
    assert set(stack.missing_secrets(path)) == {stack.SAMPLE_KEY}


def test_a_passphrase_is_made_once_and_its_loss_is_no_accident_to_pass_over(layout: Layout) -> None:
    stack.ensure_passphrase(layout)
    first = layout.passphrase.read_text()
    stack.ensure_passphrase(layout)
    assert layout.passphrase.read_text() == first
    assert layout.passphrase.stat().st_mode & 0o077 == 0
    (layout.pulumi_state / "dev.json").write_text("{}")
    layout.passphrase.unlink()
    with pytest.raises(LocalError, match="the passphrase of the Pulumi state is gone"):
        stack.ensure_passphrase(layout)


def _typed(project: Path, layout: Layout, line: str, **environment: str) -> list[str]:
    variables = {"PWD": str(project), **environment}
    return by_hand.arguments(line.split(), layout=layout, project=project, environment=variables)


@pytest.mark.parametrize(
    "line",
    ["preview", "up --yes", "-C {project} preview", "destroy -s dev", "refresh --stack=organization/x/dev", "config",
     "config get a", "config set --secret a", "--color never up"],
)  # fmt: skip
def test_commands_that_read_the_dev_stack_get_its_file(project: Path, layout: Layout, line: str) -> None:
    own = str(stack.merge_configuration(layout, project))
    given_words = line.format(project=project).split()
    words = _typed(project, layout, line.format(project=project))
    at = words.index("--config-file")
    assert words[at + 1] == own
    assert words[:at] + words[at + 2 :] == given_words
    assert words[at - 1] in by_hand.READING


@pytest.mark.parametrize(
    "line",
    ["", "version", "stack ls", "preview --config-file x", "preview --config-file=x", "up --stack staging",
     "up -s prod", "config set a b", "config rm a", "stack export", "-C / preview", "--help"],
)  # fmt: skip
def test_everything_else_passes_through(project: Path, layout: Layout, line: str) -> None:
    stack.merge_configuration(layout, project)
    assert _typed(project, layout, line) == line.split()


def test_another_selected_stack_passes_through(project: Path, layout: Layout) -> None:
    stack.merge_configuration(layout, project)
    digest = hashlib.sha1(str(project / "Pulumi.yaml").encode(), usedforsecurity=False).hexdigest()
    workspaces = layout.pulumi_home / "workspaces"
    workspaces.mkdir(parents=True)
    selection = workspaces / f"external-secrets-{digest}-workspace.json"
    selection.write_text('{"stack": "organization/external-secrets/staging"}')
    assert _typed(project, layout, "preview") == ["preview"]
    assert _typed(project, layout, "preview", PULUMI_STACK="dev") != ["preview"]
    selection.write_text('{"stack": "dev"}')
    assert _typed(project, layout, "preview") != ["preview"]
    assert _typed(project, layout, "preview", PULUMI_STACK="prod") == ["preview"]


def test_a_selection_is_read_as_the_engine_keeps_it_and_each_stack_made_here_has_its_file(
    project: Path, layout: Layout
) -> None:
    (project / "Pulumi.aws.yaml").write_text(yaml.safe_dump(COMMITTED))
    stack.merge_configuration(layout, project)
    own = str(stack.merge_configuration(layout, project, "aws"))
    digest = hashlib.sha1(str(project / "Pulumi.yaml").encode(), usedforsecurity=False).hexdigest()
    selected = layout.pulumi_home / "workspaces" / f"external-secrets-{digest}-workspace.json"
    selected.parent.mkdir(parents=True)
    elsewhere = {"file:///somewhere/else": "organization/external-secrets/dev"}
    selected.write_text(json.dumps({"stacks": {**elsewhere, layout.pulumi_state.as_uri(): "organization/x/aws"}}))
    assert _typed(project, layout, "preview") == ["preview", "--config-file", own]
    selected.write_text(json.dumps({"stacks": elsewhere}))
    assert _typed(project, layout, "preview") == ["preview", "--config-file", str(layout.stack_configuration("dev"))]
    for damaged in ("", "[]", '{"stacks": 1}', '{"stack": 2}'):
        selected.write_text(damaged)
        assert stack.selection(selected, layout) == ""


def test_removing_the_stack_does_not_remove_the_committed_file(project: Path, layout: Layout) -> None:
    assert _typed(project, layout, "stack rm dev --yes") == ["stack", "rm", "dev", "--yes", "--preserve-config"]
    assert _typed(project, layout, "stack ls") == ["stack", "ls"]


def test_what_was_being_created_is_known_by_the_name_it_was_given(tmp_path: Path) -> None:
    def operation(urn: str, kind: str, metadata: dict[str, str], doing: str = "creating") -> dict[str, Any]:
        return {"type": doing, "resource": {"urn": urn, "type": kind, "inputs": {"metadata": metadata}}}

    operations = [
        operation("a", "kubernetes:apps/v1:Deployment", {"name": "x", "namespace": "n"}),
        operation("b", "kubernetes:core/v1:Namespace", {"name": "n"}),
        operation("c", "kubernetes:core/v1:Secret", {}),
        operation("d", "vault:index/mount:Mount", {"name": "x"}),
        operation("e", "kubernetes:core/v1:Secret", {"name": "y"}, "updating"),
    ]
    state = tmp_path / "dev.json"
    state.write_text(json.dumps({"checkpoint": {"latest": {"pending_operations": operations}}}))
    assert stack._pending_creations(state) == {"a": "n/x", "b": "n", "c": "", "d": ""}
    state.write_text(json.dumps({"checkpoint": {"latest": None}}))
    assert stack._pending_creations(state) == {}
    assert stack._pending_creations(tmp_path / "none") == {}


WORD = some.sampled_from(["up", "config", "set", "-s", "dev", "--stack", "-C", "--json", "stack", "rm", "x=y"])


@given(some.lists(WORD))
def test_nothing_that_was_typed_is_lost_or_reordered(
    tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    made = by_hand.arguments(words, layout=Layout(folder / "none"), project=folder, environment={"PWD": str(folder)})
    assert [word for word in made if word != "--preserve-config"] == words
