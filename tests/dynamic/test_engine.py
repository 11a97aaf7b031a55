"""The pulumi lane as the engine shows and records it: problems with their lines, one of many that fails, no value."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.layout import PROJECT
from tests.dynamic.programs import CANARY, KEY, Program, entry
from tests.e2e.search import Search, files

if TYPE_CHECKING:
    import subprocess

    from tests.fixtures.engine import PulumiEnvironment
    from tests.fixtures.local_parts import ControlPlane, OpenBaoServer

pytestmark = pytest.mark.engine

PROGRAM = """
import json
import pathlib

from components.external_secret import PulumiExternalSecret, PulumiExternalSecretSet
from components.dynamic.synced_secret_set import ReadySyncedSecrets
from secretsync.api import parse

declared = json.loads(pathlib.Path("declared.json").read_text())
stores = [parse(store) for store in declared["stores"]]
made = {name: parse(json.loads(text)) for name, text in declared["externalSecrets"].items()}
places = declared["places"]
if declared["set"]:
    PulumiExternalSecretSet("all", list(made.values()), stores, places=places)
else:
    problems = {}
    for name, each in made.items():
        identity = f"{each.metadata.namespace}/{name}"
        synced = PulumiExternalSecret(name, each, stores, places=places.get(identity), gathered=True)
        problems[identity] = synced.problem
    ReadySyncedSecrets("ready", problems, len(problems))
