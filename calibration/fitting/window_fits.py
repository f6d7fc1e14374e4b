"""All fits that a table of windows allows: which families go where, which forms are tried, what is left out in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import pandas as pd

from calibration.fitting import attention, board_power, links, rates
from calibration.fitting.least_squares import Array, Fit, Groups, resampled
from simulator.errors import InputError
from simulator.profiles.accelerators import AcceleratorRecord

STATES: Final = {
    "idle": "power.idle_w",
    "idle_context": "power.idle_context_w",
    "comm_wait": "power.comm_wait_w",
}
"""Figure that windows without work give, by family."""
POWER_FAMILIES: Final = (*rates.PRODUCTS, *rates.STREAMS, "mixed", "decode_attention", "prefill_attention")
SIZE_BANDS: Final = (64.0, 1024.0)
"""Tokens (rows of a product) at which a size band ends."""

TIMING_U: Final = 0.003
"""Relative standard uncertainty of a window's time beside its synchronisations: clocks of host and board."""
SYNCHRONISATION_S: Final = 20e-6
"""Standard uncertainty of the time of two synchronisations: launch and return of an empty kernel."""
REPEATABILITY_U: Final = 0.01
"""Relative standard uncertainty of energy beside the sensor's edges: temperature, clocks and values of the operands."""
GAIN_U: Final = 0.05 / 3.0**0.5
"""Relative standard uncertainty of a sensor's gain: rectangular within 5 %, as older boards document it (assumed)."""
_SHORT_S: Final = 20e-6
"""Kernels shorter than this are mostly gap in published power readings."""
_SAMPLED_ROWS: Final = 5_000
"""Rows of the largest table that is drawn again; in larger ones every row is a point, and the covariance suffices."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """What the fit must know of the energy sensor.

    Args:
        counter_period_s: time between two updates of the energy counter.
    """

    counter_period_s: float = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class NamedFit:
    """A fit, with where its parameters go and what was tried beside it.

    Args:
        name: name of the fit.
        quantity: `time` or `energy`.
        form: form chosen.
        fitted: result.
        figures: path in an accelerator profile and factor, by parameter; parameters that no profile holds are absent.
        groups: what was left out in turn, in words.
        candidates: error on all rows and on groups left out, by form tried.
        fixed: figures that the form itself gives, by path.
        draws: parameters of bootstrap samples, shape (samples, parameters); None if there are too few points.
        gain_u: relative standard uncertainty that all parameters share.
    """

    name: str
    quantity: str
    form: str
    fitted: Fit
    figures: dict[str, tuple[str, float]]
    groups: str
    candidates: dict[str, tuple[float, float | None]]
    draws: Array | None
    gain_u: float = 0.0
    fixed: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Options:
    """How windows are fitted.

    Args:
        sensor: the energy sensor; None for published tables, whose rows count alike.
        samples: bootstrap samples.
        seed: seed of the bootstrap.
        gaps: whether the power sensor saw gaps between kernels (published tables).
        outlier: relative misfit of power at which a row counts as an outlier.
        gain_u: relative standard uncertainty of the sensor's gain, common to all windows.
        compare: whether to try other forms and to leave groups out; without, the first form is fitted once.
    """

    sensor: Sensor | None = Sensor()
    samples: int = 200
    seed: int = 0
    gaps: bool = False
    outlier: float = 0.1
    gain_u: float = GAIN_U
    compare: bool = True


def usable(table: pd.DataFrame, base: AcceleratorRecord) -> tuple[pd.DataFrame, list[str]]:
    """Return the windows that a fit may use, and in words what was left out.

    Left out are invalid windows, other inputs than random ones, operands that stay in the cache, formats that the
    base profile has no peak for, and windows that claim more operations than the datasheet's peaks allow.
    """
    peaks = {str(name): value for name, value in base.peak_flop_per_s.items()}
    time_s = rates.seconds(table)
    peak = np.array([peaks.get(name, np.inf) for name in table.number_format])
    computing = table.flop.to_numpy(float) > 0.0
    # A triad adds and multiplies, but no arithmetic unit of a number format limits it.
    named = (table.number_format != "").to_numpy()
    known = np.array([name in peaks for name in table.number_format]) | ~computing | ~named
    # Traffic of small kernels comes from caches, which the datasheet bandwidth does not bound.
    faster = table.flop.to_numpy(float) / time_s > peak
    reasons = {
        "not valid": ~table.valid.to_numpy(bool),
        "other inputs than random ones": (table.inputs != "normal").to_numpy(),
        "operands that stay in the cache": table.cached.to_numpy(bool),
        "a number format without a peak in the base profile": ~known,
        "faster than the datasheet's peak": faster,
    }
    keep = np.ones(len(table), dtype=bool)
    notes = []
    for reason, mask in reasons.items():
        hit = mask & keep
        if hit.any():
            notes.append(f"{int(hit.sum()):,} windows left out: {reason}")
        keep &= ~mask
    return table[keep].reset_index(drop=True), notes


def fit_windows(table: pd.DataFrame, base: AcceleratorRecord, options: Options) -> list[NamedFit]:
    """Return every fit that the windows allow.

    Args:
        table: usable windows.
        base: datasheet rates, and values of what cannot be told.
        options: how to fit.

    Raises:
        InputError: nothing can be fitted.
    """
    found = [*_time_fits(table, base, options), *_power_fits(table, base, options)]
    if not found:
        families = ", ".join(sorted(set(table.family))) or "none"
        raise InputError(f"nothing can be fitted to these windows; families: {families}")
    return found


def size_bands(tokens: Array) -> Groups:
    """Return the size band of each number of tokens: under 64, under 1,024, above."""
    return np.digitize(tokens, SIZE_BANDS)


def _time_fits(table: pd.DataFrame, base: AcceleratorRecord, options: Options) -> Iterator[NamedFit]:
    rows = _of(table, rates.FAMILIES)
    if len(rows) and (rows.flop > 0.0).any():
        yield _rates(rows, base, options)
    for family, name, fitter, wanted in (
        ("decode_attention", "decode attention", attention.fit_decode_attention, _DECODE),
        ("prefill_attention", "prefill attention", attention.fit_prefill_attention, _PREFILL),
        ("all_reduce", "all-reduce", links.fit_all_reduce, _LINK),
    ):
        rows = _of(table, (family,))
        if rows.point.nunique() <= len(wanted):
            continue
        groups, label = _groups(rows) if options.compare else (None, "")
        fitted = fitter(rows, base, groups, uncertainty=_time_u(rows, options))
        figures = {key: (path, 1.0) for key, path in wanted.items() if path}
        draws = _draws(_again(fitter, base, options), rows, options)
        yield NamedFit(name, "time", "linear", fitted, figures, label, _errors({"linear": fitted}), draws)


class _Fitter(Protocol):
    def __call__(
        self,
        table: pd.DataFrame,
        base: AcceleratorRecord,
        groups: Groups | None = None,
        *,
        uncertainty: Array | None = None,
    ) -> Fit: ...


def _again(fitter: _Fitter, base: AcceleratorRecord, options: Options) -> Callable[[pd.DataFrame], Fit]:
    return lambda sample: fitter(sample, base, uncertainty=_time_u(sample, options))


_DECODE: Final = {
    "call_overhead_s": "attention.call_overhead_s",
    "decode_memory_fraction": "attention.decode_memory_fraction",
    "sequence_head_overhead_s": "attention.sequence_head_overhead_s",
}
_PREFILL: Final = {
    "prefill_compute_fraction": "attention.prefill_compute_fraction",
    "prefill_memory_fraction": "attention.prefill_memory_fraction",
    "call_overhead_s": "",
}
_LINK: Final = {
    "startup_s": "link.startup_s",
    "rank_s": "link.rank_s",
    "achieved_fraction": "link.achieved_fraction",
}


def _rates(rows: pd.DataFrame, base: AcceleratorRecord, options: Options) -> NamedFit:
    groups, label = _groups(rows) if options.compare else (None, "")
    uncertainty = _time_u(rows, options)
    tried = {
        form: rates.fit_rates(rows, base, groups, uncertainty=uncertainty, form=form)
        for form in (rates.FORMS if options.compare else rates.FORMS[:1])
    }
    form = _best(tried)
    model = rates.rate_model(rows, base, form)
    draws = _draws(
        lambda sample: rates.fit_rates(sample, base, uncertainty=_time_u(sample, options), form=form), rows, options
    )
    figures = {entry.name: (f"gemm.{entry.name}", 1.0) for entry in model.parameters}
    fixed = {"gemm.sharpness": model.fixed["sharpness"]} if "sharpness" in model.fixed else {}
    return NamedFit(
        "products and elementwise", "time", form, tried[form], figures, label, _errors(tried), draws, fixed=fixed
    )


def _power_fits(table: pd.DataFrame, base: AcceleratorRecord, options: Options) -> Iterator[NamedFit]:
    metered = table[table.energy_j.notna()].reset_index(drop=True)
    gain_u = options.gain_u
    idle = {}
    for family, path in STATES.items():
        rows = _of(metered, (family,))
        if len(rows) > 1:
            watts = _independent(rows.assign(watts=rows.energy_j / rows.duration_s))
            idle[family] = float(watts.mean())
            yield _state(family, path, watts, gain_u)
    rows = _of(metered, POWER_FAMILIES)
    if rows.point.nunique() < 6 or not (rows.flop > 0.0).any():
        return
    if options.gaps:
        rows = rows[rates.seconds(rows) >= _SHORT_S].reset_index(drop=True)
    groups, label = _groups(rows) if options.compare else (None, "")
    uncertainty = _energy_u(rows, options)
    forms: tuple[str, ...] = board_power.FORMS if options.gaps else board_power.FORMS[:2]
    forms = forms if options.compare else forms[:1]
    floor_w = idle.get("idle_context", base.power.idle_context_w)
    models = {form: _power_form(rows, base, form, floor_w, options.gaps) for form in forms}
    tried = {
        form: board_power.fit_power(model, rows, groups, uncertainty=uncertainty, outlier=options.outlier)
        for form, model in models.items()
    }
    # The simulator computes energies per operation and byte; exponents are tried to say what that costs.
    form = _best({name: entry for name, entry in tried.items() if name != "concave"})

    def refit(sample: pd.DataFrame) -> Fit:
        model = _power_form(sample, base, form, floor_w, options.gaps)
        return board_power.fit_power(model, sample, uncertainty=_energy_u(sample, options), outlier=options.outlier)

    draws = _draws(refit, rows, options)
    figures = board_power.profile_figures(tried[form], base)
    yield NamedFit("board power", "energy", form, tried[form], figures, label, _errors(tried), draws, gain_u)


def _power_form(
    rows: pd.DataFrame, base: AcceleratorRecord, form: str, floor_w: float, gaps: bool
) -> board_power.PowerForm:
    # A board whose static power reached its lowest cap could do no work under it.
    # Means of published loops round the corner at the limit; a window of one kernel has a sharp one.
    sharpness = board_power.TABLE_SHARPNESS if gaps else board_power.CAP_SHARPNESS
    return board_power.power_form(rows, base, form, floor_w, 0.98 * base.power.minimum_cap_w, sharpness)


def _independent(rows: pd.DataFrame) -> Array:
    """Return mean power by point, or of each window where there are too few points to tell their spread."""
    means = rows.groupby("point").watts.mean()
    return (means if len(means) > 2 else rows.watts).to_numpy(float)


def _state(family: str, path: str, watts: Array, gain_u: float) -> NamedFit:
    mean = float(watts.mean())
    spread = float(watts.std(ddof=1))
    error = np.abs(mean / watts - 1.0)
    fitted = Fit(
        parameters={"power_w": mean},
        mape=float(error.mean()),
        p90=float(np.quantile(error, 0.9)),
        held_out_mape=None,
        rows=len(watts),
        covariance=np.array([[spread**2 / len(watts)]]),
        degrees_of_freedom=np.array([len(watts) - 1.0]),
        rmse=float(np.sqrt(np.mean(error**2))),
    )
    name = family.replace("_", " ")
    return NamedFit(
        name, "energy", "mean", fitted, {"power_w": (path, 1.0)}, "", {"mean": (fitted.mape, None)}, None, gain_u
    )


def _of(table: pd.DataFrame, families: tuple[str, ...]) -> pd.DataFrame:
    return table[table.family.isin(families)].reset_index(drop=True)


def _groups(rows: pd.DataFrame) -> tuple[Groups, str]:
    """Return what is left out in turn: kernel families; within one family the size of the model, heads or tokens."""
    if len(set(rows.family)) > 1:
        return rows.family.to_numpy(str), "kernel families"
    family = rows.family.iloc[0]
    if family == "layer":
        return rows.k.to_numpy(int), "models"
    if family == "all_reduce":
        return rows.ranks.to_numpy(int), "numbers of ranks"
    if "attention" in family:
        return rows.query_heads.to_numpy(int), "numbers of heads"
    return size_bands(rows.m.to_numpy(float)), "size bands"


def _best(tried: dict[str, Fit]) -> str:
    """Return the form with the least error on groups left out, or on all rows where there is one group only."""

    def error(form: str) -> float:
        held_out = tried[form].held_out_mape
        return tried[form].mape if held_out is None else held_out

    return min(tried, key=error)


def _errors(tried: dict[str, Fit]) -> dict[str, tuple[float, float | None]]:
    return {form: (entry.mape, entry.held_out_mape) for form, entry in tried.items()}


def _draws(fitter: Callable[[pd.DataFrame], Fit], rows: pd.DataFrame, options: Options) -> Array | None:
    if not options.samples or len(rows) > _SAMPLED_ROWS:
        return None
    return resampled(fitter, rows, options.samples, np.random.default_rng(options.seed))


def _time_u(rows: pd.DataFrame, options: Options) -> Array | None:
    if options.sensor is None:
        return None
    return np.asarray(np.hypot(TIMING_U, SYNCHRONISATION_S / rows.duration_s.to_numpy(float)), dtype=np.float64)


def _energy_u(rows: pd.DataFrame, options: Options) -> Array | None:
    if options.sensor is None:
        return None
    # Both edges fall anywhere between two updates of the counter: the difference of two uniform delays.
    edges = options.sensor.counter_period_s / 6.0**0.5 / rows.duration_s.to_numpy(float)
    return np.asarray(np.hypot(REPEATABILITY_U, edges), dtype=np.float64)
