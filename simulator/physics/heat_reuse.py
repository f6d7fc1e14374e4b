"""Heat handed to somebody who can use it: warm enough, not more than wanted, not more than there is."""

from __future__ import annotations

from simulator.physics.domains import clip, require_range


def heating_demand_w(full_demand_w: float, dry_bulb_c: float, full_below_c: float, none_above_c: float) -> float:
    """Return what a heat network wants at an outdoor temperature, by its heating line.

    Args:
        full_demand_w: demand at and below the cold end (W), at least 0.
        dry_bulb_c: outdoor dry bulb (degC).
        full_below_c: cold end (degC).
        none_above_c: warm end, above which nothing is wanted (degC), above the cold end.

    Q = Q_full clip((T_none - T) / (T_none - T_full), 0, 1).

    >>> heating_demand_w(1e6, 5.0, -10.0, 15.0)
    400000.0
    """
    require_range("full_demand_w", full_demand_w, 0.0)
    return full_demand_w * clip((none_above_c - dry_bulb_c) / (none_above_c - full_below_c), 0.0, 1.0)


def reused_heat_w(
    heat_w: float,
    water_c: float,
    water_rate_w_per_k: float,
    demand_w: float,
    user_c: tuple[float, float],
    approach_k: float,
) -> float:
    """Return the heat that warm water gives to a user through a counterflow heat exchanger.

    Args:
        heat_w: heat that the water carries (W), at least 0.
        water_c: the water's warmest temperature (degC).
        water_rate_w_per_k: its heat capacity rate (W/K).
        demand_w: heat wanted (W), at least 0.
        user_c: temperature that the user needs and temperature at which its water comes back (degC).
        approach_k: smallest difference between the two waters (K), at least 0.

    Nothing where T < T_needed + dT; else min(demand, Q, C (T - dT - T_back)).

    >>> reused_heat_w(1e6, 45.0, 1e5, 4e5, (40.0, 30.0), 3.0)
    400000.0
    >>> reused_heat_w(1e6, 42.0, 1e5, 4e5, (40.0, 30.0), 3.0)
    0.0
    """
    needed_c, back_c = user_c
    if water_c < needed_c + approach_k:
        return 0.0
    return max(min(demand_w, heat_w, water_rate_w_per_k * (water_c - approach_k - back_c)), 0.0)
