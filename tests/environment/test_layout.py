"""Where the environment keeps its files, and who may read them."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from local.errors import DiskFull, LocalError
from local.layout import ROOT_VARIABLE, Layout, explain, write_private

pytestmark = pytest.mark.unit


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_folder_belongs_to_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        layout = Layout(tmp_path / "new" / "root")
        layout.prepare()
    finally:
        os.umask(before)
    folders = [layout.root, *(path for path in layout.root.rglob("*") if path.is_dir())]
    assert {_mode(folder) for folder in folders} == {0o700}
    assert len(folders) > 8


def test_a_folder_that_was_opened_to_others_is_closed_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "root")
    layout.prepare()
    layout.pki.chmod(0o755)
    layout.prepare()
    assert _mode(layout.pki) == 0o700


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_root_that_is_no_folder_of_its_own_is_refused(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "root"
    if kind == "link":
        (tmp_path / "elsewhere").mkdir()
        root.symlink_to(tmp_path / "elsewhere")
    else:
        root.touch()
    with pytest.raises(LocalError, match="not a folder of its own"):
        Layout(root).prepare()


def test_private_files_are_for_their_owner_and_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    before = os.umask(0)
    try:
        write_private(path, "first")
        write_private(path, b"second")
    finally:
        os.umask(before)
    assert path.read_text() == "second"
    assert _mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    write_private(path, "first")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match="no room left") as caught:
        write_private(path, "second")
    assert str(path) in str(caught.value)
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_may_not_be_written_says_how_to_get_it_back() -> None:
    error = explain(PermissionError(errno.EACCES, "Permission denied"), Path("/x/.local/pki"))
    assert not isinstance(error, DiskFull)
    assert "/x/.local/pki" in str(error)
    assert "ls -ld" in str(error)


def test_a_variable_puts_the_environment_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    assert Layout.of_project(tmp_path).root == tmp_path / ".local"
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "other"))
    assert Layout.of_project(tmp_path).root == tmp_path / "other"
