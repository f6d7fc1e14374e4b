"""Sunlight, clouds and wind of a weather file: what on-site generation needs beside the air.

Clock, missing codes and the rules for corrupt rows are those of the readers of the air.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulator.documents.csv_rows import Layout, read_header, read_rows
from simulator.documents.json_file import load_json_object
from simulator.documents.text_file import FaultLog, checked_text_file, parse_number
from simulator.documents.text_table import header_fields, read_text_table
from simulator.signals import epw, open_meteo, tmy3
from simulator.signals.checked_series import make_series
from simulator.signals.columns import Clock, ValueColumn
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.quantities import CLOUD_COVER, IRRADIANCE, WIND, Quantity
from simulator.signals.series import LIMIT_BYTES, Series
from simulator.signals.settle import settle
from simulator.signals.typical_year import TypicalHours, hours_of_a_year
from simulator.units import SECONDS_PER_HOUR

SkyFormat = Literal["epw", "tmy3", "open_meteo"]

_HOUR_S = int(SECONDS_PER_HOUR)
_DAY_HOURS = 24
_LATITUDES, _LONGITUDES, _ELEVATIONS_M = (-90.0, 90.0), (-180.0, 180.0), (-1000.0, 9999.9)


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
    """A column of a file: its name, its code for a missing value, what it becomes."""

    name: str
    missing_from: float
    quantity: Quantity
    factor: float = 1.0

    def column(self, values: NDArray[np.float64]) -> ValueColumn:
        """Return the column with values at or above the code left out."""
        return ValueColumn(self.quantity, np.where(values >= self.missing_from, np.nan, values), self.factor, self.name)


_EPW_DATE = (1, 2, 3)
_EPW_FIELDS = {
    13: _Field("global horizontal radiation", 9999.0, IRRADIANCE),
    14: _Field("direct normal radiation", 9999.0, IRRADIANCE),
    22: _Field("total sky cover", 99.0, CLOUD_COVER, 0.1),
    21: _Field("wind speed", 999.0, WIND),
}
_EPW_NAMES = {1: "month", 2: "day", 3: "hour"} | {position: field.name for position, field in _EPW_FIELDS.items()}
_EPW_LAYOUT = Layout(
    names=tuple(_EPW_NAMES.get(position, f"field {position + 1}") for position in range(35)),
    first_line=9,
    stamp=None,
    numbers=(*_EPW_DATE, *_EPW_FIELDS),
    optional=frozenset(_EPW_FIELDS),
)
_TMY3_FIELDS = (
    _Field("GHI (W/m^2)", np.inf, IRRADIANCE),
    _Field("DNI (W/m^2)", np.inf, IRRADIANCE),
    _Field("TotCld (tenths)", 99.0, CLOUD_COVER, 0.1),
    _Field("Wspd (m/s)", np.inf, WIND),
)
_OPEN_METEO_FIELDS = {
    ("shortwave_radiation",): ({"W/m²": 1.0}, IRRADIANCE),
    ("direct_normal_irradiance",): ({"W/m²": 1.0}, IRRADIANCE),
    ("cloud_cover", "cloudcover"): ({"%": 0.01}, CLOUD_COVER),
    ("wind_speed_10m", "windspeed_10m"): ({"km/h": 1.0 / 3.6, "m/s": 1.0, "ms": 1.0, "kn": 0.514444}, WIND),
}


def read_sky(path: str | Path, form: SkyFormat, corrupt: CorruptRule = "refuse") -> SkySeries:
    """Return sunlight, clouds and wind of a weather file.

    EPW and TMY3 name the hour that ends; their values hold from its beginning. Open-Meteo states radiation as the mean
    of the hour that *ends* at the stamp, cover and wind at the stamp, from which they are taken to hold.

    Args:
        path: the file, whose air another reader has read.
        form: its format.
        corrupt: what to do about rows that cannot be right.
    """
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    sky = {"epw": _read_epw, "tmy3": _read_tmy3, "open_meteo": _read_open_meteo}[form](file, findings)
    findings.log.raise_if_any()
    return sky


def _read_epw(file: Path, findings: Findings) -> SkySeries:
    log = findings.log
    offset_s = epw.header_offset_s(file, log)
    log.raise_if_any()
    place = _place(read_header(file), (6, 7, 9), log)
    rows = read_rows(file, _EPW_LAYOUT, log, findings.rows)
    lines = np.asarray(rows.lines)
    month, day, hour = rows.numbers[:3]
    sound, starts_utc_s = hours_of_a_year(TypicalHours(month, day, hour, lines), offset_s, log)
    columns = tuple(
        field.column(values[sound]) for field, values in zip(_EPW_FIELDS.values(), rows.numbers[3:], strict=True)
    )
    return _sky(place, columns, Clock(starts_utc_s, lines[sound], _HOUR_S, offset_s, typical_year=True), findings)


def _read_tmy3(file: Path, findings: Findings) -> SkySeries:
    log = findings.log
    offset_s = tmy3.header_offset_s(file, log)
    log.raise_if_any()
    place = _place(header_fields(file), (4, 5, 6), log)
    header = header_fields(file, 2)
    there = [field.name for field in _TMY3_FIELDS if field.name in header]
    table = read_text_table(file, (tmy3.DATE, tmy3.TIME, *there), log, header_line=2)
    sound, starts_utc_s = hours_of_a_year(tmy3.hours_of(table, log), offset_s, log)
    absent = np.full(len(table.lines), np.nan)
    columns = tuple(
        field.column((table.numbers(field.name, findings.rows, tmy3.MISSING) if field.name in there else absent)[sound])
        for field in _TMY3_FIELDS
    )
    return _sky(place, columns, Clock(starts_utc_s, table.lines[sound], _HOUR_S, offset_s, typical_year=True), findings)


def _read_open_meteo(file: Path, findings: Findings) -> SkySeries:
    log = findings.log
    content = load_json_object(file, log.file, "a weather file")
    offset_s = int(open_meteo.header_number(content, "utc_offset_seconds", (-43_200.0, 50_400.0), log))
    keys = {"latitude": _LATITUDES, "longitude": _LONGITUDES, "elevation": _ELEVATIONS_M}
    latitude, longitude, elevation_m = (open_meteo.header_number(content, *item, log) for item in keys.items())
    hourly, units = (open_meteo.json_mapping(content, key, log) for key in ("hourly", "hourly_units"))
    log.raise_if_any()
    starts_utc_s = open_meteo.starts_utc_s(hourly.get("time", []), offset_s, log)
    log.raise_if_any()
    columns = []
    for names, (factors, quantity) in _OPEN_METEO_FIELDS.items():
        name = next((name for name in names if name in hourly), None)
        values, factor = np.full(len(starts_utc_s), np.nan), 1.0
        if name is not None:
            factor = factors.get(str(units.get(name)), 0.0)
            if not factor:
                log.add(f"must be in {' or '.join(factors)}, got {units.get(name)!r}", path=f"hourly_units.{name}")
            elif not isinstance(hourly[name], list) or len(hourly[name]) != len(starts_utc_s):
                log.add(f"must be a list of {len(starts_utc_s)} values, one for each time", path=f"hourly.{name}")
            else:
                values = open_meteo.json_numbers(hourly, name, findings.rows)
        columns.append(ValueColumn(quantity, values, factor or 1.0, f"hourly.{name or names[0]}"))
    sky = _sky(
        (latitude, longitude, elevation_m), tuple(columns), Clock(starts_utc_s, None, _HOUR_S, offset_s), findings
    )
    last_s = int(starts_utc_s.max(initial=0))
    level, beam = (_of_the_hour_before(series, last_s) for series in (sky.global_horizontal, sky.direct_normal))
    return replace(sky, global_horizontal=level, direct_normal=beam)


def _of_the_hour_before(series: Series | None, last_s: int) -> Series | None:
    """Return means of the hour that ends at each stamp; the hour after the last stamp is that of a day before."""
    if series is None:
        return None
    starts_utc_s, values = series.starts_utc_s - _HOUR_S, series.values
    day_before = np.flatnonzero(starts_utc_s == last_s - _DAY_HOURS * _HOUR_S)
    if not len(day_before) or starts_utc_s[-1] != last_s - _HOUR_S:
        return replace(series, starts_utc_s=starts_utc_s)
    return replace(series, starts_utc_s=np.append(starts_utc_s, last_s), values=np.append(values, values[day_before]))


def _sky(
    place: tuple[float, float, float], columns: tuple[ValueColumn, ...], clock: Clock, findings: Findings
) -> SkySeries:
    """Return the series of the columns that have a value, or raise all faults of the file."""
    settled, clock = settle(columns, clock, findings)
    findings.log.raise_if_any()
    series = (None if np.isnan(column.values).all() else make_series(column, clock, findings) for column in settled)
    return SkySeries(*place, *series)


def _place(fields: tuple[str, ...], positions: tuple[int, int, int], log: FaultLog) -> tuple[float, float, float]:
    """Return latitude, longitude and elevation from fields of the first line."""
    found = []
    allowed = (("latitude", _LATITUDES), ("longitude", _LONGITUDES), ("elevation", _ELEVATIONS_M))
    for position, (name, (low, high)) in zip(positions, allowed, strict=True):
        try:
            value = parse_number(fields[position])
            if not low <= value <= high:
                raise ValueError(f"{value:g} is outside {low:g} to {high:g}")
        except ValueError as error:
            log.add(str(error), 1, name)
            value = 0.0
        found.append(value)
    return found[0], found[1], found[2]
