"""The pulumi lane where a request fails: at a preview, at an update, and between the two; its provider over the wire.

Each operation of the engine starts a process of its own, and each test says which of them meets the fault.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import grpc
import pytest
import yaml

from local.environment import api_server, certificates
from tests.dynamic.programs import CANARY, KEY, SET_TYPE, TYPE, UNPROXIED, DynamicProviders, Program, is_difference
from tests.e2e.checkout import wait_until
from tests.faults.gate import Fault, Gate
from tests.pulumi_standins.plugin_client import Resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.local_parts import ControlPlane, OpenBaoServer

pytestmark = pytest.mark.faults

READS = "/data/app"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Operation(Protocol):
    """Starts the process of one more operation, by default as administrator through the gate."""

    def __call__(self, kubeconfig: Path | None = None) -> DynamicProviders: ...


@pytest.fixture
def backend(openbao: OpenBaoServer) -> Iterator[Gate]:
    with Gate(openbao.address) as gate:
        yield gate


@pytest.fixture
def cluster(control_plane: ControlPlane) -> Iterator[Gate]:
    tls = api_server.tls_context(certificates.at(control_plane.environment.layout.pki))
    with Gate(control_plane.address, tls=tls) as gate:
        yield gate


@pytest.fixture
def program(control_plane: ControlPlane, namespace: str, openbao: OpenBaoServer, backend: Gate) -> Program:
    return Program(control_plane, namespace, replace(openbao, address=backend.address))


def _kubeconfig(folder: Path, cluster: dict[str, str], **user: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture
def operation(cluster: Gate, tmp_path: Path) -> Iterator[Operation]:
    through_gate = _kubeconfig(tmp_path / "administrator", {"server": cluster.address})
    started: list[DynamicProviders] = []

    def start(kubeconfig: Path | None = None) -> DynamicProviders:
        process = DynamicProviders({"KUBECONFIG": str(kubeconfig or through_gate)})
        started.append(process)
        return process.__enter__().configured(fingerprintKey=KEY)

    yield start
    for process in started:
        process.__exit__(None, None, None)


def _resource() -> Resource:
    return Resource(TYPE, "app")


def _preview(process: DynamicProviders, program: Program, known: Resource) -> tuple[dict[str, Any], str]:
    """What a preview shows of the resource, and why it fails; empty where it does not."""
    inputs, failures = process.check(known, program.inputs() | {"preview": True})
    assert CANARY not in json.dumps([inputs, failures])
    return inputs, "\n".join(failures)


def _updated(process: DynamicProviders, program: Program, known: Resource) -> Resource:
    """What an update makes of the resource; a new one is created.

    Raises:
        Failed: it fails, in its check or afterwards.
    """
    _, failures = process.check(known, program.inputs())
    if failures:
        raise Failed("\n".join(failures))
    return _written(process, program, known)


def _written(process: DynamicProviders, program: Program, known: Resource) -> Resource:
    """The second half of an update, after its check."""
    try:
        if not known.id:
            return process.create(known, program.inputs())
        if not is_difference(process.diff(known, program.inputs())):
            return known
        return process.update(known, program.inputs())
    except grpc.RpcError as error:
        raise Failed(str(error.details())) from None


class Failed(Exception):
    """An operation failed; nothing that it says holds the value."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        assert CANARY not in text


def _version(program: Program) -> tuple[str, str]:
    """Incarnation and version of the target."""
    metadata = (program.secret() or {})["metadata"]
    return metadata["uid"], metadata["resourceVersion"]


# ---------------------------------------------------------------------- the backend


def test_a_backend_down_at_a_preview_fails_it_by_name_and_is_never_read_as_no_change(
    operation: Operation, program: Program, backend: Gate
) -> None:
    made = _updated(operation(), program, _resource())
    backend.close_for(Fault.Refused)
    _, problem = _preview(operation(), program, made)
    assert backend.address in problem
    backend.open()
    inputs, problem = _preview(operation(), program, made)
    assert problem == ""
    assert inputs.get("drift", "") == ""


def test_a_backend_down_at_an_update_leaves_everything_as_it_is_and_the_next_update_goes_on(
    operation: Operation, program: Program, backend: Gate
) -> None:
    backend.close_for(Fault.Refused)
    with pytest.raises(Failed, match=re.escape(backend.address)):
        _updated(operation(), program, _resource())
    assert program.secret() is None
    backend.open()
    made = _updated(operation(), program, _resource())
    before = _version(program)
    program.rotate(f"{CANARY}-2")
    backend.close_for(Fault.Refused)
    with pytest.raises(Failed, match=re.escape(backend.address)):
        _updated(operation(), program, made)
    assert _version(program) == before
    backend.open()
    _updated(operation(), program, made)
    assert program.live() == f"{CANARY}-2"


