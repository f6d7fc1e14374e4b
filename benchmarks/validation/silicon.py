"""Kind `silicon`: measured end-to-end serving points of AIConfigurator's table (Apache-2.0).

A row is a closed loop of clients with constant lengths. Time per output token is compared; the time to first token of
these files is that of the burst with which a client starts, not of the engine.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import simulator as sim
from benchmarks.bases import scenario
from benchmarks.validation.report import Case, Report, reason
from benchmarks.validation.rows import Row, read_rows
from simulator.errors import InputError
from simulator.physics import transformer as tf
from simulator.physics.precision import PRECISIONS as PRECISION_RECORDS
from simulator.profiles import catalogue

COLUMNS = {"id", "silicon_data_source", "model_path", "system", "isl", "osl", "tp_size", "silicon_tpot_ms"}

SERVERS = {
    "a100_sxm": "dgx-a100",
    "h100_sxm": "dgx-h100",
    "h100_pcie": "h100-pcie-4",
    "h200_sxm": "dgx-h200",
    "b200_sxm": "dgx-b200",
    "l40s": "l40s-pcie-4",
}
"""Server profile of each system name."""

PRECISIONS = {
    "": "bf16",
    "bfloat16": "bf16",
    "float16": "bf16",
    "bf16": "bf16",
    "fp8": "fp8",
    "fp8_block": "fp8",
    "nvfp4": "fp4",
    "fp4": "fp4",
    "int4_wo": "int4",
    "int8_wo": "int8",
}

BATCH_TOKENS = 8192
"""Token budget of an iteration, the default of both engines on these systems."""
WAVES = 8
"""Requests per client."""
_LABELS = {"id", "silicon_data_source", "batch_size"}
"""Columns in which two rows of one measurement may differ."""


def validate(path: Path) -> Report:
    """Run every row that the simulator models."""
    report = Report("silicon")
    folder = path if path.is_dir() else path.parent
    seen: set[tuple[str, ...]] = set()
    for row in read_rows(path, COLUMNS):
        refusal = _not_modelled(row) or _not_a_measurement(row, seen, folder)
        if refusal is not None:
            report.skip(row["id"], refusal)
            continue
        try:
            predicted_ms = tpot_ms(row, folder)
        except InputError as error:
            report.skip(row["id"], reason(error))
            continue
        report.cases.append(Case(row["id"], "tpot_mean", "ms", predicted_ms, float(row["silicon_tpot_ms"])))
    return report


def tpot_ms(row: Row, folder: Path) -> float:
    """Return the predicted mean time per output token of a row.

    Raises:
        InputError: the simulator cannot do it.
    """
    clients = concurrency(row)
    result = sim.run(sim.from_dict(_scenario(row, clients, _model(row["model_path"], folder))))
    # The last wave runs at falling concurrency, and no client of the measurement saw it: count those that began before.
    began = result.requests[: clients * (WAVES - 1)]
    return float(began.tpot_s.mean()) * 1e3


def concurrency(row: Row) -> int:
    """Return the clients of a row: as stated, or else the batch size of all replicas."""
    stated = re.search(r"silicon_concurrency=(\d+)", row["silicon_data_source"])
    return int(stated.group(1)) if stated else int(float(row["batch_size"]))


def _not_modelled(row: Row) -> str | None:
    """Return why a row lies outside the simulator, before anything is run."""
    if row.get("mode", "agg") != "agg":
        return "prefill and decode on separate servers are not modelled"
    if _number(row, "pp_size") > 1:
        return "pipeline-parallel serving is not modelled"
    if row["system"] not in SERVERS:
        return f"no server profile for the system '{row['system']}'"
    if _quantization(row) not in PRECISIONS:
        return f"number format '{_quantization(row)}' is not modelled"
    if not row["silicon_tpot_ms"] or int(float(row["osl"])) < 2:
        return "the row has no time per output token"
    return None


def _not_a_measurement(row: Row, seen: set[tuple[str, ...]], folder: Path) -> str | None:
    """Return why a row tells nothing: it repeats another one, or is faster than its hardware can be."""
    same = tuple(value for column, value in row.items() if column not in _LABELS)
    if same in seen:
        return "the same measurement stands in the table once more"
    seen.add(same)
    floor_ms = least_tpot_ms(row, folder)
    if floor_ms is not None and float(row["silicon_tpot_ms"]) < floor_ms:
        return "faster than peak bandwidth allows at its concurrency: its first tokens were withheld"
    return None


def least_tpot_ms(row: Row, folder: Path) -> float | None:
    """Return the least time per output token that datasheet bandwidth allows, or None where the model is unknown.

    All clients decode at once, or as many as fit: weights and cache of an iteration are read at full bandwidth by all
    accelerators of the row, which no sequence leaves early.
    """
    try:
        model = catalogue.model(_model(row["model_path"], folder), folder).record.transformer()
    except InputError:
        return None
    server = catalogue.server(SERVERS[row["system"]], folder).record
    board = catalogue.accelerator(str(server.accelerator), folder).record
    count = _number(row, "tp_size") * _number(row, "attention_dp_size")
    precision, clients = PRECISION_RECORDS[_precision(row)], concurrency(row)
    experts = tf.expert_parameters(model) if model.experts > 1 else 0
    rest = (tf.parameter_count(model) - experts) * precision.weight_bytes
    touched = float(tf.expected_experts(model, float(clients))) / model.experts
    weights = rest + experts * precision.expert_bytes * (touched if experts else 0.0)
    full_layers = 1.0 - model.windowed_layers / model.layers
    context = float(row["isl"]) + 0.5 * float(row["osl"])
    cache = clients * context * full_layers * tf.kv_bytes_per_token(model, 2.0)
    room = count * board.memory_bytes - rest - experts * precision.expert_bytes
    moved = weights + min(cache, max(room, 0.0))
    return 1e3 * moved / (count * board.memory_bandwidth_bytes_per_s)


def _number(row: Row, column: str) -> int:
    return int(float(row.get(column) or 1))


def _parallelism(row: Row, clients: int) -> dict[str, int]:
    """Return how the accelerators of a row share the model.

    Where the engine is TensorRT-LLM and data-parallel attention is not stated, `tp_size` counts all accelerators; a
    batch size that is the concurrency over that number is one of each, so that attention is data-parallel over all.
    """
    tensor, groups, experts = _number(row, "tp_size"), _number(row, "attention_dp_size"), _number(row, "moe_ep_size")
    if not row.get("attention_dp_size") and tensor > 1 and clients == tensor * _number(row, "batch_size"):
        tensor, groups = 1, tensor
    return {"tensor": tensor, "attention_data": groups, "expert": experts}


def _engine(row: Row, clients: int) -> dict[str, int]:
    sequences = -(-clients // _parallelism(row, clients)["attention_data"])
    return {"max_batch_tokens": max(BATCH_TOKENS, sequences), "max_sequences": max(sequences, 256)}


def _quantization(row: Row) -> str:
    return row.get("gemm_quant_mode") or row.get("precision") or ""


def _precision(row: Row) -> str:
    """Return the format of a row; gpt-oss is published with experts in MXFP4 and the rest in bf16, whatever it says."""
    return "mxfp4" if "gpt-oss" in row["model_path"] else PRECISIONS[_quantization(row)]


def _model(name: str, folder: Path) -> str:
    """Return a model for a scenario: the catalogue's, or a config.json beside the table."""
    try:
        return catalogue.model(name, folder).record.name
    except InputError:
        last = name.rsplit("/", 1)[-1]
        for found in sorted(folder.rglob("config.json")):
            if found.parent.name == last:
                return str(found.resolve())
        raise


def _scenario(row: Row, clients: int, model: str) -> dict[str, Any]:
    workload = {
        "kind": "inference",
        "name": "serving",
        "model": model,
        "precision": _precision(row),
        "servers": "hall",
        "replicas": 1,
        "parallelism": _parallelism(row, clients),
        "engine": _engine(row, clients),
        "requests": {
            "kind": "closed_loop",
            "clients": clients,
            "requests": WAVES * clients,
            "prompt_tokens": {"kind": "constant", "tokens": int(float(row["isl"]))},
            "output_tokens": {"kind": "constant", "tokens": int(float(row["osl"]))},
        },
    }
    return scenario("silicon", [{"name": "hall", "profile": SERVERS[row["system"]], "count": 1}], [workload])
