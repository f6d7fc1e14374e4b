"""Evaporative cooling of air: wet media in the air stream, and wet surfaces on the other side of a plate."""

from __future__ import annotations

from simulator.physics.domains import NumberT, require_range


def direct_evaporative_leaving_c(dry_bulb_c: NumberT, wet_bulb_c: NumberT, effectiveness: float) -> NumberT:
    """Return the air leaving wet media; its wet bulb stays, its moisture rises.

    Args:
        dry_bulb_c: entering air (degC), scalar or array.
        wet_bulb_c: wet bulb of the entering air (degC), at most the dry bulb.
        effectiveness: saturation effectiveness, 0 to 1; rigid media reach 0.75 to 0.95.

    T = T_db - eps (T_db - T_wb). ASHRAE Handbook HVAC Systems and Equipment, Evaporative Air-Cooling Equipment.

    >>> round(direct_evaporative_leaving_c(35.0, 20.0, 0.85), 2)
    22.25
    """
    require_range("effectiveness", effectiveness, 0.0, 1.0)
    return dry_bulb_c - effectiveness * (dry_bulb_c - wet_bulb_c)


def indirect_evaporative_leaving_c(primary_c: NumberT, secondary_wet_bulb_c: NumberT, effectiveness: float) -> NumberT:
    """Return the air leaving the dry side of a plate whose other side is wet; its moisture stays.

    Args:
        primary_c: air entering the dry side (degC): outdoor air, or the hall's return air.
        secondary_wet_bulb_c: wet bulb of the air on the wet side (degC), at most the primary temperature.
        effectiveness: wet-bulb effectiveness, 0 to 1, usually 0.6 to 0.8.

    T = T_1 - eps (T_1 - T_wb,2). ASHRAE Handbook HVAC Systems and Equipment, Evaporative Air-Cooling Equipment;
    EnergyPlus Engineering Reference, indirect evaporative cooler.

    >>> round(indirect_evaporative_leaving_c(36.0, 20.0, 0.7), 2)
    24.8
    """
    require_range("effectiveness", effectiveness, 0.0, 1.0)
    return primary_c - effectiveness * (primary_c - secondary_wet_bulb_c)
