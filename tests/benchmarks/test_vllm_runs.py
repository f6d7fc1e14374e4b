"""Recorded runs of vLLM: what is read, what is skipped and why, and how well a replay agrees."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simulator as sim
from benchmarks.bases import scenario
from benchmarks.validation import __main__ as command
from benchmarks.validation import vllm_runs
from benchmarks.validation.device_profile import device_key, find_tables
from benchmarks.validation.report import Report
from benchmarks.validation.vllm_run import Run, find_runs

STARTED_S = 1_767_225_600.0
"""2026-01-01T00:00:00Z by the wall clock."""
CLOCK_S = 5000.0
"""What the engine's clock shows then."""
ARGUMENTS = {
    "model": "meta-llama/Llama-3.1-8B", "tensor_parallel_size": 1, "data_parallel_size": 1,
    "enable_expert_parallel": False, "max_num_seqs": 64, "max_num_batched_tokens": 2048, "dtype": "bfloat16",
    "kv_cache_dtype": "auto",
}  # fmt: skip


def request(queued_s: float, first_s: float, last_s: float, prompt: int = 100, output: int = 80) -> dict[str, Any]:
    """Return a request whose instants count from the start of the recording."""
    return {
        "request_id": f"bench-{queued_s}", "input_toks": prompt, "output_toks": output,
        "arrival_time": STARTED_S + queued_s, "queued_ts": CLOCK_S + queued_s, "scheduled_ts": CLOCK_S + queued_s,
        "first_token_ts": CLOCK_S + first_s, "last_token_ts": CLOCK_S + last_s,
    }  # fmt: skip


