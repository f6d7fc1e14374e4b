"""Assemble a calibrated profile from fits: figures with intervals, covariance, errors, range, and what is inherited."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import pandas as pd
from pydantic import ValidationError

from calibration.fitting import rates
from calibration.fitting.least_squares import Array, coverage_factor
from calibration.fitting.window_fits import NamedFit, Options
from simulator.errors import InputError
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.calibrated import (
    SCHEMA,
    Base,
    CalibratedProfile,
    Candidate,
    Covariance,
    Device,
    Environment,
    FitReport,
    InheritedFigure,
    Method,
    Model,
    ParameterEstimate,
    Range,
    Raw,
    Tool,
    Uncertainty,
    Validity,
)
from simulator.profiles.sourced import Profile, Provenance, figure_at

EQUATION: Final = (
    "T = ((F/(c P))^q + (W/(m B))^q)^(1/q) + E/(e B) + t0; E = min(cap T, static T + sum_d e_d F_d + e_b Q + e_l L)"
)
UNIT_SPREAD: Final = 0.05
"""Relative standard deviation of power between boards of one kind: at least 5 % (estimated; physics of the project)."""
_NORMAL_95: Final = 1.959964
_ON_BOUND: Final = 1e-3
"""Distance from a bound, in standard uncertainties, at which a value counts as lying on it."""
_UNITS: Final = {
    "s": "s", "w": "W", "flop": "J", "byte": "J", "sharpness": "", "fraction": "", "factor": "",
}  # fmt: skip
_RANGED: Final = ("m", "n", "k", "batch", "context_tokens", "ranks")


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of the measurement beside its windows.

    Args:
        id: name of the profile.
        device: what was measured.
        environment: around it.
        method: how.
        created_utc: instant, ISO 8601.
        git: commit of the program; empty if unknown.
        licence: terms of the measurement.
        citation: whom to cite.
        notes: what a reader should know.
        data_toggle: energy of products of zeros over that of random values; None where it was not measured.
        overrides: figures of the board that take the place of the base profile's, with their provenance, by path.
    """

    id: str
    device: Device
    environment: Environment
    method: Method
    created_utc: str
    git: str = ""
    licence: str = ""
    citation: str = ""
    notes: tuple[str, ...] = ()
    data_toggle: float | None = None
    overrides: dict[str, tuple[float, Provenance]] = field(default_factory=dict)


def calibrated_profile(
    fits: list[NamedFit],
    table: pd.DataFrame,
    base: Profile[AcceleratorRecord],
    measured: Measured,
    options: Options,
    raw: Raw | None,
) -> CalibratedProfile:
    """Return the profile.

    Args:
        fits: what was fitted.
        table: usable windows.
        base: profile of which the rest is taken.
        measured: what is known of the measurement.
        options: how the windows were fitted.
        raw: the windows beside the profile.

    Raises:
        InputError: the fitted figures contradict one another or those of the base profile.
    """
    found = [estimate for entry in fits for estimate in estimates(entry)]
    figures = base.record.model_dump(by_alias=True)
    figures["name"] = measured.id
    figures["title"] = f"{base.record.title}, calibrated"
    inherited = dict(base.figures())
    for path, (value, source) in measured.overrides.items():
        _set(figures, path, value)
        inherited[path] = source
    for entry in fits:
        chosen = f"form '{entry.form}' of the fit '{entry.name}', chosen by its error on {entry.groups} left out"
        for path, value in entry.fixed.items():
            _set(figures, path, value)
            inherited[path] = Provenance(kind="measured", source=chosen)
    for estimate in found:
        _set(figures, estimate.name, estimate.value)
        inherited.pop(estimate.name, None)
    try:
        return CalibratedProfile.model_validate(
            {
                "schema": SCHEMA,
                "schema_version": 1,
                "id": measured.id,
                "created_utc": measured.created_utc,
                "tool": Tool(name="wattline-calibrate", version=version("wattline"), git=measured.git),
                "device": measured.device,
                "environment": measured.environment,
                "method": measured.method,
                "base": Base(profile=base.record.name, sha256=base.sha256),
                "model": Model(
                    family="roofline with smooth maximum; energy roofline",
                    equation=EQUATION,
                    parameters=tuple(found),
                    covariance=tuple(_covariances(fits)),
                    validity=_validity(table),
                ),
                "fit": tuple(_report(entry) for entry in fits),
                "uncertainty": Uncertainty(
                    common_gain_rel=options.gain_u, unit_spread_rel=UNIT_SPREAD, data_toggle=measured.data_toggle
                ),
                "accelerator": AcceleratorRecord.model_validate(figures),
                "inherited": tuple(InheritedFigure(name=path, provenance=source) for path, source in inherited.items()),
                "raw": raw,
                "licence": measured.licence,
                "citation": measured.citation,
                "notes": measured.notes,
            }
        )
    except ValidationError as error:
        raise InputError("; ".join(_plain(entry["msg"]) for entry in error.errors())) from None