"""
EVENT_LOG = {"PULUMI_DEBUG_COMMANDS": "true"}
"""With it the engine knows the option ``--event-log``."""
LOUDLY = ("-v=9", "--logtostderr", "--logflow")


class Stack:
    """A project whose declarations a test changes."""

    def __init__(self, environment: PulumiEnvironment, folder: Path, program: Program) -> None:
        self.environment, self.folder, self._program = environment, folder, program
        self.printed: list[str] = []
        self._extra = {"PYTHONPATH": str(PROJECT), "KUBECONFIG": str(program.plane.kubeconfig), **EVENT_LOG}
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text("name: lane\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        self.run("stack", "init", "test")
        self.run("config", "set", "--secret", "external-secrets:fingerprintKey", KEY)

    def declare(self, *names: str, together: bool, missing: str = "") -> None:
        """ExternalSecrets by name, each with a Secret of its name; `missing` asks for a key that there is not."""
        declared = {
            name: self._program.external_secret(
                name, target={"name": name}, data=[entry("PASSWORD", "nowhere" if name == missing else "app")]
            )
            for name in names
        }
        places = {
            f"{self._program.namespace}/{name}": {
                "": f"manifests/{name}.yaml:1",
                "spec.data[0]": f"manifests/{name}.yaml:9",
            }
            for name in names
        }
        stores = json.loads(self._program.stores)
        document = {"stores": stores, "externalSecrets": declared, "places": places, "set": together}
        (self.folder / "declared.json").write_text(json.dumps(document))

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        done = self.environment.run(*arguments, folder=self.folder, check=check, extra=self._extra)
        self.printed.append(done.stdout + done.stderr)
        return done

    def resources(self) -> dict[str, dict[str, Any]]:
        """Type → resource of the state."""
        exported = json.loads(self.run("stack", "export").stdout)["deployment"].get("resources") or ()
        return {each["type"].rpartition(":")[2]: each for each in exported}


@pytest.fixture
def stack(
    pulumi_environment: PulumiEnvironment,
    control_plane: ControlPlane,
    openbao: OpenBaoServer,
    namespace: str,
    tmp_path: Path,
) -> Stack:
    return Stack(pulumi_environment, tmp_path / "project", Program(control_plane, namespace, openbao))


@pytest.fixture
def program(stack: Stack) -> Program:
    return stack._program


def test_one_of_many_that_fails_fails_the_run_and_the_others_are_recorded(stack: Stack, program: Program) -> None:
    stack.declare("one", "two", "three", together=True, missing="two")
    failed = stack.run("up", "--yes", "--skip-preview", check=False)
    said = failed.stdout + failed.stderr
    assert failed.returncode != 0
    assert "1 of 3 ExternalSecrets are not synced" in said
    assert f"{program.namespace}/two: " in said
    assert f"{program.mount}/data/nowhere" in said
    assert (program.live("one"), program.live("three"), program.secret("two")) == (CANARY, CANARY, None)
    recorded = stack.resources()
    assert set(recorded["SyncedSecretSet"]["outputs"]["problems"]) == {f"{program.namespace}/two"}
    assert "ReadySyncedSecrets" not in recorded
    preview = stack.run("preview", check=False)
    assert "1 of 3 ExternalSecrets are not synced" in preview.stdout + preview.stderr or preview.returncode == 0

    stack.declare("one", "two", "three", together=True)
    stack.run("up", "--yes", "--skip-preview")
    assert program.live("two") == CANARY
    assert "ReadySyncedSecrets" in stack.resources()
    stack.run("preview", "--expect-no-changes")
    stack.run("destroy", "--yes", "--skip-preview")
    assert [program.secret(name) for name in ("one", "two", "three")] == [None] * 3


@pytest.mark.parametrize("together", [False, True], ids=["each", "set"])
def test_a_preview_tells_all_that_is_wrong_with_file_and_line_and_fails(
    stack: Stack,
    program: Program,
    together: bool,  # noqa: FBT001 - a case
) -> None:
    stack.declare("one", "two", together=together)
    stack.run("up", "--yes", "--skip-preview")
    program.ask("DELETE", f"{program.mount}/metadata/app", {})
    preview = stack.run("preview", check=False)
    said = preview.stdout + preview.stderr
    assert preview.returncode != 0
    for name in ("one", "two"):
        assert f"manifests/{name}.yaml:9, spec.data[0]: there is no secret at {program.mount}/data/app" in said
        assert program.live(name) == CANARY


def test_what_moves_between_one_resource_for_each_and_one_for_all_is_not_written(
    stack: Stack, program: Program
) -> None:
    stack.declare("one", "two", together=False)
    stack.run("up", "--yes", "--skip-preview")
    before = {name: program.secret(name) for name in ("one", "two")}
    for together in (True, False):
        stack.declare("one", "two", together=together)
        stack.run("up", "--yes", "--skip-preview")
        assert {name: program.secret(name) for name in before} == before
        assert ("SyncedSecretSet" in stack.resources()) is together
        stack.run("preview", "--expect-no-changes")


@pytest.mark.parametrize("together", [False, True], ids=["each", "set"])
def test_no_value_is_in_state_history_events_logs_or_output(
    stack: Stack,
    program: Program,
    tmp_path: Path,
    together: bool,  # noqa: FBT001 - a case
) -> None:
    rotated, edited = "rotated-value-of-the-backend", "edited-value-of-somebody"
    events = str(stack.folder / "events.json")
    stack.declare("one", "two", together=together)
    stack.run("up", "--yes", "--skip-preview", "--event-log", events, *LOUDLY)
    program.rotate(rotated)
    program.edit(edited, name="two")
    shown = stack.run("preview", "--diff", "--event-log", events, *LOUDLY)
    assert "1" in shown.stdout
    stack.run("preview", "--json", "--show-secrets")
    stack.run("refresh", "--yes", "--skip-preview", *LOUDLY)
    stack.run("up", "--yes", "--skip-preview", "--json")
    assert program.live("two") == rotated
    stack.declare("one", "two", together=together, missing="two")
    stack.run("up", "--yes", "--skip-preview", *LOUDLY, check=False)
    stack.run("stack", "export", "--show-secrets")
    stack.run("stack", "history", "--json", "--show-secrets")
    stack.run("destroy", "--yes", "--skip-preview", *LOUDLY)

    search = Search(
        {"the first value": CANARY, "the rotated value": rotated, "the edited value": edited}
        | {"the backend's token": program.backend.token}
    )
    for place in (stack.folder, stack.environment.layout.root):
        for path in files(place):
            if path != stack.environment.layout.passphrase:
                search.look(str(path.relative_to(tmp_path)), path.read_bytes())
    for number, text in enumerate(stack.printed):
        search.look(f"output {number}", text)
    assert Path(events).stat().st_size
    assert any("external-secrets:SyncedSecret" in text for text in stack.printed)
    assert search.found == []


def test_fingerprints_are_ciphertext_in_the_state_and_no_plain_hash_of_the_value(
    stack: Stack, program: Program
) -> None:
    stack.declare("one", together=False)
    stack.run("up", "--yes", "--skip-preview")
    outputs = stack.resources()["SyncedSecret"]["outputs"]
    assert set(outputs["fingerprint"]) == {"4dabf18193072939515e22adb298388d", "ciphertext"}
    exported = json.loads(stack.run("stack", "export", "--show-secrets").stdout)["deployment"]["resources"]
    (shown,) = [
        each["outputs"]["fingerprint"]["plaintext"] for each in exported if each["type"].endswith(":SyncedSecret")
    ]
    secret = program.secret("one") or {}
    annotations = secret["metadata"]["annotations"]
    known = {*annotations.values(), base64.b64decode(secret["data"]["PASSWORD"]).decode()}
    assert json.loads(shown) not in known
