"""Rates of products and elementwise work: the simulator's layer equation, fitted to time per repetition.

    T = ((F / (c P))^q + (W / (m B))^q)^(1/q) + E / (e B) + t0 l

with operations F, operand bytes W, elementwise bytes E, and launches l as a share of those of a decoder layer. A single
product has no E unless its operands are quantised first, a copy no F and no W, a whole layer has all of them; so one
fit takes what there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from calibration.fitting.least_squares import Array, Fit, Groups, Mask, Parameter, fit
from simulator.physics.roofline import smooth_maximum
from simulator.profiles.accelerators import AcceleratorRecord

PRODUCTS: Final = ("gemm", "decode_gemm")
STREAMS: Final = ("copy", "triad", "elementwise")
FAMILIES: Final = (*PRODUCTS, *STREAMS, "layer")

FORMS: Final = ("smooth maximum", "maximum", "sum")
"""How arithmetic and reading overlap: partly, entirely, not at all."""
_SHARPNESS: Final = {"maximum": 12.0, "sum": 1.0}

LAYER_LAUNCHES: Final = 9
"""Kernels of a decoder layer beside attention: four products, two norms, rotation, activation function, residual."""


@dataclass(frozen=True, slots=True, eq=False)
class RateModel:
    """The equation over a table of windows.

    Args:
        arithmetic_s: time of the products at the peak of their number format.
        reading_s: time of operand bytes at peak bandwidth.
        elementwise_s: time of elementwise bytes at peak bandwidth.
        layers: launches, as a share of those of a layer.
        format_index: place of the row's number format among the parameters; -1 where nothing is computed.
        parameters: what is fitted, in order.
        fixed: values of the parameters that the windows cannot tell, by name.
    """

    arithmetic_s: Array
    reading_s: Array
    elementwise_s: Array
    layers: Array
    format_index: np.ndarray[tuple[int], np.dtype[np.int64]]
    parameters: tuple[Parameter, ...]
    fixed: dict[str, float]

    def __call__(self, values: Array, rows: Mask) -> Array:
        """Return the time of rows."""
        given = self.fixed | {entry.name: value for entry, value in zip(self.parameters, values, strict=True)}
        index = self.format_index[rows]
        fraction = np.where(index >= 0, values[np.maximum(index, 0)], 1.0)
        compute_s = self.arithmetic_s[rows] / fraction
        memory_s = self.reading_s[rows] / given["memory_fraction"]
        elementwise_s = self.elementwise_s[rows] / given["elementwise_fraction"]
        return np.asarray(
            smooth_maximum(compute_s, memory_s, given["sharpness"])
            + elementwise_s
            + given["layer_overhead_s"] * self.layers[rows],
            dtype=np.float64,
        )


def rate_model(table: pd.DataFrame, base: AcceleratorRecord, form: str = "smooth maximum") -> RateModel:
    """Return the equation for windows of the families of this module.

    Args:
        table: windows, as `calibration.windows.window_table` gives them.
        base: datasheet rates, and the values of parameters that the windows cannot tell.
        form: one of `FORMS`.
    """
    family = table.family.to_numpy(str)
    streams, layer = np.isin(family, STREAMS), family == "layer"
    flop = table.flop.to_numpy(float)
    elementwise = np.where(streams, table.traffic_bytes, table.elementwise_bytes).astype(float)
    operands = np.where(layer, table.weight_bytes, np.where(streams, 0.0, table.traffic_bytes))
    peaks: dict[str, float] = {str(name): value for name, value in base.peak_flop_per_s.items()}
    used = np.where(streams, "", table.number_format.to_numpy(str))
    formats = sorted(set(used) - {""})
    peak = np.array([peaks[name] if name else np.inf for name in used])
    time_s, bandwidth = seconds(table), base.memory_bandwidth_bytes_per_s
    layers = table.launches.to_numpy(float) / LAYER_LAUNCHES
    parameters = [
        Parameter(f"compute_fraction.{name}", lowest_fraction((flop / peak / time_s)[used == name]), 0.7, 1.0)
        for name in formats
    ]
    fixed: dict[str, float] = {}
    gemm = base.gemm
    if formats:
        parameters.append(Parameter("memory_fraction", lowest_fraction(operands / bandwidth / time_s), 0.8, 1.0))
        if form in _SHARPNESS:
            fixed["sharpness"] = _SHARPNESS[form]
        else:
            parameters.append(Parameter("sharpness", 1.02, 1.4, 12.0))
    else:
        fixed |= {"memory_fraction": gemm.memory_fraction, "sharpness": gemm.sharpness}
    if elementwise.any():
        parameters.append(
            Parameter("elementwise_fraction", lowest_fraction(elementwise / bandwidth / time_s), 0.6, 1.0)
        )
    else:
        fixed["elementwise_fraction"] = gemm.elementwise_fraction
    parameters.append(
        Parameter("layer_overhead_s", 0.0, 35e-6, highest_overhead_s(time_s / np.maximum(layers, 1e-9), 2e-4))
    )
    return RateModel(
        arithmetic_s=flop / peak,
        reading_s=operands / base.memory_bandwidth_bytes_per_s,
        elementwise_s=elementwise / base.memory_bandwidth_bytes_per_s,
        layers=layers,
        format_index=np.array([formats.index(name) if name else -1 for name in used]),
        parameters=tuple(parameters),
        fixed=fixed,
    )


def fit_rates(
    table: pd.DataFrame,
    base: AcceleratorRecord,
    groups: Groups | None = None,
    *,
    uncertainty: Array | None = None,
    form: str = "smooth maximum",
) -> Fit:
    """Fit the equation to the time per repetition; replicates of a point count as one cluster.

    Args:
        table: windows of the families of this module.
        base: datasheet rates, and the values of parameters that the windows cannot tell.
        groups: group of each row to leave out in turn.
        uncertainty: relative standard uncertainty of each row's time.
        form: one of `FORMS`.
    """
    model = rate_model(table, base, form)
    clusters = table.point.to_numpy(str)
    return fit(model, seconds(table), model.parameters, groups, uncertainty=uncertainty, clusters=clusters)


def lowest_fraction(achieved: Array, usual: float = 0.1) -> float:
    """Return the lower bound of a fraction of peak: as on accelerators, or half of the best that any row achieved."""
    return min(usual, 0.5 * float(achieved.max(initial=0.0))) or usual


def highest_overhead_s(time_s: Array, usual: float) -> float:
    """Return the upper bound of an overhead: as on accelerators, or twice the shortest time that contains it."""
    return max(usual, 2.0 * float(time_s.min()))


def seconds(table: pd.DataFrame) -> Array:
    """Return the time of one repetition of each window."""
    return (table.duration_s / table.repetitions).to_numpy(float)
