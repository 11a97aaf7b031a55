"""States that earlier versions of the providers left are read, compared, updated and removed by today's.

``states/v<schema>.json`` is ``pulumi stack export --show-secrets`` of the program below, after its ``up``; schema 1
knew no sets.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components.dynamic.records import SCHEMA_VERSION
from local.layout import PROJECT
from tests.dynamic.programs import KEY, Program, entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.engine import PulumiEnvironment
    from tests.fixtures.local_parts import ControlPlane, OpenBaoServer

pytestmark = pytest.mark.engine

STATES = Path(__file__).with_name("states")
NAMESPACE, MOUNT = "kept-namespace", "kept-mount"
PROGRAM = """
import json
import pathlib

from components.external_secret import PulumiExternalSecret, PulumiExternalSecretSet
from secretsync.api import parse

declared = json.loads(pathlib.Path("declared.json").read_text())
stores = [parse(store) for store in declared["stores"]]
for name, text in declared["each"].items():
    PulumiExternalSecret(f"kept-{name}", parse(json.loads(text)), stores)
if declared["set"]:
    PulumiExternalSecretSet("kept-set", [parse(json.loads(text)) for text in declared["set"].values()], stores)
"""


@pytest.fixture(scope="module")
def kept(control_plane: ControlPlane, openbao: OpenBaoServer) -> Iterator[Program]:
    """The names in the kept states are the same in every run, because state keeps digests of declarations."""
    made = control_plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    assert made.status == 201
    program = Program(control_plane, NAMESPACE, openbao, mount=MOUNT)
    shared = {"metadata": {"name": "shared"}, "stringData": {"OTHER": "of somebody else"}}
    assert control_plane.request("POST", program.path("").rstrip("/"), shared).status == 201
    yield program
    program.ask("DELETE", f"sys/mounts/{MOUNT}", {})
    control_plane.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}")


class Stack:
    """The project that left the states."""

    def __init__(self, environment: PulumiEnvironment, folder: Path, program: Program, *, sets: bool) -> None:
        self._environment, self._folder = environment, folder
        self._extra = {"PYTHONPATH": str(PROJECT), "KUBECONFIG": str(program.plane.kubeconfig)}
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text("name: kept-state\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        declared = {"stores": json.loads(program.stores), "each": _each(program), "set": _set(program) if sets else {}}
        (folder / "declared.json").write_text(json.dumps(declared))
        self.run("stack", "init", "dev")
        self.run("config", "set", "--secret", "external-secrets:fingerprintKey", KEY)

    def run(self, *arguments: str) -> str:
        return self._environment.run(*arguments, folder=self._folder, extra=self._extra).stdout

    def restore(self, schema: int, program: Program) -> None:
        """Put the kept state in the place of the present one."""
        text = (STATES / f"v{schema}.json").read_text().replace("http://kept-server", program.backend.address)
        state, present = json.loads(text), json.loads(self.run("stack", "export"))
        state["deployment"]["secrets_providers"] = present["deployment"]["secrets_providers"]
        path = self._folder / "state.json"
        path.write_text(json.dumps(state))
        self.run("stack", "import", "--file", str(path))

    def outputs(self) -> dict[str, dict[str, Any]]:
        """Name → outputs of all that is synced."""
        resources = json.loads(self.run("stack", "export"))["deployment"]["resources"]
        synced = [each for each in resources if "external-secrets:SyncedSecret" in each["type"]]
        return {each["urn"].rpartition("::")[2]: each["outputs"] for each in synced}


def _each(program: Program) -> dict[str, str]:
    hourly = {"refreshInterval": "1h0m0s"}
    drawn = {"template": {"data": {"PASSWORD": "{{ .PASSWORD }}-{{ randAlphaNum 8 }}"}}}
    return {
        "app": program.external_secret("app", target={"name": "app-target"}, **hourly),
        "drawn": program.external_secret("drawn", target={"name": "drawn", **drawn}, **hourly),
        "merged": program.external_secret("merged", target={"name": "shared", "creationPolicy": "Merge"}, **hourly),
    }


def _set(program: Program) -> dict[str, str]:
    data = [entry("PASSWORD", "app")]
    return {name: program.external_secret(name, target={"name": name}, data=data) for name in ("first", "second")}


def _secrets(program: Program) -> dict[str, Any]:
    listed = program.plane.request("GET", program.path("").rstrip("/")).document()["items"]
    return {each["metadata"]["name"]: each for each in listed}


@pytest.mark.parametrize("schema", range(1, SCHEMA_VERSION + 1))
def test_a_kept_state_is_no_reason_to_write_and_is_removed_as_it_was_made(
    schema: int, kept: Program, pulumi_environment: PulumiEnvironment, tmp_path: Path
) -> None:
    stack = Stack(pulumi_environment, tmp_path / "project", kept, sets=schema > 1)
    stack.run("up", "--yes", "--skip-preview")
    before = _secrets(kept)
    stack.restore(schema, kept)

    steps = json.loads(stack.run("preview", "--json"))["changeSummary"]
    assert set(steps) <= {"update", "same"}
    assert ("update" in steps) is (schema < SCHEMA_VERSION)
    stack.run("up", "--yes", "--skip-preview")
    assert _secrets(kept) == before
    outputs = stack.outputs()
    assert {each["schemaVersion"] for each in outputs.values()} == {SCHEMA_VERSION}
    assert [name for name, each in outputs.items() if "stores" in each or "declaration" in each] == []
    stack.run("preview", "--expect-no-changes")
    stack.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")

    stack.restore(schema, kept)
    stack.run("refresh", "--yes", "--skip-preview")
    stack.run("destroy", "--yes", "--skip-preview")
    assert set(_secrets(kept)) == {"login", "shared"}
    assert set(_secrets(kept)["shared"]["data"]) == {"OTHER"}
