"""Host time of serving software: what an engine's own work adds to every iteration while the accelerators wait.

An engine schedules, samples and answers between iterations (`step_s`, `sequence_s`), speaks to the worker of each
further accelerator (`rank_s`), or launches every kernel from Python while the device runs (`layer_s`: only what exceeds
the device's own time is seen). Figures are profiles (`data/software`); errors: docs/validation.md.
"""

from __future__ import annotations

from dataclasses import dataclass


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

        >>> round(ServingSoftware(0.0164, 0.00861, 0.000222).overhead_s(2) * 1e3, 1)
        25.0
        """
        return self.step_s + self.rank_s * (accelerators - 1)
