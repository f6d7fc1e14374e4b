"""The numbers that physics accepts: scalar or array in, same out, and the check of a domain."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

NumberT = TypeVar("NumberT", float, NDArray[np.float64])
"""A float or an array of floats; a function returns the kind that it was given."""

Number: TypeAlias = float | NDArray[np.float64]
"""Either kind, where the kinds of two arguments need not agree."""

INFINITY = float("inf")

_SCALAR = (float, int)


def clip(value: NumberT, low: float, high: float) -> NumberT:
    """Return `value` bounded to [low, high]; a plain float stays a plain float.

    >>> clip(1.3, 0.0, 1.0)
    1.0
    >>> clip(np.array([-0.2, 0.4]), 0.0, 1.0).tolist()
    [0.0, 0.4]
    """
    if isinstance(value, _SCALAR):
        return low if value < low else high if value > high else value
    return np.minimum(np.maximum(value, low), high)


def require_range(name: str, value: Number, low: float, high: float = INFINITY) -> None:
    """Raise ValueError, naming value and allowed range, unless every number lies in [low, high]; NaN never does.

    >>> require_range("range_k", 25.0, 1.11, 22.2)
    Traceback (most recent call last):
    ValueError: range_k must be in [1.11, 22.2], got 25.0
    """
    inside = low <= value <= high if isinstance(value, _SCALAR) else bool(np.all((value >= low) & (value <= high)))
    if not inside:
        raise ValueError(f"{name} must be in [{low:g}, {high:g}], got {value}")


def require_positive(name: str, value: Number) -> None:
    """Raise ValueError unless every number is greater than zero; NaN never is.

    >>> require_positive("efficiency", 0.0)
    Traceback (most recent call last):
    ValueError: efficiency must be > 0, got 0.0
    """
    inside = 0.0 < value < INFINITY if isinstance(value, _SCALAR) else bool(np.all((value > 0.0) & (value < INFINITY)))
    if not inside:
        raise ValueError(f"{name} must be > 0, got {value}")
