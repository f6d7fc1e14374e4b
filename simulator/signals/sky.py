"""Sunlight, clouds and wind of a weather file: what on-site generation needs beside the air."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from simulator.documents.text_file import NS_PER_S, FaultLog, checked_text_file, parse_number, parse_stamp, refuse
from simulator.signals.quantities import CLOUD_COVER, IRRADIANCE, WIND, Quantity
from simulator.signals.series import LIMIT_BYTES, Series
from simulator.units import SECONDS_PER_HOUR

SkyFormat = Literal["epw", "tmy3", "open_meteo"]

_HOUR_S = int(SECONDS_PER_HOUR)
_DAY_HOURS = 24
_COMMON_YEAR, _LEAP_YEAR = 2001, 2000
"""Stand for a typical year, as in the readers of the air."""


@dataclass(frozen=True, slots=True)
class SkySeries:
    """What a weather file says beside the air; what it lacks is None.

    Args:
        latitude: of the place, degrees north.
        longitude: degrees east.
        elevation_m: above sea level.
        global_horizontal: irradiance on a horizontal plane.
        direct_normal: irradiance of the beam on a plane that faces the sun.
        cloud_cover: share of the sky covered.
        wind: wind at 10 m above ground.
    """

    latitude: float
    longitude: float
    elevation_m: float
    global_horizontal: Series | None
    direct_normal: Series | None
    cloud_cover: Series | None
    wind: Series | None


@dataclass(frozen=True, slots=True)
class _Field:
    """A column of a file: where it is, its code for a missing value, what it becomes."""

    name: str
    missing_from: float
    quantity: Quantity
    factor: float = 1.0


_EPW_FIELDS = {
    13: _Field("global horizontal radiation", 9999.0, IRRADIANCE),
    14: _Field("direct normal radiation", 9999.0, IRRADIANCE),
    22: _Field("total sky cover", 99.0, CLOUD_COVER, 0.1),
    21: _Field("wind speed", 999.0, WIND),
}
_TMY3_FIELDS = {
    "GHI (W/m^2)": _Field("GHI (W/m^2)", np.inf, IRRADIANCE),
    "DNI (W/m^2)": _Field("DNI (W/m^2)", np.inf, IRRADIANCE),
    "TotCld (tenths)": _Field("TotCld (tenths)", 99.0, CLOUD_COVER, 0.1),
    "Wspd (m/s)": _Field("Wspd (m/s)", np.inf, WIND),
}
_TMY3_MISSING = -9900.0
_OPEN_METEO_FIELDS = {
    ("shortwave_radiation",): ({"W/m²": 1.0}, IRRADIANCE),
    ("direct_normal_irradiance",): ({"W/m²": 1.0}, IRRADIANCE),
    ("cloud_cover", "cloudcover"): ({"%": 0.01}, CLOUD_COVER),
    ("wind_speed_10m", "windspeed_10m"): ({"km/h": 1.0 / 3.6, "m/s": 1.0, "ms": 1.0, "kn": 0.514444}, WIND),
}


def read_sky(path: str | Path, form: SkyFormat) -> SkySeries:
    """Return sunlight, clouds and wind of a weather file.

    EPW and TMY3 name the hour that ends; their values hold from its beginning. Open-Meteo states radiation as the mean
    of the hour that *ends* at the stamp, cover and wind at the stamp, from which they are taken to hold.

    Args:
        path: the file, whose air another reader has read.
        form: its format.
    """
    file = checked_text_file(path, LIMIT_BYTES)
    log = FaultLog(str(path))
    sky = {"epw": _read_epw, "tmy3": _read_tmy3, "open_meteo": _read_open_meteo}[form](file, log)
    log.raise_if_any()
    return sky


def _read_epw(file: Path, log: FaultLog) -> SkySeries:
    rows = _csv_rows(file)
    location, hours = rows[0], rows[8:]
    place = _numbers_of([location], {6: "latitude", 7: "longitude", 8: "time zone", 9: "elevation"}, log, 1)
    dates = _numbers_of(hours, {1: "month", 2: "day", 3: "hour"}, log, 9)
    names = {position: field.name for position, field in _EPW_FIELDS.items()}
    values = _numbers_of(hours, names, log, 9)
    log.raise_if_any()
    offset_s = round(float(place[8][0]) * SECONDS_PER_HOUR)
    starts = _typical_starts(dates[1], dates[2], dates[3], offset_s, log)
    fields = [(field, values[position]) for position, field in _EPW_FIELDS.items()]
    return _typical_sky(place[6][0], place[7][0], place[9][0], fields, starts, offset_s, log)


def _read_tmy3(file: Path, log: FaultLog) -> SkySeries:
    rows = _csv_rows(file)
    station, header, hours = rows[0], [name.strip() for name in rows[1]], rows[2:]
    place = _numbers_of([station], {3: "time zone", 4: "latitude", 5: "longitude", 6: "elevation"}, log, 1)
    for name in ("Date (MM/DD/YYYY)", "Time (HH:MM)"):
        if name not in header:
            log.add(f"the header has no column {name!r}", line=2)
    log.raise_if_any()
    date, time = header.index("Date (MM/DD/YYYY)"), header.index("Time (HH:MM)")
    try:
        month, day = (np.array([float(row[date].split("/")[part]) for row in hours]) for part in (0, 1))
        hour = np.array([float(row[time].split(":")[0]) for row in hours])
    except (ValueError, IndexError):
        raise refuse(log.file, "has a row without a date and time such as 01/31/1990,24:00") from None
    offset_s = round(float(place[3][0]) * SECONDS_PER_HOUR)
    positions = {header.index(name): name for name in _TMY3_FIELDS if name in header}
    values = _numbers_of(hours, positions, log, 3)
    log.raise_if_any()
    absent = np.full(len(hours), np.nan)
    found = {name: np.where(values[at] <= _TMY3_MISSING, np.nan, values[at]) for at, name in positions.items()}
    fields = [(field, found.get(name, absent)) for name, field in _TMY3_FIELDS.items()]
    starts = _typical_starts(month, day, hour, offset_s, log)
    return _typical_sky(place[4][0], place[5][0], place[6][0], fields, starts, offset_s, log)


def _typical_sky(
    latitude: float,
    longitude: float,
    elevation_m: float,
    fields: list[tuple[_Field, NDArray[np.float64]]],
    starts_utc_s: NDArray[np.int64],
    utc_offset_s: int,
    log: FaultLog,
) -> SkySeries:
    series = []
    for field, values in fields:
        present = np.where(values >= field.missing_from, np.nan, values) * field.factor
        series.append(_series(field.quantity, present, starts_utc_s, utc_offset_s, log, typical_year=True))
    return SkySeries(float(latitude), float(longitude), float(elevation_m), *series)


def _read_open_meteo(file: Path, log: FaultLog) -> SkySeries:
    content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8-sig"))
    hourly, units = content["hourly"], content["hourly_units"]
    try:
        place = [float(content[name]) for name in ("latitude", "longitude", "elevation")]
    except (KeyError, TypeError, ValueError):
        raise refuse(log.file, "must state latitude, longitude and elevation as numbers") from None
    offset_s = int(content["utc_offset_seconds"])
    starts = np.array([parse_stamp(str(text))[0] // NS_PER_S - offset_s for text in hourly["time"]], dtype=np.int64)
    series: list[Series | None] = []
    for names, (factors, quantity) in _OPEN_METEO_FIELDS.items():
        name = next((name for name in names if name in hourly), None)
        if name is None:
            series.append(None)
            continue
        factor = factors.get(str(units.get(name)))
        if factor is None:
            log.add(f"must be in {' or '.join(factors)}, got {units.get(name)!r}", path=f"hourly_units.{name}")
            continue
        values = np.array([np.nan if value is None else float(value) for value in hourly[name]]) * factor
        begins = starts
        if quantity is IRRADIANCE:
            # The mean of the hour before each stamp; the file's last hour has none and is taken from the day before.
            begins = np.concatenate((starts - _HOUR_S, starts[-1:]))
            values = np.concatenate((values, values[-_DAY_HOURS : -_DAY_HOURS + 1]))
        series.append(_series(quantity, values, begins, offset_s, log))
    log.raise_if_any()
    return SkySeries(place[0], place[1], place[2], *series)


def _series(
    quantity: Quantity,
    values: NDArray[np.float64],
    starts_utc_s: NDArray[np.int64],
    utc_offset_s: int,
    log: FaultLog,
    typical_year: bool = False,
) -> Series | None:
    present = ~np.isnan(values)
    if not present.any():
        return None
    outside = present & ~((values >= quantity.low) & (values <= quantity.high))
    log.add_rows(
        outside, lambda row: (f"hour {row + 1}: {values[row]:g} is outside the range of {quantity.name}", None)
    )
    return Series(
        file=log.file,
        quantity=quantity,
        starts_utc_s=starts_utc_s[present],
        values=values[present],
        lines=None,
        step_s=_HOUR_S,
        utc_offset_s=utc_offset_s,
        typical_year=typical_year,
    )


def _csv_rows(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as handle:
        rows = [row for row in csv.reader(handle) if row]
    if len(rows) < 10:
        raise refuse(str(file), f"has {len(rows)} lines, too few for a weather file")
    return rows


def _numbers_of(
    rows: list[list[str]], positions: Mapping[int, str], log: FaultLog, first_line: int
) -> dict[int, NDArray[np.float64]]:
    """Return columns of numbers; what is none is recorded."""
    columns = {position: np.full(len(rows), np.nan) for position in positions}
    for index, row in enumerate(rows):
        for position, name in positions.items():
            try:
                columns[position][index] = parse_number(row[position])
            except (ValueError, IndexError) as error:
                log.add(str(error), first_line + index, name)
    return columns


def _typical_starts(
    month: NDArray[np.float64],
    day: NDArray[np.float64],
    hour: NDArray[np.float64],
    utc_offset_s: int,
    log: FaultLog,
) -> NDArray[np.int64]:
    """Return the start of each hour in UTC seconds of the stand-in year; `hour` names its end."""
    if not (((month >= 1) & (month <= 12)) & ((day >= 1) & (day <= 31)) & ((hour >= 1) & (hour <= 24))).all():
        raise refuse(log.file, "has a row that is no hour of a year")
    year = _LEAP_YEAR if ((month == 2) & (day == 29)).any() else _COMMON_YEAR
    months = (np.datetime64(f"{year}-01", "M") + (month.astype(np.int64) - 1)).astype("datetime64[s]").astype(np.int64)
    starts: NDArray[np.int64] = months + ((day.astype(np.int64) - 1) * 24 + hour.astype(np.int64) - 1) * _HOUR_S
    return starts - utc_offset_s
