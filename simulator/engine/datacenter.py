"""The datacenter: owns the environment, its sites and the work, advances plants and meters, stops at the end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from simpy import Environment, Event

from simulator.engine.control_room import ControlRoom
from simulator.engine.serving.service import Service
from simulator.engine.site import Site
from simulator.engine.training.job import Job
from simulator.records import Event as Record
from simulator.records import RunRecords

_ROUNDING_STEPS = 1e-6
"""Share of a plant step by which the horizon may miss the end of one: the means of a rest so short would be noise."""

Progress = Callable[[float], None]
"""Called with the simulated time at every plant step."""


class Datacenter:
    """Everything wired together.

    Sites stand apart: each has its own plant, weather and grid. Work belongs to the datacenter, not to a site, so that
    a service may one day have replicas at several.

    Args:
        env: the simulation environment that all parts share.
        horizon_s: latest end of the run.
        plant_step_s: step of facilities and meters, the same at all sites.
        ends_with_work: whether the run ends when all work is done; what is done at the first instant ends no run.
    """

    def __init__(
        self,
        env: Environment,
        horizon_s: float,
        plant_step_s: float,
        ends_with_work: bool,
    ) -> None:
        self.env = env
        self.sites: list[Site] = []
        self.services: list[Service] = []
        self.jobs: list[Job] = []
        self.control_room: ControlRoom | None = None
        self._horizon_s = horizon_s
        self._plant_step_s = plant_step_s
        self._ends_with_work = ends_with_work
        self._work_done = env.event()
        self._open_work = 0
        self._events: list[Record] = []

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

    def run(self, progress: Progress | None = None) -> RunRecords:
        """Run to the end and return what happened.

        Args:
            progress: told of the simulated time.
        """
        env = self.env
        env.process(self._advance(progress))
        stop = env.timeout(self._horizon_s)
        env.run(until=stop | self._work_done)
        now_s = env.now
        for service in self.services:
            service.close(now_s)
            for detail in service.refusals():
                self.note("requests_refused", service.name, detail)
        for job in self.jobs:
            job.close(now_s)
        for site in self.sites:
            site.close_step(now_s, self.note)
        return RunRecords(
            duration_s=now_s,
            sites=tuple(site.finish() for site in self.sites),
            requests={service.name: service.log for service in self.services},
            jobs=tuple(job.record for job in self.jobs),
            events=tuple(self._events),
            event_count=next(env._eid),
        )

    def _advance(self, progress: Progress | None) -> Generator[Event, Any, None]:
        """Read the meters at every plant step; instants are multiples of the step, so that they do not drift."""
        step = 0
        while True:
            step += 1
            yield self.env.timeout(step * self._plant_step_s - self.env.now)
            if self._horizon_s - self.env.now < _ROUNDING_STEPS * self._plant_step_s:
                return
            for service in self.services:
                service.settle(self.env.now)
            for site in self.sites:
                site.close_step(self.env.now, self.note)
            if self.control_room is not None:
                self.control_room.decide(self.env.now)
            if progress is not None:
                progress(self.env.now)
