"""Published serving at a constant batch: its steady state against the engine, its host time against known numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import simulator as sim
from benchmarks.bases import scenario
from benchmarks.validation import ml_energy
from benchmarks.validation.steady_state import steady_state
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.physics.accelerator import HostOverhead
from simulator.physics.inference import inference_model
from simulator.physics.precision import PRECISIONS
from simulator.profiles import catalogue

ROW: dict[str, str] = {
    "task": "lm-arena-chat",
    "model_id": "meta-llama/Llama-3.1-8B-Instruct",
    "architecture": "Dense Transformer",
    "weight_precision": "bfloat16",
    "gpu_model": "H100",
    "num_gpus": "1",
    "tensor_parallel": "1",
    "expert_parallel": "1",
    "data_parallel": "1",
    "max_num_seqs": "64",
    "avg_batch_size": "64",
    "avg_output_len": "400",
    "output_throughput_tokens_per_sec": "5000",
    "median_itl_ms": "11.5",
    "avg_power_watts": "600",
    "energy_per_token_joules": "0.1",
}


@pytest.mark.parametrize(("clients", "tokens"), [(16, 400), (64, 100)])
def test_the_steady_state_is_that_of_the_engine(clients: int, tokens: int) -> None:
    """Gemma 3, whose layers have windows, with prompts of 900 tokens: fewer and more than one prompt per iteration."""
    lengths = {"kind": "empirical", "tokens": [tokens // 2, tokens, tokens * 3 // 2], "weights": [1, 1, 1]}
    workload: dict[str, Any] = {
        "kind": "inference",
        "name": "serving",
        "model": "gemma-3-12b",
        "servers": "hall",
        "replicas": 1,
        "requests": {
            "kind": "closed_loop",
            "clients": clients,
            "requests": 12 * clients,
            "prompt_tokens": {"kind": "constant", "tokens": 900},
            "output_tokens": lengths,
        },
    }
    hall = {"name": "hall", "profile": "dgx-h100", "count": 1}
    requests = sim.run(sim.from_dict(scenario("steady", [hall], [workload]))).requests[2 * clients : 9 * clients]
    record = catalogue.accelerator("h100-sxm-80gb", Path()).record
    model = catalogue.model("gemma-3-12b", Path()).record.transformer()
    inference = inference_model(model, record.rates("bf16"), 1, PRECISIONS["bf16"], 2.0, 8192, 256)
    state = steady_state(IterationCost(inference, record.power.cap_w), clients, 900, float(tokens))
    # A longer answer holds its place for longer; tokens are weighted alike by duration over tokens of all answers.
    decoding_s = (requests.e2e_s - requests.ttft_s).sum()
    mean_s = decoding_s / (requests.output_tokens - 1).sum()
    assert mean_s == pytest.approx(state.mean_s, rel=0.06)
    assert (state.median_s < state.mean_s) == (clients < 0.5 * tokens)


def test_host_time_is_found_again() -> None:
    host = HostOverhead(1.5e-3, 2.5e-5)
    rows = [{**ROW, "avg_batch_size": str(count)} for count in (8, 32, 128, 180)]
    for row in rows:
        row["median_itl_ms"] = str(1e3 * ml_energy.steady_state_of(row, host).median_s)
    found = ml_energy.host_overhead(rows)
    assert (found.step_s, found.sequence_s) == pytest.approx((host.step_s, host.sequence_s), rel=1e-6)
    assert ml_energy.host_overhead(rows[:1]) == HostOverhead(0.0, 0.0)


def written(file: Path, *rows: dict[str, str]) -> Path:
    file.write_text("\n".join([",".join(ROW), *(",".join(row[name] for name in ROW) for row in rows)]) + "\n")
    return file


def test_a_row_gives_times_power_and_energy(tmp_path: Path) -> None:
    other = {**ROW, "model_id": "openai/gpt-oss-20b", "architecture": "MoE", "weight_precision": "mxfp4"}
    report = ml_energy.validate(written(tmp_path / "rows.csv", ROW, other))
    assert [case.metric for case in report.cases] == ["itl_median", "itl_mean", "power", "energy_per_token"] * 2
    assert [case.used_in_fit for case in report.cases] == [True, False, True, True, False, False, False, False]
    _, mean, power, energy = report.cases[:4]
    assert mean.measured == pytest.approx(12.8)
    # Power over the rate of tokens is energy per token.
    assert energy.predicted == pytest.approx(power.predicted * 1e-3 * mean.predicted / 64, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"task": "image-chat"}, "prompt lengths of task 'image-chat' are not known"),
        ({"gpu_model": "MI300X"}, "no accelerator profile for 'MI300X'"),
        ({"weight_precision": "int3"}, "number format 'int3' is not modelled"),
        ({"model_id": "acme/none"}, "no profile of the model 'acme/none'"),
        ({"gpu_model": "B200", "task": "gpqa"}, "the host sets the pace"),
    ],
)
def test_rows_that_are_skipped(tmp_path: Path, change: dict[str, str], why: str) -> None:
    report = ml_energy.validate(written(tmp_path / "rows.csv", {**ROW, **change}))
    assert not report.cases
    assert why in report.skipped[0][1]


def test_models_that_no_parameter_saw(shared: Path) -> None:
    """Times of 122 rows on H100 within 14 % and on B200 within 17 % on average; host time saw one small model only."""
    report = ml_energy.validate(shared / "reference" / "mlenergy_v3_llm_open.csv")
    for board, bound in (("H100", 0.145), ("B200", 0.175)):
        cases = [case for case in report.cases if case.metric == "itl_median" and board in case.case_id]
        errors = [abs(case.relative_error) for case in cases if not case.used_in_fit]
        assert len(errors) > 70
        assert sum(errors) / len(errors) < bound
