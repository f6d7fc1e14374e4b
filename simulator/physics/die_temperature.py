"""Temperature of an accelerator's die, the power that its limit allows, and what leakage adds.

The die follows its board's power within seconds, so over a plant step it is in balance with the air or coolant that
reaches it: T_die = T_cool + R P. In air the resistance falls with the flow that the server's fans drive.
"""

from __future__ import annotations

from simulator.physics.domains import NumberT, require_positive, require_range


def die_temperature_c(cool_c: NumberT, power_w: NumberT, resistance_k_per_w: NumberT | float) -> NumberT:
    """Return the temperature of a die: T_cool + R P.

    Args:
        cool_c: air at the server's inlet or coolant at its supply (degC).
        power_w: power of the board (W).
        resistance_k_per_w: from die to air or coolant (K/W).

    >>> die_temperature_c(25.0, 700.0, 0.0675)
    72.25
    """
    result: NumberT = cool_c + resistance_k_per_w * power_w
    return result


def heat_sink_resistance(reference_k_per_w: float, flow_ratio: NumberT, exponent: float) -> NumberT:
    """Return the resistance at another flow: R_ref flow^-exponent.

    Args:
        reference_k_per_w: resistance at the reference flow (K/W).
        flow_ratio: flow over reference flow, above 0.
        exponent: of the heat sink, 0.8 for turbulent flow over fins.

    >>> round(heat_sink_resistance(0.0675, 1.4, 0.8), 5)
    0.05157
    """
    require_positive("flow_ratio", flow_ratio)
    result: NumberT = reference_k_per_w * flow_ratio**-exponent
    return result


def thermal_power_limit_w(cool_c: float, limit_c: float, resistance_k_per_w: float) -> float:
    """Return the power at which a die reaches its limit: P = (limit - T_cool) / R, at least 0.

    A board that would draw more lowers its clock until it draws this (`accelerator_power.run_step` finds the clock), so
    work takes longer and none is dropped.

    >>> round(thermal_power_limit_w(50.0, 87.0, 0.0675))
    548
    """
    require_positive("resistance_k_per_w", resistance_k_per_w)
    return max((limit_c - cool_c) / resistance_k_per_w, 0.0)


def leakage_shift_w(
    coefficient_w_per_k: float, cool_c: NumberT, reference_c: float, resistance_k_per_w: float
) -> NumberT:
    """Return what a board draws beyond what it drew at the reference temperature of its air or coolant.

    Leakage grows with the die's temperature, and the die warms by what leakage adds: dP = k (dT_cool + R dP), so
    dP = k dT_cool / (1 - k R). Board power was measured with the die as warm as its own load made it, so self-heating
    is in the measured figures, and only the shift of the coolant counts: none at the reference.

    Args:
        coefficient_w_per_k: power per kelvin of the die k (W/K).
        cool_c: air or coolant (degC).
        reference_c: the same where board power was measured (degC).
        resistance_k_per_w: from die to air or coolant (K/W).

    Raises:
        ValueError: k R is not below 1: the board would heat itself without end.

    >>> leakage_shift_w(0.7, 25.0, 25.0, 0.0675), round(leakage_shift_w(0.7, 35.0, 25.0, 0.0675), 3)
    (0.0, 7.347)
    """
    gain = coefficient_w_per_k * resistance_k_per_w
    require_range("coefficient_w_per_k x resistance_k_per_w", gain, 0.0, 0.99)
    result: NumberT = coefficient_w_per_k * (cool_c - reference_c) / (1.0 - gain)
    return result
