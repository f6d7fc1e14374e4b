"""Accounts of the meter: energy and time of accelerators by hall, workload and phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal["training", "inference", "idle"]


@dataclass(slots=True)
class Account:
    """What accelerators have used for one workload in one phase, since the account was last read.

    Args:
        workload: name of the workload, empty for accelerators that no workload holds.
        phase: training, inference or idle.
        compute_j: energy of computing (and of holding state, in the idle phase).
        transfer_j: energy of moving data between accelerators, waiting for it included.
        wait_j: energy of waiting for other accelerators of a pipeline, and of pauses between steps.
        accelerator_s: accelerators held x seconds.
    """

    workload: str
    phase: Phase
    compute_j: float = 0.0
    transfer_j: float = 0.0
    wait_j: float = 0.0
    accelerator_s: float = 0.0

    def take(self) -> tuple[float, float, float, float]:
        """Return (compute_j, transfer_j, wait_j, accelerator_s) since the last reading, and start again at zero."""
        reading = (self.compute_j, self.transfer_j, self.wait_j, self.accelerator_s)
        self.compute_j = self.transfer_j = self.wait_j = self.accelerator_s = 0.0
        return reading
