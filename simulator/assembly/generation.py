"""From sections `solar` and `wind` to the power of arrays and turbines over a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.assembly.faults import part
from simulator.assembly.series import gap_rule
from simulator.assembly.window import Window
from simulator.errors import Fault, InputError
from simulator.physics import wind as air
from simulator.physics.photovoltaics import loss_fraction
from simulator.profiles.site_energy import SolarRecord, TurbineRecord
from simulator.scenario import supply as section
from simulator.scenario import weather as weather_section
from simulator.scenario.series import DatedSeries, FileSeries
from simulator.signals.base import Signal, StepSignal
from simulator.signals.gaps import GapRule
from simulator.signals.plain_csv import CsvColumns, read_csv_series, stated_time_zone
from simulator.signals.quantities import Quantity
from simulator.signals.series import Series, Steps
from simulator.signals.sky import SkyFormat, SkySeries, read_sky
from simulator.signals.sunlight import ArrayParameters, Mounting, Place, Sky, array_power, quarter_hours
from simulator.signals.weather import Weather
from simulator.units import WATTS_PER_KW

Array = NDArray[np.float64]

_MEASURED_M = 10.0
"""Height at which weather files state wind."""

_BRIDGED_H = 24.0
"""Gaps of the sky are bridged up to this long, and told: a night without a reading must not refuse a year."""

_FORMATS: dict[type, SkyFormat] = {
    weather_section.EpwWeather: "epw",
    weather_section.Tmy3Weather: "tmy3",
    weather_section.OpenMeteoWeather: "open_meteo",
}
_POWER = Quantity("power_w", 0.0)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What generation depends on.

    Args:
        section: section `weather` of the site.
        weather: the air over the run.
        base: folder that relative file names refer to.
        window: start and duration of the run.
    """

    section: weather_section.Weather
    weather: Weather
    base: Path
    window: Window

    def sky(self) -> SkySeries:
        """Return the sky of the weather file; raise InputError where there is none."""
        form = _FORMATS.get(type(self.section))
        if form is None or not isinstance(self.section, FileSeries):
            raise InputError(
                "the site's weather is no file and says nothing of sun and wind: use a weather file, a recorded series "
                "(kind: csv), or for arrays sky: {kind: uniform, ...}"
            )
        return read_sky(self.base / self.section.file, form, self.section.corrupt)

    def steps(self, series: Series | None) -> Steps | None:
        """Return the values of a series over the run, None where the file has none."""
        if series is None or not isinstance(self.section, FileSeries):
            return None
        gaps = self.section.gaps
        rule = GapRule("interpolate", _BRIDGED_H)
        if gaps.fill != "refuse":
            rule = GapRule(gaps.fill, max(gaps.longest_h, _BRIDGED_H))
        repeat = isinstance(self.section, DatedSeries) and self.section.repeat_yearly
        return series.to_steps(self.window.start, self.window.duration_s, rule, repeat_yearly=repeat)


def solar_power(
    solar: section.SolarArray | section.GenerationSeries, record: SolarRecord, around: Surroundings
) -> tuple[Signal, tuple[str, ...]]:
    """Return the power of photovoltaics over the run and notes on how it was found."""
    if isinstance(solar, section.GenerationSeries):
        return recorded_power(solar, around)
    edges_s = quarter_hours(around.window.start, around.window.duration_s)
    middles_s = 0.5 * (edges_s[:-1] + edges_s[1:])
    air_c = np.array(around.weather.dry_bulb_c.means(edges_s))
    if isinstance(solar.sky, section.UniformSky):
        place = Place(solar.sky.latitude, solar.sky.longitude, solar.sky.elevation_m)
        cover = np.full(len(middles_s), solar.sky.cloud_cover)
        sky = Sky(edges_s, air_c, None, None, None, None, cover)
        notes: tuple[str, ...] = ()
    else:
        file = around.sky()
        place = Place(file.latitude, file.longitude, file.elevation_m)
        sky, notes = _sky_of_file(file, around, edges_s, middles_s, air_c)
    inverter_w = solar.capacity_kw * WATTS_PER_KW / record.dc_to_ac_ratio
    parameters = ArrayParameters(
        rated_w=solar.capacity_kw * WATTS_PER_KW,
        inverter_w=inverter_w,
        inverter_efficiency=record.inverter_efficiency,
        temperature_coefficient_per_k=record.temperature_coefficient_per_k,
        heat_loss_w_per_m2_k=record.heat_loss_w_per_m2_k,
        wind_loss_w_s_per_m3_k=record.wind_loss_w_s_per_m3_k,
        loss_fraction=loss_fraction(record.losses.values()),
        albedo=record.albedo,
    )
    return array_power(sky, around.window.start, place, _mounting(solar.mounting), parameters), notes


def _mounting(mounting: section.FixedMounting | section.TrackingMounting) -> Mounting:
    if isinstance(mounting, section.FixedMounting):
        return Mounting(mounting.tilt_deg, mounting.azimuth_deg)
    return Mounting(None, 180.0, mounting.largest_tilt_deg)


