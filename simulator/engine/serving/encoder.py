"""A replica of an encoder: whole sequences in batches, one pass each, nothing cached."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from simpy import Environment, Event

from simulator.engine.alarm import Alarm
from simulator.engine.serving.batch import BatchLimits, Prefill
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.engine.serving.replica_meter import ReplicaMeter
from simulator.engine.serving.request_state import RequestState
from simulator.engine.serving.step import Step
from simulator.records import COMPLETED


class EncoderReplica:
    """Takes the waiting sequences, first come first served, up to its limits, and runs them through together.

    Args:
        env: the simulation environment.
        cost: duration and energy of a pass.
        limits: limits of a batch; a single sequence may exceed the tokens.
        state: the workload's requests.
        meter: where energy is booked.
        on_finish: called with a request that has finished.
    """

    def __init__(
        self,
        env: Environment,
        cost: IterationCost,
        limits: BatchLimits,
        state: RequestState,
        meter: ReplicaMeter,
        on_finish: Callable[[int], None],
    ) -> None:
        self._env, self._limits, self._log = env, limits, state.log
        self._meter, self._on_finish = meter, on_finish
        self._step = Step(cost, meter)
        self._next_cost: IterationCost | None = None
        self.outstanding = 0
        self._waiting: deque[int] = deque()
        self._batch: list[int] = []
        self._alarm: Alarm | None = None
        self._idle_since_s = env.now
        self._is_on = True

    def submit(self, request: int) -> None:
        """Take a request."""
        self.outstanding += 1
        self._waiting.append(request)
        if self._alarm is None and self._is_on:
            self._rest_until(self._env.now)
            self._alarm = Alarm(self._env, 0.0, self._begin)

    def recost(self, cost: IterationCost) -> None:
        """Take other costs, as under another power cap: a pass under way ends as it began, the next has them."""
        self._next_cost = cost

    def switch(self, on: bool) -> None:
        """Stand still while the server is off: a pass under way ends, none begins."""
        now_s = self._env.now
        if self._alarm is None:
            self.settle(now_s)
        self._is_on = on
        if on and self._alarm is None and self._waiting:
            self._alarm = Alarm(self._env, 0.0, self._begin)

    def settle(self, now_s: float) -> None:
        """Book energy and time up to now."""
        if self._alarm is None and not self._is_on:
            self._meter.stand(now_s - self._idle_since_s)
            self._idle_since_s = now_s
        elif self._alarm is None:
            self._rest_until(now_s)
        elif self._batch:
            self._step.settle(now_s)

    def close(self, now_s: float) -> None:
        """End the run: book the rest and share out the energy of the pass cut short."""
        self.settle(now_s)
        if self._batch:
            self._share(self._step.progress(now_s)[2])

    def _begin(self, _: Event) -> None:
        if self._is_on:
            self._take_batch()
        if not self._batch:
            self._alarm = None
            self._idle_since_s = self._env.now
            return
        if self._next_cost is not None:
            self._step.recost(self._next_cost)
            self._next_cost = None
        lengths = [self._log.prompt_tokens[request] for request in self._batch]
        tokens = sum(lengths)
        pairs = float(sum(length * length for length in lengths))
        self._step.begin_mixed(
            self._env.now, 0, 0, Prefill(tokens, pairs, tokens, len(lengths), 0, max(lengths), max(lengths))
        )
        self._alarm = Alarm(self._env, self._step.duration_s, self._end)

    def _take_batch(self) -> None:
        room, waiting = self._limits.batch_tokens, self._waiting
        while waiting and len(self._batch) < self._limits.sequences:
            length = self._log.prompt_tokens[waiting[0]]
            if self._batch and length > room:
                return
            room -= length
            request = waiting.popleft()
            self._log.scheduled_s[request] = self._env.now
            self._batch.append(request)

    def _end(self, event: Event) -> None:
        self._step.finish()
        self._share(self._step.energy_j)
        finished, self._batch = self._batch, []
        for request in finished:
            log = self._log
            log.first_token_s[request] = log.finished_s[request] = self._env.now
            log.generated_tokens[request] = 1
            log.outcome[request] = COMPLETED
            self.outstanding -= 1
            self._on_finish(request)
        self._begin(event)

    def _share(self, energy_j: float) -> None:
        for request in self._batch:
            share = self._log.prompt_tokens[request] / self._step.tokens
            self._log.accelerator_energy_j[request] += energy_j * share

    def _rest_until(self, now_s: float) -> None:
        self._meter.rest(now_s - self._idle_since_s)
        self._idle_since_s = now_s
