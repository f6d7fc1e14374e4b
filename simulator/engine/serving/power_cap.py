"""Iterations under a power cap below the delivered limit.

The clock that meets the cap has no closed form. Decode iterations are therefore solved at nodes of the cached tokens K,
`NODE_TOKENS` apart, and interpolated linearly between them. The interpolation *is* the model, in single iterations and
in stretches alike, so that the two agree to rounding; iterations with prefill are solved one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from simulator.engine.serving.batch import Prefill
from simulator.errors import InvariantError
from simulator.physics.accelerator_power import StepLoad
from simulator.physics.inference import InferenceModel

NODE_TOKENS = 2048
"""Interpolation errs below 0.1 % for models of 7 billion parameters and more, below 0.6 % for GPT-2 XL, whose KV cache
is large beside its weights; 8,192 would err four times as much (tests/engine_serving/test_power_cap.py)."""

_ENDLESS = 1 << 40
"""Iterations inside a cell that a batch never leaves, since all its layers have full windows."""


class CappedIterations:
    """Costs of a replica whose accelerators are capped at `cap_w` each."""

    def __init__(self, model: InferenceModel, cap_w: float) -> None:
        self._model = model
        self._cap_w = cap_w
        self._lines: dict[tuple[int, int], tuple[float, float, float, float]] = {}
        self._solved: dict[tuple[int, int], tuple[float, float]] = {}

    def decode(self, count: int, cached_tokens: int) -> tuple[float, float]:
        """Return (duration, energy) of one decode iteration."""
        cell, offset = divmod(cached_tokens, NODE_TOKENS)
        base_s, slope_s, base_j, slope_j = self._line(count, cell)
        return base_s + slope_s * offset, base_j + slope_j * offset

    def stretch(self, count: int, cached_tokens: int, iterations: int, growth: int) -> tuple[float, float]:
        """Return (duration, energy) of several decode iterations of an unchanged batch (`IterationCost.stretch`)."""
        time_s = energy_j = 0.0
        for (base_s, slope_s, base_j, slope_j), offset, inside in self._cells(count, cached_tokens, growth):
            inside = min(inside, iterations)
            offset_sum = inside * offset + growth * (inside * (inside - 1) >> 1)
            time_s += inside * base_s + slope_s * offset_sum
            energy_j += inside * base_j + slope_j * offset_sum
            iterations -= inside
            if not iterations:
                return time_s, energy_j
        raise InvariantError("endless cells ended")

    def iterations_until(self, count: int, cached_tokens: int, elapsed_s: float, growth: int) -> int:
        """Return the fewest decode iterations, at least one, that last `elapsed_s` or longer."""
        done, spent_s = 0, 0.0
        for (base_s, slope_s, _, _), offset, inside in self._cells(count, cached_tokens, growth):
            low, high = 1, inside
            if spent_s + _series_s(base_s, slope_s, growth, offset, inside) < elapsed_s:
                done, spent_s = done + inside, spent_s + _series_s(base_s, slope_s, growth, offset, inside)
                continue
            while low < high:
                middle = (low + high) // 2
                if spent_s + _series_s(base_s, slope_s, growth, offset, middle) < elapsed_s:
                    low = middle + 1
                else:
                    high = middle
            return done + low
        raise InvariantError("endless cells ended")

    def mixed(self, count: int, cached_tokens: int, prefill: Prefill) -> tuple[float, float]:
        """Return (duration, energy) of one iteration with prefill, and with decode when `count` > 0."""
        attention, tokens = self._model.attention, prefill.tokens
        moving_s, clocked_s = attention.prefill_s(tokens, prefill.pairs, prefill.keys, prefill.longest_keys)
        uneven = self._model.unevenness(tokens, prefill.longest_chunk)
        fixed_s = moving_s * uneven + attention.call_s
        factor = 1.0
        if count:
            fixed_s += attention.mixed_part_s(count, cached_tokens, prefill.longest_chunk)
            factor = attention.mixed_factor
        products_s = self._model.uneven_products_s(count, tokens, prefill.longest_chunk)
        flop = attention.pair_flop * prefill.pairs + attention.decode_flop * cached_tokens
        traffic = attention.chunk_bytes * tokens + attention.context_bytes * prefill.keys
        traffic += attention.decode_bytes * cached_tokens
        shape = (count + tokens, count + prefill.logits, count + prefill.chunks)
        return self._run(shape, (fixed_s * factor, clocked_s * uneven * factor), (flop, traffic), products_s)

    def _cells(
        self, count: int, cached_tokens: int, growth: int
    ) -> Iterator[tuple[tuple[float, float, float, float], int, int]]:
        """Yield (line, first offset, iterations inside) of each cell that an endless stretch crosses."""
        while True:
            cell, offset = divmod(cached_tokens, NODE_TOKENS)
            inside = (NODE_TOKENS - offset + growth - 1) // growth if growth else _ENDLESS
            yield self._line(count, cell), offset, inside
            cached_tokens += growth * inside

    def _line(self, count: int, cell: int) -> tuple[float, float, float, float]:
        """Return (time, its slope, energy, its slope) in a cell, from its lower node."""
        found = self._lines.get((count, cell))
        if found is None:
            low_s, low_j = self._node(count, cell)
            high_s, high_j = self._node(count, cell + 1)
            found = (low_s, (high_s - low_s) / NODE_TOKENS, low_j, (high_j - low_j) / NODE_TOKENS)
            self._lines[count, cell] = found
        return found

    def _node(self, count: int, index: int) -> tuple[float, float]:
        found = self._solved.get((count, index))
        if found is None:
            attention, cached = self._model.attention, float(index * NODE_TOKENS)
            fixed_s = attention.call_s + attention.sequence_s * count + attention.decode_s * cached
            work = (attention.decode_flop * cached, attention.decode_bytes * cached)
            found = self._solved[count, index] = self._run((count, count, count), (fixed_s, 0.0), work)
        return found

    def _run(
        self,
        shape: tuple[int, int, int],
        attention_s: tuple[float, float],
        work: tuple[float, float],
        products_s: tuple[float, float, float] | None = None,
    ) -> tuple[float, float]:
        """Return (duration, energy of the group) of one iteration.

        Args:
            shape: tokens, logits, sequences.
            attention_s: attention time that does not depend on the clock, and that does.
            work: operations and traffic of attention.
            products_s: (arithmetic, memory, other) time of the products; None: that of evenly spread tokens.
        """
        model = self._model
        accelerator, (tokens, logits, sequences) = model.accelerator, shape
        power, host = accelerator.power, accelerator.host
        host_s = host.step_s + host.sequence_s * sequences / model.plan.data
        traffic = float(model.tokens.traffic_bytes[tokens] + model.head.traffic_bytes[logits]) + work[1]
        byte_j = power.joules_per_byte * traffic
        sixteen_bit_flop = float(model.head.flop[logits]) + work[0]
        core_j = accelerator.joules_per_flop * float(model.tokens.flop[tokens])
        core_j += accelerator.sixteen_bit_joules_per_flop * sixteen_bit_flop + power.byte_core_fraction * byte_j
        other_j = (1.0 - power.byte_core_fraction) * byte_j
        other_j += power.joules_per_link_byte * float(model.tokens.link_bytes[tokens])
        table = model.tokens
        if products_s is None:
            even_s = (table.gemm_compute_s[tokens], table.gemm_memory_s[tokens], table.other_s[tokens])
            products_s = (float(even_s[0]), float(even_s[1]), float(even_s[2]))
        load = StepLoad(
            gemm_compute_s=products_s[0],
            gemm_memory_s=products_s[1],
            sharpness=accelerator.gemm.sharpness,
            compute_s=attention_s[1],
            fixed_s=products_s[2] + float(model.head.time_s[logits]) + attention_s[0],
            core_energy_j=core_j,
            other_energy_j=other_j,
        )
        host_s += host.exposed_s(load.time_s()) if host.launch_s else 0.0
        # Between steps the board idles; run_step charges static power throughout.
        other_j -= (power.static_w - power.idle_context_w) * host_s
        load = replace(load, fixed_s=load.fixed_s + host_s, other_energy_j=other_j)
        outcome = power.run(load, self._cap_w)
        return outcome.time_s, outcome.energy_j * model.plan.accelerators


def _series_s(base_s: float, slope_s: float, growth: int, offset: int, iterations: int) -> float:
    return iterations * base_s + slope_s * (iterations * offset + growth * (iterations * (iterations - 1) >> 1))
