"""The templates of a webhook: over named groups of texts, and lenient about what is not there.

Elsewhere templates see one map of texts and fail on a missing key. Upstream renders these ones with Go's defaults: a
missing group or key is nothing, false in a condition and ``<no value>`` where it is written.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from secretsync.errors import TemplateError
from secretsync.template.compiling import Program
from secretsync.template.failures import ExecutionFailure
from secretsync.template.govalues import StringMap
from secretsync.template.registry import FUNCTIONS
from secretsync.template.render import parsed, template_error

if TYPE_CHECKING:
    from collections.abc import Mapping


@lru_cache(maxsize=128)
def _program(template: str) -> Program:
    return Program(template, FUNCTIONS, parsed(template), missing_keys=True)


def render(template: str, data: Mapping[str, Mapping[str, str]], *, name: str) -> bytes:
    """The rendered template.

    Args:
        template: a Go template.
        data: groups of texts.
        name: what errors call the template.

    Raises:
        TemplateError: it does not parse, does not execute, or exceeds its bounds.
    """
    groups = {group: StringMap(texts) for group, texts in data.items()}
    try:
        return _program(template).render(groups)  # type: ignore[arg-type]  # a map of maps; execution reads members only
    except ExecutionFailure as failure:
        raise template_error(failure, template, name) from None
    except (RecursionError, UnicodeEncodeError):
        raise TemplateError(
            "the template nests too deeply or makes a text that is not UTF-8",
            place=f"template {name}",
            remedy="simplify the template",
        ) from None
