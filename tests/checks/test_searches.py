"""Searches: what they match, and that it is another set than at the last sync."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.checks import Check, Previous, Severity
from secretsync.errors import StoreNotFound
from tests.checks.stage import Stage, declared, of, only

pytestmark = pytest.mark.unit

SEARCH: list[dict[str, Any]] = [{"find": {"name": {"regexp": ".*"}}}]


def remembered(*keys: str, store: str = "SecretStore/store") -> Previous:
    return Previous("team/app", keys, {f"{store} {key}": "1" for key in keys}, settled=True)


def searching(*names: str, **spec: Any) -> Stage:
    stage = Stage(declared(**{"data": [], "dataFrom": SEARCH, **spec}))
    stage.backend.values = dict.fromkeys(names, b"1")
    return stage


async def test_what_a_search_matches_is_noted() -> None:
    assert only(await searching("b", "a").first(), Check.Find, Severity.Note).problem == "matches 2: a, b"
    assert only(await searching().first(), Check.Find, Severity.Note).problem == "matches nothing"


async def test_of_many_matches_the_first_are_named() -> None:
    found = only(await searching(*(f"k{n:03}" for n in range(50))).first(), Check.Find, Severity.Note)
    assert found.problem.startswith("matches 50: k000, k001")
    assert found.problem.endswith("k019 and 30 more")


@pytest.mark.parametrize(
    ("now", "before", "changes"),
    [
        (("a", "b"), ("a", "b"), ""),
        (("a", "b"), ("a",), "b came in"),
        (("a",), ("a", "b"), "b fell out"),
        (("c",), ("a",), "c came in, a fell out"),
    ],
)
async def test_a_changed_set_is_a_warning(now: tuple[str, ...], before: tuple[str, ...], changes: str) -> None:
    found = of(await searching(*now).first(remembered(*before)), Check.Find)
    warnings = [finding.problem for finding in found if finding.severity is Severity.Warning]
    head = "the search matches other secrets than at the last sync: "
    assert warnings == ([head + changes] if changes else [])


async def test_what_is_not_remembered_is_not_compared() -> None:
    stage = searching("a")
    for previous in (None, Previous("team/app", ("b",), None, settled=True)):
        only(await stage.first(previous), Check.Find, Severity.Note)


async def test_keys_that_are_asked_for_by_name_and_those_of_other_stores_are_no_matches() -> None:
    named = [{"secretKey": "own", "remoteRef": {"key": "named"}}]
    stage = searching("a", "named", data=named)
    only(await stage.first(remembered("a", "named")), Check.Find, Severity.Note)
    both = Previous(
        "team/app", (), {"SecretStore/store a": "1", "SecretStore/store named": "1", "SecretStore/other z": "1"}
    )
    only(await stage.first(both), Check.Find, Severity.Note)


async def test_several_searches_of_a_store_are_compared_together() -> None:
    stage = searching("a", "b", dataFrom=[*SEARCH, *SEARCH])
    found = of(await stage.first(remembered("a")), Check.Find)
    assert [finding.severity for finding in found] == [Severity.Warning, Severity.Note, Severity.Note]


async def test_a_search_that_fails_hides_no_other() -> None:
    fails = {"find": {"name": {"regexp": ".*"}}, "sourceRef": {"storeRef": {"name": "closed"}}}
    stage = searching("a", dataFrom=[fails, *SEARCH])
    stage.backend.refused["closed"] = StoreNotFound("there is no such store", remedy="create it")
    found = of(await stage.first(remembered("b")), Check.Find)
    assert [finding.severity for finding in found] == [Severity.Warning, Severity.Note]


async def test_searches_of_two_stores_are_compared_apart() -> None:
    other = {"find": {"name": {"regexp": ".*"}}, "sourceRef": {"storeRef": {"name": "other"}}}
    named = {"secretKey": "b", "remoteRef": {"key": "b"}, "sourceRef": {"storeRef": {"name": "other"}}}
    stage = searching("a", "b", data=[named], dataFrom=[*SEARCH, other])
    before = {"SecretStore/store a": "1", "SecretStore/other a": "1", "SecretStore/other b": "1"}
    found = of(await stage.first(Previous("team/app", (), before)), Check.Find)
    warning = next(finding for finding in found if finding.severity is Severity.Warning)
    assert warning.problem.endswith("b came in"), "to the store where it is not asked for by name"
    assert warning.place.endswith("spec.dataFrom[0].find")
