"""How measurements are asked for, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bench import __main__ as bench
from bench.errors import BenchError
from bench.load import options

if TYPE_CHECKING:
    from pathlib import Path

    from bench.load.settings import LoadSettings

pytestmark = pytest.mark.unit

YOURS = ("--kubeconfig", "config", "--openbao", "http://127.0.0.1:1")


def settings(*words: str) -> LoadSettings:
    given = options.parser().parse_args([*words, *YOURS])
    return options.settings(given, options.given_servers(given), None)


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "from-variable")


def test_a_fifth_of_the_objects_are_keys_unless_said_otherwise() -> None:
    assert settings("cold", "--objects", "50").size.keys == 10
    assert settings("cold", "--objects", "50", "--keys", "7").size.keys == 7
    assert settings("cold", "--objects", "3").size.keys == 1


def test_no_key_is_left_without_a_reader() -> None:
    assert settings("rotate", "--objects", "5", "--keys", "200").size.keys == 5


def test_a_cold_start_is_not_disturbed_by_refreshes() -> None:
    assert settings("cold").refresh == timedelta(hours=1)
    assert settings("rotate").refresh == timedelta(seconds=15)


def test_the_token_comes_from_a_variable_or_a_file_and_is_never_shown(tmp_path: Path) -> None:
    assert settings("cold").servers.token == "from-variable"
    file = tmp_path / "token"
    file.write_text("from-file\n")
    made = settings("cold", "--token-file", str(file))
    assert made.servers.token == "from-file"
    assert "from-file" not in repr(made)


def test_the_token_is_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.parser().parse_args(["cold", "--token", "x"])
    assert "--token" in capsys.readouterr().err


def test_a_missing_token_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAULT_TOKEN")
    monkeypatch.delenv("BAO_TOKEN", raising=False)
    with pytest.raises(BenchError, match="token is missing"):
        settings("cold")


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (("cold", "--controller-pid", "1", *YOURS), "--controller-pid"),
        (("rotate", "--controller-pid", "1"), "--controller-pid"),
        (("setup",), "setup"),
        (("clean",), "clean"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_starts(words: tuple[str, ...], place: str) -> None:
    with pytest.raises(BenchError) as refused:
        options.check(options.parser().parse_args(words))
    assert refused.value.place == place


def test_a_command_is_split_as_a_shell_would() -> None:
    command = settings("cold", "--controller-command", "mine --name 'a b' {kubeconfig}").controller.command
    assert command == ("mine", "--name", "a b", "config")


def test_without_a_name_the_measurements_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("engine", "load", "platform", "bench/results/"))


def test_an_unknown_measurement_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["weather"]) == 2
    assert "weather" in capsys.readouterr().err
