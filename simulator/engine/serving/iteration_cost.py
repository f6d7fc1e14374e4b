"""Duration and energy of iterations of one replica, one at a time or a whole stretch in closed form.

A decode iteration of n sequences against K cached tokens costs T = a(n) + b K and E = c(n) + d K, and every further
iteration of the same batch adds n to K, so a stretch of k iterations is an arithmetic series. Where some layers see a
window only, K is in units of `AttentionSpan` and grows by less than n units per token. Board power never exceeds
the delivered limit: where the fitted energies ask for more, E = limit x T. The measured rates already contain the
throttling at that limit, so T stays. A lower power cap is the subject of `simulator.engine.serving.power_cap`.
"""

from __future__ import annotations

import math

from simulator.engine.serving.batch import Prefill
from simulator.engine.serving.power_cap import CappedIterations
from simulator.errors import InvariantError
from simulator.physics.accelerator_power import smooth_maximum
from simulator.physics.inference import InferenceModel


class IterationCost:
    """Costs of one replica, all its accelerators together.

    Args:
        model: iteration model of the replica.
        cap_w: power cap of each accelerator, above its static power and at most the limit as delivered.
    """

    def __init__(self, model: InferenceModel, cap_w: float) -> None:
        power = model.accelerator.power
        if not power.static_w < cap_w <= power.cap_w:
            raise InvariantError(f"cap_w {cap_w} outside ({power.static_w}, {power.cap_w}]")
        self.model = model
        self._limit_w = power.cap_w * model.plan.accelerators
        self._capped = CappedIterations(model, cap_w) if cap_w < power.cap_w else None
        self._tabulate_parts()
        self._tabulate_batches(cap_w * model.plan.accelerators)

    def _tabulate_parts(self) -> None:
        """Fill the tables of the parts; lists, because indexing a list is faster than indexing an array."""
        model, group = self.model, self.model.plan.accelerators
        accelerator, attention, tokens, head = model.accelerator, model.attention, model.tokens, model.head
        power, host = accelerator.power, accelerator.host
        static_w, joules_byte = power.static_w * group, power.joules_per_byte * group
        joules_16 = accelerator.sixteen_bit_joules_per_flop * group
        token_s = tokens.gemm_s + tokens.other_s
        link_j = power.joules_per_link_byte * group * tokens.link_bytes
        matmul_j = accelerator.joules_per_flop * group * tokens.flop
        head_j = static_w * head.time_s + joules_16 * head.flop + joules_byte * head.traffic_bytes
        self._token_s: list[float] = token_s.tolist()
        self._token_j: list[float] = (
            static_w * token_s + matmul_j + joules_byte * tokens.traffic_bytes + link_j
        ).tolist()
        self.link_j: list[float] = link_j.tolist()
        self._head_s: list[float] = head.time_s.tolist()
        self._head_j: list[float] = head_j.tolist()
        # Each group of data-parallel attention has a host process of its own.
        groups = self._groups = model.plan.data
        self._host_s = [host.step_s + host.sequence_s * count / groups for count in range(len(self._head_s))]
        self._host_w = power.idle_context_w * group
        self._static_w = static_w
        self._cached_s = attention.decode_s
        self._cached_j = static_w * attention.decode_s + joules_16 * attention.decode_flop
        self._cached_j += joules_byte * attention.decode_bytes
        self._pair_j = joules_16 * attention.pair_flop
        self._query_j = joules_byte * attention.chunk_bytes
        self._key_j = joules_byte * attention.context_bytes

    def _tabulate_batches(self, limit_w: float) -> None:
        """Fill the tables of whole decode batches and find those that no limit can touch, whatever their context."""
        attention = self.model.attention
        sizes = range(min(len(self._head_s), len(self._token_s)))
        self._batch_s = [0.0 for _ in sizes]
        self._batch_j = [0.0 for _ in sizes]
        for count in sizes[1:]:
            calls_s = attention.call_s + attention.sequence_s * count
            device_s = self._token_s[count] + self._head_s[count] + calls_s
            # Without cached tokens, so that time stays a line in them.
            host_s = self._host_s[count] + self.model.accelerator.host.exposed_s(device_s)
            self._batch_s[count] = device_s + host_s
            self._batch_j[count] = self._token_j[count] + self._head_j[count] + self._static_w * calls_s
            self._batch_j[count] += self._host_w * host_s
        slope_w = self._cached_j / self._cached_s
        # Mean power is a ratio of two lines in K, hence monotone in K: if neither end exceeds the limit, nothing does.
        self._unlimited = [
            slope_w <= limit_w and self._batch_j[count] <= limit_w * self._batch_s[count] for count in sizes
        ]
        # Energy asked for minus energy allowed is a line in K as well; it crosses zero at most once.
        self._excess_slope_j = self._cached_j - self._limit_w * self._cached_s

    def decode(self, count: int, cached_tokens: int) -> tuple[float, float]:
        """Return (duration, energy) of one decode iteration.

        Args:
            count: sequences n.
            cached_tokens: tokens K that they attend to, summed over sequences.
        """
        if self._capped is not None and not self._unlimited[count]:
            return self._capped.decode(count, cached_tokens)
        time_s = self._batch_s[count] + self._cached_s * cached_tokens
        return time_s, min(self._batch_j[count] + self._cached_j * cached_tokens, self._limit_w * time_s)

    def stretch(
        self, count: int, cached_tokens: int, iterations: int, growth: int | None = None
    ) -> tuple[float, float]:
        """Return (duration, energy) of several decode iterations of an unchanged batch.

        Args:
            count: sequences n.
            cached_tokens: tokens K attended to in the first iteration.
            iterations: k.
            growth: by how much K grows per iteration; None: by n.
        """
        growth = count if growth is None else growth
        if self._unlimited[count]:
            token_sum = iterations * cached_tokens + growth * (iterations * (iterations - 1) >> 1)
            return (
                iterations * self._batch_s[count] + self._cached_s * token_sum,
                iterations * self._batch_j[count] + self._cached_j * token_sum,
            )
        if self._capped is not None:
            return self._capped.stretch(count, cached_tokens, iterations, growth)
        return self._limited_stretch(count, cached_tokens, iterations, growth)

    def iterations_until(self, count: int, cached_tokens: int, elapsed_s: float, growth: int | None = None) -> int:
        """Return the fewest decode iterations, at least one, that last `elapsed_s` or longer.

        Solves k a + b (k K + m k (k - 1) / 2) >= elapsed for the smallest whole k, with K growing by m.
        """
        growth = count if growth is None else growth
        if self._capped is not None and not self._unlimited[count]:
            return self._capped.iterations_until(count, cached_tokens, elapsed_s, growth)
        quadratic = 0.5 * self._cached_s * growth
        linear = self._batch_s[count] + self._cached_s * cached_tokens - quadratic
        if growth:
            root = (math.sqrt(linear * linear + 4.0 * quadratic * elapsed_s) - linear) / (2.0 * quadratic)
        else:
            root = elapsed_s / linear
        # One below the root, then up: rounding of the root must not decide.
        iterations = max(int(root) - 1, 1)
        while iterations * (linear + quadratic * iterations) < elapsed_s:
            iterations += 1
        return iterations

    def mixed(self, count: int, cached_tokens: int, prefill: Prefill) -> tuple[float, float]:
        """Return (duration, energy) of one iteration with prefill, and with decode when `count` > 0."""
        if self._capped is not None:
            return self._capped.mixed(count, cached_tokens, prefill)
        attention = self.model.attention
        tokens = count + prefill.tokens
        logits, sequences = count + prefill.logits, count + prefill.chunks
        moving_s, computing_s = attention.prefill_s(prefill.tokens, prefill.pairs, prefill.keys, prefill.longest_keys)
        attention_s = attention.call_s + moving_s + computing_s
        dynamic_j = self._pair_j * prefill.pairs + self._query_j * prefill.tokens + self._key_j * prefill.keys
        if count:
            attention_s += attention.mixed_part_s(count, cached_tokens, prefill.longest_chunk)
            attention_s *= attention.mixed_factor
            dynamic_j += (self._cached_j - self._static_w * self._cached_s) * cached_tokens
        device_s = self._token_s[tokens] + self._head_s[logits] + attention_s
        host_s = self._host_s[sequences] + self.model.accelerator.host.exposed_s(device_s)
        time_s = device_s + host_s
        energy_j = self._token_j[tokens] + self._head_j[logits] + self._static_w * attention_s
        energy_j += dynamic_j + self._host_w * host_s
        if self._groups > 1:
            waiting_s = self._waiting_s(count, prefill, moving_s + computing_s)
            return time_s + waiting_s, min(energy_j + self._static_w * waiting_s, self._limit_w * (time_s + waiting_s))
        return time_s, min(energy_j, self._limit_w * time_s)

    def _waiting_s(self, count: int, prefill: Prefill, attention_s: float) -> float:
        """Return how long an iteration waits for the group with the longest chunk, beyond evenly spread work.

        Args:
            count: decoding sequences of all groups.
            prefill: prefill of all groups.
            attention_s: its attention, evenly spread.
        """
        model = self.model
        products_s = model.uneven_products_s(count, prefill.tokens, prefill.longest_chunk)
        assert products_s is not None
        compute_s, memory_s, other_s = products_s
        token_s = other_s + smooth_maximum(compute_s, memory_s, model.accelerator.gemm.sharpness)
        factor = model.attention.mixed_factor if count else 1.0
        uneven = model.unevenness(prefill.tokens, prefill.longest_chunk)
        return token_s - self._token_s[count + prefill.tokens] + factor * attention_s * (uneven - 1.0)

    def _limited_stretch(self, count: int, cached_tokens: int, iterations: int, growth: int) -> tuple[float, float]:
        """Sum min(c + d K, limit (a + b K)), whose two lines cross at most once, so at most two series are added."""
        excess_j = self._batch_j[count] - self._limit_w * self._batch_s[count]
        excess_j += self._excess_slope_j * cached_tokens
        slope_j = self._excess_slope_j * growth
        over, first = excess_j > 0.0, iterations
        if excess_j * slope_j < 0.0:
            first = min(math.ceil(-excess_j / slope_j), iterations)
        if first == iterations:
            return self._series((count, growth), cached_tokens, iterations, over)
        before = self._series((count, growth), cached_tokens, first, over)
        after = self._series((count, growth), cached_tokens + growth * first, iterations - first, not over)
        return before[0] + after[0], before[1] + after[1]

    def _series(self, batch: tuple[int, int], cached_tokens: int, iterations: int, over: bool) -> tuple[float, float]:
        count, growth = batch
        token_sum = iterations * cached_tokens + growth * (iterations * (iterations - 1) >> 1)
        time_s = iterations * self._batch_s[count] + self._cached_s * token_sum
        if over:
            return time_s, self._limit_w * time_s
        return time_s, iterations * self._batch_j[count] + self._cached_j * token_sum
