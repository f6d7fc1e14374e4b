"""The YorkCalc correlation of a cooling tower's approach, and its exact inverses.

The correlation is quadratic in each of its three variables, so that fixing the wet bulb leaves nine numbers, and both
the liquid-to-gas ratio that gives an approach and the range at an entering temperature are roots of a quadratic.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from simulator.physics.domains import NumberT, clip, require_range

COEFFICIENTS = (
    (
        (-0.359741205, -0.055053608, 0.0023850432),
        (0.173926877, -0.0248473764, 0.00048430224),
        (-0.005589849456, 0.0005770079712, -0.00001342427256),
    ),
    (
        (2.84765801111111, -0.121765149, 0.0014599242),
        (1.680428651, -0.0166920786, -0.0007190532),
        (-0.025485194448, 0.0000487491696, 0.00002719234152),
    ),
    (
        (-0.0653766255555556, -0.002278167, 0.0002500254),
        (-0.0910565458, 0.00318176316, 0.000038621772),
        (-0.0034285382352, 0.00000856589904, -0.000001516821552),
    ),
)
"""27 coefficients, [power of liquid/gas ratio][power of range][power of wet bulb].

York International 2002, as printed in the EnergyPlus Engineering Reference, Variable Speed Cooling Towers, table
"Approach Temperature Correlation Coefficients", and in Modelica Buildings, CoolingTowers.Correlations.yorkCalc.
"""

WET_BULB_RANGE_C = (-34.4, 26.67)
RANGE_RANGE_K = (1.11, 22.2)
APPROACH_RANGE_K = (1.11, 40.0)
WATER_FLOW_RATIO_RANGE = (0.75, 1.25)
MAXIMUM_LIQUID_GAS_RATIO = 8.0
"""Limits of validity: EnergyPlus Engineering Reference, table of limits of the approach temperature correlations."""

Slice: TypeAlias = tuple[float, float, float, float, float, float, float, float, float]
"""The correlation at one wet bulb: coefficients of LG^0 (R^0, R^1, R^2), of LG^1, of LG^2."""


def approach_k(range_k: NumberT, wet_bulb_c: NumberT, liquid_gas_ratio: NumberT) -> NumberT:
    """Return leaving water - wet bulb of a cooling tower.

    Args:
        range_k: entering - leaving water (K), 1.11 to 22.2, scalar or array.
        wet_bulb_c: wet bulb of the entering air, -34.4 to 26.67 degC.
        liquid_gas_ratio: water flow ratio / air flow ratio, above 0, to 8.

    A = sum over l, r, t in 0..2 of c[l][r][t] LG^l R^r Twb^t. EnergyPlus Engineering Reference, Variable Speed Cooling
    Towers, YorkCalc; the reference condition is 25.6 degC wet bulb, water 35 to 29.4 degC at 0.043 l/s per kW.

    >>> round(approach_k(5.5556, 25.56, 1.0), 3)
    3.84
    """
    require_range("range_k", range_k, *RANGE_RANGE_K)
    require_range("wet_bulb_c", wet_bulb_c, *WET_BULB_RANGE_C)
    require_range("liquid_gas_ratio", liquid_gas_ratio, 1e-6, MAXIMUM_LIQUID_GAS_RATIO)
    approach = 0.0 * range_k
    for by_range in reversed(COEFFICIENTS):
        term = 0.0 * range_k
        for constant, linear, quadratic in reversed(by_range):
            term = term * range_k + (constant + wet_bulb_c * (linear + wet_bulb_c * quadratic))
        approach = approach * liquid_gas_ratio + term
    return approach


def slice_at(wet_bulb_c: float) -> Slice:
    """Return the correlation at a wet bulb (degC), which is bounded to the limits of validity.

    >>> at = slice_at(25.56)
    >>> round(approach_in(at, 5.5556, 1.0), 3)
    3.84
    """
    t = clip(wet_bulb_c, *WET_BULB_RANGE_C)
    a, b, c = COEFFICIENTS
    return (
        a[0][0] + t * (a[0][1] + t * a[0][2]),
        a[1][0] + t * (a[1][1] + t * a[1][2]),
        a[2][0] + t * (a[2][1] + t * a[2][2]),
        b[0][0] + t * (b[0][1] + t * b[0][2]),
        b[1][0] + t * (b[1][1] + t * b[1][2]),
        b[2][0] + t * (b[2][1] + t * b[2][2]),
        c[0][0] + t * (c[0][1] + t * c[0][2]),
        c[1][0] + t * (c[1][1] + t * c[1][2]),
        c[2][0] + t * (c[2][1] + t * c[2][2]),
    )


def range_curve(at: Slice, liquid_gas_ratio: float) -> tuple[float, float, float]:
    """Return the coefficients of the approach (K) as a quadratic in the range (K), at one liquid-to-gas ratio.

    >>> constant, linear, quadratic = range_curve(slice_at(15.0), 1.25)
    >>> round(constant + 5.56 * (linear + 5.56 * quadratic), 2)
    8.09
    """
    a, b, c, d, e, f, g, h, i = at
    ratio = liquid_gas_ratio
    return a + ratio * (d + ratio * g), b + ratio * (e + ratio * h), c + ratio * (f + ratio * i)


def approach_in(at: Slice, range_k: float, liquid_gas_ratio: float) -> float:
    """Return the approach (K) of a slice; see `approach_k`.

    >>> round(approach_in(slice_at(15.0), 5.56, 1.25), 2)
    8.09
    """
    constant, linear, quadratic = range_curve(at, liquid_gas_ratio)
    return constant + range_k * (linear + range_k * quadratic)


def liquid_gas_ratio_in(at: Slice, range_k: float, approach_k: float) -> float:
    """Return the liquid-to-gas ratio that gives an approach: the inverse of `approach_in`.

    Args:
        at: correlation at the wet bulb.
        range_k: entering - leaving water (K).
        approach_k: leaving water - wet bulb (K).

    Root of p_2 LG^2 + p_1 LG + p_0 = A on the rising branch; the ratio of the highest approach when A is above it.

    >>> round(liquid_gas_ratio_in(slice_at(15.0), 5.56, 8.090000872662129), 9)
    1.25
    """
    a, b, c, d, e, f, g, h, i = at
    r = range_k
    return _rising_root(g + r * (h + r * i), d + r * (e + r * f), a + r * (b + r * c), approach_k)


def range_in(at: Slice, liquid_gas_ratio: float, entering_above_wet_bulb_k: float) -> float:
    """Return the range (K) of a tower whose entering water is given, bounded to the limits of validity.

    Args:
        at: correlation at the wet bulb.
        liquid_gas_ratio: water flow ratio / air flow ratio.
        entering_above_wet_bulb_k: entering water - wet bulb (K).

    Root of R + A(R) = T_in - T_wb, a quadratic in R, on the rising branch; 0 where even no range is too much.

    >>> at = slice_at(25.56)
    >>> round(range_in(at, 1.0, 5.5556 + approach_in(at, 5.5556, 1.0)), 6)
    5.5556
    """
    constant, linear, quadratic = range_curve(at, liquid_gas_ratio)
    found_k = _rising_root(quadratic, 1.0 + linear, constant, entering_above_wet_bulb_k)
    return clip(found_k, 0.0, RANGE_RANGE_K[1])


def _rising_root(quadratic: float, linear: float, constant: float, target: float) -> float:
    # 2 (t - c) / (b + sqrt(b^2 + 4 a (t - c))) keeps its digits as the quadratic term vanishes.
    excess = target - constant
    discriminant = linear * linear + 4.0 * quadratic * excess
    if discriminant < 0.0:
        return -linear / (2.0 * quadratic)
    return 2.0 * excess / (linear + math.sqrt(discriminant))
