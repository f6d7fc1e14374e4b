"""Kind `ml-energy-v2`: vLLM of 2024 on A100-40GB and H100 by the ML.ENERGY benchmark (Apache-2.0).

A row is a batch of a model. Time per output token, throughput, power of the boards and energy per request are predicted
from the model, the device, the batch and the mean length of answers, by whole runs as a user would set them up. Lengths
of prompts are not published with the rows; those of `benchmarks.fit.power` are assumed here as well.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.fit.power import PROMPT_TOKENS
from benchmarks.validation.report import Case, Report, reason
from benchmarks.validation.rows import Row, read_rows
from benchmarks.validation.serving_point import Served, ServingPoint, serve
from simulator.errors import InputError
from simulator.profiles import catalogue

COLUMNS = {"task", "Model", "GPU", "TP", "PP"}

SERVERS = {"A100-SXM4-40GB": "dgx-a100-40", "H100": "dgx-h100", "A100-SXM4-80GB": "dgx-a100"}
"""Server profile by what a device's name contains."""


def validate(path: Path) -> Report:
    """Run every text row of v2 whose model the simulator knows."""
    report = Report("ml-energy-v2")
    for row in read_rows(path, COLUMNS):
        if not row["TP"]:
            continue
        parts = (row["GPU"].removeprefix("NVIDIA "), row["task"].split("/")[-1], row["Model"].split("/")[-1])
        case = f"{'-'.join(parts)}-tp{float(row['TP']):.0f}-bs{float(row['Max BS (reqs)']):.0f}"
        why = refusal(row)
        if why is not None:
            report.skip(case, why)
            continue
        served = _served(report, case, serving_point(row))
        if served is None:
            continue
        tokens, joules = float(row["Avg Output Tokens"]), float(row["Energy/req (J)"])
        tokens_per_s = float(row["Token tput (tok/s)"])
        fitted = "A100" in row["GPU"]
        report.cases += [
            Case(case, "tpot_mean", "ms", served.tpot_s * 1e3, float(row["Avg TPOT (s)"]) * 1e3, used_in_fit=True),
            Case(case, "throughput", "tok/s", served.tokens_per_s, tokens_per_s),
            Case(case, "power", "W", served.watts, joules / tokens * tokens_per_s, fitted),
            Case(case, "energy_request", "J", served.joules_per_request, joules),
        ]
    report.notes.append(
        "host time of `software: vllm-2024` was fitted to times per output token, board power of A100 to its rows; "
        "throughput, energy and all power of H100 were not"
    )
    return report


def _served(report: Report, case: str, point: ServingPoint) -> Served | None:
    try:
        return serve(point)
    except InputError as error:
        report.skip(case, reason(error))
        return None


def refusal(row: Row) -> str | None:
    """Return why a row is not compared, or None."""
    if row["task"].startswith("mllm"):
        return "prompts with pictures"
    if float(row["PP"]) > 1:
        return "pipeline parallel"
    return _unknown(row["GPU"], row["Model"])


def _unknown(gpu: str, model: str) -> str | None:
    if _server(gpu) is None:
        return f"no server profile for '{gpu}'"
    try:
        catalogue.model(model, Path())
    except InputError:
        return "model without a configuration at hand"
    return None


def _server(gpu: str) -> str | None:
    return next((server for name, server in SERVERS.items() if name in gpu), None)


def serving_point(row: Row) -> ServingPoint:
    """Return what a row served."""
    return ServingPoint(
        model=row["Model"],
        server=_server(row["GPU"]) or "",
        tensor=int(float(row["TP"])),
        clients=max(round(float(row["Avg BS (reqs)"])), 1),
        prompt_tokens=PROMPT_TOKENS[row["task"].split("/")[-1]],
        output_tokens=float(row["Avg Output Tokens"]),
        engine={"software": "vllm-2024"},
    )