def test_what_the_check_of_an_update_has_read_is_what_it_writes_though_the_backend_goes_down_in_between(
    operation: Operation, program: Program, backend: Gate
) -> None:
    process = operation()
    inputs, failures = process.check(_resource(), program.inputs())
    assert failures == []
    backend.close_for(Fault.Refused)
    made = _written(process, program, _resource())
    assert program.live() == CANARY
    assert made.outputs["fingerprint"] == inputs["fingerprint"]
    assert len([path for method, path in backend.seen if method == "GET" and path.endswith(READS)]) == 1


def test_a_value_that_changes_after_the_preview_is_written_and_shown_as_the_version_it_is(
    operation: Operation, program: Program
) -> None:
    made = _updated(operation(), program, _resource())
    program.rotate(f"{CANARY}-2")
    shown, _ = _preview(operation(), program, made)
    program.rotate(f"{CANARY}-3")
    after = _updated(operation(), program, made)
    assert program.live() == f"{CANARY}-3"
    assert list(shown["versions"].values()) == ["2"]
    assert list(after.outputs["versions"].values()) == ["3"]
    assert after.outputs["fingerprint"] != shown["fingerprint"]


def test_a_value_that_changes_between_check_and_write_is_the_next_previews_difference(
    operation: Operation, program: Program
) -> None:
    process = operation()
    assert process.check(_resource(), program.inputs())[1] == []
    program.rotate(f"{CANARY}-2")
    made = _written(process, program, _resource())
    assert program.live() == CANARY
    later = operation()
    shown, _ = _preview(later, program, made)
    assert is_difference(later.diff(made, program.inputs()))
    assert (list(made.outputs["versions"].values()), list(shown["versions"].values())) == (["1"], ["2"])


def test_a_permission_of_the_backend_that_is_lost_after_the_preview_is_named_and_nothing_is_written(
    operation: Operation, program: Program, openbao: OpenBaoServer
) -> None:
    policy = f"{program.mount}-reader"
    rights = f'path "{program.mount}/data/app" {{ capabilities = ["read"] }}'
    program.ask("POST", f"sys/policies/acl/{policy}", {"policy": rights})
    token = _token(openbao, policy)
    login = {"metadata": {"name": "login"}, "stringData": {"token": token}}
    assert program.plane.request("PUT", program.path("login"), login).status == 200
    assert _preview(operation(), program, _resource())[1] == ""
    program.ask("POST", f"sys/policies/acl/{policy}", {"policy": rights.replace("app", "another")})
    with pytest.raises(Failed, match=f"{program.mount}/data/app") as caught:
        _updated(operation(), program, _resource())
    assert token not in str(caught.value)
    assert program.secret() is None
    program.ask("POST", f"sys/policies/acl/{policy}", {"policy": rights})
    _updated(operation(), program, _resource())
    assert program.live() == CANARY


def _token(openbao: OpenBaoServer, policy: str) -> str:
    request = urllib.request.Request(
        f"{openbao.address}/v1/auth/token/create",
        method="POST",
        headers={"X-Vault-Token": openbao.token},
        data=json.dumps({"policies": [policy], "no_default_policy": True}).encode(),
    )
    with UNPROXIED.open(request, timeout=30) as answer:
        return str(json.loads(answer.read())["auth"]["client_token"])


# ---------------------------------------------------------------------- the API server


def test_an_api_server_down_at_a_refresh_is_never_read_as_a_secret_that_is_gone(
    operation: Operation, program: Program, cluster: Gate
) -> None:
    process = operation()
    made = _updated(process, program, _resource())
    cluster.close_for(Fault.Refused)
    with pytest.raises(grpc.RpcError, match=re.escape(cluster.address.removeprefix("http://"))):
        operation().read(made)
    cluster.open()
    assert operation().read(made) is not None


def test_an_api_server_that_goes_down_after_the_check_fails_the_write_and_the_next_update_goes_on(
    operation: Operation, program: Program, cluster: Gate
) -> None:
    process = operation()
    assert process.check(_resource(), program.inputs())[1] == []
    cluster.close_for(Fault.Refused, *WRITES)
    with pytest.raises(Failed, match=re.escape(cluster.address.removeprefix("http://"))):
        _written(process, program, _resource())
    assert program.secret() is None
    cluster.open()
    _updated(operation(), program, _resource())
    assert program.live() == CANARY


