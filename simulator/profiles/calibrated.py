"""Calibrated profiles: JSON files that `wattline-calibrate` writes from measured or published kernels.

A file holds a complete accelerator, where each of its figures comes from, and what the fit knows of its own certainty:
standard uncertainties, covariance, errors on kernels that it never saw, the range of the measurement, and the checksum
of the raw windows beside it. Figures that were not measured keep kind and source of the datasheet profile that they
were taken from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from simulator.documents.validation import Section
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.sourced import Provenance, figure_at, number_paths

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Text = Annotated[str, Field(min_length=1)]

SCHEMA: Final = "wattline-calibrated-accelerator"
_AGREEMENT: Final = 1e-9
"""Largest relative difference of a parameter and the figure that it gives."""


class Tool(Section):
    """What wrote the file."""

    name: Text
    """Program."""
    version: Text
    """Its version."""
    git: str
    """Commit it was run from; empty where there is none."""


class PowerLimit(Section):
    """Power limits of the board; null where they were not read."""

    default: Positive | None
    """As delivered (W)."""
    enforced: Positive | None
    """In force during the measurement (W)."""
    min: Positive | None
    """Lowest that the board accepts (W)."""
    max: Positive | None
    """Highest that the board accepts (W)."""


class Device(Section):
    """What was measured."""

    vendor: str
    """Maker."""
    model: Text
    """Name that the device gives itself."""
    form_factor: str
    """Board or module; empty if unknown."""
    memory_bytes: Positive | None
    """Device memory."""
    power_limit_w: PowerLimit
    """Power limits."""
    vbios: str
    """Version of the firmware; empty if unknown."""
    driver: str
    """Version of the driver; empty if unknown."""
    runtime: str
    """Version of the runtime and framework; empty if unknown."""
    uuid_hash: str
    """Hash that tells boards apart without naming them; empty for published tables."""


class Environment(Section):
    """Around the device."""

    host_hash: str
    """Hash of the host's name; empty for published tables."""
    cooling: str
    """As stated by who measured."""
    ambient_c: float | None
    """Inlet temperature; null if unknown."""
    other_tenants: bool | None
    """Whether others used the host at the same time; null if unknown."""


class Method(Section):
    """How it was measured; null where a published table does not say."""

    sensor: Text
    """Source of energy or power; `none` if only time was measured."""
    update_period_s: NonNegative | None
    """Time between two updates of instant power."""
    averaging_window_s: NonNegative | None
    """Width of the window over which the sensor averages."""
    counter_period_s: NonNegative | None
    """Time between two updates of the energy counter."""
    warmup_s: NonNegative | None
    """Time for which a kernel runs before its window."""
    window_s: NonNegative | None
    """Length of a window."""
    replicates: Count | None
    """Windows of each point."""
    inputs: str
    """Values of the operands."""


class Base(Section):
    """Profile of which figures that were not measured are taken."""

    profile: Text
    """Its name."""
    sha256: Sha256
    """Checksum of its file."""


class ParameterEstimate(Section):
    """A fitted figure."""

    name: Text
    """Dotted path in `accelerator`."""
    value: float
    """Best value, in the unit that the path ends in."""
    unit: str
    """SI unit; empty for a ratio."""
    u: NonNegative
    """Standard uncertainty (k = 1) of the fit, without what all windows share."""
    low: float
    """Lower end of the 95 % interval, shared gain of the sensor included, inside the physical bounds."""
    high: float
    """Upper end of the same."""
    dof: NonNegative
    """Degrees of freedom of `u`, after how many points share in the figure."""
    fit: Text
    """Fit that gave it."""
    at_bound: bool
    """Whether the value lies on a physical bound, where the windows would have had it beyond."""
    bootstrap_low: float | None
    """2.5 % quantile of fits to points drawn again; null if none were drawn."""
    bootstrap_high: float | None
    """97.5 % quantile of the same."""

    @model_validator(mode="after")
    def _interval_holds_value(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"value of {self.name} must lie in {self.low:g} to {self.high:g}, got {self.value:g}")
        return self


class Covariance(Section):
    """Covariance of the parameters of one fit."""

    parameters: tuple[Text, ...]
    """Dotted paths, in the order of rows and columns."""
    matrix: tuple[tuple[float, ...], ...]
    """Symmetric, positive semidefinite."""

    @model_validator(mode="after")
    def _is_a_covariance(self) -> Self:
        size = len(self.parameters)
        if len(self.matrix) != size or any(len(row) != size for row in self.matrix):
            raise ValueError(f"covariance must be {size} x {size} for its parameters")
        matrix = np.array(self.matrix, dtype=np.float64).reshape(size, size)
        spread = np.sqrt(np.maximum(np.diag(matrix), 0.0))
        correlation = matrix / np.where(np.outer(spread, spread) > 0.0, np.outer(spread, spread), 1.0)
        if np.diag(matrix).min(initial=0.0) < 0.0 or np.linalg.eigvalsh(correlation).min(initial=0.0) < -1e-6:
            raise ValueError("covariance must be positive semidefinite")
        if np.abs(correlation - correlation.T).max(initial=0.0) > 1e-9:
            raise ValueError("covariance must be symmetric")
        return self


class Range(Section):
    """Range of a quantity in the windows of a fit."""

    quantity: Text
    """Column of the windows, or a rate derived from them."""
    low: float
    """Lowest value."""
    high: float
    """Highest value."""


