"""Every function a template can call, by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from secretsync.template import (
    functions_core,
    functions_data,
    functions_dates,
    functions_eso,
    functions_numbers,
    functions_regexp,
    functions_secrets,
    functions_strings,
    functions_web,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsync.template.functions import Function

_MODULES: Final = (
    functions_core,
    functions_strings,
    functions_numbers,
    functions_data,
    functions_regexp,
    functions_dates,
    functions_web,
    functions_secrets,
    functions_eso,
)

FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(
    {function.name: function for module in _MODULES for function in module.functions()}
)
"""By name, in the order of the reference. `env`, `expandenv` and `getHostByName` are absent, as in ESO."""

NAMES: Final = frozenset(FUNCTIONS)
