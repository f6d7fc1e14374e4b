"""Whether the servers of a hall are on, and who must hear when that changes."""

from __future__ import annotations

from collections.abc import Callable


class PowerSwitch:
    """The switch of a hall's servers.

    Off, servers draw nothing. Work stands still: what a board was doing ends with its iteration or step as it began,
    nothing new begins, and all goes on where it was when the servers are on again.
    """

    def __init__(self) -> None:
        self.on = True
        self._listeners: dict[str, Callable[[bool], None]] = {}

    def listen(self, workload: str, listener: Callable[[bool], None]) -> None:
        """Tell a workload, from the instant at which servers are switched on or off."""
        self._listeners[workload] = listener

    def set(self, on: bool) -> None:
        """Switch the servers on or off."""
        if on is self.on:
            return
        self.on = on
        for _, listener in sorted(self._listeners.items()):
            listener(on)
