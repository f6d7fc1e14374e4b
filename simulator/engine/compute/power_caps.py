"""Power caps of the accelerators of a hall, by workload, and who must hear when they change."""

from __future__ import annotations

from collections.abc import Callable

from simulator.errors import InvariantError


class PowerCaps:
    """The cap of each accelerator of a hall: one for all, or one of its own for each workload.

    Boards are capped one by one, so workloads that share a hall may have different caps.

    Args:
        cap_w: cap of each accelerator at the start; 0 in a hall without accelerators.
        lowest_w: lowest cap that the boards accept.
        highest_w: their limit as delivered.
    """

    def __init__(self, cap_w: float, lowest_w: float, highest_w: float) -> None:
        self.lowest_w = lowest_w
        self.highest_w = highest_w
        self._cap_w = cap_w
        self._by_workload: dict[str, float] = {}
        self._listeners: dict[str, Callable[[float], None]] = {}

    def of(self, workload: str) -> float:
        """Return the cap of the accelerators of a workload."""
        return self._by_workload.get(workload, self._cap_w)

    def listen(self, workload: str, listener: Callable[[float], None]) -> None:
        """Call a workload with its new cap, from the instant at which it changes."""
        self._listeners[workload] = listener

    def set(self, cap_w: float, workload: str | None = None) -> None:
        """Set the cap of a workload's accelerators, or of all accelerators of the hall, from now on."""
        if not self.lowest_w <= cap_w <= self.highest_w:
            raise InvariantError(f"cap of {cap_w} W outside {self.lowest_w} to {self.highest_w} W")
        before = {name: self.of(name) for name in self._listeners}
        if workload is None:
            self._by_workload.clear()
            self._cap_w = cap_w
        else:
            self._by_workload[workload] = cap_w
        for name, listener in sorted(self._listeners.items()):
            if self.of(name) != before[name]:
                listener(self.of(name))
