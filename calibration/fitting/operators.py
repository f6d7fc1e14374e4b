"""Everything that the operator times of a serving engine tell about a device: layers, decode, prefill, mixed calls.

Tables hold a few repetitions of each call, so a time is uncertain by some microseconds besides a share of itself; calls
of ten microseconds thereby count less than those that fill an iteration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from calibration.fitting.attention import fit_decode_attention, fit_prefill_attention, merged_overhead
from calibration.fitting.least_squares import Array, Fit
from calibration.fitting.mixed_attention import fit_mixed_call
from calibration.fitting.rates import fit_rates, seconds
from simulator.errors import InputError
from simulator.profiles.accelerators import AcceleratorRecord

SHARE: Final = 0.03
"""Standard uncertainty of a time that grows with it: clocks and temperature from run to run (assumed)."""
SPREAD_S: Final = 3e-6
"""Standard uncertainty that does not: launches and the resolution of events (assumed)."""
MIXED_TOKENS: Final = 131_072
"""Most cached tokens of all decoding sequences in mixed calls of the fit. At the next point of the published grids,
twice as many, the cache is read at two thirds to half the rate, a fall that no straight line follows."""
NEEDED: Final = ("layer", "decode_attention", "prefill_attention", "mixed_attention")


@dataclass(frozen=True, slots=True)
class OperatorFits:
    """Fits of the four families.

    Args:
        layer: products and elementwise work.
        decode: decode attention; its call overhead is that of both kinds of call.
        prefill: prefill attention.
        mixed: what decode costs in calls that prefill as well.
    """

    layer: Fit
    decode: Fit
    prefill: Fit
    mixed: Fit

    def gemm(self) -> dict[str, float]:
        """Return the figures of block `gemm`, the fraction of each number format as `compute_fraction.<format>`."""
        return dict(self.layer.parameters)

    def attention(self) -> dict[str, float]:
        """Return the figures of block `attention`."""
        prefill = {name: value for name, value in self.prefill.parameters.items() if name != "call_overhead_s"}
        return self.decode.parameters | prefill | self.mixed.parameters | {"mixed_batch_factor": 1.0}


def fit_operators(table: pd.DataFrame, base: AcceleratorRecord) -> OperatorFits:
    """Fit all four families; of the two forms of prefill attention, the one with the smaller error on held-out chunks.

    Args:
        table: windows, as `calibration.windows.window_table` gives them.
        base: datasheet rates.

    Raises:
        InputError: a family is missing.
    """
    parts = {family: table[table.family == family].reset_index(drop=True) for family in NEEDED}
    missing = [family for family, rows in parts.items() if rows.empty]
    if missing:
        raise InputError(f"holds no rows of {', '.join(missing)}")
    layer, decode_rows, prefill_rows, mixed_rows = parts.values()
    mixed_rows = mixed_rows[mixed_rows.batch * mixed_rows.context_tokens <= MIXED_TOKENS].reset_index(drop=True)
    decode = fit_decode_attention(
        decode_rows, base, decode_rows.batch.to_numpy(int), uncertainty=uncertainty(decode_rows)
    )
    prefill = min(
        (
            fit_prefill_attention(
                prefill_rows,
                base,
                prefill_rows.m.to_numpy(int),
                uncertainty=uncertainty(prefill_rows),
                walks_keys=walks_keys,
            )
            for walks_keys in (False, True)
        ),
        key=lambda fitted: fitted.held_out_mape or fitted.mape,
    )
    return OperatorFits(
        layer=fit_rates(layer, base, _octaves(layer.m.to_numpy(float)), uncertainty=uncertainty(layer)),
        decode=merged_overhead(decode, prefill),
        prefill=prefill,
        mixed=fit_mixed_call(
            mixed_rows, base, prefill, mixed_rows.batch.to_numpy(int), uncertainty=uncertainty(mixed_rows)
        ),
    )


def uncertainty(table: pd.DataFrame) -> Array:
    """Return the relative standard uncertainty of each row's time."""
    return np.hypot(SHARE, SPREAD_S / seconds(table))


def _octaves(tokens: Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the power of two below each number of tokens: a band to leave out in turn."""
    return np.floor(np.log2(tokens)).astype(np.int64)
