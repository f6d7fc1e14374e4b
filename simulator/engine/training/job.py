"""A training job: a gang of accelerators that step together from start to end.

Nothing happens between two evaluations or checkpoints but steps, all alike, so that stretch is one timeout. A change of
the power cap cuts it at that instant, inside a step: the part done is kept, the rest goes on at the new pace.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from simpy import Environment, Event, Interrupt, Process

from simulator.engine.compute.hall import Hall, Placement
from simulator.engine.scheduling.queue import FifoQueue
from simulator.engine.storage import Storage
from simulator.engine.training.interruptions import Interruptions
from simulator.engine.training.job_meter import JobMeter, Pace, Rates
from simulator.errors import InvariantError
from simulator.records import JobRecord

_ROUNDING_STEPS = 1e-6
"""Share of a step by which instants may be off: a checkpoint due at the end of a step must not wait for the next."""


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What a job does and what its phases cost.

    Args:
        name: name of the workload.
        accelerators: accelerators of the gang.
        unit: accelerators that must share a server.
        submit_s: entry into the queue.
        startup_s: holding accelerators before the first step.
        steps: optimizer steps; the last may be a part of one.
        step_s: duration of a step.
        step_tokens: tokens of a step.
        step_flop: operations that the model needs for a step.
        step_rates: use while stepping.
        hold_w: power of one accelerator that holds the job and does nothing.
        evaluation_s: duration of an evaluation.
        evaluation_rates: use while evaluating.
        evaluation_every: steps between evaluations; 0 for none.
        evaluation_first: step after which the first evaluation comes.
        checkpoint_every_s: time between checkpoints; infinite for none.
        checkpoint_bytes: size of a checkpoint.
        mfu: model FLOP utilization of a step.
        peak_flop_per_s: datasheet peak of one accelerator in the job's format.
        pace_under: what the phases cost under a power cap (W); None for a job whose cap never changes.
        interruptions: what stops the job at random; None for nothing.
    """

    name: str
    accelerators: int
    unit: int
    submit_s: float
    startup_s: float
    steps: float
    step_s: float
    step_tokens: float
    step_flop: float
    step_rates: Rates
    hold_w: float
    evaluation_s: float
    evaluation_rates: Rates
    evaluation_every: int
    evaluation_first: int
    checkpoint_every_s: float
    checkpoint_bytes: float
    mfu: float
    peak_flop_per_s: float
    pace_under: Callable[[float], Pace] | None = None
    interruptions: Interruptions | None = None

    @property
    def pace(self) -> Pace:
        """What the phases cost under the cap of the start."""
        return Pace(self.step_s, self.step_rates, self.evaluation_s, self.evaluation_rates)


