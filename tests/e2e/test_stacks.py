"""All stacks on one machine: previews over doubles of their clouds, and aws-local really made at moto."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.commands.stack import committed_stacks
from local.environment import Environment, api_server, certificates, moto, variables
from local.environment.parts import ask
from local.layout import PROJECT
from tests.e2e.checkout import Checkout, Finished, wait_until
from tests.e2e.search import Search, files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.environment.parts import Answer

pytestmark = pytest.mark.e2e

STACK = "aws-local"
FLOORS = {"aws-local": 90, "dev": 40, "prod": 85, "staging": 80}
"""A preview that shows fewer resources has lost part of the stack."""
READ_SECONDS = 45
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}],
}


@dataclass(frozen=True, slots=True)
class Cloud:
    """The stack aws-local, up.

    Attributes:
        checkout: where it was brought up from.
        parts: its environment.
        first: what the first ``up`` said, as JSON.
    """

    checkout: Checkout
    parts: Environment
    first: dict[str, Any]

    def client(self, service: str) -> Any:
        """A client of moto."""
        return boto3.Session().client(
            service,  # type: ignore[call-overload]  # its stubs want each name as a literal
            region_name="eu-central-1",
            endpoint_url=self.parts.moto,
            aws_access_key_id=moto.CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=moto.CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def kubernetes(self, method: str, path: str, payload: dict[str, Any] | None = None) -> Answer:
        """One request as the cluster's administrator."""
        tls = api_server.tls_context(certificates.at(self.parts.layout.pki))
        return ask(self.parts.api_server + path, tls=tls, method=method, payload=payload, seconds=30)

    def secret(self, identity: str) -> dict[str, Any]:
        """A Secret of the cluster; empty where there is none."""
        namespace, _, name = identity.partition("/")
        answer = self.kubernetes("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}")
        return answer.document() if answer.status == 200 else {}

    def value(self, identity: str, key: str) -> str:
        """What a key of a Secret holds; empty where there is none."""
        return base64.b64decode((self.secret(identity).get("data") or {}).get(key, "")).decode()

    def edit(self, identity: str, key: str, value: str, *, manager: str) -> None:
        """Somebody writes a key of a Secret."""
        self.checkout.canaries[f"value that {manager} wrote"] = value
        live = self.secret(identity)
        live["data"][key] = base64.b64encode(value.encode()).decode()
        namespace, _, name = identity.partition("/")
        path = f"/api/v1/namespaces/{namespace}/secrets/{name}?fieldManager={manager}"
        assert self.kubernetes("PUT", path, live).status == 200

    def rotate(self, name: str, value: str) -> str:
        """Somebody writes a new value upstream; its version is returned."""
        self.checkout.canaries[f"rotated value of {name}"] = value
        version: str = self.client("secretsmanager").put_secret_value(SecretId=name, SecretString=value)["VersionId"]
        return version

    def local(self, command: str, *options: str, check: bool = True) -> Finished:
        """A command about the stack."""
        return self.checkout.local(command, "--stack", STACK, *options, check=check)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    made = Checkout.make(tmp_path_factory.mktemp("stacks") / "project")
    try:
        yield made
    finally:
        made.local("down", check=False)


@pytest.fixture(scope="module")
def previewed(checkout: Checkout) -> Finished:
    """The preview of every stack, as JSON."""
    return checkout.local("preview", "--json", check=False)


@pytest.fixture(scope="module")
def cloud(checkout: Checkout) -> Cloud:
    first = checkout.local("up", "--stack", STACK, "--json").document()
    return Cloud(checkout, Environment(checkout.layout.of_stack(STACK).root), first)


