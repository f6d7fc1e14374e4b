"""Performance curves: polynomials of one and two variables."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.physics.domains import NumberT


def polynomial(coefficients: Sequence[float], x: NumberT) -> NumberT:
    """Return c_0 + c_1 x + c_2 x^2 + ..., lowest order first.

    >>> polynomial((1.0, -2.0, 0.5), 3.0)
    -0.5
    """
    value = 0.0 * x
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


def biquadratic(coefficients: Sequence[float], x: NumberT, y: NumberT) -> NumberT:
    """Return a + b x + c x^2 + d y + e y^2 + f x y, the order of EnergyPlus Curve:Biquadratic.

    Args:
        coefficients: a, b, c, d, e, f.
        x: first variable, for chillers the leaving chilled water (degC).
        y: second variable, for chillers the entering condenser water or outdoor air (degC).

    >>> round(biquadratic((1.0, 0.5, 0.0, 0.0, 0.25, 2.0), 2.0, 3.0), 2)
    16.25
    """
    a, b, c, d, e, f = coefficients
    return a + b * x + c * x * x + d * y + e * y * y + f * x * y
