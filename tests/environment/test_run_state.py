"""What is remembered between commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as some

from local.environment.processes import ProcessIdentity
from local.environment.run_state import PartRecord, RunState

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

RECORDS = some.builds(
    PartRecord,
    process=some.builds(ProcessIdentity, pid=some.integers(1, 2**22), started=some.text(max_size=40)),
    since=some.floats(0, 4e9),
    log_offset=some.integers(0, 2**40),
)
NAMES = some.text(min_size=1, max_size=20)
STATES = some.builds(
    RunState, ports=some.dictionaries(NAMES, some.integers(1, 65535)), parts=some.dictionaries(NAMES, RECORDS)
)


@given(STATES)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, state: RunState) -> None:
    path = tmp_path_factory.mktemp("state") / "state.json"
    state.write(path)
    assert RunState.read(path) == state


def test_no_file_means_nothing_runs(tmp_path: Path) -> None:
    assert RunState.read(tmp_path / "none") == RunState()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"version": 99, "ports": {}, "parts": {}}',
        '{"version": 1, "ports": [], "parts": {}}',
    ],
)
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)
    assert RunState.read(path) == RunState()


@given(some.dictionaries(NAMES, some.none() | some.integers() | some.text() | some.lists(some.integers())))
def test_any_object_is_read_without_a_crash(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("state") / "state.json"
    path.write_text(json.dumps({"version": 1, **document}))
    assert isinstance(RunState.read(path), RunState)


def test_ports_and_parts_are_forgotten_one_at_a_time() -> None:
    record = PartRecord(ProcessIdentity(1, "x"), 0.0)
    state = RunState(ports={"a": 1, "b": 2}, parts={"a": record, "b": record})
    assert state.with_port("a", None).ports == {"b": 2}
    assert state.with_port("a", 3).ports == {"a": 3, "b": 2}
    assert state.with_part("b", None).parts == {"a": record}
