"""Market-based scope 2: energy matched with several contractual instruments, period by period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulator.physics.domains import require_range

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """What instruments cover in each period.

    Args:
        periods: label of each period, rising, shape (m,).
        needed_j: energy drawn from the grid, shape (m,).
        matched_j: part of it that each instrument covers, shape (instruments, m).
        surplus_j: energy of each instrument that covers nothing and counts for nothing, shape (instruments, m).
        emissions_kg: of matched and unmatched energy together, shape (m,).
    """

    periods: NDArray[np.int64]
    needed_j: Array
    matched_j: Array
    surplus_j: Array
    emissions_kg: Array

    @property
    def unmatched_j(self) -> Array:
        """Energy that no instrument covers, shape (m,)."""
        rest: Array = self.needed_j - self.matched_j.sum(axis=0)
        return np.maximum(rest, 0.0)

    @property
    def total_kg(self) -> float:
        """Emissions of all periods."""
        return float(self.emissions_kg.sum())


def match_instruments(
    energy_j: ArrayLike,
    offered_j: ArrayLike,
    factors_kg_per_j: ArrayLike,
    unmatched_kg_per_j: ArrayLike,
    labels: ArrayLike,
) -> Matched:
    """Return what instruments cover when intervals with equal labels are matched together.

    Args:
        energy_j: energy drawn from the grid in each interval (J), shape (n,), at least 0.
        offered_j: energy of each instrument in each interval (J), shape (instruments, n); only instruments of the same
            grid boundary belong here.
        factors_kg_per_j: emission factor of each instrument (kg/J), shape (instruments,).
        unmatched_kg_per_j: factor of what none covers (kg/J), one or for each interval: the supplier's, else the
            residual mix, else the grid average.
        labels: integer label of each interval, shape (n,); all equal is annual matching of one year.

    In a period m the instruments cover energy in the order of their factors, the cleanest first, and surplus does not
    carry to another period: a_im = min(I_im, E_m - sum_{j before i} a_jm),
    M_m = sum_i a_im EF_i + (E_m - sum_i a_im) EF_m, with EF_m weighted by energy. GHG Protocol Scope 2 Guidance,
    chapter 6; hourly matching as proposed in October 2025.

    With one unmatched factor that no instrument exceeds, finer periods never give less: what they match is also a valid
    matching of the coarser ones, which the cleanest-first rule can only better. With a factor that varies, the finer
    match can fall into the dirtier hours, and the order may turn.

    >>> hourly = match_instruments([10.0, 10.0], [[0.0, 30.0]], [0.0], 0.5, [0, 1])
    >>> annual = match_instruments([10.0, 10.0], [[0.0, 30.0]], [0.0], 0.5, [0, 0])
    >>> hourly.total_kg, annual.total_kg, annual.surplus_j.tolist()
    (5.0, 0.0, [[10.0]])
    """
    energy = np.asarray(energy_j, dtype=float)
    factors = np.asarray(factors_kg_per_j, dtype=float)
    offered = np.asarray(offered_j, dtype=float).reshape(len(factors), -1 if len(factors) else len(energy))
    require_range("energy_j", energy, 0.0)
    require_range("offered_j", offered, 0.0)
    require_range("factors_kg_per_j", factors, 0.0)
    if offered.shape[1] != len(energy) or len(np.asarray(labels)) != len(energy):
        raise ValueError(
            f"offered_j and labels must have one column for each of {len(energy)} intervals, "
            f"got {offered.shape[1]} and {len(np.asarray(labels))}"
        )
    periods, period = np.unique(np.asarray(labels, dtype=np.int64), return_inverse=True)
    needed: Array = np.bincount(period, weights=energy).astype(np.float64)
    unmatched_kg = np.bincount(period, weights=energy * np.asarray(unmatched_kg_per_j, dtype=float))
    offers = np.array([np.bincount(period, weights=row) for row in offered]).reshape(len(factors), len(periods))
    matched, rest = np.zeros_like(offers), needed.copy()
    for row in np.argsort(factors, kind="stable"):
        matched[row] = np.minimum(offers[row], rest)
        rest -= matched[row]
    factor = np.divide(unmatched_kg, needed, out=np.zeros_like(needed), where=needed > 0.0)
    emissions = (factors[:, None] * matched).sum(axis=0) + rest * factor
    return Matched(periods, needed, matched, offers - matched, emissions)
