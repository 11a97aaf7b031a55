"""What a stack asks for, and what is put in whose place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from local.commands import doubles, environments
from local.commands.doubles import Needs
from local.commands.stack import committed_configuration
from local.environment import Environment, variables
from local.environment.parts import API_SERVER, MOTO, OPENBAO, ORDER
from local.errors import LocalError
from local.layout import PROJECT, ROOT_VARIABLE, Layout

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

ACCOUNT = "111122223333"


def _config(**sections: object) -> dict[str, Any]:
    return {f"external-secrets:{name}": value for name, value in sections.items()}


def test_a_stack_asks_for_what_its_sections_name() -> None:
    aws = {"accountId": ACCOUNT, "region": "eu-central-1", "identity": {"kind": "podIdentity", "cluster": "blue"}}
    needs = doubles.needs_of(
        _config(environment="prod", aws=aws, vault={"address": "https://v:8200"}, cluster={"context": "eks"})
    )
    assert needs == Needs(
        environment="prod",
        vault=True,
        vault_address="https://v:8200",
        account=ACCOUNT,
        region="eu-central-1",
        clusters=("blue",),
        context="eks",
    )
    assert needs.to_preview == (API_SERVER, OPENBAO, MOTO)
    assert needs.to_update == (*ORDER, MOTO)


def test_a_stack_without_vault_or_cloud_gets_neither() -> None:
    needs = doubles.needs_of(_config(environment="dev"))
    assert needs == Needs(environment="dev")
    assert needs.to_preview == (API_SERVER,)
    assert needs.to_update == tuple(part for part in ORDER if part != OPENBAO)
    assert doubles.needs_of(_config(vault={})).vault


@pytest.mark.parametrize("wrong", [None, 1, "text", ["list"], {"accountId": 5, "identity": []}])
def test_sections_of_another_shape_ask_for_nothing(wrong: object) -> None:
    needs = doubles.needs_of(_config(aws=wrong, cluster=wrong, environment=wrong))
    assert (needs.account, needs.clusters, needs.context) == ("", (), "")


def test_only_the_path_of_a_kubeconfig_is_taken_out_of_what_is_committed() -> None:
    given = _config(cluster={"kubeconfig": "~/.kube/prod", "context": "eks"}, namespace="demo")
    assert doubles.redirect(given) == _config(cluster={"context": "eks"}, namespace="demo")
    assert given == _config(cluster={"kubeconfig": "~/.kube/prod", "context": "eks"}, namespace="demo")
    for stack in ("aws-local", "dev", "prod", "staging"):
        committed = committed_configuration(PROJECT, stack)
        assert doubles.redirect(committed) == committed  # the policies judge what is committed


class _Running(Environment):
    """An environment that says where it would be."""

    api_server = "https://127.0.0.1:1"
    openbao = "http://127.0.0.1:2"
    moto = "http://127.0.0.1:3"
    openbao_token = "hush"


def test_variables_lead_to_the_doubles_and_those_in_the_way_are_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*variables.UNSET, *variables.UNSET_WITH_AWS):
        monkeypatch.setenv(name, "somewhere else")
    environment = _Running(tmp_path)
    exported = doubles.exports(environment, Needs(vault=True, vault_address="https://v", account=ACCOUNT, region="r"))
    assert exported["VAULT_ADDR"] == exported["VAULT_AGENT_ADDR"] == environment.openbao
    assert exported["VAULT_TOKEN"] == "hush"
    assert exported["AWS_ENDPOINT_URL"] == environment.moto
    assert exported["AWS_REGION"] == "r"
    assert exported["KUBECONFIG"] == str(environment.layout.kubeconfig)
    merged = variables.merged(exported, environment.layout)
    assert {name for name, value in merged.items() if value == "somewhere else"} == set()
    lines = variables.shell_lines(exported)
    assert "unset AWS_PROFILE" in lines
    assert "unset VAULT_AGENT_ADDR" not in lines

    plain = doubles.exports(environment, Needs(vault=True))
    assert "VAULT_AGENT_ADDR" not in plain  # the variable VAULT_ADDR is enough where no address is committed
    assert not any(name.startswith("AWS_") for name in plain)
    assert "unset VAULT_AGENT_ADDR" in variables.shell_lines(plain)
    assert "unset AWS_PROFILE" not in variables.shell_lines(plain)  # a shell's own login is left alone

    assert not {"VAULT_ADDR", "VAULT_TOKEN"} & set(doubles.exports(environment, Needs()))


def test_a_context_that_a_stack_names_leads_to_the_local_cluster(tmp_path: Path) -> None:
    environment = _Running(tmp_path)
    environment.layout.prepare()
    for path in ("ca.crt", "administrator.crt", "administrator.key"):
        (environment.layout.pki / path).write_text(path)
    exported = doubles.exports(environment, Needs(context="eks-prod"))
    document = yaml.safe_load(environment.layout.stack_kubeconfig.read_text())
    assert exported["KUBECONFIG"] == str(environment.layout.stack_kubeconfig)
    assert "eks-prod" in [each["name"] for each in document["contexts"]]
    assert document["clusters"][0]["cluster"]["server"] == environment.api_server


def test_each_stack_has_an_environment_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "own"))
    own = Layout(tmp_path / "own")
    assert environments.layout_of("dev") == own
    assert environments.layout_of("aws-local") == own.of_stack("aws-local")
    assert list(environments.present()) == [("dev", own)]
    own.of_stack("aws-local").prepare()
    own.preview.prepare()
    (own.stacks / "a file").touch()
    assert [name for name, _ in environments.present()] == ["dev", "aws-local", "preview"]
    assert list(environments.present("prod")) == [("prod", own.of_stack("prod"))]
    with pytest.raises(LocalError, match="the stacks are aws-local, dev, prod, staging"):
        list(environments.present("nowhere"))
    assert own.of_stack("aws-local").root.stat().st_mode & 0o077 == 0


def test_an_environment_that_was_never_started_names_the_command(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with pytest.raises(LocalError, match="make up STACK=aws-local"):
        environments.started("aws-local", layout)
    layout.run.mkdir()
    layout.run_state.touch()
    environments.started("aws-local", layout)