def _sky_of_file(
    file: SkySeries, around: Surroundings, edges_s: Array, middles_s: Array, air_c: Array
) -> tuple[Sky, tuple[str, ...]]:
    level, beam, cover, wind = (
        around.steps(series) for series in (file.global_horizontal, file.direct_normal, file.cloud_cover, file.wind)
    )
    breeze = wind.at(middles_s) if wind is not None else None
    told = _told(level, beam, cover if level is None else None, wind)
    plain = Sky(edges_s, air_c, breeze, None, None, None, None)
    name = getattr(around.section, "file", "")
    if level is not None:
        hour = np.searchsorted(level.edges_s[:-1], middles_s, side="right") - 1
        direct = beam.at(middles_s) if beam is not None else None
        return replace(plain, global_w_per_m2=level.at(middles_s), direct_w_per_m2=direct, hour=hour), told
    if cover is None:
        raise InputError(f"{name} has neither irradiance nor cloud cover")
    note = f"{name}: has no irradiance; sunlight is estimated from cloud cover (Kasten and Czeplak 1980)"
    return replace(plain, cloud_cover=cover.at(middles_s)), (note, *told)


def _told(*read: Steps | None) -> tuple[str, ...]:
    """Return what the report must say of parts of the sky: what was repaired, and how much was filled."""
    found: list[str] = []
    for steps in read:
        if steps is None:
            continue
        found += steps.notes
        if steps.filled:
            first, longest_h = steps.filled[0], max(gap.gap.length_h for gap in steps.filled)
            found.append(
                f"{first.file}: {first.quantity}: {len(steps.filled):,} gaps of up to {longest_h:g} h, "
                f"filled by rule '{first.kind}'"
            )
    return tuple(dict.fromkeys(found))


def wind_power(
    wind: section.Turbines | section.GenerationSeries, record: TurbineRecord, around: Surroundings
) -> tuple[Signal, tuple[str, ...]]:
    """Return the power of turbines over the run and notes on how it was found."""
    if isinstance(wind, section.GenerationSeries):
        return recorded_power(wind, around)
    measured = around.steps(around.sky().wind)
    if measured is None:
        raise InputError(f"{getattr(around.section, 'file', '')} has no wind")
    edges_s = measured.edges_s
    at_hub = air.wind_at_height_m_per_s(measured.values, _MEASURED_M, wind.hub_height_m, wind.shear_exponent)
    air_c, pressure_pa = around.weather.dry_bulb_c.means(edges_s), around.weather.pressure_pa.means(edges_s)
    density = air.air_density_kg_per_m3(air_c, pressure_pa)
    fraction = air.turbine_power_fraction(air.equivalent_wind_m_per_s(at_hub, density), record.power_curve)
    power_w = wind.capacity_kw * WATTS_PER_KW * (1.0 - record.loss_fraction) * fraction
    return StepSignal(edges_s, power_w), _told(measured)


def recorded_power(generation: section.GenerationSeries, around: Surroundings) -> tuple[Signal, tuple[str, ...]]:
    """Return generation as recorded in a CSV file."""
    with part("time_zone"):
        zone = stated_time_zone(generation.time_zone) if generation.time_zone is not None else None
    columns = CsvColumns(generation.time_column, generation.value_column, WATTS_PER_KW)
    series = read_csv_series(around.base / generation.file, columns, _POWER, time_zone=zone, corrupt=generation.corrupt)
    reading = series.to_signal(
        around.window.start,
        around.window.duration_s,
        gap_rule(generation.gaps),
        repeat_yearly=generation.repeat_yearly,
    )
    most_w = float(reading.signal.values.max())
    if most_w > generation.capacity_kw * WATTS_PER_KW * 1.001:
        message = f"must be >= {most_w / WATTS_PER_KW:g}, the highest value of the file, got {generation.capacity_kw:g}"
        raise InputError([Fault(message, path="capacity_kw")])
    return reading.signal, (*reading.notes, *(str(gap) for gap in reading.filled))


def daily_thresholds(
    signal: Signal, window: Window, shares: tuple[float, float], round_trip: float
) -> tuple[StepSignal, StepSignal]:
    """Return, for each UTC day, the value at or below which to charge and that at or above which to discharge.

    Args:
        signal: price or carbon intensity.
        window: start and duration of the run.
        shares: share of the day's hours to charge in, and to discharge in.
        round_trip: energy given / energy taken; a day on which high x round trip <= low is left alone.
    """
    into = window.start - window.start.replace(hour=0, minute=0, second=0, microsecond=0)
    first_s = 86_400.0 - into / timedelta(seconds=1)
    days_s = np.concatenate(([0.0], np.arange(first_s, window.duration_s, 86_400.0), [window.duration_s]))
    days_s = np.unique(days_s)
    low, high = [], []
    for start_s, end_s in pairwise(days_s.tolist()):
        hours = np.unique(np.concatenate((np.arange(start_s, end_s, 3600.0), [end_s])))
        values = np.sort(signal.means(hours))
        charge = values[max(int(np.ceil(shares[0] * len(values))) - 1, 0)]
        discharge = values[len(values) - max(int(np.ceil(shares[1] * len(values))), 1)]
        pays = discharge * round_trip > charge
        low.append(float(charge) if pays else -_NEVER)
        high.append(float(discharge) if pays else _NEVER)
    return StepSignal(days_s, low), StepSignal(days_s, high)


_NEVER = 1e12
"""A threshold that no price or intensity reaches."""
