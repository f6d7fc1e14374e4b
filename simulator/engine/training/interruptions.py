"""What stops a training job at random: a board, a link or a host fails, and the whole gang starts again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interruptions:
    """Interruptions of one job.

    Args:
        next_gap_s: draws the time from one interruption to the next, while the job holds its accelerators.
        restart_s: from the interruption to the first step: finding the fault, taking another server, loading the last
            checkpoint.
    """

    next_gap_s: Callable[[], float]
    restart_s: float
