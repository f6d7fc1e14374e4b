"""Power of photovoltaic arrays and wind turbines over a run, as signals, from the sky of a site.

Where the sun stands, how bright a clear sky is and what a tilted plane receives are computed by pvlib, the optional
extra `solar`; the arrays themselves are `simulator.physics.photovoltaics`. All of it happens before the run starts.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.errors import InputError
from simulator.physics import photovoltaics as pv
from simulator.signals.base import StepSignal

Array = NDArray[np.float64]

STEP_S = 900.0
"""Steps of computed sunlight. The sun moves 4 degrees in them; hourly steps would cut off dawn and dusk."""

_MODULE_HEIGHT_SHARE = 0.8
"""Wind at the modules over wind at 10 m: the power law with exponent 1/7, at 2 m."""

_CALM_M_PER_S = 1.0
"""Wind at the modules where nothing is known of it, as in the standard test of their temperature."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an array stands: degrees north, degrees east, metres above sea level."""

    latitude: float
    longitude: float
    elevation_m: float


@dataclass(frozen=True, slots=True)
class Mounting:
    """How modules face the sky.

    Args:
        tilt_deg: tilt of the plane from horizontal; None for modules that follow the sun on a north-south axis.
        azimuth_deg: where the plane faces, clockwise from north.
        largest_tilt_deg: how far modules that follow the sun turn to either side.
    """

    tilt_deg: float | None
    azimuth_deg: float
    largest_tilt_deg: float = 60.0


@dataclass(frozen=True, slots=True)
class ArrayParameters:
    """An array and its inverters.

    Args:
        rated_w: power at 1,000 W/m2 and 25 degC.
        inverter_w: highest power that the inverters deliver.
        inverter_efficiency: their efficiency at rated power.
        temperature_coefficient_per_k: change of power with cell temperature.
        heat_loss_w_per_m2_k: heat loss of a module in calm air.
        wind_loss_w_s_per_m3_k: its rise with wind.
        loss_fraction: losses between cells and inverter.
        albedo: share of the light that the ground reflects.
    """

    rated_w: float
    inverter_w: float
    inverter_efficiency: float
    temperature_coefficient_per_k: float
    heat_loss_w_per_m2_k: float
    wind_loss_w_s_per_m3_k: float
    loss_fraction: float
    albedo: float


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """The sky in the middle of each step; what is not known is None.

    Args:
        edges_s: edges of the steps, n + 1, in seconds since the start.
        air_c: air temperature.
        wind_m_per_s: wind at 10 m.
        global_w_per_m2: irradiance on a horizontal plane, hourly means as in the file.
        direct_w_per_m2: irradiance of the beam, the same.
        hour: which of those hours each step belongs to.
        cloud_cover: share of the sky covered, where there is no irradiance.
    """

    edges_s: Array
    air_c: Array
    wind_m_per_s: Array | None
    global_w_per_m2: Array | None
    direct_w_per_m2: Array | None
    hour: NDArray[np.intp] | None
    cloud_cover: Array | None


def quarter_hours(start: datetime, duration_s: float) -> Array:
    """Return edges of steps that begin and end with quarters of an hour in UTC, cut off at the ends of the run."""
    into_s = (start - start.replace(minute=0, second=0, microsecond=0)) / timedelta(seconds=1)
    first = STEP_S - into_s % STEP_S
    inner = np.arange(first, duration_s, STEP_S)
    return np.concatenate(([0.0], inner, [duration_s]))


def array_power(sky: Sky, start: datetime, place: Place, mounting: Mounting, array: ArrayParameters) -> StepSignal:
    """Return the power of an array at the site's AC bus.

    Args:
        sky: the sky by step.
        start: first instant of the run.
        place: where the array stands.
        mounting: how it faces the sky.
        array: modules and inverters.

    Raises:
        InputError: pvlib is not installed.
    """
    plane = plane_irradiance(sky, start, place, mounting, array.albedo)
    breeze = _MODULE_HEIGHT_SHARE * sky.wind_m_per_s if sky.wind_m_per_s is not None else _CALM_M_PER_S + 0.0 * plane
    cell_c = pv.cell_temperature_c(plane, sky.air_c, breeze, array.heat_loss_w_per_m2_k, array.wind_loss_w_s_per_m3_k)
    dc_w = pv.dc_power_w(plane, cell_c, array.rated_w, array.temperature_coefficient_per_k)
    ac_w = pv.inverter_power_w(dc_w * (1.0 - array.loss_fraction), array.inverter_w, array.inverter_efficiency)
    return StepSignal(sky.edges_s, ac_w)


