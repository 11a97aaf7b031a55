"""One rule per module; each module has a `POLICY`, named like the module."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi_policy import Policy

POLICIES: list[Policy] = [
    importlib.import_module(f"{__name__}.{module.name}").POLICY
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name)
]
"""Every rule of the pack, by name."""
