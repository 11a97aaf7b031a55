"""The cases of all rules about single resources, by the name of the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.policy import (
    cases_aws,
    cases_data_holders,
    cases_declarations,
    cases_kubernetes,
    cases_program,
    cases_stores,
    cases_vault,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.policy.resources import RuleCases

_MODULES = (
    cases_aws,
    cases_data_holders,
    cases_declarations,
    cases_kubernetes,
    cases_program,
    cases_stores,
    cases_vault,
)

CASES: Final[Mapping[str, RuleCases]] = {name: each for module in _MODULES for name, each in module.CASES.items()}
"""Rules about the whole stack are tested in ``test_outputs.py``."""
