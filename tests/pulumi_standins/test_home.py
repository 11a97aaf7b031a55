"""Which parts a project's own Pulumi home gets."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from local.errors import LocalError
from local.layout import Layout
from local.pulumi import home as home_module
from local.pulumi.home import MARK, Origin, Part, PulumiHome, environment, prepare, sdk_version

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

PLUGINS = 3
"""Provider plugins: aws, kubernetes and vault."""

# An engine that counts its installs, and makes a plugin where it is told to.
ENGINE = """#!/bin/sh
echo "$@" >> "{calls}"
{body}
"""
INSTALLS = 'd="$PULUMI_HOME/plugins/resource-$4-v$5"; mkdir -p "$d"; printf "#!/bin/sh\\n" > "$d/pulumi-resource-$4"; '
INSTALLS += 'chmod +x "$d/pulumi-resource-$4"'


class Bench:
    """A layout, an engine of our own making, and an empty home of the user."""

    def __init__(self, root: Path, body: str = "exit 1") -> None:
        self.root = root
        self.layout = Layout(root / ".local")
        self.layout.prepare()
        self.calls = root / "calls"
        self.engine = root / "engine" / "pulumi"
        self.scripts = root / "scripts"
        self.users = root / "users"
        for folder in (self.engine.parent, self.scripts, self.users):
            folder.mkdir()
        self.engine.write_text(ENGINE.format(calls=self.calls, body=body))
        self.engine.chmod(0o755)
        for name in ("pulumi-language-python-exec", "pulumi-resource-pulumi-python"):
            (self.scripts / name).write_text("#!/bin/sh\n")

    def prepare(self, *, install: bool = True) -> PulumiHome:
        return prepare(self.layout, engine=self.engine, scripts=self.scripts, user_home=self.users, install=install)

    def official(self, package: str, version: str) -> Path:
        """An official plugin in the user's home."""
        folder = self.users / "plugins" / f"resource-{package}-v{version}"
        folder.mkdir(parents=True)
        program = folder / f"pulumi-resource-{package}"
        program.write_text("official")
        program.chmod(0o755)
        return program


def part(home: PulumiHome, name: str) -> Part:
    return next(found for found in home.parts if found.name == name)


def test_without_anything_official_all_parts_are_stand_ins_and_say_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    made = bench.prepare()
    assert [found.origin for found in made.parts] == [Origin.STAND_IN] * (1 + PLUGINS)
    assert made.stand_ins == made.parts
    for found in made.parts:
        assert found.path.parent.joinpath(MARK).exists()
        assert os.access(found.path, os.X_OK)
    kubernetes = part(made, "resource kubernetes")
    assert kubernetes.version == sdk_version("kubernetes")
    assert kubernetes.path.parent.name == f"resource-kubernetes-v{kubernetes.version}"
    assert str(kubernetes).startswith(
        f"resource kubernetes {kubernetes.version}: stand-in, the official plugin is not in"
    )
    assert "installing it failed" in str(kubernetes)


def test_the_engine_writes_no_log_by_itself(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    logs = bench.layout.pulumi_home / "logs"
    logs.mkdir(parents=True)
    (logs / "pulumi-20260101T000000-1-up.log").write_text("what an earlier run wrote")
    for _ in range(2):
        bench.prepare()
        assert "costs a third" in logs.read_text()
        assert logs.stat().st_mode & 0o777 == 0o600


def test_a_stand_in_starts_from_its_launcher(tmp_path: Path) -> None:
    found = part(Bench(tmp_path).prepare(install=False), "resource vault")
    process = subprocess.Popen([found.path, "127.0.0.1:1"], stdout=subprocess.PIPE, cwd=tmp_path)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdigit()
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_a_refused_install_is_not_tried_again_for_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)
    bench.prepare()
    assert len(bench.calls.read_text().splitlines()) == PLUGINS
    again = bench.prepare()
    assert len(bench.calls.read_text().splitlines()) == PLUGINS
    assert "failed within the last day" in part(again, "resource vault").told
    refused = bench.layout.pulumi_home / "install-refused.json"
    late = {key: then - home_module.REFUSAL_LASTS for key, then in json.loads(refused.read_text()).items()}
    refused.write_text(json.dumps(late))
    bench.prepare()
    assert len(bench.calls.read_text().splitlines()) == 2 * PLUGINS


