from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.tools.versions import Accept, Version, ask, parse
from tests.local_tools.conftest import script

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.259.0", Version(3, 259, 0)),
        ("etcd Version: 3.6.16\nGit SHA: 1.2\nGo Version: go1.26.8", Version(3, 6, 16)),
        ("Kubernetes v1.36.3", Version(1, 36, 3)),
        ("OpenBao v2.7.2 (9e0a0d3c3504), committed 2026-10-26T20:32:27Z", Version(2, 7, 2)),
        ("go version go1.26.8 linux/amd64", Version(1, 26, 8)),
        ("go version go1.27 linux/amd64", Version(1, 27, 0)),
        ("v3.260.0-alpha.1", Version(3, 260, 0)),
        ("listening on 127.0.0.1", None),
        ("no version", None),
    ],
)
def test_what_tools_say_is_read(text: str, version: Version | None) -> None:
    assert parse(text) == version


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    parse(text)


@given(st.tuples(*[st.integers(0, 10**6)] * 3))
def test_a_version_is_read_back(parts: tuple[int, int, int]) -> None:
    assert parse(f"tool v{Version(*parts)} (abc)") == Version(*parts)


@pytest.mark.parametrize(
    ("accept", "found", "fits"),
    [
        (Accept.SameMinor, Version(3, 6, 16), True),
        (Accept.SameMinor, Version(3, 6, 17), True),
        (Accept.SameMinor, Version(3, 6, 15), False),
        (Accept.SameMinor, Version(3, 7, 0), False),
        (Accept.SameMajor, Version(3, 7, 0), True),
        (Accept.SameMajor, Version(3, 5, 99), False),
        (Accept.SameMajor, Version(4, 0, 0), False),
    ],
)
def test_which_versions_will_do(accept: Accept, found: Version, *, fits: bool) -> None:
    assert accept.admits(found, Version(3, 6, 16)) is fits


def test_a_program_that_fails_or_is_none_has_no_version(tmp_path: Path) -> None:
    assert ask(script(tmp_path / "good", "#!/bin/sh\necho v1.2.3\n"), ()) == Version(1, 2, 3)
    assert ask(script(tmp_path / "failing", "#!/bin/sh\necho v1.2.3; exit 1\n"), ()) is None
    assert ask(script(tmp_path / "foreign", b"\x7fELF nonsense"), ()) is None


def test_asking_leaves_the_users_home_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    program = script(tmp_path / "p", '#!/bin/sh\nmkdir -p "$HOME/.x" "$PULUMI_HOME/.y"; echo v1.0.0\n')
    assert ask(program, ()) == Version(1, 0, 0)
    assert list((tmp_path / "home").iterdir()) == []
