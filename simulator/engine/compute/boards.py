"""Thermal side of the accelerators of a hall: how warm their dies get, and what leakage and limits follow."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.physics.die_temperature import (
    die_temperature_c,
    heat_sink_resistance,
    leakage_shift_w,
    thermal_power_limit_w,
)


@dataclass(frozen=True, slots=True)
class Boards:
    """Boards of one kind in one medium.

    Args:
        delivered_limit_w: power limit of a board as delivered.
        resistance_k_per_w: from die to air or coolant at the fans' reference flow.
        flow_exponent: the resistance falls with the flow to this power; 0 where no server fan matters.
        highest_flow_ratio: highest flow over reference flow.
        throttle_c: die temperature from which boards lower their clock.
        leakage_w_per_k: power that leakage adds to a busy board per kelvin of its die.
        reference_c: air or coolant at which board power was measured.
    """

    delivered_limit_w: float
    resistance_k_per_w: float
    flow_exponent: float
    highest_flow_ratio: float
    throttle_c: float
    leakage_w_per_k: float
    reference_c: float

    def leakage_w(self, cool_c: float) -> float:
        """Return what a busy board draws beyond its power at the reference; negative in colder air or coolant."""
        return leakage_shift_w(self.leakage_w_per_k, cool_c, self.reference_c, self.resistance_k_per_w)

    def die_c(self, cool_c: float, power_w: float, flow_ratio: float) -> float:
        """Return the temperature of a die."""
        resistance = self.resistance_k_per_w
        if self.flow_exponent:
            resistance = heat_sink_resistance(resistance, flow_ratio, self.flow_exponent)
        return die_temperature_c(cool_c, power_w, resistance)

    def power_limit_w(self, cool_c: float) -> float:
        """Return the power at which a die reaches its limit, with the fans at full speed: they rise before it does."""
        resistance = self.resistance_k_per_w
        if self.flow_exponent:
            resistance = heat_sink_resistance(resistance, self.highest_flow_ratio, self.flow_exponent)
        return thermal_power_limit_w(cool_c, self.throttle_c, resistance)
