"""Host time of serving software: what an engine's own work adds to every iteration while the accelerators wait.

An engine schedules, samples and answers between iterations (`step_s`, `sequence_s`), speaks to the worker of each
further accelerator (`rank_s`), or launches every kernel from Python while the device runs (`layer_s`: only what exceeds
the device's own time is seen). Sources and errors: docs/sources.md, host time; docs/validation.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ServingSoftware:
    """Host time of one kind of serving software.

    Args:
        step_s: per iteration.
        rank_s: per iteration and further accelerator of the replica.
        sequence_s: per sequence of an iteration.
        layer_s: launches of one layer, which run beside the device.
        cache_reads: times that decode moves the KV cache, relative to a fused kernel that reads it once.
    """

    step_s: float
    rank_s: float
    sequence_s: float
    layer_s: float = 0.0
    cache_reads: float = 1.0

    def overhead_s(self, accelerators: int) -> float:
        """Return the constant host time of an iteration.

        >>> round(SERVING_SOFTWARE["vllm_2024"].overhead_s(2) * 1e3, 1)
        24.9
        """
        return self.step_s + self.rank_s * (accelerators - 1)


SERVING_SOFTWARE: Final = {
    # Splitwise's table of Llama 2 70B on A100-80: token times of 44 ms on four accelerators and on eight.
    "vllm_2023": ServingSoftware(step_s=0.0, rank_s=0.0, sequence_s=0.0, layer_s=0.54e-3),
    # ML.ENERGY v2, A100-40GB and H100, tensor parallel 1 to 8: one loop of Python for scheduling, sampling and answers,
    # and a broadcast of the batch to workers.
    "vllm_2024": ServingSoftware(step_s=16.1e-3, rank_s=8.78e-3, sequence_s=0.216e-3),
    # ML.ENERGY v3, Llama 3.1 8B on one H100, as `benchmarks.validation ml-energy` fits it.
    "vllm_2025": ServingSoftware(step_s=0.92e-3, rank_s=0.0, sequence_s=34e-6),
    # ML.ENERGY v1, Llama of 7 and 13 billion on A100; the cache, copied as it grows: Llama 2 7B in batches of 32.
    "transformers": ServingSoftware(step_s=0.0, rank_s=0.0, sequence_s=0.0, layer_s=0.93e-3, cache_reads=4.5),
}
"""Kinds of serving software by name."""
