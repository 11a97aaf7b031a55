"""What one rendering may cost.

A template that wants more is refused, so that none can hold a sync up or fill memory.
"""

from __future__ import annotations

import time
from typing import Final

from secretsync.template.failures import BudgetExceeded

MAX_TEMPLATE_BYTES: Final = 1 << 20
"""Size of a template's source. A Secret is at most 1 MiB, and so is a ConfigMap a template comes from."""

MAX_OUTPUT_BYTES: Final = 4 << 20
"""Size of a rendering, four times what a Secret can hold, so that a rendering in between may be larger."""

MAX_VALUE_BYTES: Final = 4 << 20
"""Size of a single string inside a template."""

MAX_STEPS: Final = 200_000
"""Steps of a rendering: a function call is one, a loop round is one, and text is charged by its length."""

MAX_TEMPLATE_DEPTH: Final = 60
"""Depth of nested ``{{ template }}`` calls."""

MAX_NESTING: Final = 100
"""Depth of nested blocks and parentheses in the source."""

MAX_DATA_DEPTH: Final = 200
"""Depth of lists and maps inside a value."""

MAX_LIST_ITEMS: Final = 100_000
"""Items of a list that a function makes."""

MAX_KEY_WORK: Final = 8
"""Key generations, password hashes and derivations, of some 0.1 s each; an RSA key of 4096 bits counts four."""

MAX_SECONDS: Final = 10.0
"""Wall-clock limit, the last resort behind the steps."""

TEXT_PER_STEP: Final = 512
"""Bytes of text that a function may read or write for one step; fewer where `Function.text_weight` is above 1."""

_CHECK_CLOCK_EVERY: Final = 4096


class Meter:
    """Counts what a rendering has cost so far."""

    __slots__ = ("_clock_at", "_deadline", "_key_work", "_output", "_steps")

    def __init__(self) -> None:
        self._steps = 0
        self._output = 0
        self._key_work = 0
        self._clock_at = _CHECK_CLOCK_EVERY
        self._deadline = time.monotonic() + MAX_SECONDS

    def spend(self, steps: int = 1) -> None:
        """Charge steps.

        Raises:
            BudgetExceeded: the steps or the time are used up.
        """
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise BudgetExceeded(f"the template does more than {MAX_STEPS} steps")
        if self._steps > self._clock_at:
            self._clock_at = self._steps + _CHECK_CLOCK_EVERY
            if time.monotonic() > self._deadline:
                raise BudgetExceeded(f"the template runs for more than {MAX_SECONDS:g} s")

    def text(self, length: int) -> None:
        """Charge text of a length that a function reads or makes.

        Raises:
            BudgetExceeded: it is too long, or the steps are used up.
        """
        if length > MAX_VALUE_BYTES:
            raise BudgetExceeded(f"a value inside the template is longer than {MAX_VALUE_BYTES} bytes")
        self.spend(1 + length // TEXT_PER_STEP)

    def output(self, length: int) -> None:
        """Charge output.

        Raises:
            BudgetExceeded: the rendering is too long.
        """
        self._output += length
        if self._output > MAX_OUTPUT_BYTES:
            raise BudgetExceeded(f"the rendered text is longer than {MAX_OUTPUT_BYTES} bytes")

    def keys(self, work: int) -> None:
        """Charge slow cryptography.

        Raises:
            BudgetExceeded: the template makes too many keys or hashes.
        """
        self._key_work += work
        if self._key_work > MAX_KEY_WORK:
            raise BudgetExceeded(f"the template makes more than {MAX_KEY_WORK} keys or password hashes")


def weigh(value: object) -> int:
    """How many parts a list or map has, all levels counted and shared parts counted each time, with text by its length.

    Raises:
        BudgetExceeded: there are more than `MAX_STEPS`, as where a map contains itself.
    """
    pending = [value]
    weight = 0
    while pending:
        part = pending.pop()
        weight += 1
        if isinstance(part, str):
            weight += len(part) // TEXT_PER_STEP
        elif isinstance(part, list):
            pending.extend(part)
        elif isinstance(part, dict):
            weight += len(part)
            pending.extend(part.values())
        if weight > MAX_STEPS:
            raise BudgetExceeded(f"a value inside the template has more than {MAX_STEPS} parts")
    return weight


def check_items(count: int) -> None:
    """Refuse a list that would be too long before it is made.

    Raises:
        BudgetExceeded: it has more than `MAX_LIST_ITEMS` items.
    """
    if count > MAX_LIST_ITEMS:
        raise BudgetExceeded(f"a list inside the template has more than {MAX_LIST_ITEMS} items")


def check_length(length: int) -> None:
    """Refuse a text that would be too long before it is made.

    Raises:
        BudgetExceeded: it is longer than `MAX_VALUE_BYTES`.
    """
    if length > MAX_VALUE_BYTES:
        raise BudgetExceeded(f"a value inside the template is longer than {MAX_VALUE_BYTES} bytes")
