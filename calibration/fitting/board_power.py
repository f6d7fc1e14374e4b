"""Board power: static part, energy per operation and byte, limit; fitted to the energy of whole windows.

    P = s + sum_d e_d F_d / T + e_b Q / T,   limited to the cap          (energy roofline, what the simulator computes)
    E = P T b + P_0 T (1 - b),   b = T / (T + g)                         (reading of a sensor that sees gaps)

F_d are operations by number format, Q bytes, T the measured time. `g` is 0 for own measurements, whose windows hold one
kernel in a closed loop; published tables average over loops with gaps at a power P_0, which short kernels notice most.
Powers of the achieved rates (`concave`) are tried beside the linear form.

Sources: Choi et al., "A roofline model of energy", IPDPS 2013 (linear form).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from calibration.fitting.least_squares import Array, Fit, Groups, Mask, Parameter, fit
from calibration.fitting.rates import seconds
from simulator.profiles.accelerators import AcceleratorRecord

CAP_SHARE: Final = 0.985
"""Boards hold their mean power about 1.5 % below the limit (H200, products in AIConfigurator's table: 690 of 700 W)."""
CAP_SHARPNESS: Final = 40.0
"""Exponent of the smooth minimum that keeps the limit differentiable: within 0.2 % of a corner at 90 % of it."""
TABLE_SHARPNESS: Final = 12.0
"""The same for published means, in which phases at the limit and below it blend."""
FORMS: Final = ("linear", "concave", "linear with gaps")


@dataclass(frozen=True, slots=True, eq=False)
class PowerForm:
    """Mean power of windows as a function of parameters.

    Args:
        form: one of `FORMS`.
        arithmetic: operations per second of each row in each number format, over peak, shape (rows, formats).
        traffic: bytes per second over peak bandwidth.
        time_s: time of a repetition.
        cap_w: power limit of each row.
        sharpness: exponent of the smooth minimum at the limit.
        formats: number formats, in the order of `arithmetic`.
        parameters: what is fitted: `static_w`, `flop_w.<format>`, `byte_w` (at peak rates), and those of the form.
    """

    form: str
    arithmetic: Array
    traffic: Array
    time_s: Array
    cap_w: Array
    sharpness: float
    formats: tuple[str, ...]
    parameters: tuple[Parameter, ...]

    def __call__(self, values: Array, rows: Mask) -> Array:
        """Return mean power of rows."""
        count = len(self.formats)
        arithmetic, traffic = self.arithmetic[rows], self.traffic[rows]
        if self.form == "concave":
            arithmetic, traffic = arithmetic ** values[count + 2], traffic ** values[count + 3]
        demand = values[0] + arithmetic @ values[1 : count + 1] + values[count + 1] * traffic
        running = limited(demand, self.cap_w[rows], self.sharpness)
        if self.form != "linear with gaps":
            return running
        busy = self.time_s[rows] / (self.time_s[rows] + values[count + 2])
        return np.asarray(running * busy + values[count + 3] * (1.0 - busy), dtype=np.float64)


def limited(demand_w: Array, cap_w: Array, sharpness: float = CAP_SHARPNESS) -> Array:
    """Return power below a limit: a smooth minimum of the demand and what boards hold under their cap."""
    held = CAP_SHARE * cap_w
    return np.asarray(((demand_w / held) ** -sharpness + 1.0) ** (-1.0 / sharpness) * held, dtype=np.float64)


def power_form(
    table: pd.DataFrame,
    base: AcceleratorRecord,
    form: str,
    floor_w: float | None = None,
    static_limit_w: float | None = None,
    sharpness: float = CAP_SHARPNESS,
) -> PowerForm:
    """Return a form over a table of windows with energy.

    Args:
        table: windows; a column `power_limit_w`, where there is one, overrides the base profile's limit.
        base: datasheet rates and limit.
        form: one of `FORMS`.
        floor_w: lowest power that running kernels and gaps may draw; by default that of a board with a context.
        static_limit_w: highest static power; by default 60 % of the limit.
        sharpness: exponent of the smooth minimum at the limit.
    """
    time_s = seconds(table)
    peaks = {str(name): value for name, value in base.peak_flop_per_s.items()}
    used = np.where(table.flop.to_numpy(float) > 0.0, table.number_format.to_numpy(str), "")
    formats = tuple(sorted(set(used) - {""}))
    arithmetic = np.column_stack(
        [np.where(used == name, table.flop.to_numpy(float) / time_s / peaks[name], 0.0) for name in formats]
        or [np.zeros((len(table), 0))]
    )
    cap_w = np.full(len(table), base.power.cap_w)
    if "power_limit_w" in table:
        given = table.power_limit_w.to_numpy(float)
        cap_w = np.where(given > 0.0, given, cap_w)
    cap = float(cap_w.max())
    floor = base.power.idle_context_w if floor_w is None else floor_w
    highest = max(0.6 * cap if static_limit_w is None else static_limit_w, 1.01 * floor)
    parameters = [Parameter("static_w", floor, min(max(1.2 * floor, 0.225 * cap), 0.5 * (floor + highest)), highest)]
    parameters += [Parameter(f"flop_w.{name}", 0.0, 1.2 * cap, 10.0 * cap) for name in formats]
    parameters.append(Parameter("byte_w", 0.0, 0.5 * cap, 5.0 * cap))
    if form == "concave":
        parameters += [Parameter("flop_exponent", 0.3, 0.8, 1.0), Parameter("byte_exponent", 0.3, 0.8, 1.0)]
    if form == "linear with gaps":
        parameters.append(Parameter("gap_s", 1e-7, 5e-6, 1e-3))
        parameters.append(Parameter("gap_w", base.power.idle_w, 1.5 * floor, highest))
    return PowerForm(
        form=form,
        arithmetic=arithmetic,
        traffic=table.traffic_bytes.to_numpy(float) / time_s / base.memory_bandwidth_bytes_per_s,
        time_s=time_s,
        cap_w=cap_w,
        sharpness=sharpness,
        formats=formats,
        parameters=tuple(parameters),
    )


def fit_power(
    form: PowerForm,
    table: pd.DataFrame,
    groups: Groups | None = None,
    *,
    uncertainty: Array | None = None,
    outlier: float = 0.1,
) -> Fit:
    """Fit a form to the energy of windows; replicates of a point count as one cluster.

    Args:
        form: form over the same table.
        table: windows, all with energy.
        groups: group of each row to leave out in turn.
        uncertainty: relative standard uncertainty of each row's energy.
        outlier: relative misfit beyond which a row counts as an outlier.
    """
    measured = (table.energy_j / table.duration_s).to_numpy(float)
    clusters = table.point.to_numpy(str)
    return fit(form, measured, form.parameters, groups, uncertainty=uncertainty, clusters=clusters, outlier=outlier)


def profile_figures(fitted: Fit, base: AcceleratorRecord) -> dict[str, tuple[str, float]]:
    """Return the path in an accelerator profile of each parameter, and the factor from the one to the other.

    Powers at peak rates become energies per operation and byte.
    """
    peaks = {str(name): value for name, value in base.peak_flop_per_s.items()}
    found = {"static_w": ("power.static_w", 1.0)}
    for name in fitted.parameters:
        if name.startswith("flop_w."):
            number_format = name.removeprefix("flop_w.")
            found[name] = (f"power.joules_per_flop.{number_format}", 1.0 / peaks[number_format])
    found["byte_w"] = ("power.joules_per_byte", 1.0 / base.memory_bandwidth_bytes_per_s)
    return found
