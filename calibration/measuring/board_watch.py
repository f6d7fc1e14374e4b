"""Who else computes on a board of NVIDIA.

Processes inside a container may be listed under the numbers of another namespace, so own processes are told by when
they appear.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from calibration.measuring.nvml import Board
from simulator.errors import InputError

MOST_BUSY: Final = 0.05
"""Share of time in which a board may run kernels of others before it counts as busy."""

_BUSY_TRIES: Final = 8
_BUSY_WAIT_S: Final = 0.5


class BoardWatch:
    """Watches whether anybody else computes on the board.

    Args:
        board: the board.
        wait: sleeps; what the driver counts as busy outlasts a process that has just ended by a second.

    Raises:
        InputError: somebody does already.
    """

    def __init__(self, board: Board, wait: Callable[[float], None]) -> None:
        self.board = board
        before = board.processes()
        self.lists_processes = before is not None
        """Whether the driver tells who computes on the board."""
        if before:
            listed = ", ".join(str(pid) for pid in sorted(before))
            raise InputError(f"GPU {board.index} is busy: process {listed} computes on it; wait until it has ended")
        for _ in range(_BUSY_TRIES):
            busy = board.busy_fraction()
            if busy <= MOST_BUSY:
                break
            wait(_BUSY_WAIT_S)
        else:
            raise InputError(
                f"GPU {board.index} is busy ({busy:.0%} of the time) with a process that the driver does not show "
                "here; wait until it has ended"
            )
        self._own: frozenset[int] = frozenset()

    def own_context_made(self) -> None:
        """Take the processes that are there now, after our own context was made, for ours."""
        self._own = self.board.processes() or frozenset()

    def begin(self) -> None:
        """Do nothing: processes are listed at any time."""

    def verdict(self) -> str:
        """Return who else computes on the board, in words; empty when nobody does."""
        others = (self.board.processes() or frozenset()) - self._own
        return f"another process ran on the device ({', '.join(map(str, sorted(others)))})" if others else ""
