"""A serving replica: continuous batching with chunked prefill and a paged KV cache, advanced in stretches.

Scheduling follows vLLM's V1 scheduler (first come, first served). An iteration gives one token of budget to every
decoding sequence and the rest to prompts: first to the one that is under way, then to those that wait, the first of
which is admitted when the free blocks hold its whole prompt. When the KV cache is full, the sequence admitted last is
preempted: its blocks are freed, its tokens are recomputed on its return.

Between two changes of the batch all decode iterations are alike, so they pass as one stretch with a closed form
(`simulator.engine.serving.iteration_cost`). An arrival ends a stretch at the next iteration boundary.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

from simpy import Environment, Event

from simulator.engine.alarm import Alarm
from simulator.engine.serving.batch import BatchLimits, Prefill
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.engine.serving.kv_blocks import DecodeBlocks
from simulator.engine.serving.replica_meter import ReplicaMeter
from simulator.engine.serving.request_state import REQUEST, SHIFT, RequestState
from simulator.engine.serving.step import Step
from simulator.engine.serving.windows import Windows
from simulator.errors import InvariantError
from simulator.records import ABSENT, COMPLETED

_IDLE, _PLANNING, _STRETCH, _LAST_OF_STRETCH, _MIXED, _OFF = range(6)


class Replica:
    """One copy of a model on its accelerators.

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
        self._env = env
        self._limits = limits
        self._state = state
        self._log = state.log
        self._meter = meter
        self._on_finish = on_finish
        self._step = Step(cost, meter)
        self._next_cost: IterationCost | None = None
        self._mode = _IDLE
        self._alarm: Alarm | None = None
        self._idle_since_s = env.now
        self._is_on = True

        self.outstanding = 0
        """Requests submitted and not finished: what a router compares."""
        self._waiting: deque[int] = deque()
        self._admitted: list[int] = []
        """Requests in order of admission, of which the last is preempted first; finished ones are dropped lazily."""
        self._preempted = False
        """A sequence was preempted in the iteration being planned, so none is admitted to it."""

        self._iteration = 0
        self._decoding = self._attended = self._growth = 0
        """Decoding sequences; tokens (or units of a span) that they attend to next, summed; its rise per iteration."""
        self._finishing: list[int] = []
        """Heap of finishing iterations; entries of preempted requests are stale."""
        self._blocks = DecodeBlocks(limits.block_tokens)
        self._windows = Windows(limits.span, limits.block_tokens, self._blocks) if limits.span else None
        self._share_j = 0.0
        """Energy that a decoding sequence has cost since the start: a request's part is a difference of readings."""

        self._partial = -1
        """Request whose prompt is partly processed, or -1."""
        self._partial_done = 0
        self._prefill_blocks = 0
        """Blocks of prompts under way."""
        self._chunks: list[tuple[int, int, bool]] = []
        """Prefill of the current iteration: request, tokens, whether the prompt ends."""

    # -- from outside ---------------------------------------------------------------------------------------------

    def submit(self, request: int) -> None:
        """Take a request; it is worked on from the next iteration that has room for it."""
        self.outstanding += 1
        self._waiting.append(request)
        if self._mode == _IDLE:
            self._rest_until(self._env.now)
            self._mode = _PLANNING
            self._alarm = Alarm(self._env, 0.0, self._start)
        elif len(self._waiting) == 1 and self._decoding < self._limits.sequences:
            self._end_stretch()

    def recost(self, cost: IterationCost) -> None:
        """Take other costs, as under another power cap: an iteration under way ends as it began, the next has them."""
        self._next_cost = cost
        self._end_stretch()

    def switch(self, on: bool) -> None:
        """Stand still while the server is off: the iteration under way ends, then the KV cache is lost."""
        self._is_on = on
        if self._mode in (_IDLE, _OFF):
            self.settle(self._env.now)
            self._mode = _PLANNING
            self._alarm = Alarm(self._env, 0.0, self._start)
        else:
            self._end_stretch()

    def settle(self, now_s: float) -> None:
        """Book energy and time up to now, inside the current step if there is one."""
        if self._mode == _IDLE:
            self._rest_until(now_s)
        elif self._mode == _OFF:
            self._meter.stand(now_s - self._idle_since_s)
            self._idle_since_s = now_s
        elif self._mode != _PLANNING:
            self._step.settle(now_s)

    def close(self, now_s: float) -> None:
        """End the run: book the rest, and write tokens and energy of the requests that it cuts short."""
        self.settle(now_s)
        if self._mode in (_IDLE, _PLANNING, _OFF):
            return
        whole, _, energy_j = self._step.progress(now_s)
        if self._mode == _MIXED:
            token_j = energy_j / self._step.tokens
            self._share_j += token_j
            for request, chunk, _ in self._chunks:
                self._log.accelerator_energy_j[request] += chunk * token_j
        else:
            self._share_j += energy_j / self._decoding
        self._iteration += whole
        for request in sorted({entry & REQUEST for entry in self._finishing if not self._is_stale(entry)}):
            self._leave_decode(request)

    def _end_stretch(self) -> None:
        """End a stretch, if there is one, at the boundary of the iteration under way."""
        if self._mode != _STRETCH:
            return
        self._mode = _LAST_OF_STRETCH
        remaining_s = self._step.shorten(self._env.now)
        if remaining_s is not None:
            self._alarm = Alarm(self._env, remaining_s, self._finish_stretch)

    # -- planning -------------------------------------------------------------------------------------------------

    def _start(self, _: Event) -> None:
        self._plan(self._env.now)

    def _plan(self, now_s: float) -> None:
        """Start the next step: an iteration with prefill, a stretch of decode, or nothing."""
        self._preempted = False
        if not self._is_on:
            self._lose_cache()
            self._mode, self._idle_since_s = _OFF, now_s
            return
        if self._next_cost is not None:
            self._step.recost(self._next_cost)
            self._next_cost = None
        blocks = self._blocks
        if blocks.held + self._prefill_blocks + blocks.needed(self._iteration) > self._limits.blocks:
            self._make_room_for_decode()
        if (self._partial >= 0 or self._waiting) and self._plan_mixed(now_s):
            self._mode = _MIXED
            self._alarm = Alarm(self._env, self._step.duration_s, self._finish_mixed)
        elif self._decoding:
            self._step.begin_stretch(now_s, self._decoding, self._attended, self._stretch_iterations(), self._growth)
            self._mode = _STRETCH
            self._alarm = Alarm(self._env, self._step.duration_s, self._finish_stretch)
        elif self._waiting:
            raise InvariantError("a replica with waiting requests found nothing to do")
        else:
            self._mode = _IDLE
            self._idle_since_s = now_s

    def _stretch_iterations(self) -> int:
        """Return the iterations until a sequence finishes, a window or the KV cache is full."""
        if self._preempted:
            return 1  # the next iteration may admit what this one may not
        finishing = self._finishing
        while self._is_stale(finishing[0]):
            heapq.heappop(finishing)
        iterations = (finishing[0] >> SHIFT) - self._iteration
        if self._windows is not None:
            iterations = self._windows.iterations_within(self._iteration, iterations)
        free = self._limits.blocks - self._blocks.held - self._prefill_blocks
        return self._blocks.iterations_within(self._iteration, free, self._growth, iterations)

    def _plan_mixed(self, now_s: float) -> bool:
        """Begin an iteration with prefill; False when no prompt can be worked on."""
        limits, decoding, span = self._limits, self._decoding, self._limits.span
        budget, slots = limits.batch_tokens - decoding, limits.sequences - decoding
        free = limits.blocks - self._blocks.held - self._prefill_blocks - self._blocks.needed(self._iteration)
        chunks: list[tuple[int, int, bool]] = []
        pairs, keys, logits = 0.0, 0, 0
        longest_chunk = longest_keys = 0
        while budget > 0 and slots > 0:
            request, done = self._next_prompt()
            if request < 0:
                break
            is_new = request != self._partial
            length = self._state.prefill_tokens[request]
            # Conditions in place of min and max: this loop runs once for every iteration with prefill.
            chunk = length - done if length - done < budget else budget
            reached = done + chunk
            blocks = limits.blocks_for(reached) - (limits.blocks_for(done) if done else 0)
            if is_new and limits.whole_prompts and limits.blocks_for(length) > free:
                break
            if blocks > free:
                if not is_new:
                    self._preempt_partial()
                break
            if is_new:
                self._admit(request, now_s)
            ends = reached == length
            self._partial, self._partial_done = (-1, 0) if ends else (request, reached)
            self._prefill_blocks += blocks
            free, budget, slots = free - blocks, budget - chunk, slots - 1
            pairs += chunk * done + 0.5 * chunk * (chunk + 1) if span is None else span.pairs(done, reached)
            chunk_keys = reached if span is None else span.keys(done, reached)
            keys += chunk_keys
            logits += ends
            longest_chunk = chunk if chunk > longest_chunk else longest_chunk
            longest_keys = chunk_keys if chunk_keys > longest_keys else longest_keys
            chunks.append((request, chunk, ends))
        if not chunks:
            return False
        self._chunks = chunks
        tokens = limits.batch_tokens - decoding - budget
        prefill = Prefill(tokens, pairs, keys, len(chunks), logits, longest_chunk, longest_keys)
        self._step.begin_mixed(now_s, decoding, self._attended, prefill)
        return True

    def _next_prompt(self) -> tuple[int, int]:
        """Return (request, tokens done) of the prompt to work on next, (-1, 0) when there is none."""
        if self._partial >= 0:
            return self._partial, self._partial_done
        if self._waiting and not self._preempted:
            return self._waiting[0], 0
        return -1, 0

    def _admit(self, request: int, now_s: float) -> None:
        self._waiting.popleft()
        self._admitted.append(request)
        if self._log.scheduled_s[request] == ABSENT:
            self._log.scheduled_s[request] = now_s

    # -- finishing ------------------------------------------------------------------------------------------------

    def _finish_stretch(self, event: Event) -> None:
        if event is not self._alarm:
            return  # an arrival has shortened this stretch
        step, count = self._step, self._decoding
        step.finish()
        self._blocks.advance(self._iteration, step.iterations, self._growth)
        self._iteration += step.iterations
        self._attended += self._growth * step.iterations
        if self._windows is not None:
            self._growth += self._windows.fill(self._iteration)
        self._share_j += step.energy_j / count
        now_s = self._env.now
        self._mode = _PLANNING
        self._finish_decoded(now_s)
        self._plan(now_s)

    def _finish_mixed(self, _: Event) -> None:
        step = self._step
        step.finish()
        token_j = step.energy_j / step.tokens
        self._blocks.advance(self._iteration, 1, self._growth)
        self._iteration += 1
        self._attended += self._growth
        if self._windows is not None:
            self._growth += self._windows.fill(self._iteration)
        self._share_j += token_j
        now_s = self._env.now
        self._mode = _PLANNING
        if self._finishing and self._finishing[0] >> SHIFT <= self._iteration:
            self._finish_decoded(now_s)
        energy_j = self._log.accelerator_energy_j
        for request, chunk, ends in self._chunks:
            energy_j[request] += chunk * token_j
            if ends:
                self._end_prefill(request, now_s)
        self._plan(now_s)

    def _finish_decoded(self, now_s: float) -> None:
        finishing, iteration = self._finishing, self._iteration
        while finishing and finishing[0] >> SHIFT <= iteration:
            entry = heapq.heappop(finishing)
            if not self._is_stale(entry):
                request = entry & REQUEST
                self._leave_decode(request)
                self._finish(request, now_s)

    def _end_prefill(self, request: int, now_s: float) -> None:
        """A prompt is processed: its request emits a token and decodes the rest, if any."""
        log, state = self._log, self._state
        if log.first_token_s[request] == ABSENT:
            log.first_token_s[request] = now_s
        log.generated_tokens[request] += 1
        cached = state.prefill_tokens[request]
        self._prefill_blocks -= self._limits.blocks_for(cached)
        remaining = log.output_tokens[request] - log.generated_tokens[request]
        if not remaining:
            self._finish(request, now_s)
            return
        state.decode_start[request] = self._iteration
        finish = state.finish_iteration[request] = self._iteration + remaining
        state.share_start_j[request] = self._share_j
        heapq.heappush(self._finishing, finish << SHIFT | request)
        self._blocks.add(cached, self._iteration)
        windows = self._windows
        growth, attended = (1, cached + 1) if windows is None else windows.count(request, cached, self._iteration, 1)
        self._decoding += 1
        self._growth += growth
        self._attended += attended

    def _finish(self, request: int, now_s: float) -> None:
        self._log.finished_s[request] = now_s
        self._log.outcome[request] = COMPLETED
        self.outstanding -= 1
        if len(self._admitted) > 64 + 2 * self.outstanding:
            self._admitted = [held for held in self._admitted if self._log.outcome[held] != COMPLETED]
        self._on_finish(request)

    def _leave_decode(self, request: int) -> int:
        """Take a sequence out of the decoding batch; return the tokens it had cached."""
        state, log = self._state, self._log
        decoded = self._iteration - state.decode_start[request]
        cached = state.prefill_tokens[request] + decoded
        state.finish_iteration[request] = -1
        log.generated_tokens[request] += decoded
        log.accelerator_energy_j[request] += self._share_j - state.share_start_j[request]
        self._blocks.remove(cached, self._iteration)
        windows = self._windows
        growth, attended = (1, cached + 1) if windows is None else windows.count(request, cached, self._iteration, -1)
        self._decoding -= 1
        self._growth -= growth
        self._attended -= attended
        return cached

    def _is_stale(self, entry: int) -> bool:
        return self._state.finish_iteration[entry & REQUEST] != entry >> SHIFT

    # -- preemption -----------------------------------------------------------------------------------------------

    def _make_room_for_decode(self) -> None:
        """Preempt until the next iteration's decode tokens have their blocks."""
        while self._blocks.held + self._prefill_blocks + self._blocks.needed(self._iteration) > self._limits.blocks:
            if self._partial >= 0:
                self._preempt_partial()
            else:
                self._preempt_decoding()

    def _lose_cache(self) -> None:
        """Preempt all that has tokens in the KV cache."""
        if self._partial >= 0:
            self._preempt_partial()
        while self._decoding:
            self._preempt_decoding()

    def _preempt_partial(self) -> None:
        self._prefill_blocks -= self._limits.blocks_for(self._partial_done)
        self._requeue(self._partial)
        self._partial, self._partial_done = -1, 0

    def _preempt_decoding(self) -> None:
        while self._log.outcome[self._admitted[-1]] == COMPLETED:
            self._admitted.pop()
        request = self._admitted[-1]
        # The token emitted last was not cached yet; it is recomputed with the rest, and the next one follows from it.
        self._state.prefill_tokens[request] = self._leave_decode(request) + 1
        self._requeue(request)

    def _requeue(self, request: int) -> None:
        if self._admitted.pop() != request:
            raise InvariantError("a sequence was preempted out of turn")
        self._preempted = True
        self._log.preemptions[request] += 1
        self._waiting.appendleft(request)

    def _rest_until(self, now_s: float) -> None:
        self._meter.rest(now_s - self._idle_since_s)
        self._idle_since_s = now_s
