"""What the program's own syncs keep is what the rule about them knows, in both of their forms."""

from __future__ import annotations

import pytest

from components.dynamic.records import Item, columns
from policies.rules import synced_secret_state
from tests.policy.resources import Given, synced_secret, synced_secret_set, violations

pytestmark = pytest.mark.policy

FULL = Item(
    declaration=synced_secret().inputs["declaration"],
    target="demo/es",
    keys=("k",),
    versions={"SecretStore/demo/s foo": "3"},
    fingerprint="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    drift="the key k was changed",
    rotated=("k",),
    problem="the token does not allow read",
)
STORES = {"SecretStore/demo/s": "9f86d081884c7d65"}


def test_everything_that_a_sync_keeps_is_known() -> None:
    inputs = {**FULL.row(), "stores": STORES}
    assert violations(synced_secret_state.POLICY, Given(synced_secret().type, inputs)) == []


def test_everything_that_a_set_keeps_is_known() -> None:
    inputs = {**columns({"demo/es": FULL.row()}), "stores": STORES}
    assert violations(synced_secret_state.POLICY, Given(synced_secret_set().type, inputs)) == []
