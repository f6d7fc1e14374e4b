"""A small site: two halls, a service, jobs and shared storage under a plant whose power is a fifth of the heat."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simpy

from simulator.engine import site
from simulator.engine.compute.hall import Hall
from simulator.engine.datacenter import Datacenter
from simulator.engine.facility.coupling import Facility
from simulator.engine.facility.fixed_overhead import FixedOverheadPlant
from simulator.engine.facility.power_chain import PowerChain
from simulator.engine.scheduling.placement import Pack
from simulator.engine.scheduling.queue import FifoQueue
from simulator.engine.serving.batch import BatchLimits
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.engine.serving.replica import Replica
from simulator.engine.serving.replica_meter import ReplicaMeter
from simulator.engine.serving.request_state import RequestState
from simulator.engine.serving.service import Service
from simulator.engine.site import NetworkPower
from simulator.engine.storage import Storage
from simulator.engine.training.job import Job, JobPlan
from simulator.engine.training.job_meter import Rates
from simulator.physics.inference import inference_model
from simulator.physics.precision import PRECISIONS
from simulator.profiles import catalogue
from simulator.records import Chapter, RequestLog, RunRecords, SiteFacts
from simulator.signals.base import ConstantSignal, Signal
from simulator.signals.weather import Weather

NETWORK = NetworkPower(500.0, 1e-9)
RATES = Rates(300.0, 50.0, 20.0, 0.9, 1e9)
LIMITS = BatchLimits(512, 64, 16, 5000, 8192)


@dataclass(slots=True)
class Site:
    """A datacenter under construction, and what its run left behind."""

    env: simpy.Environment
    datacenter: Datacenter
    facility: Facility
    weather: Weather
    network: NetworkPower
    halls: list[Hall] = field(default_factory=list)
    storage: Storage | None = None
    chapters: list[Chapter] = field(default_factory=list)
    progress_s: list[float] = field(default_factory=list)
    queue: FifoQueue | None = None

    def add_hall(self, name: str, servers: int = 1) -> Hall:
        server = catalogue.server("dgx-h100", Path()).record
        accelerator = catalogue.accelerator("h100-sxm-80gb", Path()).record
        hall = Hall(name, server, accelerator, servers, 700.0, 24.0)
        self.halls.append(hall)
        return hall

    def add_service(self, hall: Hall, requests: Sequence[tuple[float, int, int]], replicas: int = 1) -> Service:
        """Serve requests (arrival, prompt, output) with an 8-billion model on one accelerator per replica."""
        log = RequestLog(np.array([entry[1] for entry in requests]), np.array([entry[2] for entry in requests]))
        done, state = self.datacenter.expect_work(), RequestState(log)
        service = Service(self.env, "chat", log, LIMITS, "round_robin", done)
        accounts = hall.account("chat", "inference"), hall.account("chat", "idle")
        built = []
        for index in range(replicas):
            placed = Pack().place(hall, 1, 1)
            assert placed is not None
            hall.occupy(placed, 0.0)
            meter = ReplicaMeter(hall, placed.servers[0], 1, 120.0, *accounts)
            built.append(Replica(self.env, _cost(), LIMITS, state, meter, service.listener(index)))
        service.attach(built)
        self.env.process(service.replay(array("d", [entry[0] for entry in requests])))
        self.datacenter.services.append(service)
        return service

    def add_storage(self, writers: Sequence[str] = ()) -> Storage:
        """Add storage that writes 1e9 bytes per second, at 50 W idle and 250 W active."""
        self.storage = Storage(self.env, 1e9, 50.0, 250.0, writers)
        return self.storage

    def add_job(self, hall: Hall, **changes: Any) -> Job:
        """Train for 10 steps of 2 s on 8 accelerators at 370 W each, after 5 s at 100 W."""
        values: dict[str, Any] = {
            "name": "job",
            "accelerators": 8,
            "unit": 8,
            "submit_s": 0.0,
            "startup_s": 5.0,
            "steps": 10.0,
            "step_s": 2.0,
            "step_tokens": 1000.0,
            "step_flop": 1e15,
            "step_rates": RATES,
            "hold_w": 100.0,
            "evaluation_s": 0.0,
            "evaluation_rates": RATES,
            "evaluation_every": 0,
            "evaluation_first": 0,
            "checkpoint_every_s": float("inf"),
            "checkpoint_bytes": 0.0,
            "mfu": 0.4,
            "peak_flop_per_s": 1e15,
        }
        plan = JobPlan(**(values | changes))
        self.queue = self.queue or FifoQueue(self.env, Pack())
        datacenter = self.datacenter

        def report(kind: str, detail: str) -> None:
            datacenter.note(kind, plan.name, detail)

        done = datacenter.expect_work()
        job = Job(self.env, plan, hall, self.queue, self.storage, report, done)
        self.env.process(job.run())
        datacenter.jobs.append(job)
        return job

    def run(self, it_capacity_w: float = math.inf) -> RunRecords:
        facts = SiteFacts("site", (), None, it_capacity_w=it_capacity_w)
        surroundings = (self.facility, self.weather, self.network)
        self.datacenter.sites.append(site.Site(facts, self.halls, *surroundings, self.storage, self.chapters.append))
        return self.datacenter.run(self.progress_s.append)


def _cost() -> IterationCost:
    model = catalogue.model("llama-3.1-8b", Path()).record.transformer()
    accelerator = catalogue.accelerator("h100-sxm-80gb", Path()).record.rates("bf16")
    inference = inference_model(model, accelerator, 1, PRECISIONS["bf16"], 2.0, 512, 64)
    return IterationCost(inference, accelerator.power.cap_w)


NewSite = Callable[..., Site]


@pytest.fixture(scope="session")
def new_site() -> NewSite:
    """Return a maker of sites without halls and work."""

    def make(
        horizon_s: float,
        plant_step_s: float = 60.0,
        *,
        ends_with_work: bool = False,
        dry_bulb_c: Signal | None = None,
        network: NetworkPower = NETWORK,
    ) -> Site:
        env = simpy.Environment()
        facility = Facility(FixedOverheadPlant(0.2), PowerChain.without_losses(), 0.0)
        dry = dry_bulb_c or ConstantSignal(20.0)
        weather = Weather(dry, ConstantSignal(15.0), ConstantSignal(0.6), ConstantSignal(101_325.0))
        return Site(env, Datacenter(env, horizon_s, plant_step_s, ends_with_work), facility, weather, network)

    return make
