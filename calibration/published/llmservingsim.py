"""LLMServingSim's operator tables (`<device>/<model>/.../tp<n>/*.csv`; MIT): times of one layer in vLLM, us.

Cho et al., "LLMServingSim: A HW/SW Co-Simulation Infrastructure for LLM Inference Serving at Scale", IISWC 2024.
`dense.csv` has a row per operator and number of tokens, `attention.csv` one per call of a prompt chunk, decoding
sequences or both, `per_sequence.csv` one per number of sequences whose logits are computed. The tables do not name
their model: it is the folder's, whose architecture comes from the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from calibration import amounts
from calibration.fitting.rates import LAYER_LAUNCHES
from calibration.published.tables import Table, find_tables, require_counts, require_positive
from calibration.windows import Family, Window
from simulator.errors import Fault, InputError
from simulator.physics import transformer as tf
from simulator.profiles import catalogue

PRODUCTS: Final = ("qkv_proj", "o_proj", "gate_up_proj", "down_proj")
ELEMENTWISE: Final = {"layernorm": 2, "rotary_emb": 1, "act_fn": 1}
"""Elementwise operators of a decoder layer, and how often each stands in it."""
OPTIONAL: Final = {"qk_norm": 1}
"""Those that some models lack."""
PER_SEQUENCE: Final = ("lm_head", "sampler")
FORMATS: Final = {
    "attention": frozenset(("prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us")),
    "dense": frozenset(("layer", "tokens", "time_us")),
    "per_sequence": frozenset(("layer", "sequences", "time_us")),
}
_CALL: Final = ("prefill_chunk", "kv_prefill", "n_decode", "kv_decode")
NOTHING: Final = amounts.Amounts(0.0, 0.0)
_TENSOR_FOLDER: Final = re.compile(r"tp(\d+)")


@dataclass(frozen=True, slots=True)
class Shard:
    """What the rows of a table were measured on.

    Args:
        name: name of the model's folder.
        model: the model of which one layer ran.
        ranks: accelerators that share the layer.
    """

    name: str
    model: tf.Transformer
    ranks: int


def read_windows(paths: Sequence[Path]) -> list[Window]:
    """Return the windows of all tables that the paths name or hold: layers, attention, logits.

    Raises:
        InputError: no such file, none with the columns, a folder without a known model, or rows that cannot be.
    """
    windows: list[Window] = []
    readers = {"attention": _attention, "dense": _layers, "per_sequence": _per_sequence}
    for table in find_tables(paths, FORMATS):
        windows += readers[table.kind](table, _shard(table))
    return windows


def _shard(table: Table) -> Shard:
    """Return the model and ranks that a table's folders name: a `tp<n>` folder below one called like a model."""
    folders = Path(table.name).resolve().parent.parts
    match = _TENSOR_FOLDER.fullmatch(folders[-1])
    if match is None:
        raise InputError([Fault(f"must lie in a folder 'tp<n>', got '{folders[-1]}'", table.name)])
    for name in folders[-2:-4:-1]:
        try:
            return Shard(name, catalogue.model(name.lower(), Path()).record.transformer(), int(match.group(1)))
        except InputError:
            continue
    raise InputError(
        [Fault(f"no folder above names a model of the catalogue, got '{'/'.join(folders[-3:-1])}'", table.name)]
    )


def _layers(table: Table, shard: Shard) -> Iterator[Window]:
    """Yield a window per number of tokens: the operators of a layer without attention, where the table has them all."""
    require_positive(table, ["tokens", "time_us"])
    times = table.rows.pivot_table(index="tokens", columns="layer", values="time_us")
    if not set(PRODUCTS) | set(ELEMENTWISE) <= set(times.columns):
        return  # experts in place of the feed-forward products: no sum of these operators is a layer
    counts = dict.fromkeys(PRODUCTS, 1) | ELEMENTWISE | OPTIONAL
    names = [name for name in counts if name in times.columns]
    times = times[names].dropna()
    durations_us = times.to_numpy(float) @ np.array([counts[name] for name in names], dtype=float)
    model, ranks = shard.model, shard.ranks
    weights = tf.layer_weights_read(model, 1.0) / ranks
    for tokens, duration_us in zip(times.index.to_numpy(int).tolist(), durations_us.tolist(), strict=True):
        moved = 2.0 * tf.elementwise_values_per_token(model, ranks) * tokens
        yield Window(
            window_id=f"{table.name}:{tokens}",
            family="layer",
            point=f"layer {shard.name}/{ranks} {tokens} tokens",
            replicate=0,
            number_format="bf16",
            duration_s=duration_us * 1e-6,
            repetitions=1,
            flop=2.0 * tokens * weights,
            traffic_bytes=2.0 * weights + moved,
            weight_bytes=2.0 * weights,
            elementwise_bytes=moved,
            m=tokens,
            n=model.ffn_size,
            k=model.hidden_size,
            ranks=ranks,
            launches=LAYER_LAUNCHES,
        )


