"""Kinds that set a published serving measurement up as a scenario: what they compare, skip and mark as fitted."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks.validation import generation, ml_energy_v2, mlperf_inference


def table(path: Path, row: dict[str, str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)
    return path


V2 = {
    "task": "llm_text_generation/chat", "Model": "meta-llama/Meta-Llama-3.1-8B-Instruct",
    "GPU": "NVIDIA A100-SXM4-40GB", "TP": "1.0", "PP": "1.0", "Energy/req (J)": "102.653", "Avg TPOT (s)": "0.0338223",
    "Token tput (tok/s)": "938.496", "Avg Output Tokens": "485.745", "Avg BS (reqs)": "31.9383",
    "Max BS (reqs)": "32.0",
}  # fmt: skip
V1 = {
    "gpu": "A100", "task": "chat", "model": "lmsys/vicuna-7B", "response_length": "272.5", "latency": "8.139",
    "energy": "1384.5",
}  # fmt: skip
PHASE = {
    "model": "llama2-70b", "gpu": "A100-80GB", "tensor_parallel": "4", "prompt_tokens": "512", "batch": "1",
    "output_tokens": "128", "peak_power_frac_tdp": "1.0024", "average_power_frac_tdp": "0.5993",
    "prompt_time_ms": "127.09", "token_time_ms": "44.96",
}  # fmt: skip
MLPERF = {
    "case_id": "rest", "n_accel": "8", "accelerator": "H200-SXM-141GB", "accel_power_limit_w": "", "cooling": "air",
    "benchmark": "resnet50", "scenario": "offline", "avg_wall_w": "4954.0", "pre_run_min_w": "2371.6",
    "samples_per_s": "556234", "output_tokens_per_s": "",
}  # fmt: skip


def test_times_of_2024_are_met_by_the_host_of_2024(tmp_path: Path) -> None:
    report = ml_energy_v2.validate(table(tmp_path / "v2.csv", V2))
    errors = {case.metric: case.relative_error for case in report.cases}
    assert abs(errors["tpot_mean"]) < 0.2
    assert abs(errors["energy_request"]) < 0.3
    assert [case.metric for case in report.cases if case.used_in_fit] == ["tpot_mean", "power"]


def test_an_answer_of_transformers_takes_the_launches_of_its_layers(tmp_path: Path) -> None:
    report = generation.validate_v1(table(tmp_path / "v1.csv", V1))
    assert abs(report.cases[0].relative_error) < 0.05
    unknown = generation.validate_v1(table(tmp_path / "other.csv", V1 | {"model": "RWKV/rwkv-raven-7b"}))
    assert not unknown.cases
    assert len(unknown.skipped) == 1


def test_prompts_draw_the_limit_and_tokens_wait_for_launches(tmp_path: Path) -> None:
    report = generation.validate_phases(table(tmp_path / "phase.csv", PHASE))
    errors = {case.metric: case.relative_error for case in report.cases}
    assert errors["prompt_power"] == pytest.approx(0.0, abs=0.02)
    assert abs(errors["token_time"]) < 0.1
    longer = generation.validate_phases(table(tmp_path / "long.csv", PHASE | {"prompt_tokens": "8192"}))
    assert [why for _, why in longer.skipped] == ["requests do not fit the context or the cache of the model"]


def test_a_server_at_rest_is_compared_even_where_its_benchmark_is_not(tmp_path: Path) -> None:
    report = mlperf_inference.validate(table(tmp_path / "mlperf.csv", MLPERF))
    (case,) = report.cases
    assert abs(case.relative_error) < 0.03
    assert "no transformer" in report.skipped[0][1]
