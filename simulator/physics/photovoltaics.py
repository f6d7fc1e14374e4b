"""Photovoltaics: power of an array from irradiance on its plane, by the PVWatts equations.

Where the sun stands and what a tilted plane receives are the subject of `simulator.signals.sunlight`.

Sources: A. P. Dobos, "PVWatts Version 5 Manual", NREL/TP-6A20-62641 (2014); D. Faiman, "Assessing the outdoor operating
temperature of photovoltaic modules", Progress in Photovoltaics 16 (2008) 307; F. Kasten, G. Czeplak, "Solar and
terrestrial radiation dependent on the amount and type of cloud", Solar Energy 24 (1980) 177.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from simulator.physics.domains import NumberT, clip, require_positive, require_range

REFERENCE_IRRADIANCE_W_PER_M2 = 1000.0
REFERENCE_CELL_C = 25.0

INVERTER_REFERENCE_EFFICIENCY = 0.9637
_INVERTER_SLOPE, _INVERTER_LOSS, _INVERTER_CONSTANT = -0.0162, 0.0059, 0.9858
"""PVWatts 5, section 10: the part-load curve of the inverters of its reference data."""

_CLOUD_FACTOR, _CLOUD_EXPONENT = 0.75, 3.4
"""Kasten and Czeplak 1980: ten years of hourly observations at Hamburg."""


def cell_temperature_c(
    irradiance_w_per_m2: NumberT,
    air_c: NumberT,
    wind_m_per_s: NumberT,
    constant_w_per_m2_k: float = 25.0,
    wind_w_s_per_m3_k: float = 6.84,
) -> NumberT:
    """Return the temperature of the cells (degC).

    Args:
        irradiance_w_per_m2: irradiance on the plane of the array (W/m2), at least 0.
        air_c: air temperature (degC).
        wind_m_per_s: wind at the height of the modules (m/s), at least 0.
        constant_w_per_m2_k: heat loss in calm air (W/(m2 K)); Faiman's mean of seven silicon modules on open racks.
        wind_w_s_per_m3_k: rise of the heat loss with wind (W s/(m3 K)).

    T_cell = T_air + G / (u0 + u1 v).

    >>> round(cell_temperature_c(800.0, 20.0, 2.0), 3)
    40.683
    """
    require_range("irradiance_w_per_m2", irradiance_w_per_m2, 0.0)
    require_range("wind_m_per_s", wind_m_per_s, 0.0)
    result: NumberT = air_c + irradiance_w_per_m2 / (constant_w_per_m2_k + wind_w_s_per_m3_k * wind_m_per_s)
    return result


def dc_power_w(
    irradiance_w_per_m2: NumberT, cell_c: NumberT, rated_w: float, temperature_coefficient_per_k: float
) -> NumberT:
    """Return the power of an array without losses.

    Args:
        irradiance_w_per_m2: irradiance on the plane of the array (W/m2), at least 0.
        cell_c: temperature of the cells (degC).
        rated_w: power at 1,000 W/m2 and 25 degC (W).
        temperature_coefficient_per_k: change of power with temperature (1/K), below 0.

    P = P_0 G / 1000 (1 + gamma (T_cell - 25)), never below zero.

    >>> dc_power_w(900.0, 30.0, 100.0, -0.003)
    88.65
    """
    require_range("irradiance_w_per_m2", irradiance_w_per_m2, 0.0)
    share = irradiance_w_per_m2 / REFERENCE_IRRADIANCE_W_PER_M2
    return clip(rated_w * share * (1.0 + temperature_coefficient_per_k * (cell_c - REFERENCE_CELL_C)), 0.0, math.inf)


def loss_fraction(losses: Iterable[float]) -> float:
    """Return the loss of several that act one after the other, each on what the others leave.

    Args:
        losses: each a share of the power that reaches it, 0 to 1.

    L = 1 - product of (1 - l_i). PVWatts multiplies where a sum would count losses of what is lost already.

    >>> round(loss_fraction([0.02, 0.03, 0.02, 0.02, 0.005, 0.015, 0.01, 0.03]), 6)
    0.140757
    """
    kept = 1.0
    for loss in losses:
        require_range("loss", loss, 0.0, 1.0)
        kept *= 1.0 - loss
    return 1.0 - kept


def inverter_power_w(dc_w: NumberT, ac_rated_w: float, nominal_efficiency: float = 0.96) -> NumberT:
    """Return what inverters deliver.

    Args:
        dc_w: power at their input (W), at least 0.
        ac_rated_w: highest power that they deliver (W), above 0; more is clipped.
        nominal_efficiency: efficiency at rated power.

    eta = eta_nom / 0.9637 (-0.0162 z - 0.0059 / z + 0.9858) with z = input / rated input, never below zero.

    >>> round(inverter_power_w(500.0, 960.0), 3), inverter_power_w(2000.0, 960.0), inverter_power_w(2.0, 960.0)
    (481.096, 960.0, 0.0)
    """
    require_range("dc_w", dc_w, 0.0)
    require_positive("ac_rated_w", ac_rated_w)
    scale = nominal_efficiency / INVERTER_REFERENCE_EFFICIENCY
    dc_rated_w = ac_rated_w / nominal_efficiency
    ratio = dc_w / dc_rated_w
    # eta x input, written without dividing by a load of zero.
    power = scale * (ratio * (_INVERTER_SLOPE * ratio + _INVERTER_CONSTANT) - _INVERTER_LOSS) * dc_rated_w
    return clip(power, 0.0, ac_rated_w)


def cloudy_irradiance(clear_w_per_m2: NumberT, cloud_cover: NumberT) -> NumberT:
    """Return global irradiance under clouds, in the unit of the clear sky's.

    Args:
        clear_w_per_m2: irradiance of the clear sky on a horizontal plane.
        cloud_cover: share of the sky that clouds cover, 0 to 1.

    G = G_clear (1 - 0.75 n^3.4). A weather file that measures irradiance should be preferred: cover says nothing of how
    thick the clouds are, and single hours scatter widely around this mean.

    >>> round(cloudy_irradiance(800.0, 0.5), 1), cloudy_irradiance(800.0, 1.0)
    (743.2, 200.0)
    """
    require_range("cloud_cover", cloud_cover, 0.0, 1.0)
    result: NumberT = clear_w_per_m2 * (1.0 - _CLOUD_FACTOR * np.power(cloud_cover, _CLOUD_EXPONENT))
    return float(result) if isinstance(clear_w_per_m2, float) and isinstance(cloud_cover, float) else result
