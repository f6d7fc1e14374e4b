"""Bounded robust least squares on logarithms of ratios: parameters, covariance, bootstrap, error of held-out groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.stats import t as student_t

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Groups = NDArray[np.generic]
Model = Callable[[Array, Mask], Array]
"""Prediction for parameters and a mask of rows."""

OUTLIER: Final = 0.1
"""Relative misfit at which the loss turns from quadratic to linear, unless said otherwise."""
_PRIOR_WEIGHT: Final = 0.05
"""Pull of a prior, for each square root of a row."""
_USUAL_WIDTH: Final = 10.0
"""Relative width of the pull to usual values where a group is left out."""
_STEP: Final = 1e-5
"""Relative step of numerical derivatives."""
_LEAST_REST: Final = 0.05
"""Least share of a cluster's residual that is taken not to have been swallowed by its own pull on the fit."""


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
        rmse: root mean square of the relative error on the rows of the fit.
        degrees_of_freedom: of the uncertainty of each parameter; None when not asked for.
        held_out: prediction of each row by the fit that left its group out; None without groups.
    """

    parameters: dict[str, float]
    mape: float
    p90: float
    held_out_mape: float | None
    rows: int
    covariance: Array | None = None
    degrees_of_freedom: Array | None = None
    rmse: float = 0.0
    held_out: Array | None = None

    def describe(self) -> str:
        """Return the errors in words, as the profiles carry them."""
        held_out = "" if self.held_out_mape is None else f", {self.held_out_mape:.1%} on groups left out"
        return f"MAPE {self.mape:.1%} (p90 {self.p90:.1%}) on {self.rows:,} rows{held_out}"

    def values(self) -> Array:
        """Return the parameters in their order."""
        return np.array(list(self.parameters.values()))

    def standard_uncertainty(self, name: str) -> tuple[float, float]:
        """Return the standard uncertainty of a parameter and its degrees of freedom.

        Raises:
            ValueError: the fit was made without clusters.
        """
        if self.covariance is None or self.degrees_of_freedom is None:
            raise ValueError("this fit has no covariance: give it clusters")
        place = list(self.parameters).index(name)
        return float(np.sqrt(self.covariance[place, place])), float(self.degrees_of_freedom[place])


def coverage_factor(degrees_of_freedom: float, confidence: float = 0.95) -> float:
    """Return the half width of a two-sided interval in standard uncertainties (Student's t).

    >>> round(coverage_factor(20), 3)
    2.086
    """
    return float(student_t.ppf(0.5 * (1.0 + confidence), max(degrees_of_freedom, 1.0)))


def fit(
    model: Model,
    measured: Array,
    parameters: Sequence[Parameter],
    groups: Groups | None = None,
    *,
    uncertainty: Array | None = None,
    clusters: Groups | None = None,
    outlier: float = OUTLIER,
) -> Fit:
    """Fit log(model / measured) with a soft-L1 loss, so that outliers of a table do not steer it.

    Args:
        model: prediction for parameter values and a mask of rows.
        measured: measured values, shape (rows,).
        parameters: what to fit.
        groups: group of each row; each group is left out once to measure the error of transfer.
        uncertainty: relative standard uncertainty of each row, which counts as 1 / u^2; None: all rows count alike.
        clusters: rows of a cluster err together (replicates of a point); with it the result has a covariance.
        outlier: relative misfit at which the loss turns from quadratic to linear.
    """
    everything = np.ones(len(measured), dtype=bool)
    problem = _Problem(model, measured, parameters, _weights(measured, uncertainty), outlier)
    best = problem.solve(everything)
    error = np.abs(model(best, everything) / measured - 1.0)
    covariance, freedom = (None, None) if clusters is None else problem.covariance(best, clusters)
    held_out, held_out_mape = None, None
    if groups is not None and len(np.unique(groups)) > 1:
        held_out = np.empty(len(measured))
        errors = []
        # What the rest cannot tell keeps its usual value, by a pull too weak to move what it can.
        usual = [replace(entry, prior=entry.prior or (entry.start, _USUAL_WIDTH)) for entry in parameters]
        partial = replace(problem, parameters=usual)
        for group in np.unique(groups):
            out = groups == group
            held_out[out] = model(partial.solve(~out), out)
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
        rmse=float(np.sqrt(np.mean(error**2))),
        held_out=held_out,
    )


def resampled(
    fitter: Callable[[pd.DataFrame], Fit], rows: pd.DataFrame, samples: int, generator: np.random.Generator
) -> Array:
    """Return parameters of fits to points drawn with replacement, shape (samples, parameters).

    They are drawn within kernel families and number formats, so that every sample tells the same parameters.

    Args:
        fitter: fit of a table.
        rows: windows; all of a `point` are drawn together, and every sample holds as many points of each
            `family` and `number_format`.
        samples: number of samples.
        generator: source of randomness.
    """
    names, member = np.unique(rows.point.to_numpy(str), return_inverse=True)
    places = [np.flatnonzero(member == place) for place in range(len(names))]
    kinds = (rows.family + " " + rows.number_format).to_numpy(str)[[place[0] for place in places]]
    families = [np.flatnonzero(kinds == name) for name in np.unique(kinds)]
    found = []
    for _ in range(samples):
        drawn = np.concatenate([generator.choice(points, len(points)) for points in families])
        sample = rows.iloc[np.concatenate([places[point] for point in drawn])].reset_index(drop=True)
        found.append(fitter(sample).values())
    return np.array(found)


def _weights(measured: Array, uncertainty: Array | None) -> Array:
    if uncertainty is None:
        return np.ones(len(measured))
    weights: Array = np.median(uncertainty) / uncertainty
    return weights


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Model, measured values, parameters, the weight of each row's residual, and the scale of outliers."""

    model: Model
    measured: Array
    parameters: Sequence[Parameter]
    weights: Array
    outlier: float = OUTLIER

    def residuals(self, values: Array, rows: Mask) -> Array:
        pulls = [
            (value / entry.prior[0] - 1.0) / entry.prior[1] * _PRIOR_WEIGHT * np.sqrt(rows.sum())
            for entry, value in zip(self.parameters, values, strict=True)
            if entry.prior is not None
        ]
        misfit = np.log(self.model(values, rows) / self.measured[rows])
        return np.concatenate([self.weights[rows] * misfit, np.array(pulls)])

    def solve(self, rows: Mask) -> Array:
        scale = np.array([entry.start for entry in self.parameters])
        bounds = (
            np.array([entry.low for entry in self.parameters]) / scale,
            np.array([entry.high for entry in self.parameters]) / scale,
        )

        def scaled_residuals(scaled: Array) -> Array:
            return self.residuals(scaled * scale, rows)

        found = least_squares(
            scaled_residuals, np.ones(len(scale)), bounds=bounds, loss="soft_l1", f_scale=self.outlier
        )
        return np.asarray(found.x * scale, dtype=np.float64)

    def covariance(self, best: Array, clusters: Groups) -> tuple[Array, Array]:
        """Return the covariance of the parameters and the degrees of freedom of each.

        Sandwich H^-1 (sum over clusters of g g^T) H^-1, g the gradient of the loss summed over a cluster: rows that err
        together count as one. Each cluster's residuals are first freed from what its own pull on the fit takes from
        them, (I - X H^-1 X^T)^-1 r, which makes it the jackknife over clusters in one step; a few points that alone
        decide a parameter would else look too certain. The degrees of freedom of a parameter follow from how many
        clusters share in it (Satterthwaite).

        Liang, Zeger, "Longitudinal data analysis using generalized linear models", Biometrika 73, 1986. Bell,
        McCaffrey, "Bias reduction in standard errors for linear regression with multi-stage samples",
        Survey Methodology 28, 2002.
        """
        everything = np.ones(len(self.measured), dtype=bool)
        # On a bound of zero a value has no size of its own.
        usual = np.array([entry.start for entry in self.parameters])
        scale = np.maximum(np.abs(best), 1e-3 * usual)
        residual = self.residuals(best, everything)
        slopes = self._slopes(best, scale, residual)
        z = (residual / self.outlier) ** 2
        # Of the soft-L1 loss: its curvature along a residual, and its gradient.
        curvature, gradient = (1.0 + z) ** -1.5, residual * (1.0 + z) ** -0.5
        inverse = np.linalg.pinv(slopes.T @ (slopes * curvature[:, np.newaxis]))
        rows = len(self.measured)
        names, member = np.unique(clusters, return_inverse=True)
        if len(names) == rows:
            pull = np.einsum("ij,jk,ik->i", slopes, inverse, slopes)[:rows] * curvature[:rows]
            summed = slopes[:rows] * (gradient[:rows] / np.maximum(1.0 - pull, _LEAST_REST))[:, np.newaxis]
            shares = (slopes[:rows] @ inverse) ** 2
        else:
            summed = np.zeros((len(names), len(best)))
            shares = np.zeros((len(names), len(best)))
            order = np.argsort(member, kind="stable")
            for place, own in enumerate(np.split(order, np.cumsum(np.bincount(member))[:-1])):
                part = slopes[own]
                rest = np.eye(len(own)) - (part * curvature[own][:, np.newaxis]) @ inverse @ part.T
                summed[place] = part.T @ np.linalg.lstsq(rest, gradient[own], rcond=_LEAST_REST)[0]
                shares[place] = (part @ inverse).sum(axis=0) ** 2
        spread = inverse @ (summed.T @ summed) @ inverse
        total = shares.sum(axis=0)
        freedom = total**2 / np.maximum((shares**2).sum(axis=0), np.finfo(float).tiny) - 1.0
        return spread * np.outer(scale, scale), np.maximum(freedom, 1.0)

    def _slopes(self, best: Array, scale: Array, residual: Array) -> Array:
        """Return the derivative of each residual by each parameter, in units of its scale."""
        everything = np.ones(len(self.measured), dtype=bool)
        slopes = np.empty((len(residual), len(best)))
        for place in range(len(best)):
            step = np.zeros(len(best))
            step[place] = _STEP * scale[place]
            inside = best[place] > step[place]  # one-sided at zero, beyond which a model may not be defined
            lower = self.residuals(best - step, everything) if inside else residual
            raised = self.residuals(best + step, everything)
            slopes[:, place] = (raised - lower) / (_STEP * (2.0 if inside else 1.0))
        return slopes
