"""Time and power of single kernels by class: finer forms than a profile holds, for tables with thousands of rows.

A class is an operator with its formats and head size. Products follow the equation of `rates`. A decode call is

    t = t0 + s [tiles > 1] + smooth maximum of K / (m B) and (c_k + c_t tiles) items + c_h heads + (c_b + c_g [few]) n

for n sequences, items = n x key heads (one block of threads each), and tiles of 128 keys that an item walks; a sliding
window straddles one tile more, `few` are calls of up to 512 sequences, and s is the second kernel that joins split
sequences. What repeats per item is launches and tails; K / (m B) is the cache at bandwidth. A prefill call follows
`attention`. Power is the energy roofline with gaps of `board_power`, the arithmetic of attention left out in decode.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from calibration.fitting import attention, board_power, rates
from calibration.fitting.least_squares import Array, Fit, Groups, Mask, Parameter, fit
from simulator.physics.roofline import smooth_maximum
from simulator.profiles.accelerators import AcceleratorRecord

SHORT_S: Final = 1e-4
"""Kernels below this are read mostly through gaps, by a sensor that averages over 100 ms."""
KEY_TILE: Final = 128
"""Keys that a block of threads holds at a time."""
FEW_SEQUENCES: Final = 512
"""Most sequences of a call that engines capture as a graph; larger ones cost less per sequence in these tables."""
_FLOOR_SHARPNESS: Final = 12.0
"""Exponent of the smooth maximum of a kernel and the host that launches the next."""
PRODUCT_BANDS: Final = (64.0, 1024.0)
"""Rows of a product at which a size band ends."""
DECODE_BANDS: Final = (1e4, 1e5, 1e6)
"""Cached tokens that a decode call reads, all sequences together, at which a size band ends."""
PREFILL_BANDS: Final = (1e3, 1e4, 1e5)
"""New tokens of a prefill call, all sequences together, at which a size band ends."""


@dataclass(frozen=True, slots=True)
class Curve:
    """How a class is fitted.

    Args:
        bands: size band of each row.
        time: fit of the time, from table, base profile and groups to leave out.
        outlier: relative misfit of power at which a row counts as an outlier.
        shortest_s: shortest kernels that a fit of power sees.
    """

    bands: Callable[[pd.DataFrame], Groups]
    time: Callable[[pd.DataFrame, AcceleratorRecord, Groups], Fit]
    outlier: float
    shortest_s: float


def fit_power_curve(table: pd.DataFrame, base: AcceleratorRecord, groups: Groups, outlier: float) -> Fit:
    """Fit the power of a class in the form that does better on the bands left out: linear with gaps, or concave.

    Args:
        table: rows with energy.
        base: datasheet rates and limit.
        groups: group of each row to leave out in turn.
        outlier: relative misfit at which a row counts as an outlier.
    """
    tried = []
    for name in ("linear with gaps", "concave"):
        form = board_power.power_form(table, base, name, sharpness=board_power.TABLE_SHARPNESS)
        tried.append(board_power.fit_power(form, table, groups, outlier=outlier))
    return min(tried, key=lambda fitted: fitted.held_out_mape or fitted.mape)


def fit_product_call(table: pd.DataFrame, base: AcceleratorRecord, groups: Groups) -> Fit:
    """Fit the time of products of one class: the equation of `rates`, with a floor where that does better held out.

    The floor is the time in which the host prepares a call of several kernels; shorter ones wait for it.

    Args:
        table: windows of `gemm`.
        base: datasheet rates.
        groups: group of each row to leave out in turn.
    """
    kernel = rates.rate_model(table, base)

    def floored(p: Array, rows: Mask) -> Array:
        kernel_s = kernel(p[:-1], rows)
        return np.asarray(smooth_maximum(kernel_s, np.full(len(kernel_s), p[-1]), _FLOOR_SHARPNESS), dtype=np.float64)

    parameters = [*kernel.parameters, Parameter("host_s", 0.0, 2e-5, 1e-3)]
    tried = (rates.fit_rates(table, base, groups), fit(floored, rates.seconds(table), parameters, groups))
    return min(tried, key=lambda fitted: fitted.held_out_mape or fitted.mape)


def fit_decode_call(table: pd.DataFrame, base: AcceleratorRecord, groups: Groups) -> Fit:
    """Fit the time of decode calls of one class.

    Args:
        table: windows of `decode_attention` with the column `window_tokens`.
        base: datasheet bandwidth.
        groups: group of each row to leave out in turn.
    """
    sequences = table.batch.to_numpy(float)
    items = sequences * table.kv_heads.to_numpy(float)
    heads = sequences * table.query_heads.to_numpy(float)
    cached, seen = table.context_tokens.to_numpy(float), seen_tokens(table)
    tiles = np.ceil(seen / KEY_TILE) + (cached > seen)
    split, few = (tiles > 1.0).astype(float), (sequences <= FEW_SEQUENCES).astype(float)
    reading_s = table.traffic_bytes.to_numpy(float) / base.memory_bandwidth_bytes_per_s

    def model(p: Array, rows: Mask) -> Array:
        blocks_s = (p[2] + p[3] * tiles[rows]) * items[rows] + p[4] * heads[rows]
        blocks_s = blocks_s + (p[5] + p[6] * few[rows]) * sequences[rows]
        overlapped_s = smooth_maximum(reading_s[rows] / p[1], blocks_s, p[8])
        return np.asarray(p[0] + p[7] * split[rows] + overlapped_s, dtype=np.float64)

    parameters = [
        Parameter("call_s", 0.0, 9e-6, 1e-4),
        Parameter("memory_fraction", 0.05, 0.85, 1.0),
        Parameter("item_s", 0.0, 1e-8, 1e-6),
        Parameter("tile_s", 0.0, 1e-8, 1e-6),
        Parameter("head_s", 0.0, 1e-9, 1e-7),
        Parameter("sequence_s", 0.0, 5e-9, 1e-6),
        Parameter("captured_sequence_s", 0.0, 5e-9, 1e-5),
        Parameter("split_s", 0.0, 2e-6, 1e-5),
        Parameter("sharpness", 1.0, 1.5, 8.0),
    ]
    return fit(model, rates.seconds(table), parameters, groups)


def seen_tokens(table: pd.DataFrame) -> Array:
    """Return the cached tokens of a sequence that a query sees through its window."""
    window = table.window_tokens.to_numpy(float)
    limit = np.where(window > 0.0, window, np.inf)
    return np.asarray(np.minimum(table.context_tokens.to_numpy(float), limit), dtype=np.float64)


def _product_bands(table: pd.DataFrame) -> Groups:
    return np.asarray(np.digitize(table.m.to_numpy(float), PRODUCT_BANDS))


def _decode_bands(table: pd.DataFrame) -> Groups:
    return np.asarray(np.digitize(table.batch.to_numpy(float) * seen_tokens(table), DECODE_BANDS))


def _prefill_bands(table: pd.DataFrame) -> Groups:
    return np.asarray(np.digitize((table.batch * table.m).to_numpy(float), PREFILL_BANDS))


# Readings of products crowd at two levels, as if some operands were zeros, so a mean of both fits neither: outliers
# begin at 2 %. Attention spreads evenly.
CURVES: Final = {
    "gemm": Curve(_product_bands, fit_product_call, 0.02, 2e-5),
    "decode_attention": Curve(_decode_bands, fit_decode_call, 0.05, 0.0),
    "prefill_attention": Curve(
        _prefill_bands, lambda table, base, groups: attention.fit_prefill_attention(table, base, groups), 0.05, 0.0
    ),
}
"""How each family is fitted."""
