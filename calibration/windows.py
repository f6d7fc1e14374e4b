"""Measured windows: what ran, for how long, with what energy. Measurement writes them, fits read nothing else.

A window is a loop of equal repetitions of one kernel (or of nothing), synchronised at both ends. Published tables
become windows too, one a row, so that one fit serves both.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal, get_args

import pandas as pd

Family = Literal[
    "idle",  # no context on the device
    "idle_context",  # a context, nothing runs
    "comm_wait",  # one kernel spins
    "gemm",  # matrix product m x n x k
    "layer",  # matrix products and elementwise work of a whole decoder layer
    "elementwise",  # norms, residuals, activation functions
    "copy",
    "triad",
    "mixed",  # products and copies in turn, or side by side
    "decode_gemm",  # skinny products of decode with KV reads between them
    "decode_attention",
    "prefill_attention",
    "mixed_attention",  # prefill and decode tokens in one call
    "duty_cycle",  # gemm with pauses
    "all_reduce",
    "step",  # a step of a whole engine or transformer; never in a fit
]
FAMILIES: Final[tuple[str, ...]] = get_args(Family)

Inputs = Literal["normal", "zeros", "low_entropy"]


@dataclass(frozen=True, slots=True)
class Window:
    """One window. Amounts are per repetition unless said otherwise; absent figures are None.

    Args:
        window_id: unique within a measurement.
        family: what kernel ran.
        point: name of the point (family, shape, format, inputs), equal for all replicates of it.
        replicate: which repetition of the point, from 0.
        number_format: format of the products, as in accelerator profiles; empty where none is used.
        inputs: values of the operands.
        m: rows of a product (tokens); the tokens of a layer; new tokens per sequence of attention.
        n: columns of a product.
        k: inner size of a product.
        batch: sequences of attention, or of a step.
        query_heads: of attention.
        kv_heads: of attention.
        head_size: of attention.
        context_tokens: cached tokens of each sequence.
        ranks: devices that take part.
        flop: operations (a multiply-add is two).
        weight_bytes: operand bytes that a product reads; of a layer its weights.
        traffic_bytes: device memory traffic, all operands and results.
        elementwise_bytes: traffic of elementwise work of a layer.
        launches: kernels launched.
        cached: operands stay in the last-level cache between repetitions, so that traffic is not that of the memory.
        repetitions: in the window.
        duration_s: of the whole window, between the two synchronisations.
        energy_j: of the whole window, from the energy counter; None where no sensor is.
        mean_power_w: cross-check from power samples.
        temperature_c: of the device at the end.
        clock_mhz: mean clock of the compute units.
        throttle_reasons: named reasons that were active, sorted, joined by `+`; empty for none.
        valid: whether a fit may use it.
        invalid_reason: why not, in words; empty if valid.
        started_utc: ISO 8601; empty for published tables.
    """

    window_id: str
    family: Family
    point: str
    replicate: int
    number_format: str
    duration_s: float
    repetitions: int
    flop: float
    traffic_bytes: float
    energy_j: float | None = None
    inputs: Inputs = "normal"
    m: int | None = None
    n: int | None = None
    k: int | None = None
    batch: int | None = None
    query_heads: int | None = None
    kv_heads: int | None = None
    head_size: int | None = None
    context_tokens: int | None = None
    ranks: int = 1
    weight_bytes: float = 0.0
    elementwise_bytes: float = 0.0
    launches: int = 1
    cached: bool = False
    mean_power_w: float | None = None
    temperature_c: float | None = None
    clock_mhz: float | None = None
    throttle_reasons: str = ""
    valid: bool = True
    invalid_reason: str = ""
    started_utc: str = ""


COLUMNS: Final = tuple(entry.name for entry in fields(Window))

_WHOLE: Final = ("m", "n", "k", "batch", "query_heads", "kv_heads", "head_size", "context_tokens")
_MAY_BE_ABSENT: Final = ("energy_j", "mean_power_w", "temperature_c", "clock_mhz")


def window_table(windows: list[Window]) -> pd.DataFrame:
    """Return windows as a table with one column per field, in fixed types."""
    table = pd.DataFrame([{name: getattr(window, name) for name in COLUMNS} for window in windows], columns=COLUMNS)
    return table.astype(dict.fromkeys(_WHOLE, "Int64") | dict.fromkeys(_MAY_BE_ABSENT, "float64"))
