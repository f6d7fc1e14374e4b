"""Moist air: wet bulb, humidity ratio, dew point, enthalpy and density (ASHRAE equations through PsychroLib).

PsychroLib keeps its unit system in a global; it is set to SI once, here, and every call of the project to the library
goes through this module. One wet bulb takes about 0.1 ms: convert a weather table once, not inside a step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import psychrolib
from numpy.typing import NDArray

from simulator.physics.domains import NumberT, require_positive, require_range

psychrolib.SetUnitSystem(psychrolib.SI)

STANDARD_PRESSURE_PA = 101_325.0
_PRESSURE_FALL_PER_M, _PRESSURE_EXPONENT = 2.25577e-5, 5.2559
"""Of the standard atmosphere: ASHRAE Handbook Fundamentals 2017, ch. 1, eq. 3."""

STULL_DRY_BULB_RANGE_C = (-20.0, 50.0)
STULL_RELATIVE_HUMIDITY_RANGE = (0.05, 0.99)
"""Box of the published fit, at 101.325 kPa; inside it the fit strays up to 1 K from the ASHRAE equations."""


def _elementwise(function: Callable[..., float], *values: float | NDArray[np.float64]) -> Any:
    """Apply a scalar library function to floats, or elementwise to arrays that broadcast together."""
    if all(isinstance(value, float | int) for value in values):
        return float(function(*values))
    return np.vectorize(function, otypes=[np.float64])(*values)


def wet_bulb_c(
    dry_bulb_c: NumberT, relative_humidity: NumberT, pressure_pa: NumberT | float = STANDARD_PRESSURE_PA
) -> NumberT:
    """Return the thermodynamic wet-bulb temperature of moist air.

    Args:
        dry_bulb_c: dry-bulb temperature (degC), scalar or array.
        relative_humidity: relative humidity, 0 to 1, scalar or array.
        pressure_pa: station pressure (Pa), scalar or array.

    Adiabatic saturation balance solved by bisection: ASHRAE Handbook Fundamentals 2017, ch. 1, eqs. 33 and 35
    (PsychroLib 2.5.0, tolerance 0.001 K).

    >>> round(wet_bulb_c(7.0, 0.61, 100_000.0), 2)
    3.93
    """
    require_range("relative_humidity", relative_humidity, 0.0, 1.0)
    result: NumberT = _elementwise(psychrolib.GetTWetBulbFromRelHum, dry_bulb_c, relative_humidity, pressure_pa)
    return result


def wet_bulb_from_dew_point_c(
    dry_bulb_c: NumberT, dew_point_c: NumberT, pressure_pa: NumberT | float = STANDARD_PRESSURE_PA
) -> NumberT:
    """Return the thermodynamic wet-bulb temperature from dry bulb and dew point.

    Args:
        dry_bulb_c: dry-bulb temperature (degC), scalar or array.
        dew_point_c: dew-point temperature (degC), at most the dry bulb.
        pressure_pa: station pressure (Pa).

    ASHRAE Handbook Fundamentals 2017, ch. 1 (PsychroLib 2.5.0).

    >>> round(wet_bulb_from_dew_point_c(30.0, 18.45), 1)
    22.0
    """
    result: NumberT = _elementwise(psychrolib.GetTWetBulbFromTDewPoint, dry_bulb_c, dew_point_c, pressure_pa)
    return result


def wet_bulb_stull_c(dry_bulb_c: NumberT, relative_humidity: NumberT) -> NumberT:
    """Return an explicit estimate of the wet bulb at sea level: cheap, and up to 1 K from `wet_bulb_c`.

    Args:
        dry_bulb_c: dry-bulb temperature, -20 to 50 degC, scalar or array.
        relative_humidity: relative humidity, 0.05 to 0.99, scalar or array.

    With T in degC and U in percent: Twb = T atan(0.151977 sqrt(U + 8.313659)) + atan(T + U) - atan(U - 1.676331)
    + 0.00391838 U^1.5 atan(0.023101 U) - 4.686035. Stull 2011, J. Appl. Meteor. Climatol. 50:2267-2269; the fit is for
    101.325 kPa only and is poorest where it is both dry and cold.

    >>> round(wet_bulb_stull_c(20.0, 0.5), 1)
    13.7
    """
    require_range("dry_bulb_c", dry_bulb_c, *STULL_DRY_BULB_RANGE_C)
    require_range("relative_humidity", relative_humidity, *STULL_RELATIVE_HUMIDITY_RANGE)
    percent = 100.0 * relative_humidity
    estimate: Any = (
        dry_bulb_c * np.arctan(0.151977 * np.sqrt(percent + 8.313659))
        + np.arctan(dry_bulb_c + percent)
        - np.arctan(percent - 1.676331)
        + 0.00391838 * percent**1.5 * np.arctan(0.023101 * percent)
        - 4.686035
    )
    result: NumberT = float(estimate) if isinstance(dry_bulb_c, float | int) else estimate
    return result


def humidity_ratio_from_wet_bulb(
    dry_bulb_c: NumberT, wet_bulb_c: NumberT, pressure_pa: NumberT | float = STANDARD_PRESSURE_PA
) -> NumberT:
    """Return the humidity ratio, kg of water vapour per kg of dry air, from dry and wet bulb.

    Args:
        dry_bulb_c: dry-bulb temperature (degC).
        wet_bulb_c: wet-bulb temperature (degC), at most the dry bulb.
        pressure_pa: station pressure (Pa).

    ASHRAE Handbook Fundamentals 2017, ch. 1, eqs. 33 and 35 (PsychroLib 2.5.0).

    >>> round(humidity_ratio_from_wet_bulb(30.0, 25.0, 95_461.0), 4)
    0.0192
    """
    result: NumberT = _elementwise(psychrolib.GetHumRatioFromTWetBulb, dry_bulb_c, wet_bulb_c, pressure_pa)
    return result


def humidity_ratio(
    dry_bulb_c: NumberT, relative_humidity: NumberT, pressure_pa: NumberT | float = STANDARD_PRESSURE_PA
) -> NumberT:
    """Return the humidity ratio, kg of water vapour per kg of dry air, from dry bulb and relative humidity.

    Args:
        dry_bulb_c: dry-bulb temperature (degC).
        relative_humidity: relative humidity, 0 to 1.
        pressure_pa: station pressure (Pa).

    w = 0.621945 p_v / (p - p_v), ASHRAE Handbook Fundamentals 2017, ch. 1, eq. 20 (PsychroLib 2.5.0).

    >>> round(humidity_ratio(30.0, 0.5), 5)
    0.01331
    """
    require_range("relative_humidity", relative_humidity, 0.0, 1.0)
    result: NumberT = _elementwise(psychrolib.GetHumRatioFromRelHum, dry_bulb_c, relative_humidity, pressure_pa)
    return result


def saturation_humidity_ratio(temperature_c: NumberT, pressure_pa: NumberT | float = STANDARD_PRESSURE_PA) -> NumberT:
    """Return the humidity ratio of saturated air, kg of water vapour per kg of dry air.

    Args:
        temperature_c: air temperature (degC).
        pressure_pa: station pressure (Pa).

    ASHRAE Handbook Fundamentals 2017, ch. 1, eqs. 5, 6 and 23 (PsychroLib 2.5.0).

    >>> round(saturation_humidity_ratio(25.0), 4)
    0.0201
    """
    result: NumberT = _elementwise(psychrolib.GetSatHumRatio, temperature_c, pressure_pa)
    return result


def dew_point_c(dry_bulb_c: NumberT, relative_humidity: NumberT) -> NumberT:
    """Return the dew-point temperature.

    Args:
        dry_bulb_c: dry-bulb temperature (degC).
        relative_humidity: relative humidity, above 0, to 1.

    ASHRAE Handbook Fundamentals 2017, ch. 1, eqs. 5 and 6 inverted (PsychroLib 2.5.0).

    >>> round(dew_point_c(25.0, 0.8), 2)
    21.31
    """
    require_range("relative_humidity", relative_humidity, 0.0, 1.0)
    result: NumberT = _elementwise(psychrolib.GetTDewPointFromRelHum, dry_bulb_c, relative_humidity)
    return result


def moist_air_enthalpy_j_per_kg(dry_bulb_c: NumberT, humidity_ratio: NumberT) -> NumberT:
    """Return the enthalpy of moist air per kg of dry air, above dry air at 0 degC.

    Args:
        dry_bulb_c: dry-bulb temperature (degC).
        humidity_ratio: kg of water vapour per kg of dry air.

    h = 1006 T + w (2 501 000 + 1860 T), ASHRAE Handbook Fundamentals 2017, ch. 1, eq. 30 (PsychroLib 2.5.0).

    >>> round(moist_air_enthalpy_j_per_kg(30.0, 0.02))
    81316
    """
    result: NumberT = _elementwise(psychrolib.GetMoistAirEnthalpy, dry_bulb_c, humidity_ratio)
    return result


def saturated_air_enthalpy_j_per_kg(
    temperature_c: NumberT, pressure_pa: NumberT | float = STANDARD_PRESSURE_PA
) -> NumberT:
    """Return the enthalpy of saturated air per kg of dry air, above dry air at 0 degC.

    Args:
        temperature_c: air temperature (degC).
        pressure_pa: station pressure (Pa).

    ASHRAE Handbook Fundamentals 2017, ch. 1, eq. 30 at the saturation humidity ratio (PsychroLib 2.5.0).

    >>> round(saturated_air_enthalpy_j_per_kg(25.0), -2)
    76300.0
    """
    result: NumberT = _elementwise(psychrolib.GetSatAirEnthalpy, temperature_c, pressure_pa)
    return result


def moist_air_density_kg_per_m3(
    dry_bulb_c: NumberT, humidity_ratio: NumberT, pressure_pa: NumberT | float = STANDARD_PRESSURE_PA
) -> NumberT:
    """Return the density of moist air.

    Args:
        dry_bulb_c: dry-bulb temperature (degC).
        humidity_ratio: kg of water vapour per kg of dry air.
        pressure_pa: station pressure (Pa).

    ASHRAE Handbook Fundamentals 2017, ch. 1, eqs. 11 and 26 (PsychroLib 2.5.0).

    >>> round(moist_air_density_kg_per_m3(30.0, 0.02, 95_461.0), 4)
    1.0841
    """
    result: NumberT = _elementwise(psychrolib.GetMoistAirDensity, dry_bulb_c, humidity_ratio, pressure_pa)
    return result


def altitude_at_pressure_m(pressure_pa: NumberT) -> NumberT:
    """Return the altitude at which the standard atmosphere has a pressure: the inverse of `pressure_at_altitude_pa`.

    >>> round(altitude_at_pressure_m(101325.0)), round(altitude_at_pressure_m(84556.0))
    (0, 1500)
    """
    require_positive("pressure_pa", pressure_pa)
    share = (pressure_pa / STANDARD_PRESSURE_PA) ** (1.0 / _PRESSURE_EXPONENT)
    result: NumberT = (1.0 - share) / _PRESSURE_FALL_PER_M
    return result


def pressure_at_altitude_pa(altitude_m: NumberT) -> NumberT:
    """Return the pressure of the standard atmosphere.

    Args:
        altitude_m: altitude above sea level (m).

    p = 101 325 (1 - 2.25577e-5 z)^5.2559, ASHRAE Handbook Fundamentals 2017, ch. 1, eq. 3 (PsychroLib 2.5.0).

    >>> round(pressure_at_altitude_pa(1000.0))
    89875
    """
    result: NumberT = _elementwise(psychrolib.GetStandardAtmPressure, altitude_m)
    return result
