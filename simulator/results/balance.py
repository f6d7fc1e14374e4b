"""A balance: two sides that must agree."""

from __future__ import annotations

from dataclasses import dataclass

RELATIVE_TOLERANCE = 1e-9
"""Sums of up to a million doubles in two orders agree far better; a lost booking of one step in a million does not."""


@dataclass(frozen=True, slots=True)
class Audit:
    """One balance.

    Args:
        name: what balances.
        left: one side.
        right: the other side, computed another way.
        tolerance: largest difference that counts as rounding.
    """

    name: str
    left: float
    right: float
    tolerance: float

    @property
    def residual(self) -> float:
        """Left - right."""
        return self.left - self.right

    @property
    def ok(self) -> bool:
        """The two sides agree."""
        return abs(self.residual) <= self.tolerance


def balance(name: str, left: float, right: float, scale: float | None = None) -> Audit:
    """Return a balance that may miss by rounding, relative to `scale` or to its larger side."""
    size = max(abs(left), abs(right)) if scale is None else scale
    return Audit(name, left, right, RELATIVE_TOLERANCE * size)


def exact(name: str, left: float, right: float) -> Audit:
    """Return a balance of counts."""
    return Audit(name, left, right, 0.0)