class Validity(Section):
    """Where the model was measured; outside it extrapolates."""

    dtype: tuple[str, ...]
    """Number formats of the windows."""
    temp_c: tuple[float, float] | None
    """Lowest and highest device temperature; null if unknown."""
    ranges: tuple[Range, ...]
    """Ranges of shapes and rates."""


class Model(Section):
    """The model and its fitted figures."""

    family: Text
    """Name of the model's form."""
    equation: Text
    """Time and energy of a step, in symbols."""
    parameters: tuple[ParameterEstimate, ...]
    """Fitted figures."""
    covariance: tuple[Covariance, ...]
    """Covariance by fit."""
    validity: Validity
    """Range of the measurement."""


class Candidate(Section):
    """A form that was tried."""

    form: Text
    """Its name."""
    mape: NonNegative
    """Mean absolute relative error on all windows of the fit."""
    holdout_mape: NonNegative | None
    """The same on groups left out; null if there is one group only."""


class FitReport(Section):
    """How well one fit does."""

    name: Text
    """Its name."""
    quantity: Literal["time", "energy"]
    """What was fitted."""
    form: Text
    """Form chosen: the one with the least error on groups left out."""
    n: Annotated[int, Field(ge=1)]
    """Windows."""
    rmse: NonNegative
    """Root mean square of the relative error."""
    mape: NonNegative
    """Mean absolute relative error."""
    holdout_mape: NonNegative | None
    """Mean absolute relative error on groups left out; null if there is one group only."""
    groups: str
    """What was left out in turn."""
    candidates: tuple[Candidate, ...]
    """Forms that were tried."""


class Uncertainty(Section):
    """What all windows share, beside the uncertainty of each parameter."""

    common_gain_rel: NonNegative
    """Relative standard uncertainty of the sensor's gain: it cancels between runs on boards of one kind."""
    unit_spread_rel: NonNegative
    """Relative standard deviation between boards of one kind."""
    data_toggle: Annotated[float, Field(gt=0, le=1)] | None
    """Energy of a product of zeros / of random values, the bound of data dependence; null if not measured."""


class Raw(Section):
    """Windows that the fit read."""

    path: Text
    """Parquet file beside the profile, relative to it."""
    sha256: Sha256
    """Its checksum."""
    columns: tuple[str, ...]
    """Its columns."""


class InheritedFigure(Section):
    """A figure that was not measured."""

    name: Text
    """Dotted path in `accelerator`."""
    provenance: Provenance
    """Kind and source as its own profile states them."""


class CalibratedProfile(Section):
    """A calibrated accelerator."""

    schema_name: Annotated[Literal["wattline-calibrated-accelerator"], Field(alias="schema")]
    """Format of the file."""
    schema_version: Literal[1]
    """Version of the format."""
    id: Text
    """Name of the profile."""
    created_utc: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]
    """Instant at which it was written."""
    tool: Tool
    """Program that wrote it."""
    device: Device
    """What was measured."""
    environment: Environment
    """Around it."""
    method: Method
    """How."""
    base: Base
    """Where the rest comes from."""
    model: Model
    """Fitted figures."""
    fit: tuple[FitReport, ...]
    """Errors of the fits."""
    uncertainty: Uncertainty
    """What all windows share."""
    accelerator: AcceleratorRecord
    """All figures that the simulator needs."""
    inherited: tuple[InheritedFigure, ...]
    """Figures of `accelerator` that were not measured."""
    raw: Raw | None
    """Windows beside the profile; null if they are not shipped."""
    licence: str
    """Terms of the measurement."""
    citation: str
    """Whom to cite."""
    notes: tuple[str, ...]
    """What a reader should know."""

    @model_validator(mode="after")
    def _figures_have_sources(self) -> Self:
        faults = list(self._source_faults())
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _source_faults(self) -> Iterator[str]:
        figures = self.accelerator.model_dump()
        paths = set(number_paths(figures))
        fitted = {entry.name: entry.value for entry in self.model.parameters}
        inherited = [entry.name for entry in self.inherited]
        for name, value in fitted.items():
            if name not in paths:
                yield f"model.parameters: accelerator has no figure '{name}'"
            elif abs(figure_at(figures, name) - value) > _AGREEMENT * abs(value):
                yield f"model.parameters: {name} is {value:g} but accelerator has {figure_at(figures, name):g}"
        for name in inherited:
            if name not in paths:
                yield f"inherited: accelerator has no figure '{name}'"
        for name in sorted(paths - fitted.keys() - set(inherited)):
            yield f"{name} is neither fitted nor inherited"
        for name in sorted(fitted.keys() & set(inherited)):
            yield f"{name} is both fitted and inherited"

    def sources(self) -> dict[str, Provenance]:
        """Return the provenance of every figure by dotted path."""
        found = {entry.name: entry.provenance for entry in self.inherited}
        reports = {report.name: report for report in self.fit}
        where = f"{self.id}: {self.device.model}, {self.method.sensor}"
        for entry in self.model.parameters:
            report = reports.get(entry.fit)
            found[entry.name] = Provenance(
                kind="measured",
                source=f"{where}, fit '{entry.fit}'" + (f"; {self.citation}" if self.citation else ""),
                error=None if report is None else _described(report),
                note="on its physical bound" if entry.at_bound else None,
                low=entry.low,
                high=entry.high,
            )
        return found


def _described(report: FitReport) -> str:
    held_out = "" if report.holdout_mape is None else f", {report.holdout_mape:.1%} on {report.groups} left out"
    return f"MAPE {report.mape:.1%} on {report.n:,} windows{held_out}"