def test_a_write_whose_answer_is_lost_is_found_done_by_the_next_update(
    operation: Operation, program: Program, cluster: Gate
) -> None:
    cluster.close_for(Fault.Lost, "POST", containing="/secrets")
    with pytest.raises(Failed):
        _updated(operation(), program, _resource())
    assert program.live() == CANARY
    before = _version(program)
    cluster.open()
    made = _updated(operation(), program, _resource())
    assert _version(program) == before
    assert is_difference(operation().diff(made, program.inputs())) is False


def test_a_permission_of_the_cluster_that_is_lost_after_the_check_is_named_and_nothing_is_written(
    control_plane: ControlPlane, program: Program, operation: Operation, tmp_path: Path
) -> None:
    account = _Account(control_plane, program.namespace)
    account.may("get", "list", "create", "update", "patch", "delete")
    process = operation(account.kubeconfig(tmp_path))
    assert process.check(_resource(), program.inputs())[1] == []
    account.may("get", "list")
    with pytest.raises(Failed, match="cannot create resource") as caught:
        _written(process, program, _resource())
    assert "grant the verb create on secrets" in str(caught.value)
    assert program.secret() is None
    account.may("get", "list", "create")
    _updated(operation(account.kubeconfig(tmp_path)), program, _resource())
    assert program.live() == CANARY


class _Account:
    """A ServiceAccount that may do to Secrets what a test says."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._plane, self._namespace = plane, namespace
        self._make("/api/v1", "serviceaccounts", {})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"}
        subject = {"kind": "ServiceAccount", "name": "deployer", "namespace": namespace}
        self._make(RBAC, "roles", {"rules": []})
        self._make(RBAC, "rolebindings", {"roleRef": role, "subjects": [subject]})

    def _make(self, root: str, plural: str, body: dict[str, Any]) -> None:
        path = f"{root}/namespaces/{self._namespace}/{plural}"
        assert self._plane.request("POST", path, {"metadata": {"name": "deployer"}, **body}).status == 201

    def may(self, *verbs: str) -> None:
        """Give it these verbs and no others, and wait until the API server goes by that."""
        path = f"{RBAC}/namespaces/{self._namespace}/roles/deployer"
        rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": list(verbs)}]
        role = {"metadata": {"name": "deployer"}, "rules": rules}
        assert self._plane.request("PUT", path, role).status == 200
        wait_until(lambda: self._allowed() == set(verbs), seconds=20, what="the API server knows the role")

    def _allowed(self) -> set[str]:
        user = f"system:serviceaccount:{self._namespace}:deployer"
        allowed = set()
        for verb in ("get", "list", "create", "update", "patch", "delete"):
            where = {"namespace": self._namespace, "resource": "secrets", "verb": verb}
            review = {"spec": {"user": user, "resourceAttributes": where}}
            answer = self._plane.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
            if answer.document()["status"]["allowed"]:
                allowed.add(verb)
        return allowed

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig with a fresh token of it."""
        path = f"/api/v1/namespaces/{self._namespace}/serviceaccounts/deployer/token"
        token = self._plane.request("POST", path, {"spec": {}}).document()["status"]["token"]
        authority = yaml.safe_load(self._plane.kubeconfig.read_text())["clusters"][0]["cluster"]
        return _kubeconfig(folder / "deployer", {**authority, "server": self._plane.address}, token=token)


# ---------------------------------------------------------------------- many at once


def test_one_write_of_many_that_fails_is_recorded_as_a_problem_and_made_good_by_the_next_update(
    operation: Operation, program: Program, cluster: Gate
) -> None:
    names = ("one", "two", "three")
    news = program.set_inputs(**{name: program.external_secret(name, target={"name": name}) for name in names})
    made = operation().create(Resource(SET_TYPE, "synced"), news)
    program.rotate(f"{CANARY}-2")
    cluster.close_for(Fault.Refused, "PUT", containing="/secrets/two")
    after = operation().update(made, news)
    assert [program.live(name) for name in names] == [f"{CANARY}-2", CANARY, f"{CANARY}-2"]
    problems = after.outputs["problems"]
    assert isinstance(problems, dict)
    assert list(problems) == [f"{program.namespace}/two"]
    assert CANARY not in json.dumps(after.outputs, default=str)
    cluster.open()
    untouched = program.secret("one")
    later = operation()
    assert is_difference(later.diff(after, news))
    mended = later.update(after, news)
    assert mended.outputs["problems"] == {}
    assert program.live("two") == f"{CANARY}-2"
    assert program.secret("one") == untouched


