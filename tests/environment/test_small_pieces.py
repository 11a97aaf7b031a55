"""Ports, logs, the lock, exported variables."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from local.environment import EnvironmentBusy, locking, logs, ports, programs, variables
from local.environment.openbao import _quoted
from local.layout import Layout

pytestmark = pytest.mark.unit


def test_a_chosen_port_is_free_and_not_one_of_those_taken() -> None:
    first = ports.choose()
    second = ports.choose({first})
    assert first != second
    assert ports.is_free(first)


def test_a_taken_port_names_its_holder() -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        message = str(ports.taken("openbao", port))
    assert f"port {port}" in message
    assert "openbao" in message
    assert f"pid {os.getpid()}" in message
    assert ports.is_free(port)


def test_a_long_log_is_set_aside_once_and_a_short_one_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    assert logs.bound(log) == 0
    log.write_text("x" * 10)
    assert logs.bound(log, limit=10) == 10
    assert logs.bound(log, limit=9) == 0
    assert not log.exists()
    assert (tmp_path / "part.log.1").read_text() == "x" * 10


def test_the_tail_shows_the_last_lines_of_this_run_only(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_bytes(b"old run\n" + b"first\n\nsec\xffond\nthird\n")
    assert logs.tail(log, lines=2, offset=8) == ["sec\N{REPLACEMENT CHARACTER}ond", "third"]
    assert logs.tail(log, lines=9, offset=8)[0] == "first"
    assert logs.tail(log, lines=1, offset=10_000) == ["third"]
    assert logs.tail(tmp_path / "none", lines=5) == []


def test_a_second_command_is_told_who_is_at_work_and_gets_in_afterwards(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with (
        locking.exclusive(lock, "make up"),
        pytest.raises(EnvironmentBusy, match=rf"`make up` \(pid {os.getpid()}"),
        locking.exclusive(lock, "make down"),
    ):
        pass
    with locking.exclusive(lock, "make down"):
        pass


def test_the_lock_falls_with_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    code = (
        "import os, pathlib, sys; from local.environment import locking\n"
        "with locking.exclusive(pathlib.Path(sys.argv[1]), 'make up'): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(lock)], check=False)
    with locking.exclusive(lock, "make down"):
        pass


@given(
    some.dictionaries(
        some.from_regex(r"[A-Z_]{1,8}", fullmatch=True),
        some.text(some.characters(codec="utf-8", exclude_characters="\0")),
        max_size=4,
    )
)
def test_any_value_survives_the_shell(values: dict[str, str]) -> None:
    values = {f"X_{name}": value for name, value in values.items()}
    lines = "\n".join(variables.shell_lines(values))
    dump = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith('X_')}))"
    answer = subprocess.run(
        ["/bin/sh", "-c", 'eval "$1"; exec "$2" -c "$3"', "sh", lines, sys.executable, dump],
        capture_output=True, text=True, check=True, env={"LC_ALL": "C.UTF-8"},
    )  # fmt: skip

    assert json.loads(answer.stdout) == values


def test_exports_put_our_programs_first_and_keep_loopback_off_proxies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    programs.place(layout, {"pulumi": Path("/opt/pulumi"), "bao": Path("/opt/bao")})
    monkeypatch.setenv("PATH", f"{layout.bin}:/usr/bin:{layout.bin}:{tmp_path}")
    monkeypatch.setenv("NO_PROXY", "internal.example,localhost")
    exported = variables.exports(layout, vault_address="http://127.0.0.1:1", vault_token="t")
    assert exported["PATH"] == f"{layout.bin}:/usr/bin:{tmp_path}"
    assert (layout.bin / "bao").readlink() == Path("/opt/bao")
    assert exported["NO_PROXY"] == exported["no_proxy"] == "internal.example,localhost,127.0.0.1,::1"
    assert exported["PULUMI_BACKEND_URL"] == f"file://{layout.pulumi_state}"
    assert exported["PULUMI_SKIP_UPDATE_CHECK"] == "true"


def test_what_would_win_over_our_passphrase_is_unset_only_where_it_is_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in variables.UNSET:
        monkeypatch.delenv(name, raising=False)
    assert variables.shell_lines({"A": "b"}) == ["export A=b"]
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "other")
    assert variables.shell_lines({"A": "b"}) == ["unset PULUMI_CONFIG_PASSPHRASE", "export A=b"]
    assert "PULUMI_CONFIG_PASSPHRASE" not in variables.merged({}, Layout(tmp_path))


def test_a_path_with_template_signs_stays_a_path_in_the_configuration() -> None:
    assert _quoted('/a "b"/${c}/%{d}') == r'"/a \"b\"/$${c}/%%{d}"'
