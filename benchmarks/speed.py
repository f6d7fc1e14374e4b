"""Speed of whole runs: ``python -m benchmarks.speed CASE [--requests N] --json OUT``.

The CPU seconds are those of loading, running and evaluating a scenario, energy and records included, in a process that
has imported everything. Bare SimPy is measured in the same process, so that the ratio of the two travels between
machines; absolute figures do not.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import simpy

import simulator as sim
from benchmarks.bases import scenario

CONVERSATION = Path("../shared/data/llm_traces/azure_llm_inference_2023/AzureLLMInferenceTrace_conv.csv")
_BARE_EVENTS = 200_000


def bare_simpy_events_per_cpu_s() -> float:
    """Return how many timeouts a bare SimPy process gets through per CPU second."""
    env = simpy.Environment()

    def ticker() -> Any:
        for _ in range(_BARE_EVENTS):
            yield env.timeout(1.0)

    env.process(ticker())
    start_s = time.process_time()
    env.run()
    return _BARE_EVENTS / (time.process_time() - start_s)


def measured(
    build: Callable[[], sim.Scenario], count_name: str, count: Callable[[sim.Result], float]
) -> dict[str, Any]:
    """Run a scenario and return its figures."""
    bare = bare_simpy_events_per_cpu_s()
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    result = sim.run(build())
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    return {
        "cpu_s": cpu_s,
        "wall_s": wall_s,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        f"{count_name}_per_cpu_s": count(result) / cpu_s,
        "events_per_cpu_s": result.manifest["kernel_events"] / cpu_s,
        "simpy_events_per_cpu_s": bare,
        "plant_steps_per_cpu_s": len(result.facility) / cpu_s,
        "audits_ok": bool(result.audit.ok.all()),
        "summary": result.summary.as_dict(),
    }


def serving(requests: int, rate_per_s: float, prompt: np.ndarray, output: np.ndarray) -> dict[str, Any]:
    """Measure Llama 3 8B on one A100-80: 512 tokens per iteration, 128 sequences, blocks of 16.

    The published figures for these workloads come from a simulator without host time between iterations, so there is
    none here either.
    """
    arrival_s = np.cumsum(np.random.default_rng(0).exponential(1.0 / rate_per_s, requests))
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "requests.csv"
        rows = np.column_stack([arrival_s, prompt[:requests], output[:requests]])
        np.savetxt(
            trace,
            rows,
            delimiter=",",
            header="arrival_s,prompt_tokens,output_tokens",
            comments="",
            fmt=["%.9f", "%d", "%d"],
        )
        workload = {
            "kind": "inference",
            "name": "chat",
            "model": "llama-3-8b",
            "servers": "hall",
            "replicas": 1,
            "engine": {
                "max_batch_tokens": 512,
                "max_sequences": 128,
                "block_tokens": 16,
                "step_overhead_s": 0.0,
                "sequence_overhead_s": 0.0,
            },
            "requests": {"kind": "csv", "file": str(trace)},
        }
        data = scenario("serving", [{"name": "hall", "profile": "dgx-a100", "count": 1}], [workload])
        return measured(lambda: sim.from_dict(data), "requests", lambda result: result.summary.requests_completed)


def serving_fixed(arguments: argparse.Namespace) -> dict[str, Any]:
    """Workload F: 512 prompt and 128 output tokens at 8 requests per second."""
    count = arguments.requests or 20_000
    return serving(count, 8.0, np.full(count, 512), np.full(count, 128))


def serving_conversation(arguments: argparse.Namespace) -> dict[str, Any]:
    """Workload C: lengths of a conversation trace in file order, at 4 requests per second, at most 4,096 tokens."""
    table = np.genfromtxt(arguments.trace, delimiter=",", skip_header=1, usecols=(1, 2), dtype=np.int64)
    count = arguments.requests or min(len(table), 5_000)
    lengths = np.maximum(table[np.arange(count) % len(table)], 1)
    prompt, output = lengths.T
    prompt = np.maximum(prompt - np.maximum(prompt + output - 4096, 0), 1)
    return serving(count, 4.0, prompt, output)


def year(arguments: argparse.Namespace) -> dict[str, Any]:
    """A year of a hall of 4,096 H100 at plant steps of 60 s, with 300 training jobs of 32 to 1,024 accelerators."""
    return measured(
        lambda: sim.from_dict(training_year(arguments.jobs or 300)), "jobs", lambda r: r.summary.jobs_completed
    )


def training_year(jobs: int) -> dict[str, Any]:
    """Return a year of jobs of 32 to 1,024 accelerators."""
    generator = np.random.default_rng(0)
    workloads = []
    for index in range(jobs):
        data = int(2 ** generator.integers(3, 9))
        workloads.append(
            {
                "kind": "training",
                "name": f"job-{index:05d}",
                "model": "llama-3.1-8b",
                "servers": "hall",
                "submit_h": float(index * 8600 / jobs),
                "parallelism": {"data": data, "tensor": 4},
                "method": {"kind": "full"},
                "sequence_tokens": 8192,
                "batch_sequences": 4 * data,
                "recompute": "full",
                "length": {"kind": "steps", "steps": int(generator.integers(50_000, 800_000))},
            }
        )
    return scenario(
        "year",
        [{"name": "hall", "profile": "dgx-h100", "count": 512}],
        workloads,
        end={"kind": "horizon"},
        network={"kind": "fat_tree"},
        site={
            "weather": {
                "kind": "daily_cycle",
                "mean_c": 15,
                "amplitude_k": 6,
                "warmest_hour_utc": 14,
                "dew_point_c": 7,
            },
            "carbon_intensity": {"kind": "constant", "g_per_kwh": 400},
            "price": {"kind": "constant", "usd_per_kwh": 0.1},
        },
        facility={
            "kind": "modelled",
            "it_capacity_kw": 5500,
            "cooling": {"kind": "chilled_water", "supply_air_c": 24},
        },
    )


WEATHER = Path("../shared/data/weather/open_meteo/US-CAL-CISO/2022.json")


def year_constant(arguments: argparse.Namespace) -> dict[str, Any]:
    """A year of plant steps of 60 s under hourly weather, with a job that keeps 4,096 H100 busy throughout."""
    return measured(lambda: sim.from_dict(constant_year(arguments.weather)), "jobs", lambda result: len(result.jobs))


def constant_year(weather: Path) -> dict[str, Any]:
    """Return a year of one job, in recorded weather, or in a daily cycle where there is no record."""
    data = training_year(1)
    job = data["workloads"][0]
    job.update(submit_h=0.0, parallelism={"data": 1024, "tensor": 4}, batch_sequences=4096)
    job["length"] = {"kind": "steps", "steps": 100_000_000}
    data["start"] = "2022-01-01T07:00:00Z"
    if weather.is_file():
        data["site"]["weather"] = {"kind": "open_meteo", "file": str(weather.resolve()), "repeat_yearly": True}
    return data


def events(arguments: argparse.Namespace) -> dict[str, Any]:
    """Many short jobs that queue for few accelerators: the cost of the kernel, the queue and the bookkeeping."""
    count = arguments.jobs or 1_000
    data = training_year(count)
    for index, workload in enumerate(data["workloads"]):
        workload["length"]["steps"] = 10
        workload["submit_h"] = index / 600
        workload["parallelism"] = {"data": 2, "tensor": 4}
        workload["batch_sequences"] = 8
    data["servers"][0]["count"] = 8
    data["end"] = {"kind": "work_done"}
    return measured(lambda: sim.from_dict(data), "jobs", lambda result: result.summary.jobs_completed)


CASES = {
    "serving-fixed": serving_fixed,
    "serving-conversation": serving_conversation,
    "year": year,
    "year-constant": year_constant,
    "events": events,
}


def main() -> None:
    """Run the case named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__.splitlines()[0])
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument("--requests", type=int, help="requests of a serving case")
    parser.add_argument("--jobs", type=int, help="jobs of a training case")
    parser.add_argument("--trace", type=Path, default=CONVERSATION, help="Azure trace for serving-conversation")
    parser.add_argument("--weather", type=Path, default=WEATHER, help="open-meteo weather for year-constant")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    figures = CASES[arguments.case](arguments)
    text = json.dumps({"case": arguments.case, **figures}, indent=2)
    if arguments.json is not None:
        arguments.json.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
