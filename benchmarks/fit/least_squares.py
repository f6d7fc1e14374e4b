"""Bounded robust least squares on logarithms of ratios, and the error of held-out groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Model = Callable[[Array, Mask], Array]
"""Prediction for parameters and a mask of rows."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Result of a fit.

    Args:
        parameters: best values, by name.
        mape: mean absolute relative error on the rows of the fit.
        p90: 90th percentile of the absolute relative error.
        held_out_mape: mean over groups of the error on a group that the fit did not see; None without groups.
        rows: rows used.
    """

    parameters: dict[str, float]
    mape: float
    p90: float
    held_out_mape: float | None
    rows: int

    def describe(self) -> str:
        """Return the errors in words, as the profiles carry them."""
        held_out = "" if self.held_out_mape is None else f", {self.held_out_mape:.1%} on groups left out"
        return f"MAPE {self.mape:.1%} (p90 {self.p90:.1%}) on {self.rows:,} rows{held_out}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter with its bounds and starting value; `prior` = (value, relative width) pulls it weakly."""

    name: str
    low: float
    start: float
    high: float
    prior: tuple[float, float] | None = None


def fit(model: Model, measured: Array, parameters: Sequence[Parameter], groups: Array | None = None) -> Fit:
    """Fit log(model / measured) with a soft-L1 loss, so that outliers of a table do not steer it.

    Args:
        model: prediction for parameter values and a mask of rows.
        measured: measured values, shape (rows,).
        parameters: what to fit.
        groups: group of each row; each group is left out once to measure the error of transfer.
    """
    everything = np.ones(len(measured), dtype=bool)
    best = _solve(model, measured, parameters, everything)
    error = np.abs(model(best, everything) / measured - 1.0)
    held_out = None
    if groups is not None and len(np.unique(groups)) > 1:
        errors = []
        for group in np.unique(groups):
            out = groups == group
            trained = _solve(model, measured, parameters, ~out)
            errors.append(float(np.mean(np.abs(model(trained, out) / measured[out] - 1.0))))
        held_out = float(np.mean(errors))
    return Fit(
        parameters={entry.name: float(value) for entry, value in zip(parameters, best, strict=True)},
        mape=float(error.mean()),
        p90=float(np.quantile(error, 0.9)),
        held_out_mape=held_out,
        rows=len(measured),
    )


def _solve(model: Model, measured: Array, parameters: Sequence[Parameter], rows: Mask) -> Array:
    scale = np.array([entry.start for entry in parameters])

    def residuals(scaled: Array) -> Array:
        values = scaled * scale
        pulls = [
            (value / entry.prior[0] - 1.0) / entry.prior[1] * 0.05 * np.sqrt(rows.sum())
            for entry, value in zip(parameters, values, strict=True)
            if entry.prior is not None
        ]
        return np.concatenate([np.log(model(values, rows) / measured[rows]), np.array(pulls)])

    bounds = (np.array([e.low for e in parameters]) / scale, np.array([e.high for e in parameters]) / scale)
    found = least_squares(residuals, np.ones(len(parameters)), bounds=bounds, loss="soft_l1", f_scale=0.1)
    return np.asarray(found.x * scale, dtype=np.float64)
