"""The datacenter: owns the environment, starts the processes, advances plant and meters, stops at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from simpy import Environment, Event

from simulator.engine.compute.hall import Hall
from simulator.engine.facility.coupling import Facility
from simulator.engine.recorder import Recorder
from simulator.engine.serving.service import Service
from simulator.engine.storage import Storage
from simulator.engine.training.job import Job
from simulator.errors import InvariantError
from simulator.records import Chapter, RunRecords, SiteFacts
from simulator.records import Event as Record
from simulator.signals.weather import Weather

_ROUNDING_STEPS = 1e-6
"""Share of a plant step by which the horizon may miss the end of one: the means of a rest so short would be noise."""

Progress = Callable[[float], None]
"""Called with the simulated time at every plant step."""


@dataclass(frozen=True, slots=True)
class NetworkPower:
    """Power of the switches between servers: what is on whenever ports are up, and a little for traffic.

    Args:
        idle_w: all switches with their ports up, without traffic.
        joules_per_byte: energy of a byte on its way from server to server.
    """

    idle_w: float
    joules_per_byte: float

    def power_w(self, traffic_bytes_per_s: float) -> float:
        """Return the power while the servers send `traffic_bytes_per_s` in all."""
        return self.idle_w + self.joules_per_byte * traffic_bytes_per_s


class Datacenter:
    """Everything wired together.

    Args:
        env: the simulation environment that all parts share.
        facility: power chain and cooling.
        weather: outdoor air.
        network: power of the switches between servers.
        horizon_s: latest end of the run.
        plant_step_s: step of facility and meters.
        ends_with_work: whether the run ends when all work is done; what is done at the first instant ends no run.
    """

    def __init__(
        self,
        env: Environment,
        facility: Facility,
        weather: Weather,
        network: NetworkPower,
        horizon_s: float,
        plant_step_s: float,
        ends_with_work: bool,
    ) -> None:
        self.env = env
        self.halls: list[Hall] = []
        self.services: list[Service] = []
        self.jobs: list[Job] = []
        self.storage: Storage | None = None
        self._facility = facility
        self._weather = weather
        self._network = network
        self._horizon_s = horizon_s
        self._plant_step_s = plant_step_s
        self._ends_with_work = ends_with_work
        self._work_done = env.event()
        self._open_work = 0
        self._events: list[Record] = []
        self._overloaded: set[str] = set()

    def expect_work(self) -> Callable[[], None]:
        """Count one more piece of work; the returned function says that it is done."""
        self._open_work += 1

        def done() -> None:
            self._open_work -= 1
            # At the first instant further work may yet be announced, and a run without length has no means.
            if not self._open_work and self._ends_with_work and self.env.now > 0.0:
                self._work_done.succeed()

        return done

    def note(self, kind: str, subject: str, detail: str) -> None:
        """Record an event of now."""
        self._events.append(Record(self.env.now, kind, subject, detail))

    def run(
        self, facts: SiteFacts, on_chapter: Callable[[Chapter], None], progress: Progress | None = None
    ) -> RunRecords:
        """Run to the end and return what happened.

        Args:
            facts: what is installed, for the results.
            on_chapter: takes the readings of the accounts by plant step, chapter by chapter.
            progress: told of the simulated time.
        """
        env = self.env
        recorder = Recorder([hall.name for hall in self.halls], on_chapter)
        env.process(self._advance(recorder, progress))
        stop = env.timeout(self._horizon_s)
        env.run(until=stop | self._work_done)
        now_s = env.now
        for service in self.services:
            service.close(now_s)
        for job in self.jobs:
            job.close(now_s)
        self._read_meters(recorder, now_s)
        steps, accounts = recorder.finish()
        return RunRecords(
            duration_s=now_s,
            steps=steps,
            accounts=accounts,
            halls=facts.halls,
            network=facts.network,
            requests={service.name: service.log for service in self.services},
            jobs=tuple(job.record for job in self.jobs),
            events=tuple(self._events),
            event_count=next(env._eid),
        )

    def _advance(self, recorder: Recorder, progress: Progress | None) -> Generator[Event, Any, None]:
        """Read the meters at every plant step; instants are multiples of the step, so that they do not drift."""
        step = 0
        while True:
            step += 1
            yield self.env.timeout(step * self._plant_step_s - self.env.now)
            if self._horizon_s - self.env.now < _ROUNDING_STEPS * self._plant_step_s:
                return
            for service in self.services:
                service.settle(self.env.now)
            self._read_meters(recorder, self.env.now)
            if progress is not None:
                progress(self.env.now)

    def _read_meters(self, recorder: Recorder, now_s: float) -> None:
        """Close a plant step: servers, network, storage, then the facility around them."""
        start_s = recorder.last_end_s
        duration_s = now_s - start_s
        if duration_s <= 0.0:
            return
        readings = []
        for hall in self.halls:
            power = hall.read(now_s)
            readings.append(power)
            self._watch_load(hall, power.overloaded_servers, power.highest_server_w)
            for (workload, phase), reading in hall.take_accounts():
                recorder.account((hall.name, workload, phase), reading)
        storage_j = 0.0
        if self.storage is not None:
            for workload, energy_j in self.storage.read(now_s).items():
                recorder.storage(workload, energy_j)
                storage_j += energy_j
        network_w = self._network.power_w(sum(power.network_bytes_per_s for power in readings))
        it_power_w = sum(power.input_w for power in readings) + network_w + storage_j / duration_s
        if not math.isfinite(it_power_w):
            raise InvariantError(f"IT power is {it_power_w} at {now_s} s")
        dry_bulb_c = self._weather.dry_bulb_c.mean(start_s, now_s)
        wet_bulb_c = self._weather.wet_bulb_c.mean(start_s, now_s)
        step = self._facility.step(duration_s, it_power_w, dry_bulb_c, wet_bulb_c)
        recorder.step(now_s, readings, step, (network_w, storage_j / duration_s, dry_bulb_c, wet_bulb_c))

    def _watch_load(self, hall: Hall, overloaded: int, highest_w: float) -> None:
        if overloaded and hall.name not in self._overloaded:
            self._overloaded.add(hall.name)
            self.note(
                "power_supply_overload",
                hall.name,
                f"{overloaded} servers draw more than their supplies are rated for, at most {highest_w:,.0f} W",
            )
