"""Wind turbines: wind at the hub and the power curve.

Sources: power law of the wind profile and IEC 61400-12-1 for the correction of wind speed by air density.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.physics.domains import NumberT, require_positive, require_range
from simulator.units import ZERO_CELSIUS_K

STANDARD_DENSITY_KG_PER_M3 = 1.225
"""Air at 15 degC and 101,325 Pa, for which power curves are stated."""

DRY_AIR_J_PER_KG_K = 287.05


def wind_at_height_m_per_s(wind_m_per_s: NumberT, measured_m: float, height_m: float, shear_exponent: float) -> NumberT:
    """Return the wind at a height from that at another.

    Args:
        wind_m_per_s: wind where it was measured (m/s), at least 0.
        measured_m: height of the measurement above ground (m), above 0.
        height_m: height asked for (m), above 0.
        shear_exponent: exponent of the profile: 1/7 over open flat ground in neutral air, more over rough ground.

    v = v_m (h / h_m)^alpha.

    >>> round(wind_at_height_m_per_s(5.0, 10.0, 100.0, 1.0 / 7.0), 3)
    6.947
    """
    require_range("wind_m_per_s", wind_m_per_s, 0.0)
    require_positive("measured_m", measured_m)
    require_positive("height_m", height_m)
    result: NumberT = wind_m_per_s * (height_m / measured_m) ** shear_exponent
    return result


def air_density_kg_per_m3(air_c: NumberT, pressure_pa: NumberT) -> NumberT:
    """Return the density of dry air by the ideal gas law: rho = p / (R T).

    Args:
        air_c: air temperature (degC).
        pressure_pa: air pressure (Pa).

    >>> round(air_density_kg_per_m3(15.0, 101325.0), 3)
    1.225
    """
    result: NumberT = pressure_pa / (DRY_AIR_J_PER_KG_K * (air_c + ZERO_CELSIUS_K))
    return result


def equivalent_wind_m_per_s(wind_m_per_s: NumberT, density_kg_per_m3: NumberT) -> NumberT:
    """Return the wind that carries the same power in standard air, as a turbine with pitch control sees it.

    Args:
        wind_m_per_s: wind at the hub (m/s).
        density_kg_per_m3: density of the air (kg/m3).

    v_eq = v (rho / 1.225)^(1/3). IEC 61400-12-1.

    >>> round(equivalent_wind_m_per_s(10.0, 1.0), 3)
    9.346
    """
    result: NumberT = wind_m_per_s * (density_kg_per_m3 / STANDARD_DENSITY_KG_PER_M3) ** (1.0 / 3.0)
    return result


def turbine_power_fraction(wind_m_per_s: NumberT, curve: Sequence[tuple[float, float]]) -> NumberT:
    """Return power / rated power of a turbine.

    Args:
        wind_m_per_s: wind at the hub in standard air (m/s), at least 0.
        curve: (wind, power / rated power) in rising order of wind; below the first and above the last point the turbine
            stands still.

    >>> turbine_power_fraction(6.0, [(3.0, 0.0), (9.0, 0.6), (12.0, 1.0), (25.0, 1.0)])
    0.3
    >>> turbine_power_fraction(26.0, [(3.0, 0.0), (9.0, 0.6), (12.0, 1.0), (25.0, 1.0)])
    0.0
    """
    require_range("wind_m_per_s", wind_m_per_s, 0.0)
    speeds, fractions = zip(*curve, strict=True)
    power: Any = np.interp(wind_m_per_s, speeds, fractions, left=0.0, right=0.0)
    same_kind: Any = float(power) if np.ndim(power) == 0 else power
    result: NumberT = same_kind
    return result
