"""AIConfigurator's kernel tables (Apache-2.0) as Parquet or CSV: products and attention, with watts.

One row, one kernel: `latency` in ms, `power` in W (NVML, averages of 100 ms over loops of a second or more; absent in
some tables), `power_limit` in W. In `generation_attention` a sequence has `isl` + `step` cached tokens; in
`context_attention` it has `step` cached ones and `isl` new ones. The tables say neither which values the operands hold
nor how warm the board was.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from calibration import amounts
from calibration.published.tables import Table, find_tables, require_positive
from calibration.windows import COLUMNS

_COMMON: Final = ("device", "latency")
_HEADS: Final = ("num_heads", "num_key_value_heads", "head_dim")
_ATTENTION: Final = ("batch_size", "isl", "step", "op_name", *_HEADS, "attn_dtype", "kv_cache_dtype")
FORMATS: Final = {
    "gemm": frozenset((*_COMMON, "gemm_dtype", "m", "n", "k")),
    "attention": frozenset((*_COMMON, *_ATTENTION)),
}

_SIZES: Final = {"gemm": ("latency", "m", "n", "k"), "attention": ("latency", "batch_size", "isl", *_HEADS)}

NUMBER_FORMATS: Final = {
    "bfloat16": ("bf16", 2.0, 2.0),
    "float16": ("fp16", 2.0, 2.0),
    "fp8": ("fp8", 1.0, 1.0),
    "fp8_block": ("fp8", 1.0, 1.0),
    "fp8_static": ("fp8", 1.0, 1.0),
    "fp8_ootb": ("fp8", 1.0, 1.0),
    "nvfp4": ("fp4", 0.5625, 0.5625),
    "sq": ("int8", 1.0, 1.0),
    "int8_wo": ("bf16", 2.0, 1.0),
    "int4_wo": ("bf16", 2.0, 0.515625),
}
"""Format of the arithmetic, bytes per value of the activations, bytes per weight with its scales; by published name."""
_RESULT_BYTES: Final = 2.0

EXTRA: Final = ("device", "kernel", "published_format", "cache_format", "window_tokens", "power_limit_w", "file", "row")
"""Columns beside those of a window: what tells kernels of one family apart, and where the row stands."""


def kernel_table(paths: Sequence[Path]) -> pd.DataFrame:
    """Return the rows of all product and attention tables as windows, with the columns of `EXTRA` beside them.

    Formats that are not known keep their published name and have no amounts; callers say why they skip them.

    Raises:
        InputError: no such file, none with the columns, or rows whose numbers cannot be.
    """
    return pd.concat([kernels(table) for table in find_tables(paths, FORMATS)], ignore_index=True)


def kernels(table: Table) -> pd.DataFrame:
    """Return the rows of one product or attention table, as `kernel_table` does.

    Raises:
        InputError: rows whose numbers cannot be.
    """
    return _products(table) if table.kind == "gemm" else _attention(table)


def impossible(table: Table) -> pd.Series:
    """Return for each row of a table whether one of its numbers cannot be."""
    numbers = table.rows[list(_SIZES[table.kind])].apply(pd.to_numeric, errors="coerce")
    possible = (numbers > 0.0) & (numbers < np.inf)
    return pd.Series(~possible.all(axis=1), index=table.rows.index)


def _products(table: Table) -> pd.DataFrame:
    require_positive(table, _SIZES["gemm"])
    rows = table.rows
    m, n, k = (rows[name].to_numpy(float) for name in "mnk")
    known = [NUMBER_FORMATS.get(name) for name in rows.gemm_dtype]
    left = np.array([entry[1] if entry else np.nan for entry in known])
    right = np.array([entry[2] if entry else np.nan for entry in known])
    work = amounts.product(m, n, k, (left, right, np.full(len(rows), _RESULT_BYTES)))
    shape = _joined([rows.gemm_dtype, rows.m, rows.n, rows.k])
    return _windows(
        table,
        {
            "family": "gemm",
            "point": "gemm " + shape,
            "number_format": [entry[0] if entry else "" for entry in known],
            "published_format": rows.gemm_dtype,
            "m": rows.m,
            "n": rows.n,
            "k": rows.k,
            "flop": work.flop,
            "traffic_bytes": work.traffic_bytes,
            "weight_bytes": right * k * n,
        },
    )


def _attention(table: Table) -> pd.DataFrame:
    require_positive(table, _SIZES["attention"])
    rows = table.rows
    window = rows.window_size if "window_size" in rows else pd.Series(0, index=rows.index)
    decode = rows.op_name.astype(str).str.contains("generation").to_numpy()
    families = np.where(decode, "decode_attention", "prefill_attention")
    isl, step = rows.isl.to_numpy(float), rows.step.to_numpy(float)
    cached = np.where(decode, isl + step, step)
    new = np.where(decode, 1.0, isl)
    arithmetic = [NUMBER_FORMATS.get(name) for name in rows.attn_dtype]
    cache = [NUMBER_FORMATS.get(name) for name in rows.kv_cache_dtype]
    call = amounts.AttentionShape(
        sequences=rows.batch_size.to_numpy(float),
        query_heads=rows.num_heads.to_numpy(float),
        kv_heads=rows.num_key_value_heads.to_numpy(float),
        head_size=rows.head_dim.to_numpy(float),
        new_tokens=new,
        context_tokens=cached,
        window_tokens=np.where(window > 0, window.to_numpy(float), np.inf),
        kv_value_bytes=np.array([entry[1] if entry else np.nan for entry in cache]),
        value_bytes=np.array([entry[1] if entry else np.nan for entry in arithmetic]),
    )
    decoding, prefilling = amounts.decode_attention(call), amounts.prefill_attention(call)
    shape = _joined(
        [rows.batch_size, rows.isl, rows.step, rows.num_heads, rows.num_key_value_heads, rows.head_dim, window,
         rows.attn_dtype, rows.kv_cache_dtype]
    )  # fmt: skip
    return _windows(
        table,
        {
            "family": families,
            "point": pd.Series(families, index=rows.index, dtype=str) + " " + shape,
            "number_format": [entry[0] if entry else "" for entry in arithmetic],
            "published_format": rows.attn_dtype,
            "cache_format": [
                entry[0] if entry else str(name) for entry, name in zip(cache, rows.kv_cache_dtype, strict=True)
            ],
            "window_tokens": window.to_numpy(int),
            "m": new.astype(int),
            "batch": rows.batch_size,
            "query_heads": rows.num_heads,
            "kv_heads": rows.num_key_value_heads,
            "head_size": rows.head_dim,
            "context_tokens": cached.astype(int),
            "flop": np.where(decode, decoding.flop, prefilling.flop),
            "traffic_bytes": np.where(decode, decoding.traffic_bytes, prefilling.traffic_bytes),
        },
    )


def _joined(columns: Sequence[pd.Series]) -> pd.Series:
    text = columns[0].astype(str)
    for column in columns[1:]:
        text = text + "/" + column.astype(str)
    return text


def _windows(table: Table, values: dict[str, Any]) -> pd.DataFrame:
    rows = table.rows
    seconds = rows.latency.to_numpy(float) * 1e-3
    power = pd.to_numeric(rows["power"], errors="coerce").to_numpy(float) if "power" in rows else np.nan
    power = np.where(np.asarray(power) > 0.0, power, np.nan)
    limit = pd.to_numeric(rows["power_limit"], errors="coerce").to_numpy(float) if "power_limit" in rows else np.nan
    columns: dict[str, Any] = {
        "window_id": [f"{Path(table.name).name}:{row}" for row in rows.index],
        "replicate": 0,
        "duration_s": seconds,
        "repetitions": 1,
        "energy_j": power * seconds,
        "inputs": "normal",
        "ranks": 1,
        "weight_bytes": 0.0,
        "elementwise_bytes": 0.0,
        "launches": 1,
        "mean_power_w": power,
        "temperature_c": np.nan,
        "clock_mhz": np.nan,
        "throttle_reasons": "",
        "valid": True,
        "invalid_reason": "",
        "started_utc": "",
        "device": rows.device.astype(str),
        "kernel": _joined(
            [rows[name] for name in ("framework", "version", "kernel_source") if name in rows] or [rows.device]
        ),
        "cache_format": "",
        "window_tokens": 0,
        "power_limit_w": limit,
        "file": table.name,
        "row": rows.index,
    } | values
    frame = pd.DataFrame({name: columns.get(name) for name in (*COLUMNS, *EXTRA)}, index=rows.index)
    whole = ("m", "n", "k", "batch", "query_heads", "kv_heads", "head_size", "context_tokens")
    return frame.astype(dict.fromkeys(whole, "Int64"))