def record(
    root: Path,
    requests: list[dict[str, Any]],
    *,
    device: str = "RTX4090",
    waiting: dict[int, int] | None = None,
    arguments: dict[str, Any] | None = None,
    meta: dict[str, Any] | None = None,
) -> Path:
    folder = root / device / "Llama-3.1-8B" / "vllm"
    folder.mkdir(parents=True)
    content = {"engine_kwargs": ARGUMENTS | (arguments or {}), "started_at": "2026-01-01T00:00:00Z"} | (meta or {})
    (folder / "meta.json").write_text(json.dumps(content))
    (folder / "requests.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in requests))
    end_s = int(max(entry["last_token_ts"] for entry in requests) - CLOCK_S) + 1
    rows = [f"{second}.0,0.0,100.0,1,{(waiting or {}).get(second, 0)},0.0" for second in range(1, end_s + 1)]
    header = "t,prompt_throughput,gen_throughput,running,waiting,kv_cache_pct"
    (folder / "timeseries.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


PLAIN = [request(0.0, 0.1, 2.1), request(0.5, 0.7, 2.7)]


def skipped(path: Path) -> list[str]:
    report = vllm_runs.validate(path)
    assert not report.cases
    return [why for _, why in report.skipped]


# --- a run of known overhead


def simulated(folder: Path, overhead_s: float, kv_blocks: int) -> list[dict[str, Any]]:
    """Return what a recorder would have written of a run of the simulator itself: 80 requests, 8 a second."""
    random = np.random.default_rng(5)
    arrival_s = np.cumsum(random.exponential(1 / 8.0, 80))
    prompts, outputs = random.integers(20, 1000, 80), random.integers(60, 300, 80)
    rows = [
        f"{at!r},{prompt},{output}" for at, prompt, output in zip(arrival_s.tolist(), prompts, outputs, strict=True)
    ]
    trace = folder / "trace.csv"
    trace.write_text("\n".join(["arrival_s,prompt_tokens,output_tokens", *rows]) + "\n")
    workload = {
        "kind": "inference", "name": "serving", "model": "llama-3.1-8b", "servers": "hall", "replicas": 1,
        "engine": {
            "max_batch_tokens": 2048, "max_sequences": 64, "step_overhead_s": overhead_s,
            "sequence_overhead_s": 0.0, "kv_blocks": kv_blocks, "memory_fraction": 1.0,
        },
        "requests": {"kind": "csv", "file": str(trace)},
    }  # fmt: skip
    hall = {"name": "hall", "profile": "rtx-4090-pcie-4", "count": 1}
    found = sim.run(sim.from_dict(scenario("recorded", [hall], [workload]))).requests
    columns = (found.arrival_s, found.ttft_s, found.e2e_s, found.prompt_tokens, found.output_tokens)
    # A client asks a moment after the recording has begun.
    return [
        request(1.0 + at, 1.0 + at + ttft, 1.0 + at + e2e, *tokens)
        for at, ttft, e2e, *tokens in zip(*columns, strict=True)
    ]


@pytest.mark.parametrize("overhead_s", [0.0, 2.5e-3])
def test_a_run_of_the_simulator_is_replayed_exactly(tmp_path: Path, overhead_s: float) -> None:
    """The overhead comes back from the iterations after the last prompt, and with it every latency."""
    requests = simulated(tmp_path, overhead_s, 1999)
    record(tmp_path / "runs", requests, meta={"kv_cache": {"num_gpu_blocks": 2000, "block_size": 16}})
    report = vllm_runs.validate(tmp_path / "runs")
    found_ms = float(report.notes[-1].split(": ")[1].split()[0])
    assert found_ms == pytest.approx(overhead_s * 1e3, abs=0.05)
    assert len(report.cases) == 9
    assert max(abs(case.relative_error) for case in report.cases) < 0.02


# --- what a run says of itself


def test_settings_come_from_the_resolved_configuration(tmp_path: Path) -> None:
    resolved = {
        "scheduler_config": {"max_num_seqs": 32, "scheduler_reserve_full_isl": False},
        "cache_config": {"block_size": 32, "gpu_memory_utilization": 0.8},
        "model_config": {"quantization": "fp8", "dtype": "torch.float16"},
    }
    record(tmp_path, PLAIN, meta={"resolved_config": resolved})
    run = find_runs(tmp_path)[0]
    assert run.setting("scheduler_config", "max_num_seqs") == 32
    assert run.setting("scheduler_config", "max_num_batched_tokens") == 2048
    assert (run.block_tokens, run.memory_fraction, run.kv_blocks) == (32, 0.8, None)
    assert (run.precision, run.kv_precision) == ("fp8", "bf16")


def test_latencies_count_from_the_engines_queue(tmp_path: Path) -> None:
    late = request(0.5, 0.7, 2.7, output=1) | {"arrival_time": STARTED_S - 30.0}
    record(tmp_path, [late, request(0.0, 0.1, 2.1, output=41)])
    table = find_runs(tmp_path)[0].latencies()
    assert table.ttft_s.tolist() == pytest.approx([0.1, 0.2])
    assert table.e2e_s.tolist() == pytest.approx([2.1, 2.2])
    assert table.tpot_s[0] == pytest.approx(2.0 / 40)
    assert np.isnan(table.tpot_s[1])


@pytest.mark.parametrize("path", [".", "RTX4090", "RTX4090/Llama-3.1-8B", "RTX4090/Llama-3.1-8B/vllm"])
def test_a_case_is_called_by_device_and_model(tmp_path: Path, path: str) -> None:
    record(tmp_path, PLAIN)
    assert [run.case_id for run in find_runs(tmp_path / path)] == ["RTX4090/Llama-3.1-8B"]


def test_names_of_devices() -> None:
    assert device_key(["NVIDIA GeForce RTX 4090", "RTXPRO6000"]) == "rtx4090"
    assert device_key(["vllm", "Llama-3.1-8B", "RTXPRO6000"]) == "rtxpro6000"
    assert device_key(["NVIDIA A100-SXM4-40GB"]) == "a100sxm440gb"
    assert device_key(["NVIDIA H100 PCIe"]) == "h100pcie"
    assert device_key(["Quantum 9"]) is None


# --- the part without prefill


def test_no_overhead_is_taken_while_requests_wait(tmp_path: Path) -> None:
    record(tmp_path / "calm", PLAIN)
    record(tmp_path / "full", PLAIN, waiting={2: 3})
    assert "79 iterations without prefill" in vllm_runs.validate(tmp_path / "calm").notes[-1]
    assert "no run ends with decode alone" in vllm_runs.validate(tmp_path / "full").notes[-1]


def test_a_few_iterations_are_too_few(tmp_path: Path) -> None:
    record(tmp_path, [request(0.0, 0.1, 2.1), request(0.5, 0.7, 1.5, output=40)])
    assert "no run ends with decode alone" in vllm_runs.validate(tmp_path).notes[-1]


# --- what is skipped or refused


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"enable_expert_parallel": True, "data_parallel_size": 2}, "expert-parallel serving is not modelled"),
        ({"pipeline_parallel_size": 2}, "pipeline-parallel serving is not modelled"),
        ({"speculative_config": {"method": "eagle"}}, "speculative decoding is not modelled"),
        ({"quantization": "gptq_marlin"}, "number format bfloat16/gptq_marlin is not modelled"),
        (
            {"model": "Nobody/Unheard-Of-7B"},
            "no model is called 'Nobody/Unheard-Of-7B', and no config.json lies beside",
        ),
        ({"tensor_parallel_size": 8}, "workloads.serving.parallelism.tensor: "),
        ({"model": "meta-llama/Llama-3.1-70B"}, "workloads.serving: llama-3.1-70b in bf16 needs 141.1 GB for weights"),
    ],
)
def test_runs_outside_the_simulator_say_why(tmp_path: Path, arguments: dict[str, Any], why: str) -> None:
    record(tmp_path, PLAIN, arguments=arguments)
    found = skipped(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(why)


def test_a_device_without_a_profile_is_skipped(tmp_path: Path) -> None:
    record(tmp_path, PLAIN, device="Quantum9")
    assert skipped(tmp_path) == ["no profile for the device of 'vllm'"]


def test_without_tables_the_shipped_profile_serves(tmp_path: Path) -> None:
    record(tmp_path, PLAIN)
    assert vllm_runs.validate(tmp_path).notes[0].startswith("shipped profile rtx-4090: no operator tables are given")
    assert find_tables(tmp_path, None) is None
    tables = tmp_path / "hardware/llmservingsim_profiles"
    tables.mkdir(parents=True)
    assert find_tables(tmp_path / "RTX4090", None) == tables
    assert "holds no rows of layer" in vllm_runs.validate(tmp_path / "RTX4090").notes[0]


def test_a_run_on_two_replicas_is_simulated_as_such(tmp_path: Path) -> None:
    record(tmp_path, PLAIN, arguments={"data_parallel_size": 2})
    report = vllm_runs.validate(tmp_path)
    assert len(report.cases) == 9
    assert "no run ends with decode alone" in report.notes[-1]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("meta.json", "{}", "meta.json: lacks engine_kwargs, started_at"),
        ("meta.json", "{", "cannot be read: "),
        ("requests.jsonl", '{"input_toks": 1}\n', "requests.jsonl: lacks output_toks, arrival_time, queued_ts"),
        ("requests.jsonl", json.dumps(request(0.0, 0.1, 2.1)) + "\n" + json.dumps(request(1.0, 0.5, 2.0)) + "\n",
         "requests.jsonl:2: is no finished request"),
        ("timeseries.csv", "second\n1\n", "timeseries.csv: lacks t, waiting"),
    ],
)  # fmt: skip
def test_files_that_lack_something_are_refused(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    folder = record(tmp_path, PLAIN)
    (folder / name).write_text(content)
    with pytest.raises(SystemExit) as caught:
        find_runs(tmp_path)
    assert complaint in str(caught.value)


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no folder with meta\.json"):
        find_runs(tmp_path)
    with pytest.raises(SystemExit, match="no such folder"):
        find_runs(tmp_path / "missing")
    record(tmp_path, PLAIN)
    with pytest.raises(SystemExit, match="no such folder"):
        vllm_runs.validate(tmp_path, tmp_path / "missing")


# --- the command


def run_command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["validation", *arguments])
    command.main()


