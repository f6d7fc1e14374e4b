"""Logs against a stated workload: the steady state against a simulated one, logs by hand, faults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import simulator as sim
from benchmarks.bases import scenario
from calibration.checking.engine_log import is_engine_log, read_engine_log
from calibration.checking.serving import parse, predict_serving
from calibration.checking.trace import read_trace
from calibration.checking.traces import checked_trace
from calibration.cli import app
from simulator.errors import InputError
from simulator.profiles import catalogue

H100 = catalogue.accelerator("h100-sxm-80gb", Path())
VLLM = (
    "INFO 10-06 11:23:31 [loggers.py:127] Engine 000: Avg prompt throughput: {prompt} tokens/s, Avg generation "
    "throughput: {answer} tokens/s, Running: {running} reqs, Waiting: 0 reqs, GPU KV cache usage: 0.0%, Prefix cache "
    "hit rate: 0.0%"
)


def engine_log(path: Path, *lines: tuple[float, int]) -> Path:
    texts = [VLLM.format(prompt=474.7, answer=answer, running=running) for answer, running in lines]
    path.write_text("\n".join(['INFO: "POST /v1/chat/completions HTTP/1.1" 200 OK', *texts]))
    return path


@pytest.mark.parametrize(("batch", "prompt", "answer"), [(1, 256, 128), (16, 512, 256), (64, 1024, 128)])
def test_the_steady_state_is_that_of_a_simulated_run(batch: int, prompt: int, answer: int) -> None:
    """Clients that ask again at once, in the whole simulator: eight waves; the first fills and the last drains."""
    waves = 8
    requests = {
        "kind": "closed_loop", "clients": batch, "requests": waves * batch,
        "prompt_tokens": {"kind": "constant", "tokens": prompt},
        "output_tokens": {"kind": "constant", "tokens": answer},
    }  # fmt: skip
    workload = {
        "kind": "inference", "name": "chat", "model": "llama-3.1-8b", "precision": "bf16", "servers": "hall",
        "replicas": 1, "parallelism": {"tensor": 1}, "requests": requests,
    }  # fmt: skip
    hall = {"name": "hall", "profile": "dgx-h100", "count": 1}
    result = sim.run(sim.from_dict(scenario("steady", [hall], [workload])))
    found = predict_serving(H100, parse(f"model=llama-3.1-8b,batch={batch},prompt={prompt},answer={answer}", Path()))
    done = result.requests
    busy_s = (done.arrival_s + done.e2e_s).max() - done.arrival_s.min()
    simulated = waves * batch * answer / busy_s
    # Sequences of one wave move in step in the run, so that several prompts join one iteration; filling and draining.
    assert found.tokens_per_s.value == pytest.approx(simulated, rel=0.05)


def test_an_engine_log_by_hand(tmp_path: Path) -> None:
    path = engine_log(tmp_path / "vllm.log", (100.0, 4), (140.0, 4), (0.0, 0), (300.0, 16))
    assert is_engine_log(path)
    found = read_engine_log(path)
    assert (found.tokens_per_s, found.lines, found.idle_lines) == ({4: 120.0, 16: 300.0}, {4: 2, 16: 1}, 1)
    assert found.mean_tokens_per_s == pytest.approx(180.0)


def test_an_engine_that_does_as_predicted_has_no_error(tmp_path: Path) -> None:
    workload = "model=llama-3.1-8b,batch=8,prompt=512,answer=256"
    rates = [predict_serving(H100, parse(workload, Path()), batch=running).tokens_per_s.value for running in (4, 16)]
    path = engine_log(tmp_path / "vllm.log", (rates[0], 4), (rates[1], 16), (rates[1], 16))
    rows = checked_trace(path, H100, workload).figures["rows"]
    assert [row["running"] for row in rows] == [4, 16, "all"]
    assert [row["tokens_per_s_error"] for row in rows] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)


def test_only_the_time_in_which_the_board_works_counts(tmp_path: Path) -> None:
    """A minute of rest at idle, then 100 s at 500 W."""
    idle_w = H100.record.power.idle_context_w
    rows = [f"2026/07/18 17:{57 + second // 60}:{second % 60:02d}.000, {idle_w}" for second in range(61)]
    rows += [f"2026/07/18 {17 + (58 * 60 + 1 + second) // 3600}:{(58 * 60 + 1 + second) // 60 % 60:02d}:"
             f"{(1 + second) % 60:02d}.000, 500" for second in range(101)]  # fmt: skip
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["timestamp, power.draw [W]", *rows]))
    (board,) = read_trace(path, 1.25 * idle_w)
    assert (board.active_s, board.active_j) == (100.0, 50_000.0)
    workload = "model=llama-3.1-8b,batch=32,prompt=512,answer=256"
    (row,) = checked_trace(path, H100, workload).figures["rows"]
    predicted_w = predict_serving(H100, parse(workload, Path())).power_w.value
    assert row["power_w_error"] == pytest.approx(predicted_w / 500.0 - 1.0)
    assert row["energy_j_predicted"] == pytest.approx(100.0 * predicted_w)


def test_two_boards_share_the_work(tmp_path: Path) -> None:
    one, two = (
        predict_serving(H100, parse(f"model=llama-3.1-8b,batch=16,prompt=512,answer=256,tensor={count}", Path()))
        for count in (1, 2)
    )
    assert 1.2 < two.tokens_per_s.value / one.tokens_per_s.value < 2.0


def test_every_fault_of_a_workload_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parse("model=llama-3.1-8b,batch=0,promt=5,answer=x,precision=fp9", Path())
    assert [str(fault) for fault in caught.value.faults] == [
        "--workload: 'promt=5' is no KEY=VALUE of a workload; did you mean 'prompt'?",
        "--workload: prompt is missing",
        "--workload: batch must be a whole number >= 1, got '0'",
        "--workload: answer must be a whole number >= 1, got 'x'",
        "--workload: precision 'fp9' is not known; did you mean 'fp8'?",
    ]


def test_refusals(tmp_path: Path) -> None:
    path = engine_log(tmp_path / "vllm.log", (100.0, 4))
    with pytest.raises(InputError, match="state it with --workload"):
        checked_trace(path, H100, None)
    with pytest.raises(InputError, match="no line says that the engine delivered anything"):
        checked_trace(engine_log(tmp_path / "idle.log", (0.0, 0)), H100, "model=llama-3.1-8b,batch=1,prompt=1,answer=1")
    a100 = catalogue.accelerator("a100-sxm-80gb", Path())
    with pytest.raises(InputError, match="does not compute fp8"):
        checked_trace(path, a100, "model=llama-3.1-8b,batch=1,prompt=1,answer=1,precision=fp8")
    done = CliRunner().invoke(app, ["check", "h100-sxm-80gb", "--workload", "model=x"])
    assert (done.exit_code, done.stderr.strip()) == (2, "--workload says what ran in the log of --trace")


def test_the_command_prints_and_writes(tmp_path: Path) -> None:
    path = engine_log(tmp_path / "vllm.log", (100.0, 4))
    options = ["--workload", "model=llama-3.1-8b,batch=4,prompt=512,answer=256", "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(app, ["check", "h100-sxm-80gb", "--trace", str(path), *options])
    assert done.exit_code == 0, done.output
    assert "llama-3.1-8b in bf16, 4 sequences of 512 + 256 tokens" in done.stdout
    assert json.loads((tmp_path / "out.json").read_text())["rows"][0]["tokens_per_s_measured"] == 100.0
