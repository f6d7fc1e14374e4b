"""A thermal network behind a plant that can remove only so much heat: held supply while it can, free while it cannot.

The plant holds the supply temperature at its setpoint as long as the heat that the flow brings is within its capacity.
Beyond, it removes its capacity and the supply drifts. Above the setpoint it removes its capacity until the supply is
back, below the setpoint nothing until it is. The instants of change are solved for inside a step, so that a step equals
any division of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from simulator.physics.domains import require_positive, require_range
from simulator.physics.thermal_network import (
    HeldStep,
    Temperatures,
    ThermalNetwork,
    free_step,
    held_step,
    hold,
    release,
)

HELD_K = 1e-9
"""Distance from the setpoint that counts as none."""
_SCANS = 16
"""Parts of a free interval in which a return to the setpoint is looked for: swings of a loop are far longer."""
_BISECTIONS = 60
_INSTANT_S = 1e-9
"""Holding for less is rounding of the instant at which holding ended."""
_MAXIMUM_CHANGES = 64


class Heat(NamedTuple):
    """Constant inputs of a step.

    Args:
        heat_w: heat of the equipment.
        other_w: other heat of the room.
        setpoint_c: supply temperature that the plant holds while it can.
        capacity_w: heat that it can remove, infinite for a plant without a limit.
    """

    heat_w: float
    other_w: float
    setpoint_c: float
    capacity_w: float


class Advance(NamedTuple):
    """What a step did.

    Args:
        end: state at its end.
        removed_j: heat that the plant removed.
        supply_mean_c: supply temperature, mean over the step.
        supply_peak_c: its highest value at an end of the intervals that the step fell into.
    """

    end: Temperatures
    removed_j: float
    supply_mean_c: float
    supply_peak_c: float


def advance(
    network: ThermalNetwork, start: Temperatures, duration_s: float, heat: Heat, whole: HeldStep | None = None
) -> Advance:
    """Return what a step does under a limit of removal.

    Args:
        network: capacities and conductances.
        start: state at its start.
        duration_s: its length.
        heat: its inputs.
        whole: factors of a held step of this length, where they are at hand.

    >>> network = ThermalNetwork(9e3, 1.2e3, 12e3, 30.0, 80.0, 0.0)
    >>> start = network.steady(900.0, 60.0, 24.0)
    >>> failed = advance(network, start, 600.0, Heat(900.0, 60.0, 24.0, 0.0))
    >>> back = advance(network, failed.end, 3600.0, Heat(900.0, 60.0, 24.0, 1200.0))
    >>> round(failed.end.supply_c, 3), failed.removed_j, round(back.end.supply_c, 6)
    (55.334, 0.0, 24.0)
    """
    require_positive("duration_s", duration_s)
    if start.supply_c == heat.setpoint_c and _holds_throughout(network, start, heat):
        end, removed_j = hold(network, whole or held_step(network, duration_s), start, heat.heat_w, heat.other_w)
        return Advance(end, removed_j, end.supply_c, end.supply_c)
    require_range("capacity_w", heat.capacity_w, 0.0)
    state, left_s, removed_j, supply_s, peak_c = start, duration_s, 0.0, 0.0, start.supply_c
    for _ in range(_MAXIMUM_CHANGES):
        off_k = state.supply_c - heat.setpoint_c
        if abs(off_k) <= HELD_K or (off_k > 0.0 and math.isinf(heat.capacity_w)):
            # A trifle off is rounding; and nothing delays a plant without a limit, which takes a loop's heat at once.
            removed_j += network.loop_j_per_k * off_k
            state, off_k = state._replace(supply_c=heat.setpoint_c), 0.0
        spent_s = _held_for_s(network, state, left_s, heat) if off_k == 0.0 else 0.0
        if spent_s > _INSTANT_S:
            step = held_step(network, spent_s)
            state, taken_j = hold(network, step, state, heat.heat_w, heat.other_w)
            mean_c = state.supply_c
        else:
            # At the setpoint the supply leaves it upwards, unless the flow brings cold.
            below = off_k < 0.0 or (off_k == 0.0 and state.carrier_c < state.supply_c)
            rate_w = 0.0 if below else heat.capacity_w
            spent_s = _free_for_s(network, state, left_s, heat, below)
            state, mean = release(network, free_step(network, spent_s), state, heat.heat_w, heat.other_w, rate_w)
            taken_j, mean_c = rate_w * spent_s, mean.supply_c
        removed_j += taken_j
        supply_s += mean_c * spent_s
        peak_c = max(peak_c, state.supply_c)
        left_s -= spent_s
        if left_s <= 0.0:
            return Advance(state, removed_j, supply_s / duration_s, peak_c)
    raise ValueError(f"the supply passes its setpoint more than {_MAXIMUM_CHANGES} times in {duration_s} s")


def forced(network: ThermalNetwork, start: Temperatures, duration_s: float, heat: Heat, removed_w: float) -> Advance:
    """Return what a step does with a given removal, whatever becomes of the supply."""
    step = free_step(network, duration_s)
    end, mean = release(network, step, start, heat.heat_w, heat.other_w, removed_w)
    return Advance(end, removed_w * duration_s, mean.supply_c, max(start.supply_c, end.supply_c))


def _holds_throughout(network: ThermalNetwork, state: Temperatures, heat: Heat) -> bool:
    """Return whether the plant can hold the supply for any time; False where it takes a closer look to tell."""
    now_w = network.flow_w_per_k * (state.carrier_c - state.supply_c)
    given_w = network.exchange_w_per_k * (state.equipment_c - state.supply_c - network.recirculation_k)
    # The flow brings at most what it brings now or what it is given at the most, once and for all.
    most_w = max(now_w, max(given_w, heat.heat_w) + heat.other_w)
    return now_w >= 0.0 and given_w >= 0.0 and most_w <= heat.capacity_w


def _held_for_s(network: ThermalNetwork, state: Temperatures, left_s: float, heat: Heat) -> float:
    """Return for how long the plant can hold the supply, at most the rest of the step.

    It can while the heat that the flow brings is within its capacity, and while it need not give heat. The rise of the
    flow v = T_a - T_s is a sum of two exponentials, v_end + p exp(-a t) + q exp(-b t), with at most one turn.
    """
    limit_k = heat.capacity_w / network.flow_w_per_k
    a = network.exchange_w_per_k / network.equipment_j_per_k
    b = network.flow_w_per_k / network.carrier_j_per_k
    final = network.steady(heat.heat_w, heat.other_w, state.supply_c)
    final_k = final.carrier_c - final.supply_c
    excess_k, rise_k = state.equipment_c - final.equipment_c, state.carrier_c - final.carrier_c
    # Rounding of a steady state at its capacity is no excess.
    slack_k = 1e-12 * max(limit_k, 1.0) if math.isfinite(limit_k) else 0.0
    first_k = excess_k * network.exchange_w_per_k / network.carrier_j_per_k

    def rise_at_k(t_s: float) -> float:
        step = held_step(network, t_s)
        return final_k + rise_k * step.carrier_decay + excess_k * step.coupling

    def is_over(t_s: float) -> bool:
        return rise_at_k(t_s) > limit_k + slack_k

    def is_under(t_s: float) -> bool:
        return rise_at_k(t_s) < -1e-12

    if is_over(0.0) or is_under(0.0):
        return 0.0
    since_s, turn_s = 0.0, _turn_s(a, b, first_k, rise_k)
    for until_s in sorted({min(turn_s, left_s), left_s}):
        for leaves in (is_over, is_under):
            if leaves(until_s):
                return _first(leaves, since_s, until_s)
        since_s = until_s
    return left_s


def _turn_s(a: float, b: float, first_k: float, rise_k: float) -> float:
    """Return when the rise of the flow turns, infinite if it never does: its slope is zero there."""
    if a == b:
        return (first_k - a * rise_k) / (a * first_k) if first_k and first_k > a * rise_k else math.inf
    coupling_k = first_k / (b - a)
    slow, fast = a * coupling_k, b * (coupling_k - rise_k)
    if slow == 0.0 or fast / slow <= 0.0:
        return math.inf
    turn_s = math.log(fast / slow) / (b - a)
    return turn_s if turn_s > 0.0 else math.inf


def _free_for_s(network: ThermalNetwork, state: Temperatures, left_s: float, heat: Heat, below: bool) -> float:
    """Return for how long the supply stays on its side of the setpoint, at most the rest of the step."""
    rate_w = 0.0 if below else heat.capacity_w
    # A trifle past the setpoint, so that a supply that leaves it has not come back already.
    past_c = heat.setpoint_c + (0.5 * HELD_K if below else -0.5 * HELD_K)

    def is_back(supply_c: float) -> bool:
        return supply_c >= past_c if below else supply_c <= past_c

    def back(t_s: float) -> bool:
        step = free_step(network, t_s)
        return is_back(release(network, step, state, heat.heat_w, heat.other_w, rate_w)[0].supply_c)

    scan = free_step(network, left_s / _SCANS)
    at, before_s = state, 0.0
    for part in range(1, _SCANS + 1):
        at = release(network, scan, at, heat.heat_w, heat.other_w, rate_w)[0]
        if is_back(at.supply_c):
            return _first(back, before_s, left_s * part / _SCANS)
        before_s = left_s * part / _SCANS
    return left_s


def _first(holds: Callable[[float], bool], low_s: float, high_s: float) -> float:
    """Return the instant at which a condition that fails at `low_s` and holds at `high_s` begins to hold."""
    for _ in range(_BISECTIONS):
        middle_s = 0.5 * (low_s + high_s)
        if holds(middle_s):
            high_s = middle_s
        else:
            low_s = middle_s
    return high_s
