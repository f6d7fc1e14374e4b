"""Jobs of round numbers on servers of eight accelerators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import simpy

from simulator.engine.compute.hall import Hall
from simulator.engine.scheduling.placement import Pack
from simulator.engine.scheduling.queue import FifoQueue
from simulator.engine.storage import Storage
from simulator.engine.training.job import Job, JobPlan
from simulator.engine.training.job_meter import Rates
from simulator.profiles import catalogue
from simulator.records import JobRecord

STEP = Rates(compute_w=300.0, transfer_w=50.0, wait_w=20.0, busy_share=0.9, network_bytes_per_s=1e9)
EVALUATION = Rates(compute_w=250.0, transfer_w=10.0, wait_w=5.0, busy_share=0.8, network_bytes_per_s=5e8)
HOLD_W = 100.0
IDLE_W = 70.0


@dataclass(slots=True)
class Site:
    """A hall, a queue and shared storage with jobs on them."""

    env: simpy.Environment
    hall: Hall
    storage: Storage
    jobs: list[Job]
    said: list[tuple[float, str, str]] = field(default_factory=list)
    ended_s: list[float] = field(default_factory=list)

    @property
    def records(self) -> list[JobRecord]:
        return [job.record for job in self.jobs]

    def accounts(self) -> dict[tuple[str, str], tuple[float, ...]]:
        """Return what the accounts gained since they were last read, after a reading of the hall."""
        self.hall.read(self.env.now)
        return dict(self.hall.take_accounts())

    def run(self, until_s: float | None = None) -> None:
        self.env.run(until=until_s)
        for job in self.jobs:
            job.close(self.env.now)


@dataclass(frozen=True, slots=True)
class Workshop:
    """Makes plans and sites."""

    hold_w: float = HOLD_W
    idle_w: float = IDLE_W
    step: Rates = STEP
    evaluation: Rates = EVALUATION

    def plan(self, name: str = "job", **changes: Any) -> JobPlan:
        """Return 10 steps of 2 s on 8 accelerators after 5 s of startup, without evaluation or checkpoints."""
        values: dict[str, Any] = {
            "name": name,
            "accelerators": 8,
            "unit": 8,
            "submit_s": 0.0,
            "startup_s": 5.0,
            "steps": 10.0,
            "step_s": 2.0,
            "step_tokens": 1000.0,
            "step_flop": 1e15,
            "step_rates": STEP,
            "hold_w": HOLD_W,
            "evaluation_s": 3.0,
            "evaluation_rates": EVALUATION,
            "evaluation_every": 0,
            "evaluation_first": 0,
            "checkpoint_every_s": float("inf"),
            "checkpoint_bytes": 1e9,
            "mfu": 0.4,
            "peak_flop_per_s": 1e15,
        }
        return JobPlan(**(values | changes))

    def site(self, plans: Sequence[JobPlan], servers: int = 1) -> Site:
        """Return a site; its storage writes 1e9 bytes per second, at 50 W idle and 250 W active."""
        env = simpy.Environment()
        server = catalogue.server("dgx-h100", Path()).record
        accelerator = catalogue.accelerator("h100-sxm-80gb", Path()).record
        power = accelerator.power.model_copy(update={"idle_w": IDLE_W})
        accelerator = accelerator.model_copy(update={"power": power})
        hall = Hall("hall", server, accelerator, servers, 700.0, 24.0)
        queue, storage = FifoQueue(env, Pack()), Storage(env, 1e9, 50.0, 250.0, [plan.name for plan in plans])
        site = Site(env, hall, storage, [])
        for plan in plans:

            def report(kind: str, detail: str) -> None:
                site.said.append((env.now, kind, detail))

            job = Job(env, plan, hall, queue, storage, report, lambda: site.ended_s.append(env.now))
            site.jobs.append(job)
            env.process(job.run())
        return site


@pytest.fixture(scope="session")
def workshop() -> Workshop:
    return Workshop()
