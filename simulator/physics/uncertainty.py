"""Propagation of independent uncertainties in one line (IPCC approach 1)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simulator.physics.domains import require_range


def product_relative_uncertainty(relative_uncertainties: Sequence[float]) -> float:
    """Return the relative uncertainty of a product of independent factors.

    Args:
        relative_uncertainties: of each factor, at the same confidence.

    u = sqrt(sum_i u_i^2). IPCC 2006 Guidelines, volume 1, chapter 3, equation 3.1.

    >>> round(product_relative_uncertainty([0.05, 0.1]), 7)
    0.1118034
    """
    return math.hypot(*relative_uncertainties)


def sum_relative_uncertainty(amounts: Sequence[float], relative_uncertainties: Sequence[float]) -> float:
    """Return the relative uncertainty of a sum of independent amounts.

    Args:
        amounts: the terms; their sum must not be zero.
        relative_uncertainties: of each term, at the same confidence.

    u = sqrt(sum_i (u_i x_i)^2) / |sum_i x_i|. IPCC 2006 Guidelines, volume 1, chapter 3, equation 3.2.

    >>> round(sum_relative_uncertainty([30.0, 10.0], [0.1, 0.4]), 3)
    0.125
    """
    total = abs(math.fsum(amounts))
    if not total > 0.0:
        raise ValueError(f"sum of the amounts must not be 0, got {total}")
    return math.hypot(*(u * x for u, x in zip(relative_uncertainties, amounts, strict=True))) / total


def lognormal_bounds(median: float, factor: float) -> tuple[float, float]:
    """Return the bounds of a figure that is known up to a factor either way.

    Args:
        median: the figure, at least 0.
        factor: ratio of the upper bound to the figure, and of the figure to the lower bound, at least 1.

    x / k and x k: the 5 % and 95 % quantiles of a lognormal whose logarithm has the standard deviation ln k / 1.645.
    Bounds of figures from one method move together, so they add up bound by bound.

    >>> lognormal_bounds(160.0, 1.6)
    (100.0, 256.0)
    """
    require_range("median", median, 0.0)
    require_range("factor", factor, 1.0)
    return median / factor, median * factor
