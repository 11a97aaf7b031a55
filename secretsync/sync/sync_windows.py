"""``spec.syncWindows``: the times in which a periodic refresh may, or must not, happen; cron in UTC (ESO v2.9.0)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from secretsync.api import go_duration

if TYPE_CHECKING:
    from secretsync.api import SyncWindows

_SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES: tuple[dict[str, int], ...] = (
    {},
    {},
    {},
    {name: number for number, name in enumerate(_MONTHS, 1)},
    {name: number for number, name in enumerate(_DAYS)},
)
_MINUTE = timedelta(minutes=1)
_LOOK_BACK = timedelta(days=366 * 5)


@dataclass(frozen=True, slots=True)
class _Cron:
    """One five-field expression: the values that match per field, and whether the day fields were ``*``."""

    fields: tuple[frozenset[int], ...]
    any_day_of_month: bool
    any_day_of_week: bool

    def day_matches(self, moment: datetime) -> bool:
        day = moment.day in self.fields[2]
        weekday = moment.isoweekday() % 7 in self.fields[4]
        # where both are restricted either of them suffices (cron(5), robfig/cron)
        both = self.any_day_of_month or self.any_day_of_week
        return (day and weekday) if both else (day or weekday)

    def last_before(self, moment: datetime) -> datetime | None:
        """The latest start at or before `moment`; None where there is none for years."""
        oldest = moment - _LOOK_BACK
        current = moment.replace(second=0, microsecond=0)
        while current > oldest:
            if current.month not in self.fields[3] or not self.day_matches(current):
                current = current.replace(hour=0, minute=0) - _MINUTE
            elif current.hour not in self.fields[1]:
                current = current.replace(minute=0) - _MINUTE
            elif current.minute not in self.fields[0]:
                current -= _MINUTE
            else:
                return current
        return None


def permits(windows: SyncWindows | None, moment: datetime) -> bool:
    """Whether a periodic refresh may happen at `moment`.

    A schedule or duration that cannot be read counts as a window that is never open (ESO v2.9.0). Bounds are inclusive.
    """
    if windows is None:
        return True
    active = any(is_active(window.schedule, window.duration, moment) for window in windows.windows)
    return active if str(windows.kind) == "allow" else not active


def is_active(schedule: str, duration: timedelta | str, moment: datetime) -> bool:
    """Whether a window that opens by `schedule` for `duration` is open at `moment`."""
    moment = moment.astimezone(UTC)
    try:
        length = go_duration.parse(duration) if isinstance(duration, str) else duration
        if schedule.startswith("@every "):
            return _every_is_active(go_duration.parse(schedule.removeprefix("@every ").strip()), length, moment)
        cron = _parse(schedule)
    except ValueError:
        return False
    start = cron.last_before(moment)
    return start is not None and moment <= start + length


def _every_is_active(period: timedelta, length: timedelta, moment: datetime) -> bool:
    """Periods counted from the epoch, so that every process sees the same ones."""
    period = max(period, timedelta(seconds=1))  # robfig/cron rounds up
    since = (moment - datetime(1970, 1, 1, tzinfo=UTC)) % period
    return since <= length


@lru_cache(maxsize=256)
def _parse(schedule: str) -> _Cron:
    texts = _SHORTHANDS.get(schedule.strip(), schedule).lower().split()
    if len(texts) != len(_BOUNDS):
        raise ValueError(schedule)
    fields = tuple(_field(text, bounds, names) for text, bounds, names in zip(texts, _BOUNDS, _NAMES, strict=True))
    return _Cron(fields, texts[2][0] in "*?", texts[4][0] in "*?")


def _field(text: str, bounds: tuple[int, int], names: dict[str, int]) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = int(step_text) if slash else 1
        if step < 1:
            raise ValueError(text)
        first_text, dash, last_text = span.partition("-")
        if first_text in ("*", "?"):
            if dash:
                raise ValueError(text)
            first, last = bounds
        else:
            first = _number(first_text, names)
            last = _number(last_text, names) if dash else (bounds[1] if slash else first)
        if not bounds[0] <= first <= last <= bounds[1]:
            raise ValueError(text)
        values.update(range(first, last + 1, step))
    return frozenset(values)


def _number(text: str, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isascii() or not text.isdigit():
        raise ValueError(text)
    return int(text)
