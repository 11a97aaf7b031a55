"""The command line: ``python -m secretsync controller | crds | status | render | explain``."""

from __future__ import annotations

from secretsync.cli.commands import main

__all__ = ["main"]