def _preview_secrets(checkout: Checkout, stack: str) -> Iterator[tuple[str, str]]:
    """The values that the previews of a stack were given for its secret settings."""
    layout = checkout.layout.preview
    for key in ("fingerprintKey", "sampleSecrets"):
        answer = subprocess.run(
            [str(layout.bin / "pulumi"), "config", "get", key, "--stack", stack, "--non-interactive"],
            cwd=checkout.folder,
            env={**os.environ, **variables.pulumi(layout), "PWD": str(checkout.folder)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found = answer.stdout.strip()
        yield f"{key} of {stack}", found
        if key == "sampleSecrets":
            for name, value in json.loads(found).items():
                texts = value.values() if isinstance(value, dict) else (value,)
                yield from ((f"sample {name} of {stack}", text) for text in texts)


def test_every_stack_is_previewed_whole_and_breaks_no_rule(checkout: Checkout, previewed: Finished) -> None:
    stacks = {each["stack"]: each for each in previewed.document()["stacks"]}
    assert set(stacks) == set(FLOORS) == set(committed_stacks(PROJECT))
    for stack, found in stacks.items():
        assert found["problems"] == [], stack
        assert found["violations"] == [], stack
        assert found["rules"] > 20
        assert found["changes"] == {"create": found["resources"]}
        assert found["resources"] >= FLOORS[stack], stack
    assert previewed.code == 0
    for path in checkout.folder.glob("Pulumi*.yaml"):
        assert path.read_bytes() == (PROJECT / path.name).read_bytes()
    assert {part.state for part in Environment(checkout.layout.preview.root).status()} == {"stopped"}
    assert not (checkout.layout.etcd_data).exists()  # the dev stack's environment was never touched


def test_one_stack_is_listed_and_the_second_preview_finds_the_same_as_the_first(checkout: Checkout) -> None:
    done = checkout.local("preview", "--stack", "dev")
    assert "create   kubernetes:external-secrets.io/v1:ExternalSecret ExternalSecret-demo-vault-example" in done.output
    row = next(line.split() for line in done.output.splitlines() if line.startswith("dev "))
    assert int(row[1]) == int(row[2]) >= FLOORS["dev"]
    assert row[-1] == "passed"
    assert "local stand-ins serve for" in done.errors or "official plugins" in done.errors


def test_a_preview_that_is_interrupted_leaves_nothing_running(checkout: Checkout) -> None:
    process = checkout.begin("preview", "--stack", "prod")
    assert process.stdout is not None
    said, began = "", time.monotonic()
    for line in process.stdout:
        said += line
        if "kube-apiserver" in line:
            break
    time.sleep(1.5)  # into the engine's run
    os.kill(process.pid, signal.SIGINT)
    done = checkout.ended(process, said, began)
    assert done.code == 130, done.output
    assert "interrupted" in done.output
    assert {part.state for part in Environment(checkout.layout.preview.root).status()} == {"stopped"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["preview", "--stack", "production"], "the stacks are aws-local, dev, prod, staging"),
        (["up", "--stack", "production"], "the stacks are aws-local, dev, prod, staging"),
        (["drift", "--stack", "../dev"], "the stacks are aws-local, dev, prod, staging"),
        (["down", "--stack", "production"], "the stacks are aws-local, dev, prod, staging"),
        (["clean", "--stack", "production"], "the stacks are aws-local, dev, prod, staging"),
        (["status", "--stack", "production"], "the stacks are aws-local, dev, prod, staging"),
        (["env", "--stack", "production"], "the stacks are aws-local, dev, prod, staging"),
        (["log", "etcd", "--stack", "production"], "the stacks are aws-local, dev, prod, staging"),
        (["up", "--stack", "prod"], "make preview STACK=prod"),
        (["env", "--stack", "staging"], "make up STACK=staging"),
        (["drift", "--stack", "prod"], "ARGS=--cloud"),
    ],
)
def test_what_cannot_be_done_for_a_stack_names_the_next_step(checkout: Checkout, words: list[str], said: str) -> None:
    done = checkout.local(*words, check=False)
    assert done.code == 1
    assert done.output == ""
    assert said in done.errors
    assert "Traceback" not in done.errors


def test_aws_local_is_made_at_moto_and_synced_in_both_lanes(cloud: Cloud) -> None:
    assert cloud.first["changes"]["create"] >= FLOORS[STACK]
    synced = {f"{each['namespace']}/{each['name']}": each for each in cloud.first["secrets"]["externalSecrets"]}
    assert {name for name, each in synced.items() if each["ready"]} == set(synced)
    assert {each["lane"] for each in synced.values()} == {"operator", "pulumi"}
    stored = cloud.client("secretsmanager").get_secret_value(SecretId="storefront/session")["SecretString"]
    cloud.checkout.canaries["the session key's first value"] = stored
    assert cloud.value("storefront/session", "signing-key") == stored
    assert cloud.value("storefront/session-pulumi", "signing-key") == stored
    key = cloud.client("secretsmanager").describe_secret(SecretId="payments/stripe")["KmsKeyId"]
    assert cloud.client("kms").describe_key(KeyId=key)["KeyMetadata"]["Enabled"]
    roles = cloud.client("iam").list_roles(PathPrefix="/external-secrets/")["Roles"]
    assert len(roles) == 4
    assert all("sts:AssumeRoleWithWebIdentity" in json.dumps(role["AssumeRolePolicyDocument"]) for role in roles)


def test_a_second_up_is_unchanged_and_there_is_no_drift(cloud: Cloud) -> None:
    again = cloud.local("up", "--json").document()
    assert again["unchanged"] is True, again["changes"]
    none = cloud.local("drift")
    assert "No drift: " in none.output
    assert f"stack {STACK} are as they were made" in none.output