class Job:
    """Runs one job as a process.

    Args:
        env: the simulation environment.
        plan: what it does.
        hall: where.
        queue: gives accelerators.
        storage: takes checkpoints; None when the plan has none.
        report: called with (kind, detail) for each event worth listing.
        on_end: called when the job has ended.
    """

    def __init__(
        self,
        env: Environment,
        plan: JobPlan,
        hall: Hall,
        queue: FifoQueue,
        storage: Storage | None,
        report: Callable[[str, str], None],
        on_end: Callable[[], None],
    ) -> None:
        self._env = env
        self._plan = plan
        self._hall = hall
        self._queue = queue
        self._storage = storage
        self._report = report
        self._on_end = on_end
        self._meter: JobMeter | None = None
        self._pace = plan.pace
        self._phase_pace = plan.pace
        """Pace of the phase under way; a new one waits in `_pace` for the rest of this instant."""
        self._target = 0.0
        """Steps at which stepping pauses next."""
        self._process: Process | None = None
        """The job's process while a change of the cap may cut short what it does."""
        self._phase_since_s = 0.0
        self._count_time: Callable[[float], None] | None = None
        """Records so many seconds of the phase under way; None while there is nothing to record."""
        self._checkpoint_due_s = math.inf
        self._safe_steps = 0.0
        """Steps that the last checkpoint holds."""
        self._interrupted = False
        """Something has failed since the job last began to step."""
        self._powered: Event | None = None
        """What a job that lost its servers waits for."""
        hall.switch.listen(plan.name, self.turn)
        if plan.pace_under is not None:
            hall.caps.listen(plan.name, self.set_cap)
        self.record = JobRecord(
            plan.name,
            hall.name,
            plan.accelerators,
            plan.submit_s,
            plan.steps,
            plan.step_s,
            plan.mfu,
            plan.peak_flop_per_s,
        )

    def run(self) -> Generator[Event, Any, None]:
        """Wait, hold accelerators, step until done, release."""
        plan, record = self._plan, self.record
        yield self._env.timeout(plan.submit_s)
        placement: Placement = yield self._queue.request(self._hall, plan.accelerators, plan.unit)
        self._begin(placement)
        yield from self._wait(plan.startup_s)
        self._checkpoint_due_s = self._env.now + plan.checkpoint_every_s
        while record.steps < plan.steps:
            if not self._hall.switch.on:
                yield from self._start_again()
                continue
            if self._interrupted:
                yield from self._recover()
                continue
            if not (yield from self._step_until_next_pause()):
                continue
            if self._evaluation_is_due():
                yield from self._evaluate()
            may_write = self._hall.switch.on and not self._interrupted
            if may_write and self._until_checkpoint_steps() <= 0.0 and record.steps < plan.steps:
                yield from self._write_checkpoint()
        self._finish(placement)

    def set_cap(self, cap_w: float) -> None:
        """Go on under another power cap, from this instant."""
        if self._plan.pace_under is None:
            raise InvariantError(f"the cap of {self._plan.name} cannot change")
        self._pace = self._plan.pace_under(cap_w)
        self._cut_short()

    def turn(self, on: bool) -> None:
        """Lose the servers, or have them back."""
        if not on:
            self._cut_short()
        elif self._powered is not None:
            self._powered.succeed()

    def _cut_short(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.interrupt()

    def power_under(self, cap_w: float) -> float:
        """Return the power of the job's accelerators when it steps under a power cap; 0 while it holds none."""
        if self._meter is None:
            return 0.0
        pace = self._plan.pace_under(cap_w) if self._plan.pace_under is not None else self._plan.pace
        return self._plan.accelerators * pace.step_rates.power_w

    def close(self, now_s: float) -> None:
        """Record the phase that the end of the run cuts short."""
        if self._meter is None:
            return
        if self._count_time is not None:
            self._count_time(now_s - self._phase_since_s)
        self._meter.settle(now_s)
        self.record.accelerator_energy_j = self._meter.energy_j

    def _begin(self, placement: Placement) -> None:
        now_s = self._env.now
        self.record.start_s = now_s
        self.record.outcome = "running"
        account = self._hall.account(self._plan.name, "training")
        self._meter = JobMeter(self._hall, placement, account, now_s)
        self._hall.attach(self._meter)
        self._enter(Rates.waiting(self._plan.hold_w), None)
        if self._plan.interruptions is not None:
            self._env.process(self._fail_now_and_then(self._plan.interruptions))
        self._report("job_started", f"{placement.accelerators} accelerators on {len(placement.servers)} servers")

    def _fail_now_and_then(self, interruptions: Interruptions) -> Generator[Event, Any, None]:
        while True:
            yield self._env.timeout(interruptions.next_gap_s())
            if self._meter is None:
                return
            self._interrupted = True
            self._cut_short()

    def _recover(self) -> Generator[Event, Any, None]:
        """Find what failed and load the last checkpoint; what fails meanwhile is part of the same interruption."""
        plan, record = self._plan, self.record
        assert plan.interruptions is not None
        lost = self._lose_what_is_not_safe()
        record.interruptions += 1
        self._report("job_interrupted", f"{lost:,.1f} steps since the last checkpoint are lost")
        self._enter(Rates.waiting(plan.hold_w), self._count_restart)
        yield from self._wait(plan.interruptions.restart_s)
        self._count_restart(self._env.now - self._phase_since_s)
        self._interrupted = False
        self._checkpoint_due_s = self._env.now + plan.checkpoint_every_s

    def _count_restart(self, duration_s: float) -> None:
        self.record.restart_s += duration_s

    def _lose_what_is_not_safe(self) -> float:
        record = self.record
        lost = record.steps - self._safe_steps
        record.lost_steps += lost
        self._count_steps(-lost)
        record.steps = self._safe_steps
        return lost

    def _start_again(self) -> Generator[Event, Any, None]:
        """Wait for the servers, then load the last checkpoint: what was done since is lost."""
        plan, record = self._plan, self.record
        lost = self._lose_what_is_not_safe()
        self._interrupted = False
        self._report("job_stopped", f"servers off, {lost:,.1f} steps since the last checkpoint are lost")
        self._enter(Rates.waiting(0.0), None)
        while not self._hall.switch.on:
            self._powered = self._env.event()
            yield self._powered
            self._powered = None
        self._enter(Rates.waiting(plan.hold_w), None)
        if not (yield from self._wait(plan.startup_s)):
            return
        self._checkpoint_due_s = self._env.now + plan.checkpoint_every_s
        self._report("job_resumed", f"from step {record.steps:,.0f}")

    def _step_until_next_pause(self) -> Generator[Event, Any, bool]:
        """Step until the next evaluation, checkpoint or the end; False when a change of the cap comes before."""
        plan, record = self._plan, self.record
        pace = self._phase_pace = self._pace
        self._target = plan.steps
        if plan.evaluation_every:
            self._target = min(self._target, self._next_evaluation())
        # A checkpoint waits for the end of the step in which it falls due.
        until_checkpoint = self._until_checkpoint_steps()
        if math.isfinite(until_checkpoint):
            whole = math.floor(record.steps)
            self._target = min(self._target, whole + max(math.ceil(until_checkpoint + (record.steps - whole)), 1))
        self._enter(pace.step_rates, self._count_stepping)
        if not (yield from self._hold((self._target - record.steps) * pace.step_s)):
            self._count_stepping(self._env.now - self._phase_since_s)
            if self._target - record.steps > _ROUNDING_STEPS:
                return False
            # The cap has changed at the very instant at which the last step ended.
            record.steps = self._target
            return True
        self._count_steps(self._target - record.steps)
        record.steps = self._target
        return True

    def _hold(self, duration_s: float) -> Generator[Event, Any, bool]:
        """Let time pass; False when a change of the power cap cuts it short."""
        self._process = self._env.active_process
        try:
            yield self._env.timeout(duration_s)
        except Interrupt:
            return False
        self._process = None
        return True

    def _wait(self, duration_s: float) -> Generator[Event, Any, bool]:
        """Hold the accelerators for a time, whatever caps do; False when the servers go off before."""
        ends_s = self._env.now + duration_s
        while not (yield from self._hold(max(ends_s - self._env.now, 0.0))):
            if not self._hall.switch.on:
                return False
        return True

    def _until_checkpoint_steps(self) -> float:
        return (self._checkpoint_due_s - self._env.now) / self._pace.step_s - _ROUNDING_STEPS

    def _count_stepping(self, duration_s: float) -> None:
        left = self._target - self.record.steps
        self._count_steps(min(duration_s / self._phase_pace.step_s, left))

    def _count_steps(self, steps: float) -> None:
        self.record.steps += steps
        self.record.tokens += steps * self._plan.step_tokens
        self.record.model_flop += steps * self._plan.step_flop

    def _next_evaluation(self) -> float:
        plan, done = self._plan, self.record.steps
        if done < plan.evaluation_first:
            return plan.evaluation_first
        return (
            plan.evaluation_first
            + (done - plan.evaluation_first) // plan.evaluation_every * plan.evaluation_every
            + (plan.evaluation_every)
        )

    def _evaluation_is_due(self) -> bool:
        plan, done = self._plan, self.record.steps
        past = done - plan.evaluation_first
        return plan.evaluation_every > 0 and past >= 0 and past % plan.evaluation_every == 0

    def _evaluate(self) -> Generator[Event, Any, None]:
        left = 1.0
        while left > 0.0:
            pace = self._phase_pace = self._pace
            self._enter(pace.evaluation_rates, self._count_evaluation)
            if (yield from self._hold(left * pace.evaluation_s)):
                self._count_evaluation(left * pace.evaluation_s)
                return
            done_s = self._env.now - self._phase_since_s
            self._count_evaluation(done_s)
            if self._interrupted or not self._hall.switch.on:
                return
            left -= done_s / pace.evaluation_s

    def _count_evaluation(self, duration_s: float) -> None:
        self.record.evaluation_s += duration_s

    def _write_checkpoint(self) -> Generator[Event, None, None]:
        assert self._storage is not None
        self._enter(Rates.waiting(self._plan.hold_w), self._count_checkpoint)
        yield from self._storage.write(self._plan.name, self._plan.checkpoint_bytes)
        self._count_checkpoint(self._env.now - self._phase_since_s)
        self.record.checkpoints += 1
        self._safe_steps = self.record.steps
        self._checkpoint_due_s = self._env.now + self._plan.checkpoint_every_s

    def _count_checkpoint(self, duration_s: float) -> None:
        self.record.checkpoint_s += duration_s

    def _enter(self, rates: Rates, count_time: Callable[[float], None] | None) -> None:
        """Begin a phase.

        Args:
            rates: what it uses.
            count_time: records its seconds, should the end of the run cut it short.
        """
        assert self._meter is not None
        self._meter.enter(rates, self._env.now)
        self._phase_since_s, self._count_time = self._env.now, count_time

    def _finish(self, placement: Placement) -> None:
        now_s = self._env.now
        assert self._meter is not None
        self._meter.settle(now_s)
        self._hall.detach(self._meter)
        self._hall.close_account(self._plan.name, "training")
        self.record.accelerator_energy_j = self._meter.energy_j
        self._meter = None
        self.record.end_s = now_s
        self.record.outcome = "completed"
        self._queue.release(self._hall, placement)
        self._report("job_completed", f"{self.record.steps:,.0f} steps")
        self._on_end()
