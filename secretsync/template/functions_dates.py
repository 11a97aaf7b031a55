"""sprig's functions on dates. The local zone is UTC, as in ESO's container; layouts are Go's, by gotime."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from goduration.go import SECOND, Duration
from gotime.go import Location, Time

from secretsync.template.failures import FunctionFailure
from secretsync.template.functions import Function, define
from secretsync.template.govalues import GoObject, Int64, wrap_int64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_UTC: Final = Location.load("UTC")
_NANOSECONDS: Final = 1_000_000_000
_HOUR: Final = 3600 * _NANOSECONDS
_ROUNDING: Final = (
    (24 * 365 * _HOUR, "y"),
    (24 * 30 * _HOUR, "mo"),
    (24 * _HOUR, "d"),
    (_HOUR, "h"),
    (60 * _NANOSECONDS, "m"),
    (_NANOSECONDS, "s"),
)
_DECIMAL: Final = re.compile(r"[+-]?\d{1,19}")


class Moment(GoObject):
    """Go's time.Time."""

    go_type = "time.Time"
    __slots__ = ("time",)

    def __init__(self, time: Time) -> None:
        self.time = time

    def __str__(self) -> str:
        shown = str(self.time.format("2006-01-02 15:04:05.999999999 -0700 MST"))
        return shown + shown.rsplit(" ", 2)[-2] if shown.endswith(" ") else shown

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moment) and self.time == other.time

    def __hash__(self) -> int:
        return hash(self.time)

    def to_json(self) -> str:
        """RFC 3339 with nanoseconds."""
        return str(self.time.format("2006-01-02T15:04:05.999999999Z07:00"))


class Named(GoObject):
    """time.Month, time.Weekday and time.Duration: a number that prints as a text."""

    __slots__ = ("go_type", "number", "text")
    go_kind = "int"

    def __init__(self, go_type: str, number: int, text: str) -> None:
        self.go_type = go_type  # type: ignore[misc]
        self.number = number
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and (self.go_type, self.number) == (other.go_type, other.number)

    def __hash__(self) -> int:
        return hash((self.go_type, self.number))

    def to_json(self) -> int:
        """The number."""
        return self.number


def _moment_members() -> Mapping[str, Callable[..., Any]]:
    return {
        "Year": lambda self: self.time.year,
        "Month": lambda self: Named("time.Month", int(self.time.month), str(self.time.month)),
        "Day": lambda self: self.time.day,
        "Hour": lambda self: self.time.hour,
        "Minute": lambda self: self.time.minute,
        "Second": lambda self: self.time.second,
        "YearDay": lambda self: self.time.year_day,
        "Weekday": lambda self: Named("time.Weekday", int(self.time.weekday), str(self.time.weekday)),
        "Unix": lambda self: Int64(self.time.unix()),
        "UnixMilli": lambda self: Int64(self.time.unix_milliseconds()),
        "UnixNano": lambda self: Int64(self.time.unix_nanoseconds()),
        "Format": lambda self, layout: self.time.format(_text(layout)),
        "String": str,
        "UTC": lambda self: Moment(self.time.utc()),
        "IsZero": lambda self: self.time.is_zero(),
        "AddDate": lambda self, years, months, days: Moment(self.time.add_date(years, months, days)),
        "Before": lambda self, other: self.time.before(other.time),
        "After": lambda self, other: self.time.after(other.time),
        "Equal": lambda self, other: self.time.equal(other.time),
    }


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise FunctionFailure("a layout is a string")
    return value


Moment.members = _moment_members()
Named.members = {"String": str}


def _now() -> Moment:
    return Moment(Time.from_datetime(datetime.now(UTC)))


def _instant(value: object) -> Time:
    if isinstance(value, Moment):
        return value.time
    if isinstance(value, int) and type(value) in (int, Int64):
        return Time.from_unix(int(value), location=_UTC)
    return _now().time


def _date_in_zone(layout: str, value: object, zone: str) -> str:
    try:
        location = _UTC if zone in ("", "Local", "UTC") else Location.load(zone)
    except Exception:  # noqa: BLE001 - whatever makes the zone unknown; Go falls back to UTC
        location = _UTC
    return str(_instant(value).in_location(location).format(layout))


def _parse_duration(text: str) -> int | None:
    try:
        return int(Duration.parse(text))
    except ValueError:
        return None


def _modify(change: str, moment: Moment) -> Moment:
    nanoseconds = _parse_duration(change)
    return moment if nanoseconds is None else Moment(moment.time.add(Duration(nanoseconds)))


def _must_modify(change: str, moment: Moment) -> Moment:
    if _parse_duration(change) is None:
        raise FunctionFailure("the duration is not valid")
    return _modify(change, moment)


def _age(value: object) -> int:
    elapsed = _now().time.unix_nanoseconds() - _instant(value).unix_nanoseconds()
    return min(max(elapsed, -(1 << 63)), (1 << 63) - 1)


def _ago(value: object) -> str:
    return str(Duration(_age(value)).round(SECOND))


def _duration(value: object) -> str:
    seconds = 0
    if isinstance(value, Int64):
        seconds = int(value)
    elif isinstance(value, str) and value.isascii() and _DECIMAL.fullmatch(value):
        seconds = min(max(int(value), -(1 << 63)), (1 << 63) - 1)
    return str(Duration(int(wrap_int64(seconds * _NANOSECONDS))))


def _duration_round(value: object) -> str:
    nanoseconds = 0
    if isinstance(value, str):
        nanoseconds = _parse_duration(value) or 0
    elif isinstance(value, Int64):
        nanoseconds = int(value)
    elif isinstance(value, Moment):
        nanoseconds = _age(value)
    for unit, suffix in _ROUNDING:
        if abs(nanoseconds) > unit:
            return f"{abs(nanoseconds) // unit}{suffix}"
    return "0s"


def _must_to_date(layout: str, text: str) -> Moment:
    try:
        return Moment(Time.parse_in_location(layout, text, _UTC))
    except ValueError:
        raise FunctionFailure("the date does not fit the layout") from None


def _to_date(layout: str, text: str) -> Moment:
    try:
        return _must_to_date(layout, text)
    except FunctionFailure:
        return Moment(Time.zero())


def functions() -> Iterator[Function]:
    """All functions of this module. Those that read the clock when they get no date are marked volatile."""
    family = "dates"
    day = "2006-01-02"
    yield from define(family, "() time.Time", "now", _now, volatile=True)
    yield from define(family, "(any) string", "ago", _ago, volatile=True)
    yield from define(family, "(string, any) string", "date", lambda layout, value: _date_in_zone(layout, value, "UTC"))
    yield from define(family, "(string, any, string) string", "dateInZone date_in_zone", _date_in_zone)
    yield from define(family, "(any) string", "htmlDate", lambda value: _date_in_zone(day, value, "UTC"))
    yield from define(
        family, "(any, string) string", "htmlDateInZone", lambda value, zone: _date_in_zone(day, value, zone)
    )
    yield from define(family, "(string, time.Time) time.Time", "dateModify date_modify", _modify)
    yield from define(family, "(string, time.Time) time.Time", "mustDateModify must_date_modify", _must_modify)
    yield from define(family, "(any) string", "duration", _duration)
    yield from define(family, "(any) string", "durationRound", _duration_round)
    yield from define(family, "(string, string) time.Time", "toDate", _to_date)
    yield from define(family, "(string, string) time.Time", "mustToDate", _must_to_date)
    yield from define(family, "(time.Time) string", "unixEpoch", lambda moment: str(moment.time.unix()))
