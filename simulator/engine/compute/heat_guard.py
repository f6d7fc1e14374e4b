"""What heat does to the servers of a hall: boards throttle at their limit, servers switch off at theirs, and come back.

Looked at when a plant step closes, with the temperatures of that instant, and in force from then on: what heat does is
late by at most one plant step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from simulator.engine.compute.hall import Hall
from simulator.engine.compute.server_power import HallPower
from simulator.engine.facility.room import RoomState

Note = Callable[[str, str, str], None]
"""Records an event of now: kind, subject, detail."""

_STEP_W = 5.0
"""Thermal limits are multiples of it, rounded down, so that workloads meet few different ones."""
_SOURCE = "heat"


@dataclass(frozen=True, slots=True)
class HeatLimits:
    """Temperatures at which something happens to a hall (degC).

    Args:
        allowable_high_c: upper end of the allowable inlet at the site's altitude.
        trip_inlet_c: inlet at which servers switch off.
        trip_coolant_c: coolant at which they do; infinite for servers in air.
        restart_margin_k: below a tripping temperature by so much, servers are switched on again.
        restart_s: from then to work.
    """

    allowable_high_c: float
    trip_inlet_c: float
    trip_coolant_c: float
    restart_margin_k: float
    restart_s: float


class HeatReading(NamedTuple):
    """Temperatures of a hall over a plant step (degC), and what they did.

    Args:
        inlet_c: air at the servers' inlet, mean.
        inlet_peak_c: its highest value.
        equipment_c: servers, at the end.
        return_c: air from the servers, at the end.
        coolant_c: coolant supply, mean; the inlet air in a hall without coolant.
        die_c: hottest die, in balance with its board's mean power; what cools it where there is no die.
        throttled_s: time in which heat held boards below their cap.
        off_s: time in which servers were off.
    """

    inlet_c: float
    inlet_peak_c: float
    equipment_c: float
    return_c: float
    coolant_c: float
    die_c: float
    throttled_s: float
    off_s: float


class HeatGuard:
    """Watches one hall.

    Args:
        hall: what it watches.
        limits: temperatures at which something happens.
        in_coolant: whether coolant, not air, reaches the accelerators.
    """

    def __init__(self, hall: Hall, limits: HeatLimits, in_coolant: bool) -> None:
        self._hall = hall
        self._limits = limits
        self._in_coolant = in_coolant
        self._throttles = False
        self._is_hot = False
        self._on_again_s = math.inf
        self._last: tuple[float, RoomState, HallPower] | None = None
        self._reading: HeatReading | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether another step with the same temperatures and the same power would bring nothing new."""
        return self._reading is not None and self._hall.switch.on

    def watch(
        self,
        now_s: float,
        duration_s: float,
        state: RoomState,
        now_c: tuple[float, float],
        power: HallPower,
        note: Note,
    ) -> HeatReading:
        """Look at the step that ends now and act on it.

        Args:
            now_s: its end.
            duration_s: its length.
            state: temperatures over it.
            now_c: inlet air and what cools the boards, at its end.
            power: power over it.
            note: records events.
        """
        hall, boards, last = self._hall, self._hall.boards, self._last
        # A constant load in a hall that is in balance brings nothing new, and shows by identity.
        same = last is not None and last[0] == duration_s and last[1] is state and last[2] is power
        if same and self._reading is not None and hall.switch.on:
            return self._reading
        cool_c = state.coolant_c if self._in_coolant else state.inlet_c
        die_c = cool_c
        if boards is not None:
            die_c = boards.die_c(cool_c, power.hottest_board_w, power.hottest_flow_ratio)
        reading = HeatReading(
            state.inlet_c,
            state.inlet_peak_c,
            state.equipment_c,
            state.return_c,
            state.coolant_c,
            die_c,
            duration_s if self._throttles and hall.switch.on else 0.0,
            0.0 if hall.switch.on else duration_s,
        )
        hall.breathe(*now_c)
        self._watch_inlet(now_c[0], note)
        acted = (self._throttles, hall.switch.on)
        self._throttle(now_c[1], note)
        self._switch(now_s, now_c, note)
        self._last, self._reading = (duration_s, state, power), None
        if acted == (self._throttles, hall.switch.on):
            self._reading = reading
        return reading

    def _watch_inlet(self, inlet_c: float, note: Note) -> None:
        highest_c = self._limits.allowable_high_c
        is_hot = inlet_c > highest_c
        if is_hot is not self._is_hot:
            kind = "inlet_above_allowable" if is_hot else "inlet_allowable_again"
            note(kind, self._hall.name, f"{inlet_c:.1f} degC, {highest_c:.1f} allowed")
        self._is_hot = is_hot

    def _throttle(self, cool_c: float, note: Note) -> None:
        """Hold the boards to the power at which their dies stay at their limit."""
        hall, boards = self._hall, self._hall.boards
        if boards is None:
            return
        limit_w = boards.power_limit_w(cool_c) - max(boards.leakage_w(cool_c), 0.0)
        throttles = limit_w < hall.cap_w
        if throttles:
            limit_w = math.floor(limit_w / _STEP_W) * _STEP_W
        if throttles is not self._throttles:
            kind = "thermal_throttle" if throttles else "thermal_throttle_over"
            held = f", boards held to {max(limit_w, hall.caps.lowest_w):.0f} W" if throttles else ""
            note(kind, hall.name, f"{cool_c:.1f} degC at the boards{held}")
        if throttles or self._throttles:
            held_w = max(limit_w, hall.caps.lowest_w) if throttles else hall.caps.highest_w
            hall.caps.set(held_w, source=_SOURCE)
        self._throttles = throttles

    def _switch(self, now_s: float, now_c: tuple[float, float], note: Note) -> None:
        """Switch servers off at their tripping temperature, and on again some time after they are cool enough."""
        hall, limits = self._hall, self._limits
        above_k = now_c[0] - limits.trip_inlet_c
        if self._in_coolant:
            above_k = max(above_k, now_c[1] - limits.trip_coolant_c)
        if hall.switch.on:
            if above_k >= 0.0:
                hall.turn(False, now_s)
                self._on_again_s = math.inf
                note("servers_off", hall.name, f"{now_c[0]:.1f} degC at the inlet")
        elif above_k > -limits.restart_margin_k:
            self._on_again_s = math.inf
        elif self._on_again_s == math.inf:
            self._on_again_s = now_s + limits.restart_s
        if not hall.switch.on and now_s >= self._on_again_s:
            hall.turn(True, now_s)
            note("servers_on", hall.name, f"{now_c[0]:.1f} degC at the inlet")