def test_drift_is_told_by_cause_followed_by_the_operator_and_mended_by_up(cloud: Cloud) -> None:
    value = "Rotated/canary+é-7Q2mX9"
    version = cloud.rotate("storefront/session", value)
    cloud.edit("platform/smtp", "password", "Edited/canary+é-4T8kB1", manager="kubectl-edit")
    cloud.edit("platform/smtp", "username", "Taken/canary+é-6W3pZ5", manager="backup-restore")
    iam = cloud.client("iam")
    policy = next(
        each for each in iam.list_policies(Scope="Local")["Policies"] if "storefront" in each["PolicyName"]
    )  # fmt: skip
    iam.create_policy_version(PolicyArn=policy["Arn"], SetAsDefault=True, PolicyDocument=json.dumps(EVERYTHING))

    wait_until(
        lambda: cloud.value("storefront/session", "signing-key") == value,
        seconds=READ_SECONDS, what="the operator follows the rotation",
    )  # fmt: skip
    done = cloud.local("drift", "--json", check=False)
    assert done.code == 2, done.text
    found = {(each["name"], each["cause"]): each for each in done.document()["drift"]}
    rotated = found.pop(("storefront/session-pulumi", "rotated"))
    assert rotated["keys"] == ["signing-key"]
    assert rotated["target"] == "storefront/session-pulumi"
    (change,) = rotated["versions"]
    assert change["remote"] == "SecretStore/aws-secrets storefront/session"
    assert change["now"] == version != change["before"] != ""
    edited = found.pop(("platform/smtp", "edited"))
    assert (edited["keys"], edited["by"]) == (["password"], "kubectl-edit")
    taken = found.pop(("platform/smtp", "foreign manager"))
    assert (taken["keys"], taken["by"]) == (["username"], "backup-restore")
    ((name, cause),) = found
    assert (name.partition(" ")[0], cause) == ("aws:iam/policy:Policy", "policy edited")

    assert cloud.kubernetes("DELETE", "/api/v1/namespaces/platform/secrets/smtp").status == 200
    table = cloud.local("drift", check=False)
    assert table.code == 2
    assert "platform/smtp" in table.output
    assert "missing" in table.output
    assert f"{version[:8]}…" in table.output

    cloud.local("up", "--refresh")
    mended = cloud.local("drift", check=False)
    assert mended.code == 0, mended.text
    assert cloud.value("storefront/session-pulumi", "signing-key") == value
    assert set(cloud.secret("platform/smtp")["data"]) == {"username", "password"}


def test_what_moto_forgets_at_down_is_made_again(cloud: Cloud) -> None:
    cloud.local("down")
    assert {part["state"] for part in cloud.local("status", "--json", check=False).document()} == {"stopped"}
    stopped = cloud.local("drift", check=False)
    assert (stopped.code, stopped.output) == (1, "")
    assert "not ready" in stopped.errors
    again = cloud.local("up", "--json").document()
    assert again["changes"]["create"] > 0
    assert all(each["ready"] for each in again["secrets"]["externalSecrets"]), again["secrets"]


@pytest.mark.usefixtures("previewed")
def test_no_value_is_in_anything_that_was_printed_or_kept(checkout: Checkout, cloud: Cloud) -> None:
    client = cloud.client("secretsmanager")
    canaries = {**checkout.canaries}
    for each in client.list_secrets()["SecretList"]:
        canaries[f"value of {each['Name']}"] = client.get_secret_value(SecretId=each["Name"])["SecretString"]
    for stack in ("dev", STACK):
        canaries.update(_preview_secrets(checkout, stack))
    search = Search({what: value for what, value in canaries.items() if value})
    for done in checkout.finished:
        search.look(done.command, done.text)
    for layout in (cloud.parts.layout, checkout.layout.preview):
        for path in (*files(layout.pulumi_state), *files(layout.logs), layout.stack_configuration(STACK)):
            search.look(str(path), path.read_bytes())
    assert search.found == []
    assert search.searched > len(checkout.finished)


def test_down_and_clean_know_every_stack(checkout: Checkout, cloud: Cloud) -> None:
    running = checkout.local("status", "--json").document()
    assert {part["stack"] for part in running} == {STACK}  # nothing of the others runs
    assert f"{STACK}: moto" in checkout.local("down").errors
    assert checkout.local("down").output == "Nothing was running.\n"
    checkout.local("clean", "--stack", STACK)
    assert not cloud.parts.layout.root.exists()
    assert checkout.layout.preview.root.exists()
    checkout.local("clean")
    assert not checkout.layout.root.exists()
