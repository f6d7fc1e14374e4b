"""The root of a function of one variable between two bounds."""

from __future__ import annotations

from collections.abc import Callable


def bounded_root(function: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """Return where a monotone function is zero, or the bound nearer to it.

    Args:
        function: monotone over the bounds.
        low: lower bound.
        high: upper bound.
        tolerance: absolute value of the function that counts as zero, above 0.

    Regula falsi of Illinois: the end that stays is halved, so that the bracket shrinks from both sides. Dahlquist and
    Bjoerck, Numerical Methods, chapter 6.

    >>> round(bounded_root(lambda x: x * x - 2.0, 0.0, 2.0, 1e-12), 9)
    1.414213562
    >>> bounded_root(lambda x: x + 1.0, 0.0, 2.0, 1e-12)
    0.0
    """
    at_low, at_high = function(low), function(high)
    if at_low == 0.0 or at_high == 0.0 or (at_low > 0.0) == (at_high > 0.0):
        return low if abs(at_low) <= abs(at_high) else high
    kept = 0
    middle = low
    for _ in range(100):
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        found = function(middle)
        if abs(found) <= tolerance:
            break
        if (found > 0.0) == (at_low > 0.0):
            low, at_low = middle, found
            at_high = 0.5 * at_high if kept < 0 else at_high
            kept = -1
        else:
            high, at_high = middle, found
            at_low = 0.5 * at_low if kept > 0 else at_low
            kept = 1
    return middle