def data_toggle(table: pd.DataFrame) -> float | None:
    """Return the energy of products of zeros over that of random values, the mean over points measured with both.

    Args:
        table: windows of all inputs.
    """
    products = table[table.valid & (table.family == "gemm") & table.energy_j.notna()]
    energy = products.assign(each=products.energy_j / products.repetitions)
    keys = ["number_format", "m", "n", "k"]
    zeros = energy[energy.inputs == "zeros"].groupby(keys).each.mean()
    random = energy[energy.inputs == "normal"].groupby(keys).each.mean()
    ratio = (zeros / random).dropna()
    return float(min(ratio.mean(), 1.0)) if len(ratio) else None


def estimates(entry: NamedFit) -> Iterator[ParameterEstimate]:
    """Yield the figures of a fit with their 95 % intervals, inside physical bounds."""
    fitted = entry.fitted
    names = list(fitted.parameters)
    for name, (path, factor) in entry.figures.items():
        place = names.index(name)
        value = fitted.parameters[name] * factor
        u, freedom = fitted.standard_uncertainty(name)
        u *= abs(factor)
        half = float(np.hypot(coverage_factor(freedom) * u, _NORMAL_95 * entry.gain_u * value))
        lowest, highest = physical_bounds(path)
        drawn = None if entry.draws is None else np.quantile(entry.draws[:, place] * factor, [0.025, 0.975])
        yield ParameterEstimate(
            name=path,
            value=value,
            unit=_UNITS[_last_word(path)],
            u=u,
            low=max(value - half, lowest),
            high=min(value + half, highest),
            dof=freedom,
            fit=entry.name,
            at_bound=min(value - lowest, highest - value) <= max(_ON_BOUND * u, 1e-6 * abs(value)),
            bootstrap_low=None if drawn is None else float(drawn[0]),
            bootstrap_high=None if drawn is None else float(drawn[1]),
        )


def physical_bounds(path: str) -> tuple[float, float]:
    """Return the bounds that physics sets to a figure: fractions up to 1, times and energies from 0."""
    if "fraction" in path:
        return 0.0, 1.0
    if path.endswith(("sharpness", "factor")):
        return 1.0, np.inf
    return 0.0, np.inf


def _last_word(path: str) -> str:
    stem = path.split(".")[1]
    return re.split("_", stem)[-1]


def _covariances(fits: list[NamedFit]) -> Iterator[Covariance]:
    for entry in fits:
        if entry.fitted.covariance is None or not entry.figures:
            continue
        names = list(entry.fitted.parameters)
        places = [names.index(name) for name in entry.figures]
        factors = np.array([factor for _, factor in entry.figures.values()])
        matrix = entry.fitted.covariance[np.ix_(places, places)] * np.outer(factors, factors)
        matrix = 0.5 * (matrix + matrix.T)
        yield Covariance(
            parameters=tuple(path for path, _ in entry.figures.values()),
            matrix=tuple(tuple(float(value) for value in row) for row in matrix),
        )


def _report(entry: NamedFit) -> FitReport:
    return FitReport.model_validate(
        {
            "name": entry.name,
            "quantity": entry.quantity,
            "form": entry.form,
            "n": entry.fitted.rows,
            "rmse": entry.fitted.rmse,
            "mape": entry.fitted.mape,
            "holdout_mape": entry.fitted.held_out_mape,
            "groups": entry.groups,
            "candidates": tuple(
                Candidate(form=form, mape=mape, holdout_mape=held_out)
                for form, (mape, held_out) in entry.candidates.items()
            ),
        }
    )


def _validity(table: pd.DataFrame) -> Validity:
    time_s = rates.seconds(table)
    columns: dict[str, Array] = {name: table[name].dropna().to_numpy(float) for name in _RANGED}
    columns["duration_s"] = time_s
    for name, amount in (("flop_per_s", table.flop), ("bytes_per_s", table.traffic_bytes)):
        columns[name] = amount.to_numpy(float) / time_s
    temperatures = table.temperature_c.dropna()
    return Validity(
        dtype=tuple(sorted(set(table.number_format) - {""})),
        temp_c=(float(temperatures.min()), float(temperatures.max())) if len(temperatures) else None,
        ranges=tuple(
            Range(quantity=name, low=float(values.min()), high=float(values.max()))
            for name, values in columns.items()
            if len(values)
        ),
    )


def _set(figures: dict[str, Any], path: str, value: float) -> None:
    parent, _, last = path.rpartition(".")
    (figure_at(figures, parent) if parent else figures)[last] = value


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")
