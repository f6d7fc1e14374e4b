"""A bench for replicas: devices and models of round numbers, and a service that is run and read at chosen instants."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simpy

from simulator.engine.compute.hall import Hall
from simulator.engine.serving.batch import BatchLimits
from simulator.engine.serving.encoder import EncoderReplica
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.engine.serving.reference import ReferenceReplica
from simulator.engine.serving.replica import Replica
from simulator.engine.serving.replica_meter import ReplicaMeter
from simulator.engine.serving.request_state import RequestState
from simulator.engine.serving.service import Service
from simulator.physics.accelerator import Accelerator, HostOverhead
from simulator.physics.accelerator_power import PowerModel
from simulator.physics.attention_span import AttentionSpan, attention_span
from simulator.physics.inference import inference_model
from simulator.physics.links import Link
from simulator.physics.precision import PRECISIONS
from simulator.physics.roofline import AttentionEfficiency, GemmEfficiency
from simulator.physics.serving_plan import ServingPlan
from simulator.physics.transformer import LatentAttention, Transformer
from simulator.profiles import catalogue
from simulator.records import RequestLog

LIMIT_W = 400.0
IDLE_W = 75.0

SMALL = Transformer("decoder", 8, 1024, 16, 16, 64, 4096, False, 32000, True)
MODELS = {
    "dense": SMALL,
    "grouped": Transformer("decoder", 32, 4096, 32, 8, 128, 14336, True, 128256, False),
    "experts": replace(SMALL, kv_heads=4, gated=True, experts=8, experts_per_token=2),
    "encoder": replace(SMALL, kind="encoder"),
    "windowed": replace(SMALL, kv_heads=4, windowed_layers=6, window_tokens=100),
    "all windowed": replace(SMALL, kv_heads=4, windowed_layers=8, window_tokens=37),
    "latent": replace(SMALL, experts=16, experts_per_token=4, latent=LatentAttention(128, 96, 16, 64)),
}

_COOL = Accelerator(
    peak_flop_per_s=312e12,
    sixteen_bit_flop_per_s=312e12,
    bandwidth_bytes_per_s=2e12,
    memory_bytes=80e9,
    gemm=GemmEfficiency(0.7, 0.8, 1.5, 0.6, 5e-6),
    attention=AttentionEfficiency(0.9, 0.6, 0.5, 4e-6, 3.5e-9, 1.1),
    link=Link(1e-5, 1e-6, 168e9),
    host=HostOverhead(1e-4, 2e-6),
    power=PowerModel(60.0, IDLE_W, 150.0, 90.0, {"bf16": 1e-12}, 1e-10, 0.75, 5e-11, LIMIT_W, 100.0, 2.5),
    joules_per_flop=1e-12,
    sixteen_bit_joules_per_flop=1e-12,
)
DEVICES = {
    "cool": _COOL,
    # Reading weights at 0.8 x 2 TB/s asks for 90 W + 352 W: more than the limit.
    "hot": replace(_COOL, power=replace(_COOL.power, joules_per_byte=2.2e-10)),
    # Mixed calls have rates of their own.
    "tiled": replace(_COOL, attention=AttentionEfficiency(0.9, 0.6, 0.5, 4e-6, 3.5e-9, 1.0, 2e-8, 0.5, 2e-8, 4e-11)),
    # Reading weights stays below the limit, reading the KV cache does not: batches cross it as their context grows.
    "crossing": replace(
        _COOL,
        gemm=replace(_COOL.gemm, memory_fraction=0.5),
        power=replace(_COOL.power, joules_per_byte=2.2e-10),
    ),
}

KINDS = {"stretch": Replica, "iteration": ReferenceReplica, "encoder": EncoderReplica}


@cache
def _cost(
    model: str, device: str, tensor: int | ServingPlan, cap_w: float, tokens: int, sequences: int
) -> IterationCost:
    inference = inference_model(
        MODELS[model], DEVICES[device], tensor, PRECISIONS["bf16"], 2.0, tokens, min(sequences, tokens)
    )
    return IterationCost(inference, cap_w)


@cache
def _server() -> Any:
    server = catalogue.server("dgx-h100", Path()).record
    return server, catalogue.accelerator("h100-sxm-80gb", Path()).record


@dataclass(slots=True)
class Site:
    """A service with its replicas, each on a server of its own, and what was read of its accounts."""

    env: simpy.Environment
    service: Service
    hall: Hall
    costs: IterationCost
    end_s: list[float] = field(default_factory=list)
    """When the service has answered everything."""
    readings: list[tuple[float, ...]] = field(default_factory=list)
    """At each settle instant: its time, the sums of both accounts and of the servers' energy and busy time."""

    @property
    def log(self) -> RequestLog:
        return self.service.log

    def read(self) -> None:
        self.service.settle(self.env.now)
        active, idle = self.hall.account("chat", "inference"), self.hall.account("chat", "idle")
        self.readings.append(
            (
                self.env.now,
                active.compute_j,
                active.transfer_j,
                active.accelerator_s,
                idle.compute_j,
                idle.accelerator_s,
                sum(self.hall.energy_j),
                sum(self.hall.busy_s),
            )
        )

    def read_at(self, instants_s: Sequence[float]) -> None:
        """Read the accounts at instants in rising order."""

        def process() -> Any:
            for instant_s in instants_s:
                yield self.env.timeout(instant_s - self.env.now)
                self.read()

        self.env.process(process())

    def recost_at(self, changes: Sequence[tuple[float, IterationCost]]) -> None:
        """Give the replicas other costs at instants in rising order."""

        def process() -> Any:
            for instant_s, cost in changes:
                yield self.env.timeout(instant_s - self.env.now)
                self.service.recost(cost)

        self.env.process(process())

    def run(self, until_s: float | None = None) -> None:
        """Run to the end, close the books and read them once more."""
        self.env.run(until=until_s)
        self.service.close(self.env.now)
        self.read()


