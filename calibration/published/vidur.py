"""Vidur's operator and collective tables (`compute/**/mlp.csv`, `network/**/all_reduce.csv`; MIT).

Agrawal et al., "Vidur: a large-scale simulation framework for LLM inference", MLSys 2024. Times are in ms, the median
of the repetitions counts. A row of `mlp.csv` holds the operators of one decoder layer without attention, on one of the
accelerators that share it; its columns name the model's sizes. Rows of `all_reduce.csv` give the size in bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandas as pd

from calibration.fitting.rates import LAYER_LAUNCHES
from calibration.published.tables import Table, find_tables, require_positive
from calibration.windows import Window
from simulator.physics import transformer as tf

PRODUCTS: Final = ("attn_pre_proj", "attn_post_proj", "mlp_up_proj", "mlp_down_proj")
ELEMENTWISE: Final = ("input_layernorm", "attn_rope", "post_attention_layernorm", "mlp_act", "add")
_SIZES: Final = ("n_head", "n_kv_head", "n_embd", "n_expanded_embd", "use_gated_mlp", "vocab_size")
_TIMES: Final = tuple(f"time_stats.{operator}.median" for operator in (*PRODUCTS, *ELEMENTWISE))
LAYER_COLUMNS: Final = frozenset((*_TIMES, *_SIZES, "num_tokens", "num_tensor_parallel_workers"))
_REDUCE_TIME: Final = "time_stats.all_reduce.median"
REDUCE_COLUMNS: Final = frozenset((_REDUCE_TIME, "num_workers", "size", "devices_per_node"))


def read_windows(paths: list[Path]) -> list[Window]:
    """Return the windows of all layer and all-reduce tables that the paths name or hold.

    Raises:
        InputError: no such file, none with the columns, or rows that cannot be.
    """
    windows: list[Window] = []
    for table in find_tables(paths, {"layers": LAYER_COLUMNS, "all-reduce": REDUCE_COLUMNS}):
        windows += layer_windows(table) if table.kind == "layers" else all_reduce_windows(table)
    return windows


def layer_windows(table: Table) -> list[Window]:
    """Return a window per row: the operators of one layer on one accelerator, in 16 bits."""
    rows = table.rows
    require_positive(table, [*_TIMES, "num_tokens", "num_tensor_parallel_workers"])
    return list(_layers(rows, table.name))


def _layers(rows: pd.DataFrame, name: str) -> Iterator[Window]:
    time_s = rows[list(_TIMES)].sum(axis=1).to_numpy(float) * 1e-3
    sizes = rows.groupby(list(_SIZES), sort=False).ngroup()
    for _, part in rows.groupby(sizes, sort=False):
        model = _model(part)
        shape = f"{model.hidden_size}x{model.ffn_size}"
        for row, tokens, shards in zip(part.index, part.num_tokens, part.num_tensor_parallel_workers, strict=True):
            weights = tf.layer_weights_read(model, 1.0) / int(shards)
            weight_bytes = 2.0 * weights
            moved = 2.0 * tf.elementwise_values_per_token(model, int(shards)) * int(tokens)
            yield Window(
                window_id=f"{name}:{row + 2}",
                family="layer",
                point=f"layer {shape}/{int(shards)} {int(tokens)} tokens",
                replicate=0,
                number_format="bf16",
                duration_s=float(time_s[row]),
                repetitions=1,
                flop=2.0 * int(tokens) * weights,
                traffic_bytes=weight_bytes + moved,
                weight_bytes=weight_bytes,
                elementwise_bytes=moved,
                m=int(tokens),
                n=model.ffn_size,
                k=model.hidden_size,
                ranks=int(shards),
                launches=LAYER_LAUNCHES,
            )


def _model(rows: pd.DataFrame) -> tf.Transformer:
    first = rows.iloc[0]
    heads, hidden = int(first.n_head), int(first.n_embd)
    return tf.Transformer(
        "decoder", 1, hidden, heads, int(first.n_kv_head), hidden // heads, int(first.n_expanded_embd),
        bool(first.use_gated_mlp), int(first.vocab_size), tied_embeddings=False,
    )  # fmt: skip


def all_reduce_windows(table: Table) -> list[Window]:
    """Return a window per message size and number of ranks of one server: the median over the ranks' rows."""
    require_positive(table, [_REDUCE_TIME, "num_workers", "size", "devices_per_node"])
    rows = table.rows
    rows = rows[(rows.devices_per_node == rows.num_workers) & (rows.num_workers > 1)]
    medians = rows.groupby(["num_workers", "size"])[_REDUCE_TIME].median().reset_index()
    return [
        Window(
            window_id=f"{table.name}:{int(ranks)}x{int(size)}",
            family="all_reduce",
            point=f"all-reduce {int(ranks)} ranks {int(size)} bytes",
            replicate=0,
            number_format="",
            duration_s=float(time_ms) * 1e-3,
            repetitions=1,
            flop=0.0,
            traffic_bytes=float(size),
            ranks=int(ranks),
        )
        for ranks, size, time_ms in zip(medians.num_workers, medians["size"], medians[_REDUCE_TIME], strict=True)
    ]
