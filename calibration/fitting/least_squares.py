"""Bounded robust least squares on logarithms of ratios: parameters, covariance, bootstrap, error of held-out groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.stats import t as student_t

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Groups = NDArray[np.generic]
Model = Callable[[Array, Mask], Array]
"""Prediction for parameters and a mask of rows."""

_OUTLIER: Final = 0.1
"""Relative misfit at which the loss turns from quadratic to linear."""
_PRIOR_WEIGHT: Final = 0.05
"""Pull of a prior, for each square root of a row."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter with its bounds and starting value; `prior` = (value, relative width) pulls it weakly."""

    name: str
    low: float
    start: float
    high: float
    prior: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Result of a fit.

    Args:
        parameters: best values, by name.
        mape: mean absolute relative error on the rows of the fit.
        p90: 90th percentile of the absolute relative error.
        held_out_mape: mean over groups of the error on a group that the fit did not see; None without groups.
        rows: rows used.
        covariance: of the parameters in their order, robust to rows that err together; None when not asked for.
        degrees_of_freedom: clusters of rows that err independently, less the parameters.
        held_out: prediction of each row by the fit that left its group out; None without groups.
    """

    parameters: dict[str, float]
    mape: float
    p90: float
    held_out_mape: float | None
    rows: int
    covariance: Array | None = None
    degrees_of_freedom: int = 0
    held_out: Array | None = None

    def describe(self) -> str:
        """Return the errors in words, as the profiles carry them."""
        held_out = "" if self.held_out_mape is None else f", {self.held_out_mape:.1%} on groups left out"
        return f"MAPE {self.mape:.1%} (p90 {self.p90:.1%}) on {self.rows:,} rows{held_out}"

    def values(self) -> Array:
        """Return the parameters in their order."""
        return np.array(list(self.parameters.values()))

    def standard_uncertainty(self, name: str) -> float:
        """Return the standard uncertainty of a parameter.

        Raises:
            ValueError: the fit was made without clusters.
        """
        if self.covariance is None:
            raise ValueError("this fit has no covariance: give it clusters")
        place = list(self.parameters).index(name)
        return float(np.sqrt(self.covariance[place, place]))


def coverage_factor(degrees_of_freedom: int, confidence: float = 0.95) -> float:
    """Return the half width of a two-sided interval in standard uncertainties (Student's t).

    >>> round(coverage_factor(20), 3)
    2.086
    """
    return float(student_t.ppf(0.5 * (1.0 + confidence), max(degrees_of_freedom, 1)))


def fit(
    model: Model,
    measured: Array,
    parameters: Sequence[Parameter],
    groups: Groups | None = None,
    *,
    uncertainty: Array | None = None,
    clusters: Groups | None = None,
) -> Fit:
    """Fit log(model / measured) with a soft-L1 loss, so that outliers of a table do not steer it.

    Args:
        model: prediction for parameter values and a mask of rows.
        measured: measured values, shape (rows,).
        parameters: what to fit.
        groups: group of each row; each group is left out once to measure the error of transfer.
        uncertainty: relative standard uncertainty of each row, which counts as 1 / u^2; None: all rows count alike.
        clusters: rows of a cluster err together (replicates of a point); with it the result has a covariance.
    """
    everything = np.ones(len(measured), dtype=bool)
    problem = _Problem(model, measured, parameters, _weights(measured, uncertainty))
    best = problem.solve(everything)
    error = np.abs(model(best, everything) / measured - 1.0)
    covariance, freedom = (None, 0) if clusters is None else problem.covariance(best, clusters)
    held_out, held_out_mape = None, None
    if groups is not None and len(np.unique(groups)) > 1:
        held_out = np.empty(len(measured))
        errors = []
        for group in np.unique(groups):
            out = groups == group
            held_out[out] = model(problem.solve(~out), out)
            errors.append(float(np.mean(np.abs(held_out[out] / measured[out] - 1.0))))
        held_out_mape = float(np.mean(errors))
    return Fit(
        parameters={entry.name: float(value) for entry, value in zip(parameters, best, strict=True)},
        mape=float(error.mean()),
        p90=float(np.quantile(error, 0.9)),
        held_out_mape=held_out_mape,
        rows=len(measured),
        covariance=covariance,
        degrees_of_freedom=freedom,
        held_out=held_out,
    )


def bootstrap(
    model: Model,
    measured: Array,
    parameters: Sequence[Parameter],
    clusters: Groups,
    strata: Groups,
    draws: int,
    generator: np.random.Generator,
    *,
    uncertainty: Array | None = None,
) -> Array:
    """Return parameters of fits to samples of clusters drawn with replacement within each stratum, shape (draws, p).

    Args:
        model: prediction for parameter values and a mask of rows.
        measured: measured values.
        parameters: what to fit.
        clusters: cluster of each row; all its rows are drawn together.
        strata: kernel family of each row, of which every draw holds as many clusters as the measurement.
        draws: number of samples.
        generator: source of randomness.
        uncertainty: relative standard uncertainty of each row.
    """
    weights = _weights(measured, uncertainty)
    names, member = np.unique(clusters, return_inverse=True)
    first = np.array([np.flatnonzero(member == place)[0] for place in range(len(names))])
    families = [np.flatnonzero(strata[first] == family) for family in np.unique(strata)]
    everything = np.ones(len(measured), dtype=bool)
    start = _Problem(model, measured, parameters, weights).solve(everything)
    found = np.empty((draws, len(parameters)))
    for draw in range(draws):
        drawn = np.concatenate([generator.choice(family, len(family)) for family in families])
        counts = np.bincount(drawn, minlength=len(names))[member]
        problem = _Problem(model, measured, parameters, weights * np.sqrt(counts))
        found[draw] = problem.solve(counts > 0, start)
    return found


def _weights(measured: Array, uncertainty: Array | None) -> Array:
    if uncertainty is None:
        return np.ones(len(measured))
    weights: Array = np.median(uncertainty) / uncertainty
    return weights


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Model, measured values, parameters and the weight of each row's residual."""

    model: Model
    measured: Array
    parameters: Sequence[Parameter]
    weights: Array

    def residuals(self, values: Array, rows: Mask) -> Array:
        pulls = [
            (value / entry.prior[0] - 1.0) / entry.prior[1] * _PRIOR_WEIGHT * np.sqrt(rows.sum())
            for entry, value in zip(self.parameters, values, strict=True)
            if entry.prior is not None
        ]
        misfit = np.log(self.model(values, rows) / self.measured[rows])
        return np.concatenate([self.weights[rows] * misfit, np.array(pulls)])

    def solve(self, rows: Mask, start: Array | None = None) -> Array:
        scale = np.array([entry.start for entry in self.parameters])
        bounds = (
            np.array([entry.low for entry in self.parameters]) / scale,
            np.array([entry.high for entry in self.parameters]) / scale,
        )
        first = np.ones(len(scale)) if start is None else np.clip(start / scale, *bounds)

        def scaled_residuals(scaled: Array) -> Array:
            return self.residuals(scaled * scale, rows)

        found = least_squares(scaled_residuals, first, bounds=bounds, loss="soft_l1", f_scale=_OUTLIER)
        return np.asarray(found.x * scale, dtype=np.float64)

    def covariance(self, best: Array, clusters: Groups) -> tuple[Array, int]:
        """Return the sandwich H^-1 (sum over clusters of g g^T) H^-1 with the small-sample factor G / (G - p).

        g is the gradient of the loss summed over a cluster. Rows that err together thus count as one (Liang and Zeger,
        "Longitudinal data analysis using generalized linear models", Biometrika 73, 1986).
        """
        everything = np.ones(len(self.measured), dtype=bool)
        scale = np.where(best != 0.0, np.abs(best), np.array([entry.start for entry in self.parameters]))
        residual = self.residuals(best, everything)
        slopes = np.empty((len(residual), len(best)))
        for place in range(len(best)):
            step = np.zeros(len(best))
            step[place] = 1e-5 * scale[place]
            raised = self.residuals(best + step, everything)
            # One-sided at a bound of zero, beyond which a model may not be defined.
            lower = best - step if best[place] > step[place] else best
            width = 2e-5 if best[place] > step[place] else 1e-5
            slopes[:, place] = (raised - self.residuals(lower, everything)) / width
        z = (residual / _OUTLIER) ** 2
        hessian = slopes.T @ (slopes * ((1.0 + z) ** -1.5)[:, np.newaxis])
        scores = slopes * (residual * (1.0 + z) ** -0.5)[:, np.newaxis]
        names, member = np.unique(clusters, return_inverse=True)
        summed = np.zeros((len(names), len(best)))
        np.add.at(summed, member, scores[: len(self.measured)])
        freedom = max(len(names) - len(best), 1)
        inverse = np.linalg.pinv(hessian)
        spread = inverse @ (summed.T @ summed) @ inverse * len(names) / freedom
        return spread * np.outer(scale, scale), freedom
