"""What may leave a dynamic provider when something fails: the engine prints an exception with its traceback."""

from __future__ import annotations

import functools
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from secretsync.errors import SecretSyncError

if TYPE_CHECKING:
    from collections.abc import Callable

_P = ParamSpec("_P")
_R = TypeVar("_R")


def without_leaks(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let errors of the tree through, and of any other exception only its type and place: the engine prints both."""

    @functools.wraps(method)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(*args, **kwargs)
        except SecretSyncError as error:
            raise RuntimeError(str(error)) from None
        except Exception as error:  # noqa: BLE001 - the point of the guard
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(frame.filename).name}:{frame.lineno}"
            raise RuntimeError(f"internal error: {type(error).__name__} at {where}") from None

    return guarded