def plane_irradiance(sky: Sky, start: datetime, place: Place, mounting: Mounting, albedo: float) -> Array:
    """Return what the plane of an array receives by step, reflection at the glass taken off (W/m2)."""
    with _quiet():
        return _plane_irradiance(sky, start, place, mounting, albedo)


def _plane_irradiance(sky: Sky, start: datetime, place: Place, mounting: Mounting, albedo: float) -> Array:
    pvlib = _pvlib()
    middles_s = 0.5 * (sky.edges_s[:-1] + sky.edges_s[1:])
    times = pd.DatetimeIndex(pd.Timestamp(start) + pd.to_timedelta(middles_s, unit="s"))
    sun = pvlib.solarposition.get_solarposition(times, place.latitude, place.longitude, altitude=place.elevation_m)
    zenith, azimuth = sun["apparent_zenith"], sun["azimuth"]
    level, beam = _level_and_beam(pvlib, sky, times, place, sun)
    diffuse = np.maximum(level - beam * np.cos(np.radians(np.minimum(zenith.to_numpy(), 90.0))), 0.0)
    tilt, faces = _plane(pvlib, mounting, zenith, azimuth)
    extra = pvlib.irradiance.get_extra_radiation(times).to_numpy()
    parts = pvlib.irradiance.get_total_irradiance(
        tilt,
        faces,
        zenith.to_numpy(),
        azimuth.to_numpy(),
        beam,
        level,
        diffuse,
        dni_extra=extra,
        albedo=albedo,
        model="haydavies",
    )
    incidence = pvlib.irradiance.aoi(tilt, faces, zenith.to_numpy(), azimuth.to_numpy())
    direct = np.nan_to_num(np.asarray(parts["poa_direct"])) * pvlib.iam.physical(np.minimum(incidence, 90.0))
    plane: Array = np.maximum(direct + np.nan_to_num(np.asarray(parts["poa_diffuse"])), 0.0)
    return plane


def clear_sky_w_per_m2(times: Any, place: Place) -> Array:
    """Return global irradiance of the clear sky (Ineichen, monthly Linke turbidity)."""
    pvlib = _pvlib()
    location = pvlib.location.Location(place.latitude, place.longitude, altitude=place.elevation_m)
    with _quiet():
        clear: Array = location.get_clearsky(times, model="ineichen")["ghi"].to_numpy()
    return clear


def _level_and_beam(pvlib: Any, sky: Sky, times: Any, place: Place, sun: Any) -> tuple[Array, Array]:
    """Return irradiance on a horizontal plane and of the beam, by step."""
    clear = clear_sky_w_per_m2(times, place)
    if sky.global_w_per_m2 is None or sky.hour is None:
        cover = np.zeros_like(clear) if sky.cloud_cover is None else sky.cloud_cover
        level = pv.cloudy_irradiance(clear, cover)
    else:
        # Within an hour the sky is as bright as a clear one times a constant that keeps the hour's mean.
        counts = np.bincount(sky.hour)
        shape = np.bincount(sky.hour, weights=clear) / np.maximum(counts, 1)
        mean = shape[sky.hour]
        level = np.where(mean > 1.0, sky.global_w_per_m2 * clear / np.maximum(mean, 1.0), sky.global_w_per_m2)
    if sky.direct_w_per_m2 is not None:
        cosine = np.cos(np.radians(np.minimum(sun["apparent_zenith"].to_numpy(), 90.0)))
        beam = np.minimum(sky.direct_w_per_m2, level / np.maximum(cosine, 0.05))
        return level, np.where(cosine > 0.0, beam, 0.0)
    split = pvlib.irradiance.erbs(pd.Series(level, index=times), sun["zenith"], times)
    return level, np.nan_to_num(split["dni"].to_numpy())


def _plane(pvlib: Any, mounting: Mounting, zenith: Any, azimuth: Any) -> tuple[Array, Array]:
    if mounting.tilt_deg is not None:
        return np.full(len(zenith), mounting.tilt_deg), np.full(len(zenith), mounting.azimuth_deg)
    turned = pvlib.tracking.singleaxis(
        zenith, azimuth, axis_tilt=0, axis_azimuth=180, max_angle=mounting.largest_tilt_deg, backtrack=True
    )
    tilt = np.nan_to_num(turned["surface_tilt"].to_numpy())
    return tilt, np.nan_to_num(turned["surface_azimuth"].to_numpy(), nan=180.0)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to itself what pvlib says of pandas' future and of angles that night leaves undefined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _pvlib() -> Any:
    """Return pvlib with the parts that are used, or say how to get it."""
    try:
        import pvlib
        import pvlib.iam
        import pvlib.irradiance
        import pvlib.location
        import pvlib.solarposition
        import pvlib.tracking
    except ImportError:
        raise InputError("photovoltaics need pvlib: pip install 'wattline[solar]'") from None
    return pvlib
