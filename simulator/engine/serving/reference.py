"""The reference replica: one event per iteration, one object per sequence, nothing aggregated.

It follows the same scheduling rules as `simulator.engine.serving.replica` and asks the same `IterationCost` for single
iterations, but shares no other code with it. Tests run both on the same requests and compare every instant and joule.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from simpy import Environment, Event

from simulator.engine.alarm import Alarm
from simulator.engine.serving.batch import BatchLimits, Prefill
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.engine.serving.replica_meter import ReplicaMeter
from simulator.engine.serving.request_state import RequestState
from simulator.records import ABSENT, COMPLETED


@dataclass(slots=True)
class _Sequence:
    """A request as this replica sees it."""

    request: int
    target: int
    """Tokens to cache before the next token is emitted."""
    cached: int = 0
    blocks: int = 0
    scheduled: int = 0
    """Tokens scheduled in the current iteration."""
    prefills: bool = True
    """Its tokens are being processed for the first time, or again after a preemption."""


class ReferenceReplica:
    """A replica that visits every sequence in every iteration.

    Args:
        env: the simulation environment.
        cost: duration and energy of iterations.
        limits: limits of the scheduler.
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
        self._env, self._cost, self._limits, self._meter = env, cost, limits, meter
        self._next_cost = cost
        self._log, self._on_finish = state.log, on_finish
        self.outstanding = 0
        self._waiting: deque[_Sequence] = deque()
        self._running: list[_Sequence] = []
        self._free_blocks = limits.blocks
        self._alarm: Alarm | None = None
        self._is_on = True
        self._since_s = env.now
        self._duration_s = self._energy_j = self._link_j = 0.0
        self._booked = (0.0, 0.0, 0.0)

    def submit(self, request: int) -> None:
        """Take a request."""
        self.outstanding += 1
        self._waiting.append(_Sequence(request, self._log.prompt_tokens[request]))
        if self._alarm is None and self._is_on:
            self._meter.rest(self._env.now - self._since_s)
            self._since_s = self._env.now
            self._duration_s = 0.0
            self._alarm = Alarm(self._env, 0.0, self._on_alarm)

    def recost(self, cost: IterationCost) -> None:
        """Take other costs from the next iteration on."""
        self._next_cost = cost

    def switch(self, on: bool) -> None:
        """Stand still while the server is off."""
        if self._alarm is None:
            self.settle(self._env.now)
            self._duration_s = 0.0
            self._alarm = Alarm(self._env, 0.0, self._on_alarm)
        self._is_on = on

    def settle(self, now_s: float) -> None:
        """Book energy and time up to now."""
        if self._alarm is None and not self._is_on:
            self._meter.stand(now_s - self._since_s)
            self._since_s = now_s
        elif self._alarm is None:
            self._meter.rest(now_s - self._since_s)
            self._since_s = now_s
        elif self._duration_s:
            self._book((now_s - self._since_s) / self._duration_s)

    def close(self, now_s: float) -> None:
        """End the run: book the rest and share out the energy of the iteration cut short."""
        self.settle(now_s)
        if self._alarm is not None and self._duration_s:
            self._share(self._energy_j * (now_s - self._since_s) / self._duration_s)

    def _on_alarm(self, _: Event) -> None:
        if self._duration_s:
            self._end_iteration()
        self._begin_iteration()

    def _begin_iteration(self) -> None:
        self._booked = (0.0, 0.0, 0.0)
        self._since_s = self._env.now
        self._cost = self._next_cost
        if not self._is_on:
            for seq in self._running[::-1]:
                self._preempt(seq)
            self._running.clear()
            self._alarm = None
            return
        self._schedule()
        decoding = [seq for seq in self._running if seq.scheduled and not seq.prefills]
        chunks = [seq for seq in self._running if seq.scheduled and seq.prefills]
        if not decoding and not chunks:
            self._alarm = None
            return
        attended = sum(self._attended(seq.cached + 1) for seq in decoding)
        if chunks:
            prefill = Prefill(
                tokens=sum(seq.scheduled for seq in chunks),
                pairs=sum(self._pairs(seq) for seq in chunks),
                keys=sum(self._keys(seq) for seq in chunks),
                chunks=len(chunks),
                logits=sum(seq.cached + seq.scheduled == seq.target for seq in chunks),
                longest_chunk=max(seq.scheduled for seq in chunks),
                longest_keys=max(self._keys(seq) for seq in chunks),
            )
            self._duration_s, self._energy_j = self._cost.mixed(len(decoding), attended, prefill)
            self._link_j = self._cost.link_j[len(decoding) + prefill.tokens]
        else:
            self._duration_s, self._energy_j = self._cost.decode(len(decoding), attended)
            self._link_j = self._cost.link_j[len(decoding)]
        self._alarm = Alarm(self._env, self._duration_s, self._on_alarm)

    def _attended(self, tokens: int) -> int:
        """Return what the newest of `tokens` tokens attends to, layer by layer in lowest terms."""
        span = self._limits.span
        if span is None:
            return tokens
        return span.full * tokens + span.windowed * min(tokens, span.window_tokens)

    def _pairs(self, seq: _Sequence) -> float:
        if self._limits.span is None:
            return seq.scheduled * seq.cached + 0.5 * seq.scheduled * (seq.scheduled + 1)
        return float(sum(self._attended(token) for token in range(seq.cached + 1, seq.cached + seq.scheduled + 1)))

    def _keys(self, seq: _Sequence) -> int:
        reached, span = seq.cached + seq.scheduled, self._limits.span
        if span is None:
            return reached
        first_seen = max(seq.cached + 1 - (span.window_tokens - 1), 1)
        return span.full * reached + span.windowed * (reached - first_seen + 1)

    def _blocks(self, tokens: int) -> int:
        """Return the blocks that hold `tokens` tokens, those of windowed layers counted one by one."""
        size, span = self._limits.block_tokens, self._limits.span
        starts = range(0, tokens, size)
        if span is None:
            return len(starts)
        return span.full * len(starts) + span.windowed * sum(start < span.window_tokens - 1 for start in starts)

    def _schedule(self) -> None:
        budget, preempted, index = self._limits.batch_tokens, False, 0
        for seq in self._running:
            seq.scheduled = 0
        while index < len(self._running):
            seq = self._running[index]
            tokens = min(seq.target - seq.cached, budget)
            while tokens and not self._allocate(seq, tokens):
                victim = self._running.pop()
                self._preempt(victim)
                budget += victim.scheduled
                preempted = True
                if victim is seq:
                    tokens = 0
            seq.scheduled = tokens
            budget -= tokens
            index += 1
        while not preempted and self._waiting and budget and len(self._running) < self._limits.sequences:
            seq = self._waiting[0]
            tokens = min(seq.target, budget)
            if self._limits.whole_prompts and self._blocks(seq.target) > self._free_blocks:
                break
            if not self._allocate(seq, tokens):
                break
            self._waiting.popleft()
            self._running.append(seq)
            seq.scheduled = tokens
            budget -= tokens
            if self._log.scheduled_s[seq.request] == ABSENT:
                self._log.scheduled_s[seq.request] = self._env.now

    def _allocate(self, seq: _Sequence, tokens: int) -> bool:
        more = self._blocks(seq.cached + tokens) - seq.blocks
        if more > self._free_blocks:
            return False
        seq.blocks += more
        self._free_blocks -= more
        return True

    def _preempt(self, seq: _Sequence) -> None:
        self._free_blocks += seq.blocks
        seq.blocks = seq.cached = 0
        seq.prefills = True
        self._log.preemptions[seq.request] += 1
        self._waiting.appendleft(seq)

    def _end_iteration(self) -> None:
        self._book(1.0)
        self._share(self._energy_j)
        log = self._log
        for seq in [seq for seq in self._running if seq.scheduled]:
            seq.cached += seq.scheduled
            seq.scheduled = 0
            if seq.cached < seq.target:
                continue
            seq.target += 1
            seq.prefills = False
            log.generated_tokens[seq.request] += 1
            if log.first_token_s[seq.request] == ABSENT:
                log.first_token_s[seq.request] = self._env.now
            if log.generated_tokens[seq.request] == log.output_tokens[seq.request]:
                self._running.remove(seq)
                self._free_blocks += seq.blocks
                log.finished_s[seq.request] = self._env.now
                log.outcome[seq.request] = COMPLETED
                self.outstanding -= 1
                self._on_finish(seq.request)

    def _share(self, energy_j: float) -> None:
        tokens = sum(seq.scheduled for seq in self._running)
        for seq in self._running:
            self._log.accelerator_energy_j[seq.request] += energy_j * seq.scheduled / tokens

    def _book(self, share: float) -> None:
        now = (share * self._duration_s, share * self._energy_j, share * self._link_j)
        self._meter.work(*(new - old for new, old in zip(now, self._booked, strict=True)))
        self._booked = now