def test_a_backend_down_at_a_preview_is_a_problem_of_every_one_of_many_and_never_no_change(
    operation: Operation, program: Program, backend: Gate
) -> None:
    names = ("one", "two")
    news = program.set_inputs(**{name: program.external_secret(name, target={"name": name}) for name in names})
    made = operation().create(Resource(SET_TYPE, "synced"), news)
    backend.close_for(Fault.Refused)
    shown, failures = operation().check(made, news | {"preview": True})
    problems = shown["problems"]
    assert failures == []
    assert isinstance(problems, dict)
    assert sorted(problems) == sorted(f"{program.namespace}/{name}" for name in names)
    assert all(backend.address in str(problem) for problem in problems.values())
    before = [program.secret(name) for name in names]
    after = operation().update(made, news)
    assert after.outputs["problems"] == problems
    assert [program.secret(name) for name in names] == before


def test_what_could_not_be_taken_back_stays_recorded_until_it_is(
    operation: Operation, program: Program, cluster: Gate
) -> None:
    texts = {name: program.external_secret(name, target={"name": name}) for name in ("one", "two")}
    made = operation().create(Resource(SET_TYPE, "synced"), program.set_inputs(**texts))
    fewer = program.set_inputs(one=texts["one"])
    cluster.close_for(Fault.Refused, "DELETE", containing="/secrets/two")
    after = operation().update(made, fewer)
    assert program.live("two") == CANARY
    problems, targets = after.outputs["problems"], after.outputs["targets"]
    assert isinstance(problems, dict)
    assert isinstance(targets, dict)
    assert list(problems) == [f"{program.namespace}/two"]
    assert f"{program.namespace}/two" in targets
    cluster.open()
    mended = operation().update(after, fewer)
    assert (program.secret("two"), program.live("one")) == (None, CANARY)
    assert mended.outputs["problems"] == {}
    assert mended.outputs["targets"] == {f"{program.namespace}/one": f"{program.namespace}/one"}


# ---------------------------------------------------------------------- crashes, SIGKILL


@pytest.fixture
def core_files() -> Iterator[None]:
    """Core files are as large here as this machine lets anybody have them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


@pytest.mark.usefixtures("core_files")
def test_a_crash_in_the_middle_of_a_write_leaves_no_value_in_what_it_prints_and_no_core_file(
    program: Program, cluster: Gate, tmp_path: Path
) -> None:
    variables = {
        "KUBECONFIG": str(_kubeconfig(tmp_path / "administrator", {"server": cluster.address})),
        "PYTHONFAULTHANDLER": "1",
    }
    with DynamicProviders(variables) as crashing, ThreadPoolExecutor(1) as pool:
        crashing.configured(fingerprintKey=KEY)
        cluster.close_for(Fault.Held, "POST", containing="/secrets")
        running = pool.submit(_updated, crashing, program, _resource())
        assert cluster.held.wait(30)
        limits = Path(f"/proc/{crashing.process.pid}/limits").read_text()
        os.kill(crashing.process.pid, signal.SIGABRT)
        printed, complained = crashing.process.communicate(timeout=30)
        cluster.open()
        assert running.exception(30) is not None
    assert re.search(r"^Max core file size +0 ", limits, re.MULTILINE)
    assert b"Fatal Python error: Aborted" in complained
    assert CANARY.encode() not in printed + complained


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"], ids=["create", "update", "delete"])
def test_a_process_killed_between_its_write_and_the_record_of_it_is_made_good_by_the_next(
    operation: Operation, program: Program, cluster: Gate, method: str
) -> None:
    """The engine has then recorded nothing, and asks for the same once more."""
    known = _resource()
    if method != "POST":
        known = _updated(operation(), program, known)
        program.rotate(f"{CANARY}-2")

    def act(process: DynamicProviders) -> None:
        if method == "DELETE":
            process.delete(known)
        else:
            _updated(process, program, known)

    killed = operation()
    cluster.close_for(Fault.Held, method, containing="/secrets")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(act, killed)
        assert cluster.held.wait(30)
        killed.kill()
        cluster.open()
        assert running.exception(30) is not None
    expected = {"POST": CANARY, "PUT": f"{CANARY}-2", "DELETE": None}[method]
    assert program.live() == expected
    before = _version(program) if expected else None
    act(operation())
    assert program.live() == expected
    assert (_version(program) if expected else None) == before
