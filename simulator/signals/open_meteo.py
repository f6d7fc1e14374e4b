"""Hourly weather as the archive of Open-Meteo returns it: JSON with lists of local times and values.

Trap. The times are local without an offset, and one fixed `utc_offset_seconds` holds for the whole file, winter and
summer alike: UTC = time - utc_offset_seconds. There is no wet bulb; without `surface_pressure` the pressure is that of
the standard atmosphere at the file's `elevation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.documents.json_file import is_number, load_json_object
from simulator.documents.text_file import NS_PER_S, FaultLog, checked_text_file, parse_stamp
from simulator.physics.psychrometrics import pressure_at_altitude_pa
from simulator.signals.columns import Clock, ValueColumn
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.quantities import DRY_BULB, PRESSURE, RELATIVE_HUMIDITY
from simulator.signals.series import LIMIT_BYTES
from simulator.signals.weather import WeatherSeries, checked_weather

_TIME, _DRY_BULB, _HUMIDITY, _PRESSURE = "time", "temperature_2m", "relative_humidity_2m", "surface_pressure"
_UNITS = {_TIME: "iso8601", _DRY_BULB: "°C", _HUMIDITY: "%", _PRESSURE: "hPa"}
_PA_PER_HPA = 100.0


def read_open_meteo(path: str | Path, corrupt: CorruptRule = "refuse") -> WeatherSeries:
    """Return the dry bulb, relative humidity and pressure of an Open-Meteo file; a null is a gap."""
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    log = findings.log
    content = load_json_object(file, log.file, "a weather file")
    offset_s = header_number(content, "utc_offset_seconds", (-43_200.0, 50_400.0), log)
    elevation_m = header_number(content, "elevation", (-1000.0, 9999.9), log)
    hourly, units = json_mapping(content, "hourly", log), json_mapping(content, "hourly_units", log)
    log.raise_if_any()
    names = [_TIME, _DRY_BULB, _HUMIDITY, *([_PRESSURE] if _PRESSURE in hourly else [])]
    lists = _lists(hourly, units, names, log)
    log.raise_if_any()

    clock = Clock(starts_utc_s(lists[_TIME], int(offset_s), log), None, 3600, int(offset_s))
    log.raise_if_any()  # without every stamp the rows of the lists no longer stand side by side
    if _PRESSURE in lists:
        pressure = ValueColumn(
            PRESSURE, json_numbers(lists, _PRESSURE, findings.rows), _PA_PER_HPA, f"hourly.{_PRESSURE}"
        )
    else:
        constant_pa = np.full(len(clock.starts_utc_s), pressure_at_altitude_pa(elevation_m))
        pressure = ValueColumn(PRESSURE, constant_pa, 1.0, "elevation")
        findings.remark(f"pressure is that of the standard atmosphere at {elevation_m:g} m")
    columns = (
        ValueColumn(DRY_BULB, json_numbers(lists, _DRY_BULB, findings.rows), 1.0, f"hourly.{_DRY_BULB}"),
        ValueColumn(RELATIVE_HUMIDITY, json_numbers(lists, _HUMIDITY, findings.rows), 0.01, f"hourly.{_HUMIDITY}"),
        pressure,
    )
    findings.remark(f"times are local with one offset for the whole file, UTC {offset_s / 3600:+g} h")
    return checked_weather(columns, clock, findings, "Open-Meteo archive")


def header_number(content: Mapping[str, Any], key: str, allowed: tuple[float, float], log: FaultLog) -> float:
    """Return a number of the head of a file; one that is missing or outside what is allowed is recorded."""
    value = content.get(key)
    if not is_number(value):
        log.add(f"must be a number, got {value!r}" if key in content else "is missing", path=key)
    elif not allowed[0] <= value <= allowed[1]:
        log.add(f"{value:g} is outside {allowed[0]:g} to {allowed[1]:g}", path=key)
    else:
        return float(value)
    return 0.0


def json_mapping(content: Mapping[str, Any], key: str, log: FaultLog) -> Mapping[str, Any]:
    """Return an object of the file; what is none is recorded."""
    value = content.get(key)
    if isinstance(value, dict):
        return value
    log.add("must be a JSON object" if key in content else "is missing", path=key)
    return {}


def _lists(
    hourly: Mapping[str, Any], units: Mapping[str, Any], names: list[str], log: FaultLog
) -> dict[str, list[Any]]:
    """Return the named lists if they are there, equally long and in the expected units."""
    lists: dict[str, list[Any]] = {}
    for name in names:
        values = hourly.get(name)
        if not isinstance(values, list) or not values:
            log.add("must be a list with values" if name in hourly else "is missing", path=f"hourly.{name}")
            continue
        lists[name] = values
        if units.get(name) != _UNITS[name]:
            log.add(f"must be {_UNITS[name]!r}, got {units.get(name)!r}", path=f"hourly_units.{name}")
        if len(values) != len(lists.get(_TIME, values)):
            log.add(f"has {len(values)} values for {len(lists[_TIME])} times", path=f"hourly.{name}")
    return lists


def starts_utc_s(times: list[Any], utc_offset_s: int, log: FaultLog) -> NDArray[np.int64]:
    """Return the instants of local stamps; what is no local stamp is recorded."""
    starts = np.zeros(len(times), np.int64)
    for row, text in enumerate(times):
        try:
            stamp_ns, zoned = parse_stamp(str(text))
            if zoned:
                raise ValueError(f"{text!r} has an offset, expected local time")
        except ValueError as error:
            log.add(f"row {row + 1}: {error}", path=f"hourly.{_TIME}")
        else:
            starts[row] = stamp_ns // NS_PER_S - utc_offset_s
    return starts


def json_numbers(lists: Mapping[str, list[Any]], name: str, log: FaultLog) -> NDArray[np.float64]:
    """Return the values with NaN for null; anything else that is not a finite number is a fault."""
    values = np.full(len(lists[name]), np.nan)
    for row, value in enumerate(lists[name]):
        if is_number(value):
            values[row] = value
        elif value is not None:
            log.add(f"row {row + 1}: {value!r} is not a finite number", path=f"hourly.{name}")
    return values
