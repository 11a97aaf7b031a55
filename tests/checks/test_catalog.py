"""The list of checks: each has a situation in which it speaks up, and says what the documentation quotes."""

from __future__ import annotations

from pathlib import Path

import pytest

from secretsync.checks import Check
from secretsync.checks.catalog import CATALOG, table
from tests.checks.scenarios import SCENARIOS
from tests.checks.stage import of

pytestmark = pytest.mark.unit

PAGE = Path(__file__).parents[2] / "docs" / "preview.md"


def test_every_check_is_described_once_and_in_order() -> None:
    assert [entry.check for entry in CATALOG] == list(Check)
    assert set(SCENARIOS) == set(Check)


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: str(entry.check))
async def test_a_check_says_what_its_description_quotes(entry: object) -> None:
    described = next(each for each in CATALOG if each is entry)
    found = of(await SCENARIOS[described.check](), described.check)
    assert (described.example, described.remedy) in [(finding.problem, finding.remedy) for finding in found]


@pytest.mark.parametrize("check", list(Check))
async def test_findings_weigh_as_described_and_name_their_declaration(check: Check) -> None:
    described = {entry.check: entry for entry in CATALOG}
    for finding in (await SCENARIOS[check]()).findings:
        assert finding.severity in described[finding.check].severities
        assert finding.place.startswith(f"ExternalSecret {finding.external_secret}")
        assert not finding.problem.endswith(".")
        assert not finding.remedy.endswith(".")


def test_the_page_shows_the_table() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")
