"""What keeps a measurement from being one."""

from __future__ import annotations

from local.errors import LocalError


class BenchError(LocalError):
    """A measurement cannot be made, or would mean nothing."""