def test_a_damaged_memory_of_refusals_is_forgotten(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.layout.pulumi_home.mkdir()
    (bench.layout.pulumi_home / "install-refused.json").write_text("[1")
    assert len(bench.prepare().stand_ins) == 1 + PLUGINS


def test_an_install_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_module, "INSTALL_DEADLINE", 0.3)
    bench = Bench(tmp_path, "exec sleep 60")
    began = time.monotonic()
    made = bench.prepare()
    assert time.monotonic() - began < 10
    assert "took more than" in part(made, "resource vault").told


def test_an_installed_plugin_is_used_and_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path, INSTALLS)
    made = bench.prepare()
    assert part(made, "resource vault").origin is Origin.OFFICIAL
    again = bench.prepare()
    assert part(again, "resource vault").told == "already in the project's home"
    assert len(bench.calls.read_text().splitlines()) == PLUGINS


def test_the_network_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, INSTALLS)
    monkeypatch.setenv(home_module.NO_DOWNLOAD, "1")
    made = prepare(bench.layout, engine=bench.engine, scripts=bench.scripts, user_home=bench.users)
    assert not bench.calls.exists()
    assert "switched off" in part(made, "resource vault").told


def test_the_user_s_plugin_replaces_a_stand_in_and_the_user_s_home_stays_as_it_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.prepare(install=False)
    program = bench.official("vault", sdk_version("vault"))
    before = sorted(path for path in bench.users.rglob("*"))
    found = part(bench.prepare(install=False), "resource vault")
    assert found.origin is Origin.OFFICIAL
    assert found.path.read_text() == "official"
    assert not found.path.parent.is_symlink(), "the engine ignores a linked folder"
    assert not found.path.parent.joinpath(MARK).exists()
    assert sorted(path for path in bench.users.rglob("*")) == before
    assert program.read_text() == "official"


@pytest.mark.parametrize("flaw", ["version", "partial", "mode"])
def test_a_plugin_of_another_version_or_an_unfinished_one_is_not_used(tmp_path: Path, flaw: str) -> None:
    bench = Bench(tmp_path)
    version = sdk_version("vault")
    program = bench.official("vault", "0.0.1" if flaw == "version" else version)
    if flaw == "partial":
        (program.parent.parent / f"{program.parent.name}.partial").touch()
    if flaw == "mode":
        program.chmod(0o644)
    assert part(bench.prepare(install=False), "resource vault").origin is Origin.STAND_IN


def test_a_language_host_beside_the_engine_is_used(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert part(bench.prepare(install=False), "language python").origin is Origin.STAND_IN
    beside = bench.engine.with_name("pulumi-language-python")
    beside.write_text("#!/bin/sh\n")
    beside.chmod(0o755)
    found = part(bench.prepare(install=False), "language python")
    assert (found.origin, found.path) == (Origin.OFFICIAL, beside)
    plugins = bench.layout.pulumi_home / "plugins"
    assert not list(plugins.glob("language-python-*")), "the stand-in of the bootstrap before is gone"


def test_the_environment_keeps_pulumi_at_home_and_off_the_network(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    made = bench.prepare(install=False)
    variables = environment(made, bench.layout)
    assert variables["PULUMI_HOME"] == str(bench.layout.pulumi_home)
    assert variables["PULUMI_BACKEND_URL"] == f"file://{bench.layout.pulumi_state}"
    assert variables["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(bench.layout.passphrase)
    assert variables["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    assert all(key.startswith("PULUMI_") and isinstance(value, str) for key, value in variables.items())


def test_a_checkout_with_blanks_and_quotes_in_its_path_works(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s a "checkout"'
    folder.mkdir()
    found = part(Bench(folder).prepare(install=False), "resource vault")
    process = subprocess.Popen([found.path, "127.0.0.1:1"], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdigit()
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_a_missing_sdk_is_named() -> None:
    with pytest.raises(LocalError, match="pulumi-nothing: it is not installed"):
        sdk_version("nothing")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.layout.pulumi_home.write_text("a file")
    with pytest.raises(LocalError, match="pulumi-home"):
        bench.prepare(install=False)
