"""The roofline of a profile over the windows of a measurement, and how far the windows lie from it.

A single product follows T = ((F / (c P))^q + (Q / (m B))^q)^(1/q) + l t0, with operations F, traffic Q and launches l;
a copy moves its bytes at the elementwise fraction of peak bandwidth. Power is static power plus the energies of
operations and bytes at the *measured* rates, so that its residual is not that of time again.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.fitting.rates import LAYER_LAUNCHES
from simulator.physics.roofline import elementwise_time_s, gemm_time_s
from simulator.profiles.accelerators import AcceleratorRecord

Array = NDArray[np.float64]

SHOWN: Final = ("gemm", "copy", "triad")
"""Families whose points lie on a roofline: one kernel, one limit."""


def ceiling_flop_per_s(record: AcceleratorRecord, number_format: str, flop_per_byte: Array) -> Array:
    """Return the rate that a large product of some intensity reaches, by the profile."""
    rates = record.rates(number_format)
    # Per byte of traffic: overheads of launches vanish for large products.
    time_s = gemm_time_s(
        flop_per_byte, np.ones_like(flop_per_byte), rates.peak_flop_per_s, rates.bandwidth_bytes_per_s, rates.gemm
    )
    return np.asarray(flop_per_byte / time_s, dtype=np.float64)


def residuals(usable: pd.DataFrame, record: AcceleratorRecord) -> pd.DataFrame:
    """Return predicted / measured - 1 of time and power of each window of a single product or stream.

    Args:
        usable: windows with rates, as `calibration.showing.tables.rates` gives them.
        record: the profile.
    """
    formats = [str(name) for name in record.peak_flop_per_s]
    single = usable.family.isin(SHOWN) & ~usable.cached & usable.inputs.eq("normal")
    known = usable[single & usable.number_format.isin([*formats, ""])].copy()
    known["time_error"] = np.nan
    known["power_error"] = np.nan
    for number_format in sorted(set(known.number_format)):
        rates = record.rates(number_format or formats[0])
        rows = known.number_format == number_format
        part = known[rows]
        products = (part.family == "gemm").to_numpy()
        flop, moved = part.flop.to_numpy(float), part.traffic_bytes.to_numpy(float)
        product_s = gemm_time_s(flop, moved, rates.peak_flop_per_s, rates.bandwidth_bytes_per_s, rates.gemm)
        stream_s = elementwise_time_s(moved, rates.bandwidth_bytes_per_s, rates.gemm)
        time_s = np.where(products, product_s, stream_s) + rates.gemm.layer_overhead_s / LAYER_LAUNCHES
        # A triad's few operations are not those that a product's energy was fitted to.
        joules_per_flop = np.where(products, rates.joules_per_flop, 0.0)
        watts = (
            record.power.static_w + joules_per_flop * part.flop_per_s + record.power.joules_per_byte * part.bytes_per_s
        )
        known.loc[rows, "time_error"] = time_s / part.repetition_s - 1.0
        known.loc[rows, "power_error"] = np.minimum(watts, record.power.cap_w) / part.power_w - 1.0
    return known