def test_the_report_says_what_was_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record(tmp_path, PLAIN)
    run_command(monkeypatch, "vllm-runs", str(tmp_path), "--json", str(tmp_path / "report.json"))
    content = json.loads((tmp_path / "report.json").read_text())
    assert {case["metric"] for case in content["cases"]} == {
        "ttft_mean", "ttft_p50", "ttft_p99", "tpot_mean", "tpot_p50", "tpot_p99", "e2e_mean", "e2e_p99", "makespan",
    }  # fmt: skip
    assert not any(case["used_in_fit"] for case in content["cases"])
    assert content["notes"][0].startswith("shipped profile rtx-4090")
    assert "ms per step, from 79 iterations without prefill" in capsys.readouterr().out


def test_tables_are_for_this_kind_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit):
        run_command(monkeypatch, "silicon", str(tmp_path), "--profiles", str(tmp_path))


# --- published runs


@pytest.fixture(scope="module")
def published(shared: Path) -> Report:
    return vllm_runs.validate(shared / "data/latency/llmservingsim_vllm")


@pytest.mark.parametrize(
    ("metric", "bound"), [("tpot_mean", 0.06), ("e2e_mean", 0.08), ("ttft_p99", 0.12), ("makespan", 0.05)]
)
def test_published_runs_are_met(published: Report, metric: str, bound: float) -> None:
    """Two boards, 300 requests each, one of them with a full KV cache and 190 preemptions."""
    errors = {case.case_id: case.relative_error for case in published.cases if case.metric == metric}
    assert errors.keys() == {"RTX4090/Llama-3.1-8B", "RTXPRO6000/Llama-3.1-8B"}
    assert max(map(abs, errors.values())) <= bound, errors


def test_published_runs_use_profiles_fitted_to_operators(published: Report) -> None:
    assert not published.skipped
    assert [note.split(" fitted to ")[0] for note in published.notes[:2]] == ["rtx-4090", "rtx-pro-6000"]


def test_the_recorded_series_agrees_with_the_requests(shared: Path) -> None:
    """Tokens and seconds of both files, which join two clocks: nothing waits once the last request has begun."""
    runs: list[Run] = find_runs(shared / "data/latency/llmservingsim_vllm")
    for run in runs:
        assert run.series.gen_throughput.sum() == run.requests.output_toks.sum()
        begun_s = float(run.requests.first_token_ts.max())
        assert not run.waits_after(begun_s)
        assert run.waits_after(begun_s - 20.0)
