"""Lumped thermal capacities."""

from __future__ import annotations

from simulator.physics.domains import NumberT, require_positive, require_range


def adiabatic_temperature_rise_k(power_w: NumberT, time_s: NumberT | float, capacity_j_per_k: float) -> NumberT:
    """Return the temperature rise of a lumped capacity that keeps all of the heat it is given.

    Args:
        power_w: net heat into the capacity (W), scalar or array; negative cools.
        time_s: duration (s), at least 0.
        capacity_j_per_k: heat capacity (J/K).

    dT = P t / C: what remains when cooling stops, and so the shortest ride-through.

    >>> adiabatic_temperature_rise_k(1e6, 60.0, 5e7)
    1.2
    """
    require_range("time_s", time_s, 0.0)
    require_positive("capacity_j_per_k", capacity_j_per_k)
    result: NumberT = power_w * time_s / capacity_j_per_k
    return result


def ride_through_s(power_w: NumberT, margin_k: NumberT | float, capacity_j_per_k: float) -> NumberT:
    """Return how long a capacity without cooling stays below its limit.

    Args:
        power_w: net heat into the capacity (W), above 0, scalar or array.
        margin_k: limit - present temperature (K), at least 0.
        capacity_j_per_k: heat capacity (J/K).

    t = C dT / P, the inverse of `adiabatic_temperature_rise_k`.

    >>> ride_through_s(1e6, 6.0, 5e7)
    300.0
    """
    require_positive("power_w", power_w)
    require_range("margin_k", margin_k, 0.0)
    result: NumberT = capacity_j_per_k * margin_k / power_w
    return result
