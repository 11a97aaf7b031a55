"""The command line, as typed: what it prints where, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from local.environment import Environment, processes
from local.environment.parts import ORDER
from local.layout import PROJECT, ROOT_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


def _command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", *words],
        cwd=PROJECT,
        env={**os.environ, ROOT_VARIABLE: str(root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "it's local"  # a path that has to be quoted


@pytest.fixture(autouse=True)
def _stopped_afterwards(root: Path) -> object:
    yield
    if root.is_dir():
        Environment(root).stop()


def test_a_whole_life_from_up_to_clean(root: Path) -> None:
    first = _command(root, "up", "--no-stack")
    assert first.returncode == 0, first.stderr
    assert all(f"✓ {part}" in first.stderr for part in ORDER)

    second = _command(root, "up", "--no-stack", "--json")
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout)["started"] == []

    status = _command(root, "status", "--json")
    parts = json.loads(status.stdout)
    assert status.returncode == 0
    assert [part["part"] for part in parts] == list(ORDER)
    assert all(part["state"] == "ready" and part["memory"] > 0 for part in parts)

    exported = _command(root, "env")
    assert exported.stderr == ""
    assert all(line.startswith(("export ", "unset ")) for line in exported.stdout.splitlines())
    shell = 'eval "$1"; command -v pulumi; bao token lookup -format=json'
    answer = subprocess.run(["/bin/sh", "-c", shell, "sh", exported.stdout], capture_output=True, text=True, check=True)
    program, _, document = answer.stdout.partition("\n")
    assert program == f"{root}/bin/pulumi"
    assert json.loads(document)["data"]["policies"] == ["root"]

    assert "embed/config.go" in _command(root, "log", "etcd", "-n", "1000").stdout
    assert len(_command(root, "log", "etcd", "-n", "1").stdout.splitlines()) == 1
    assert _command(root, "down").returncode == 0
    assert _command(root, "down").stdout == "Nothing was running.\n"
    stopped = _command(root, "status")
    assert stopped.returncode == 1
    assert stopped.stdout.count("stopped") == len(ORDER)
    assert _command(root, "clean").returncode == 0
    assert not root.exists()
    assert _command(root, "clean").stdout == "Nothing to remove.\n"


def test_up_brings_the_dev_stack_to_a_table_and_finds_it_unchanged_afterwards(root: Path) -> None:
    committed = (PROJECT / "Pulumi.dev.yaml").read_bytes()
    first = _command(root, "up")
    assert first.returncode == 0, first.stderr
    assert "mysecretfoobar" in first.stdout
    assert 'eval "$(make -s env)"' in first.stdout

    _command(root, "down")
    again = _command(root, "up", "--json")
    assert again.returncode == 0, again.stderr
    document = json.loads(again.stdout)
    assert document["unchanged"] is True, document["changes"]
    assert set(document["started"]) == set(ORDER)
    assert "mysecretfoobar" in json.dumps(document["secrets"])
    assert (PROJECT / "Pulumi.dev.yaml").read_bytes() == committed

    exported = _command(root, "env").stdout
    shell = 'eval "$1"; pulumi destroy --yes --skip-preview >&2 && pulumi stack export'
    answer = subprocess.run(
        ["/bin/sh", "-c", shell, "sh", exported], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert not json.loads(answer.stdout)["deployment"].get("resources")


def test_up_goes_on_from_where_an_interrupt_left_it(root: Path) -> None:
    command = [sys.executable, "-m", "local", "up", "--no-stack"]
    child = subprocess.Popen(
        command, cwd=PROJECT, env={**os.environ, ROOT_VARIABLE: str(root)}, stderr=subprocess.PIPE, text=True
    )
    assert child.stderr is not None
    for line in child.stderr:
        if "etcd" in line and "✓" in line and "tools" not in line:
            break
    child.send_signal(signal.SIGINT)
    rest = child.stderr.read()
    child.stderr.close()
    assert child.wait(timeout=60) == 130, rest
    assert "interrupted" in rest

    again = _command(root, "up", "--no-stack")
    assert again.returncode == 0, again.stderr
    for part in ORDER:
        leaders = [each for each in processes.marked(f"{root}:{part}") if os.getsid(each.pid) == each.pid]
        assert len(leaders) == 1, part


def test_two_ups_at_once_do_not_step_on_each_other(root: Path) -> None:
    with Environment(root).exclusive("make up"):
        other = _command(root, "up", "--no-stack")
    assert other.returncode == 1
    assert "`make up` (pid" in other.stderr
    assert "wait for it to end" in other.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["env"], 1, "start it with `make up`"),
        (["log", "etcd"], 1, "it has no log yet"),
        (["log", "kubelet"], 2, "invalid choice"),
        (["sideways"], 2, "invalid choice"),
        ([], 2, "required"),
    ],
)
def test_a_command_that_cannot_work_says_so_on_standard_error(
    root: Path, words: list[str], code: int, said: str
) -> None:
    answer = _command(root, *words)
    assert answer.returncode == code
    assert answer.stdout == ""
    assert said in answer.stderr


def test_a_root_that_may_not_be_made_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = _command(tmp_path / "file" / "root", "up", "--no-stack")
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: ")
    assert "Traceback" not in answer.stderr


def test_colours_are_left_out_where_nobody_sees_them(root: Path) -> None:
    assert "\x1b" not in _command(root, "status").stdout
