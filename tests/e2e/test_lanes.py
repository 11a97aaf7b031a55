"""Both lanes: what they write, how they follow the backend, and how they answer edits by hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.checkout import KEY, OPERATOR_SECRET, PULUMI_SECRET, Checkout, wait_until

if TYPE_CHECKING:
    from tests.e2e.checkout import Finished

pytestmark = pytest.mark.e2e

INTERVAL = 15
SLACK = 10
HEALED_WITHIN = 10


def _changed(preview: Finished) -> str:
    """The one changed resource's lines of ``preview --diff`` that tell a change."""
    summary = preview.output.partition("Resources:")[2]
    assert "~ 1 to update" in summary
    assert "to create" not in summary
    assert "to delete" not in summary
    assert "SyncedSecret: (update)" in preview.output
    return "\n".join(line for line in preview.output.splitlines() if line.lstrip().startswith(("~", "+", "-")))


def _version(platform: Checkout) -> int:
    version: int = platform.backend("GET", "secret/metadata/foo")["data"]["current_version"]
    return version


def test_both_targets_hold_the_sample(platform: Checkout) -> None:
    stored = platform.stored_value()
    assert platform.value(OPERATOR_SECRET) == stored
    assert platform.value(PULUMI_SECRET) == stored


def test_a_rotation_reaches_the_operators_target_and_the_programs_preview(platform: Checkout) -> None:
    before = _version(platform)
    rotated = platform.rotate()
    began = time.monotonic()
    preview = platform.pulumi("preview", "--diff")
    changed = _changed(preview)
    assert f'~ SecretStore/vault-backend secret/foo: "{before}" => "{before + 1}"' in changed
    assert "drift" not in changed
    assert f'[0]: "{KEY}"' in preview.output
    assert rotated not in preview.text
    assert platform.value(PULUMI_SECRET) != rotated
    wait_until(
        lambda: platform.value(OPERATOR_SECRET) == rotated,
        seconds=INTERVAL + SLACK - (time.monotonic() - began),
        what="the operator's target has the rotated value",
    )
    platform.pulumi("up", "--yes", "--skip-preview")
    assert platform.value(PULUMI_SECRET) == rotated
    assert platform.pulumi("refresh", "--preview-only").output.partition("Resources:")[2].split()[1] == "unchanged"


def test_the_operator_heals_its_target_at_once(platform: Checkout) -> None:
    stored = platform.stored_value()
    platform.edit_secret(OPERATOR_SECRET, "edited-into-the-operators-by-hand")
    wait_until(lambda: platform.value(OPERATOR_SECRET) == stored, seconds=HEALED_WITHIN, what="the edit is healed")
    platform.delete_secret(OPERATOR_SECRET)
    wait_until(lambda: platform.value(OPERATOR_SECRET) == stored, seconds=HEALED_WITHIN, what="it is there again")


def test_an_edit_of_the_programs_target_is_reported_with_key_and_editor_and_healed(platform: Checkout) -> None:
    platform.edit_secret(PULUMI_SECRET, "edited-into-the-programs-by-hand")
    assert f"key {KEY} edited by kubectl-edit" in _changed(platform.pulumi("preview", "--diff"))
    platform.pulumi("up", "--yes", "--skip-preview")
    assert platform.value(PULUMI_SECRET) == platform.stored_value()


def test_a_deleted_target_of_the_program_is_reported_and_made_again(platform: Checkout) -> None:
    platform.delete_secret(PULUMI_SECRET)
    assert '"missing"' in _changed(platform.pulumi("preview", "--diff"))
    platform.pulumi("up", "--yes", "--skip-preview")
    assert platform.value(PULUMI_SECRET) == platform.stored_value()
