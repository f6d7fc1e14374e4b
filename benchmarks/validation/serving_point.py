"""A published serving measurement as a scenario: a model on some accelerators of one server, asked by a fixed number of
clients whose answers vary in length, and what a user would read from the run.

What a measurement does not state is set by one rule for all rows: answers are spread evenly from half to one and a half
times their mean, so that clients do not march in step, and each client asks several times. Figures are of the requests
in between: the first of each client begin together, and the last see a thinning batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import simulator as sim
from benchmarks.bases import scenario
from simulator.errors import InputError

WAVES = 6
"""Requests per client."""
SPREAD = 0.5
"""Half width of the lengths of answers over their mean."""
_LENGTHS = 21
"""Lengths of answers in the scenario."""


@dataclass(frozen=True, slots=True)
class ServingPoint:
    """What is served.

    Args:
        model: model, as a scenario names it.
        server: server profile.
        tensor: accelerators that share each layer.
        clients: requests in flight.
        prompt_tokens: mean length of prompts.
        output_tokens: mean length of answers.
        precision: format of weights and arithmetic.
        kv_precision: format of the KV cache.
        spread: half width of the lengths of answers over their mean; 0 for a fixed length.
        waves: requests per client.
        engine: settings of the engine that differ from those that follow from the clients.
        cap_w: limit of the boards; None is the limit as delivered.
    """

    model: str
    server: str
    tensor: int
    clients: int
    prompt_tokens: float
    output_tokens: float
    precision: str = "bf16"
    kv_precision: str = "bf16"
    spread: float = SPREAD
    waves: int = WAVES
    engine: dict[str, Any] = field(default_factory=dict)
    cap_w: float | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """What a run says of a point; power and energy are of all accelerators of the replica.

    Args:
        tpot_s: median over requests of the time per output token.
        ttft_s: mean time to the first token.
        e2e_s: mean time of a request.
        tokens_per_s: output tokens per second.
        watts: mean power of the accelerators.
        joules_per_token: their energy over output tokens.
        joules_per_request: their energy over requests.
    """

    tpot_s: float
    ttft_s: float
    e2e_s: float
    tokens_per_s: float
    watts: float
    joules_per_token: float
    joules_per_request: float


def serve(point: ServingPoint) -> Served:
    """Run a point.

    Raises:
        InputError: the simulator cannot do it.
    """
    result = sim.run(sim.from_dict(point_scenario(point)))
    requests = result.requests
    if not (requests.outcome == "completed").all():
        raise InputError("requests do not fit the context or the cache of the model")
    if point.waves > 2:
        requests = requests[point.clients : point.clients * (point.waves - 1)]
    tokens, joules = float(requests.output_tokens.sum()), float(requests.accelerator_energy_j.sum())
    e2e_s = float(requests.e2e_s.mean())
    # Little's law: requests in flight over the time of one are requests per second.
    tokens_per_s = point.clients * tokens / len(requests) / e2e_s
    return Served(
        tpot_s=float(requests.tpot_s.median()),
        ttft_s=float(requests.ttft_s.mean()),
        e2e_s=e2e_s,
        tokens_per_s=tokens_per_s,
        watts=joules / tokens * tokens_per_s,
        joules_per_token=joules / tokens,
        joules_per_request=joules / len(requests),
    )


def point_scenario(point: ServingPoint) -> dict[str, Any]:
    """Return the scenario of a point."""
    engine = {"max_sequences": max(point.clients, 1), "max_batch_tokens": max(8192, point.clients)} | point.engine
    workload = {
        "kind": "inference",
        "name": "serving",
        "model": point.model,
        "precision": point.precision,
        "kv_precision": point.kv_precision,
        "servers": "hall",
        "replicas": 1,
        "parallelism": {"tensor": point.tensor},
        "engine": engine,
        "requests": {
            "kind": "closed_loop",
            "clients": point.clients,
            "requests": point.waves * point.clients,
            "prompt_tokens": {"kind": "constant", "tokens": max(round(point.prompt_tokens), 1)},
            "output_tokens": lengths(point.output_tokens, point.spread),
        },
    }
    hall: dict[str, Any] = {"name": "hall", "profile": point.server, "count": 1}
    if point.cap_w is not None:
        hall["gpu_power_cap_w"] = point.cap_w
    return scenario("point", [hall], [workload], duration_h=24)


def lengths(mean: float, spread: float) -> dict[str, Any]:
    """Return lengths of answers, equally likely from `1 - spread` to `1 + spread` times their mean.

    >>> lengths(10.0, 0.0), lengths(10.0, 0.5)["tokens"][::5]
    ({'kind': 'constant', 'tokens': 10}, [5, 8, 10, 12, 15])
    """
    if spread == 0.0:
        return {"kind": "constant", "tokens": max(round(mean), 1)}
    tokens: Sequence[int] = [max(round(value), 1) for value in np.linspace(1 - spread, 1 + spread, _LENGTHS) * mean]
    return {"kind": "empirical", "tokens": list(tokens), "weights": [1.0] * len(tokens)}
