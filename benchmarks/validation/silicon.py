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


def validate(path: Path) -> Report:
    """Run every row that the simulator models."""
    report = Report("silicon")
    folder = path if path.is_dir() else path.parent
    for row in read_rows(path, COLUMNS):
        refusal = _not_modelled(row)
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
    for column, what in (
        ("pp_size", "pipeline-parallel serving"),
        ("attention_dp_size", "data-parallel attention"),
        ("moe_ep_size", "expert-parallel serving"),
    ):
        if float(row.get(column) or 1) > 1:
            return f"{what} is not modelled"
    if row["system"] not in SERVERS:
        return f"no server profile for the system '{row['system']}'"
    if _quantization(row) not in PRECISIONS:
        return f"number format '{_quantization(row)}' is not modelled"
    if not row["silicon_tpot_ms"] or int(float(row["osl"])) < 2:
        return "the row has no time per output token"
    return None


def _quantization(row: Row) -> str:
    return row.get("gemm_quant_mode") or row.get("precision") or ""


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
        "precision": PRECISIONS[_quantization(row)],
        "servers": "hall",
        "replicas": 1,
        "parallelism": {"tensor": int(float(row["tp_size"]))},
        "engine": {"max_batch_tokens": max(BATCH_TOKENS, clients), "max_sequences": max(clients, 256)},
        "requests": {
            "kind": "closed_loop",
            "clients": clients,
            "requests": WAVES * clients,
            "prompt_tokens": {"kind": "constant", "tokens": int(float(row["isl"]))},
            "output_tokens": {"kind": "constant", "tokens": int(float(row["osl"]))},
        },
    }
    return scenario("silicon", [{"name": "hall", "profile": SERVERS[row["system"]], "count": 1}], [workload])
