"""What the replicas of one workload keep per request while it runs, beside the log."""

from __future__ import annotations

from array import array
from typing import Final

from simulator.records import RequestLog

SHIFT: Final = 40
"""Keys of heaps hold an iteration above this bit and the request below: whole numbers compare fastest."""
REQUEST: Final = (1 << SHIFT) - 1


class RequestState:
    """Columns by request.

    Args:
        log: the log of the workload.
    """

    def __init__(self, log: RequestLog) -> None:
        count = len(log)
        self.log = log
        self.prefill_tokens = array("q", log.prompt_tokens)
        """Tokens to process before the next is emitted: the prompt and, after a preemption, what was emitted."""
        self.decode_start = array("q", [0]) * count
        """Iteration at which the request began to decode."""
        self.finish_iteration = array("q", [-1]) * count
        """Iteration after which it has emitted all tokens; -1 while it does not decode."""
        self.share_start_j = array("d", [0.0]) * count
        """Reading of the replica's energy per sequence when decode began."""
