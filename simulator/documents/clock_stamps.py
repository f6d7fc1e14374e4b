"""Dates and times as market operators write them: month or day first, twelve-hour clocks, days of hours 1 to 24."""

from __future__ import annotations

import re
from datetime import date

_MONTH_FIRST = re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})(?:\s+(?P<time>.+))?", re.ASCII)
_DAY_FIRST = re.compile(r"(?P<day>\d{1,2})[./](?P<month>\d{1,2})[./](?P<year>\d{4})(?:\s+(?P<time>.+))?", re.ASCII)
_TIME = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:\s*(?P<half>[AaPp][Mm]))?", re.ASCII)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY_S = 86_400


def month_first_s(text: str) -> int:
    """Return seconds of clock time since 1970-01-01 00:00 of a stamp such as 11/06/2022 01:00 or 11/6/2022 1:00:00 PM.

    >>> month_first_s("1/2/1970 1:00:00 PM")
    133200
    """
    return _stamp_s(_MONTH_FIRST.fullmatch(text.strip()), text, "11/06/2022 01:00")


def day_first_s(text: str) -> int:
    """Return seconds of clock time since 1970-01-01 00:00 of a stamp such as 30.10.2022 02:00 or 30/10/2022 02:00:00.

    >>> day_first_s("02.01.1970 13:00")
    133200
    """
    return _stamp_s(_DAY_FIRST.fullmatch(text.strip()), text, "30.10.2022 02:00")


def hour_ending_s(day: str, hour: str) -> int:
    """Return the start of an hour named by the day (month first) and the hour at which it ends, 1 to 24.

    >>> hour_ending_s("01/01/1970", "24:00"), hour_ending_s("01/01/1970", "1")
    (82800, 0)
    """
    match = re.fullmatch(r"(\d{1,2})(?::00)?", hour.strip(), re.ASCII)
    if match is None or not 1 <= int(match[1]) <= 24:
        raise ValueError(f"{hour!r} is not an hour from 1 to 24")
    return month_first_s(day) + (int(match[1]) - 1) * 3600


def _stamp_s(match: re.Match[str] | None, text: str, example: str) -> int:
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a date and time such as {example}")
    try:
        day = date(int(match["year"]), int(match["month"]), int(match["day"])).toordinal() - _EPOCH_DAY
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is no date: {error}") from None
    return day * _DAY_S + (0 if match["time"] is None else _time_s(match["time"], text))


def _time_s(time: str, text: str) -> int:
    match = _TIME.fullmatch(time)
    if match is None:
        raise ValueError(f"{text[:40]!r} has no time of day such as 13:00 or 1:00:00 PM")
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if match["half"] is not None:
        if not 1 <= hour <= 12:
            raise ValueError(f"{text[:40]!r} has an hour outside 1 to 12 on a twelve-hour clock")
        hour = hour % 12 + (12 if match["half"].lower() == "pm" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{text[:40]!r} has a time of day outside 00:00:00 to 23:59:59")
    return hour * 3600 + minute * 60 + second
