"""Power caps of the accelerators of a hall, by workload and by whoever asks, and who must hear when they change."""

from __future__ import annotations

import math
from collections.abc import Callable

from simulator.errors import InvariantError

_ALL = ""
"""Stands for every workload of the hall, in place of a name."""


class PowerCaps:
    """The cap of each accelerator of a hall: the lowest that anybody asks for, for all or for one workload.

    Boards are capped one by one, so workloads that share a hall may have different caps. Whoever asks has a layer of
    its own, so that policies do not undo one another: the grid's cap of an hour ends, and the carbon policy's is there.

    Args:
        cap_w: cap of each accelerator at the start, which no layer lifts; 0 in a hall without accelerators.
        lowest_w: lowest cap that the boards accept.
        highest_w: their limit as delivered.
    """

    def __init__(self, cap_w: float, lowest_w: float, highest_w: float) -> None:
        self.base_w = cap_w
        self.lowest_w = lowest_w
        self.highest_w = highest_w
        self._layers: dict[str, dict[str, float]] = {}
        self._listeners: dict[str, Callable[[float], None]] = {}

    @property
    def workloads(self) -> tuple[str, ...]:
        """Workloads that hear of changes, sorted."""
        return tuple(sorted(self._listeners))

    def of(self, workload: str) -> float:
        """Return the cap of the accelerators of a workload."""
        asked = (layer.get(workload, layer.get(_ALL, math.inf)) for layer in self._layers.values())
        return min([self.base_w, *asked])

    def listen(self, workload: str, listener: Callable[[float], None]) -> None:
        """Call a workload with its new cap, from the instant at which it changes."""
        self._listeners[workload] = listener

    def set(self, cap_w: float, workload: str | None = None, source: str = "policy") -> None:
        """Ask for a cap of a workload's accelerators, or of all accelerators of the hall, from now on.

        Args:
            cap_w: the cap.
            workload: whose accelerators; None for all, in place of what this source asked for before.
            source: who asks.
        """
        if not self.lowest_w <= cap_w <= self.highest_w:
            raise InvariantError(f"cap of {cap_w} W outside {self.lowest_w} to {self.highest_w} W")
        before = {name: self.of(name) for name in self._listeners}
        layer = self._layers.setdefault(source, {})
        if workload is None:
            layer.clear()
        layer[workload if workload is not None else _ALL] = cap_w
        for name, listener in sorted(self._listeners.items()):
            if self.of(name) != before[name]:
                listener(self.of(name))
