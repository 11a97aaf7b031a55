"""How long a container that ended waits before it runs again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackOff:
    """The kubelet's rule: at once, then ten seconds, doubling up to five minutes; forgotten after a long good run.

    Attributes:
        base: Seconds before the second restart.
        longest: The most seconds between two restarts.
    """

    base: float = 10.0
    longest: float = 300.0

    def delay(self, ended: int) -> float:
        """Seconds to wait after the container ended for the ``ended``-th time in a row (1 for the first)."""
        if ended <= 1:
            return 0.0
        # Past this many doublings every base is over the longest delay, and the power would overflow.
        doublings = min(ended - 2, 64)
        return float(min(self.base * 2**doublings, self.longest))

    def ended_in_a_row(self, before: int, ran_seconds: float) -> int:
        """The new count of ends in a row, given the one before and how long the container ran this time."""
        return 1 if ran_seconds >= 2 * self.longest else before + 1
