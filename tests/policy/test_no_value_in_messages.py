"""No message repeats a value: a canary in every text of every broken case appears in none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.policy.cases import CASES
from tests.policy.places import changed, dotted, texts
from tests.policy.resources import violations
from tests.policy.test_rules import BY_NAME

if TYPE_CHECKING:
    from tests.policy.places import Path
    from tests.policy.resources import Broken

pytestmark = pytest.mark.policy

CANARY = "Canary4f1Zq8"


def _shown(name: str, each: Broken, path: Path) -> list[str]:
    """Messages with the canary, which is put behind, before and in place of the text."""
    found: list[str] = []
    for change in (lambda text: f"{text}{CANARY}", lambda text: f"{CANARY}{text}", lambda _text: CANARY):
        found += violations(BY_NAME[name], changed(each.given, path, change))
    return [message for message in found if CANARY in message]


@pytest.mark.parametrize("name", sorted(CASES))
def test_no_message_holds_a_text_of_the_inputs_but_names(name: str) -> None:
    quotes = CASES[name].quotes
    shown = {
        f"{each.how}: {dotted(path)}": messages
        for each in CASES[name].broken
        for path in texts(each.given.inputs)
        if not dotted(path).endswith(quotes) or not quotes
        if (messages := _shown(name, each, path))
    }
    assert shown == {}


@pytest.mark.parametrize("name", sorted(CASES))
def test_names_that_messages_may_hold_are_ones_they_do_hold(name: str) -> None:
    unused = [
        end
        for end in CASES[name].quotes
        if not any(
            _shown(name, each, path)
            for each in CASES[name].broken
            for path in texts(each.given.inputs)
            if dotted(path).endswith(end)
        )
    ]
    assert unused == []