@dataclass(frozen=True, slots=True)
class Bench:
    """Builds costs and sites."""

    limit_w: float = LIMIT_W
    idle_w: float = IDLE_W
    models: tuple[str, ...] = ("dense", "grouped", "experts")
    devices: tuple[str, ...] = tuple(DEVICES)

    def span(self, model: str) -> AttentionSpan | None:
        shape = MODELS[model]
        return attention_span(shape.layers, shape.windowed_layers, shape.window_tokens)

    def cost(
        self,
        limits: BatchLimits,
        model: str = "dense",
        device: str = "cool",
        tensor: int | ServingPlan = 1,
        cap_w: float = LIMIT_W,
    ) -> IterationCost:
        return _cost(model, device, tensor, cap_w, limits.batch_tokens, limits.sequences)

    def site(
        self,
        kind: str,
        cost: IterationCost,
        limits: BatchLimits,
        tokens: Sequence[tuple[int, int]],
        *,
        replicas: int = 1,
        router: str = "round_robin",
    ) -> Site:
        """Return a site without requests under way; `tokens` are (prompt, output) of each request."""
        env, (server, accelerator) = simpy.Environment(), _server()
        hall = Hall("hall", server, accelerator, replicas, LIMIT_W, 24.0)
        log = RequestLog(np.array([pair[0] for pair in tokens]), np.array([pair[1] for pair in tokens]))
        state = RequestState(log)
        end_s: list[float] = []
        service = Service(env, "chat", log, limits, router, lambda: end_s.append(env.now))
        accounts = hall.account("chat", "inference"), hall.account("chat", "idle")
        built = [
            KINDS[kind](
                env,
                cost,
                limits,
                state,
                ReplicaMeter(hall, index, cost.model.plan.accelerators, IDLE_W, *accounts),
                service.listener(index),
            )
            for index in range(replicas)
        ]
        service.attach(built)
        return Site(env, service, hall, cost, end_s)

    def replay(
        self,
        kind: str,
        cost: IterationCost,
        limits: BatchLimits,
        requests: Sequence[tuple[float, int, int]],
        *,
        until_s: float | None = None,
        settle_at_s: Sequence[float] = (),
        recost_at_s: Sequence[tuple[float, IterationCost]] = (),
        replicas: int = 1,
        router: str = "round_robin",
    ) -> Site:
        """Return a site after it has served `requests`: (arrival, prompt, output)."""
        site = self.site(kind, cost, limits, [entry[1:] for entry in requests], replicas=replicas, router=router)
        site.env.process(site.service.replay(array("d", [entry[0] for entry in requests])))
        site.read_at([instant_s for instant_s in settle_at_s if until_s is None or instant_s < until_s])
        site.recost_at(recost_at_s)
        site.run(until_s)
        return site

    def serve_clients(
        self,
        kind: str,
        cost: IterationCost,
        limits: BatchLimits,
        tokens: Sequence[tuple[int, int]],
        clients: int,
        think_time_s: float = 0.0,
    ) -> Site:
        """Return a site after a closed loop of clients has asked everything."""
        site = self.site(kind, cost, limits, tokens)
        site.service.serve_clients(clients, think_time_s)
        site.run()
        return site


@pytest.fixture(scope="session")
def bench() -> Bench:
    return Bench()
