"""An event that fires once, after everything else that happens at its instant."""

from __future__ import annotations

from collections.abc import Callable

from simpy import Environment, Event

_AFTER_ARRIVALS = 2
"""SimPy runs lower numbers first at equal times; timeouts and plain events have 0 and 1."""


class Alarm(Event):
    """Calls back after a delay, behind all ordinary events of that instant.

    A replica that plans an iteration at the instant of an arrival must see the arrival, whichever was scheduled first:
    otherwise the outcome would depend on the history of the event queue.

    Args:
        env: the simulation environment.
        delay_s: seconds from now, at least 0.
        callback: called with the alarm.
    """

    def __init__(self, env: Environment, delay_s: float, callback: Callable[[Event], None]) -> None:
        # As simpy.Timeout does: an event that is triggered at birth needs none of Event.__init__.
        self.env = env
        self.callbacks = [callback]
        self._value = None
        self._ok = True
        self._defused = False
        env.schedule(self, _AFTER_ARRIVALS, delay_s)  # type: ignore[arg-type]
