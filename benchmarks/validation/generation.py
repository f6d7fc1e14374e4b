"""Kinds `ml-energy-v1`, `token-sweep` and `phase-power`: engines of 2023, of which the host sets the pace.

`ml-energy-v1` answers one request at a time with Hugging Face Transformers, `token-sweep` one batch of 32;
`phase-power` prompts Llama 2 70B on A100-80. Latency, energy and power of the boards are predicted.
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.validation.report import Case, Report, reason
from benchmarks.validation.rows import Row, read_rows
from benchmarks.validation.serving_point import ServingPoint, serve
from simulator.errors import InputError

V1_COLUMNS = {"gpu", "task", "model", "response_length", "latency", "energy"}
SWEEP_COLUMNS = {"system", "model", "batch", "input_tokens", "output_tokens", "runtime_s_mean", "gpu_energy_j_mean"}
PHASE_COLUMNS = {"model", "tensor_parallel", "prompt_tokens", "peak_power_frac_tdp", "prompt_time_ms", "token_time_ms"}

PROMPT_TOKENS = 60.0
"""Prompts of ML.ENERGY v1, with the system's part: not published with the rows, assumed."""

FAMILIES = (
    (r"(vicuna|koala|llama|alpaca|baize|camel|manticore|gpt4all).*7b", "llama-2-7b"),
    (r"(vicuna|koala|llama|alpaca|baize|camel|manticore|gpt4all).*13b", "llama-2-13b"),
    (r"redpajama-incite-7b", "pythia-6.9b"),
    (r"(pythia-12b|dolly-v2-12b)", "pythia-12b"),
)
"""Model of the same shape by name: fine-tuned Llama and GPT-NeoX."""

V1_SERVERS = {"A100": "dgx-a100", "V100": "dgx-v100"}
SWEEP_SERVERS = {
    "Palmetto Intel+A100": ("a100-pcie-8", 250.0),
    "Swing AMD+A100": ("dgx-a100-40", None),
    "Palmetto Intel+V100": ("dgx-v100", None),
}
"""Server profile and limit of the boards: one draws up to 248 W, the limit of A100-40 on PCIe."""
A100_LIMIT_W = 400.0


def validate_v1(path: Path) -> Report:
    """Run every row whose model has a shape in the catalogue."""
    report = Report("ml-energy-v1")
    for row in read_rows(path, V1_COLUMNS):
        case = f"{row['gpu']}-{row['task']}-{row['model'].split('/')[-1]}"
        model = next((shape for name, shape in FAMILIES if re.search(name, row["model"].lower())), None)
        server = V1_SERVERS.get(row["gpu"])
        if model is None or server is None:
            report.skip(case, "model of a shape that is not at hand" if server else f"no server for {row['gpu']}")
            continue
        length, latency_s, joules = (float(row[name]) for name in ("response_length", "latency", "energy"))
        point = ServingPoint(
            model, server, 1, 1, PROMPT_TOKENS, length, "fp16", spread=0.0, waves=3, engine={"software": "transformers"}
        )
        try:
            served = serve(point)
        except InputError as error:
            report.skip(case, reason(error))
            continue
        report.cases += [
            Case(case, "latency", "s", served.e2e_s, latency_s, row["gpu"] == "A100"),
            Case(case, "energy_response", "J", served.joules_per_request, joules),
            Case(case, "power", "W", served.watts, joules / latency_s),
        ]
    report.notes.append("launch time of a layer was fitted to the A100 rows; power was not")
    return report


def validate_sweep(path: Path) -> Report:
    """Run every row."""
    report = Report("token-sweep")
    for row in read_rows(path, SWEEP_COLUMNS):
        case = f"{row['system']}-{row['input_tokens']}-{row['output_tokens']}"
        known = SWEEP_SERVERS.get(row["system"])
        size = re.search(r"\((\d+)B\)", row["model"])
        if known is None or size is None:
            report.skip(case, "system or model not at hand")
            continue
        server, cap_w = known
        batch = int(row["batch"])
        point = ServingPoint(
            f"llama-2-{size[1]}b", server, int(row["n_gpus"]), batch, float(row["input_tokens"]),
            float(row["output_tokens"]), "fp16", spread=0.0, waves=1,
            engine={"software": "transformers"}, cap_w=cap_w,
        )  # fmt: skip
        try:
            served = serve(point)
        except InputError as error:
            report.skip(case, reason(error))
            continue
        joules, runtime_s = float(row["gpu_energy_j_mean"]), float(row["runtime_s_mean"])
        report.cases += [
            Case(case, "runtime", "s", served.e2e_s, runtime_s),
            Case(case, "gpu_energy", "J", served.joules_per_request * batch, joules),
            Case(case, "power", "W", served.joules_per_request * batch / served.e2e_s, joules / runtime_s),
        ]
    report.notes.append("reads of the cache by Transformers were chosen on rows of A100 with 512 to 2,048 tokens")
    return report


def validate_phases(path: Path) -> Report:
    """Run every row of Llama 2 70B on A100."""
    report = Report("phase-power")
    for row in read_rows(path, PHASE_COLUMNS):
        case = f"tp{row['tensor_parallel']}-prompt{row['prompt_tokens']}-batch{row['batch']}"
        if row["model"] != "llama2-70b" or row["gpu"] != "A100-80GB":
            report.skip(case, "not Llama 2 70B on A100-80GB")
            continue
        try:
            report.cases += _phases(case, row)
        except InputError as error:
            report.skip(case, reason(error))
    report.notes.append("launch time of a layer was fitted to token times of this table; prompts and power were not")
    return report


def _phases(case: str, row: Row) -> list[Case]:
    batch, prompt, group = int(row["batch"]), int(row["prompt_tokens"]), int(row["tensor_parallel"])
    engine = {"software": "vllm-2023"}

    def point(tokens: float) -> ServingPoint:
        return ServingPoint("llama-2-70b", "dgx-a100", group, batch, prompt, tokens, "fp16", "fp16", 0.0, 1, engine)

    prompts, whole = serve(point(1.0)), serve(point(float(row["output_tokens"])))
    limit_w = A100_LIMIT_W * group
    return [
        Case(case, "prompt_time", "ms", prompts.e2e_s * 1e3, float(row["prompt_time_ms"])),
        Case(case, "token_time", "ms", whole.tpot_s * 1e3, float(row["token_time_ms"]), used_in_fit=True),
        Case(case, "prompt_power", "1", prompts.watts / limit_w, min(float(row["peak_power_frac_tdp"]), 1.0)),
        Case(case, "mean_power", "1", whole.watts / limit_w, float(row["average_power_frac_tdp"])),
    ]
