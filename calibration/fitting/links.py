"""Collectives inside a server: t = a + b (p - 1) + f(p) S / B, fitted to time per repetition."""

from __future__ import annotations

import numpy as np
import pandas as pd

from calibration.fitting.least_squares import Array, Fit, Groups, Mask, Parameter, fit
from calibration.fitting.rates import seconds
from simulator.physics.links import traffic_bytes
from simulator.profiles.accelerators import AcceleratorRecord


def fit_all_reduce(
    table: pd.DataFrame,
    base: AcceleratorRecord,
    groups: Groups | None = None,
    *,
    uncertainty: Array | None = None,
) -> Fit:
    """Fit `startup_s`, `rank_s` and `achieved_fraction` to all-reduce windows.

    Args:
        table: windows of `all_reduce`, whose `traffic_bytes` is the size S of the message.
        base: datasheet bandwidth of the link.
        groups: group of each row to leave out in turn.
        uncertainty: relative standard uncertainty of each row's time.
    """
    link = base.link.bandwidth_bytes_per_s
    ranks = table.ranks.to_numpy(float)
    sizes = table.traffic_bytes.to_numpy(float)
    sent = np.array([traffic_bytes("all_reduce", size, int(count)) for size, count in zip(sizes, ranks, strict=True)])

    def model(p: Array, rows: Mask) -> Array:
        return np.asarray(p[0] + p[1] * (ranks[rows] - 1.0) + sent[rows] / (p[2] * link), dtype=np.float64)

    parameters = [
        Parameter("startup_s", 0.0, 3e-5, 2e-4),
        Parameter("rank_s", 0.0, 1e-6, 2e-5),
        Parameter("achieved_fraction", 0.05, 0.7, 1.0),
    ]
    return fit(model, seconds(table), parameters, groups, uncertainty=uncertainty, clusters=table.point.to_numpy(str))