def _per_sequence(table: Table, shard: Shard) -> Iterator[Window]:
    """Yield a window per operator and number of sequences: the output matrix and the sampler."""
    require_positive(table, ["sequences", "time_us"])
    model, ranks, rows = shard.model, shard.ranks, table.rows
    head_bytes, head_flop = 2.0 * tf.head_weights(model) / ranks, tf.head_flop_per_token(model) / ranks
    columns = (rows.index, rows.layer.astype(str), rows.sequences.to_numpy(int), rows.time_us.to_numpy(float))
    for row, name, count, duration_us in zip(*(column.tolist() for column in columns), strict=True):
        if name not in PER_SEQUENCE:
            continue
        head = name == "lm_head"
        yield Window(
            window_id=f"{table.name}:{row + 2}",
            family="step",
            point=f"{name} {shard.name}/{ranks} {count} sequences",
            replicate=0,
            number_format="bf16",
            duration_s=duration_us * 1e-6,
            repetitions=1,
            flop=count * head_flop if head else 0.0,
            traffic_bytes=(head_bytes if head else 0.0) + 2.0 * count * model.vocabulary / ranks,
            weight_bytes=head_bytes if head else 0.0,
            n=model.vocabulary,
            k=model.hidden_size,
            batch=count,
            ranks=ranks,
        )


def _attention(table: Table, shard: Shard) -> Iterator[Window]:
    """Yield a window per call: a chunk of one prompt, decoding sequences of equal length, or both."""
    rows = table.rows
    require_positive(table, ["time_us"])
    require_counts(table, _CALL)
    empty = (rows.prefill_chunk == 0) & (rows.n_decode == 0)
    if empty.any():
        row = int(empty.to_numpy().argmax())
        raise InputError([Fault("has neither prompt nor decoding sequences", table.name, row + 2)])
    shape = [rows[name].to_numpy(int).tolist() for name in _CALL]
    for row, duration_us, *call in zip(rows.index.tolist(), rows.time_us.to_numpy(float).tolist(), *shape, strict=True):
        yield _call(shard, f"{table.name}:{row + 2}", duration_us * 1e-6, call)


def _call(shard: Shard, window_id: str, duration_s: float, call: Sequence[int]) -> Window:
    chunk, before, count, context = call
    model, ranks = shard.model, shard.ranks
    heads = (model.heads // ranks, max(model.kv_heads // ranks, 1))
    decode = amounts.decode_attention(_shape(model, heads, count, 1, context))
    prefill = amounts.prefill_attention(_shape(model, heads, 1, chunk, before)) if chunk else NOTHING
    family: Family = "decode_attention"
    if chunk:
        family = "mixed_attention" if count else "prefill_attention"
    return Window(
        window_id=window_id,
        family=family,
        point=f"{family} {shard.name}/{ranks} {chunk}+{before} {count}x{context}",
        replicate=0,
        number_format="bf16",
        duration_s=duration_s,
        repetitions=1,
        flop=float(decode.flop + prefill.flop),
        traffic_bytes=float(decode.traffic_bytes + prefill.traffic_bytes),
        m=chunk or 1,
        k=before if family == "mixed_attention" else None,
        batch=count or 1,
        query_heads=heads[0],
        kv_heads=heads[1],
        head_size=model.head_dim,
        context_tokens=before if family == "prefill_attention" else context,
        ranks=ranks,
    )


def _shape(
    model: tf.Transformer, heads: tuple[int, int], sequences: int, new: int, cached: int
) -> amounts.AttentionShape[float]:
    return amounts.AttentionShape(
        sequences=float(sequences),
        query_heads=float(heads[0]),
        kv_heads=float(heads[1]),
        head_size=float(model.head_dim),
        new_tokens=float(new),
        context_tokens=float(cached),
        window_tokens=np.inf,
        kv_value_bytes=2.0,
        value_bytes=2.0,
    )
