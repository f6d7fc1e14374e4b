"""Host time of serving software: a step takes what is longer of launching and computing, and is charged for both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import simulator as sim
from benchmarks.bases import scenario
from benchmarks.validation.serving_point import Served, ServingPoint, lengths, serve
from simulator.physics.accelerator import HostOverhead
from simulator.physics.serving_software import ServingSoftware
from simulator.profiles import catalogue


def software(name: str) -> ServingSoftware:
    return catalogue.serving_software(name, Path()).record.software()


def served(name: str, tensor: int = 1, clients: int = 1, **changes: Any) -> Served:
    point = ServingPoint("llama-2-7b", "dgx-a100", tensor, clients, 32, 64, "fp16", spread=0.0, waves=1)
    settings = {"engine": {"software": name}} | changes
    return serve(ServingPoint(**{name: settings.get(name, getattr(point, name)) for name in point.__slots__}))


def test_transformers_launch_a_layer_in_what_published_steps_take() -> None:
    # Vicuna 7B and 13B on one A100 (ML.ENERGY v1): 33.4 and 26.5 tokens per second, 32 and 40 layers.
    layer_s = software("transformers").layer_s
    assert layer_s == pytest.approx(1.0 / 33.43 / 32, rel=0.02)
    assert layer_s == pytest.approx(1.0 / 26.47 / 40, rel=0.02)
    assert served("transformers").tpot_s == pytest.approx(32 * layer_s, rel=0.02)


def test_launches_hide_behind_a_device_that_computes_longer() -> None:
    host = HostOverhead(0.001, 0.0, launch_s=0.020)
    assert host.exposed_s(0.015) == pytest.approx(0.005)
    assert host.exposed_s(0.025) == 0.0
    assert served("transformers").watts < 0.7 * served("lean").watts


def test_a_cap_keeps_what_the_host_takes() -> None:
    # Without a cap launches hide behind a device that reads no cache, so that time stays a line in cached tokens.
    free, capped = served("transformers"), served("transformers", cap_w=399.0)
    assert capped.e2e_s == pytest.approx(free.e2e_s, rel=5e-3)
    assert capped.joules_per_request == pytest.approx(free.joules_per_request, rel=5e-3)


def test_workers_and_sequences_add_to_every_step_of_2024() -> None:
    engine = software("vllm-2024")
    none = {"step_overhead_s": 0.0, "sequence_overhead_s": 0.0}
    for tensor, clients in ((1, 1), (4, 16)):
        bare = served("lean", tensor, clients, engine=none).tpot_s
        host_s = engine.overhead_s(tensor) + engine.sequence_s * clients
        assert served("vllm-2024", tensor, clients).tpot_s - bare == pytest.approx(host_s, rel=0.01)


def test_both_engines_agree_on_launches() -> None:
    work = {
        "kind": "inference",
        "name": "serving",
        "model": "llama-2-7b",
        "servers": "hall",
        "replicas": 1,
        "engine": {"software": "transformers"},
        "requests": {
            "kind": "closed_loop",
            "clients": 3,
            "requests": 9,
            "prompt_tokens": {"kind": "constant", "tokens": 50},
            "output_tokens": lengths(30.0, 0.5),
        },
    }
    content = scenario("pair", [{"name": "hall", "profile": "dgx-a100", "count": 1}], [work])
    fast = sim.run(sim.from_dict(content))
    slow = sim.run(sim.from_dict(content), engine="iteration")
    assert fast.requests.e2e_s.to_numpy() == pytest.approx(slow.requests.e2e_s.to_numpy(), rel=1e-9)
