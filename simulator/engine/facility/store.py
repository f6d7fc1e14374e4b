"""A battery with what is in it."""

from __future__ import annotations

from simulator.physics.battery import Battery, advance


class Store:
    """A battery and what is in it.

    Args:
        battery: the battery.
        energy_j: energy at the start.
        reserve_j: energy kept for outages while there is a grid.
    """

    __slots__ = ("battery", "energy_j", "reserve_j")

    def __init__(self, battery: Battery, energy_j: float, reserve_j: float) -> None:
        self.battery = battery
        self.energy_j = energy_j
        self.reserve_j = reserve_j

    def advance(self, request_w: float, dt_s: float, has_grid: bool) -> tuple[float, float]:
        """Advance by a constant request; return mean charging and discharging power."""
        battery = self.battery
        floor_j = self.reserve_j if has_grid else battery.lowest_j
        step = advance(battery, self.energy_j, request_w, dt_s, (floor_j, battery.highest_j), has_grid)
        self.energy_j = step.energy_j
        return step.charged_j / dt_s, step.discharged_j / dt_s

    def recharge(self, most_w: float, dt_s: float) -> tuple[float, float]:
        """Bring the store back to its reserve, with at most so much power; return energy taken and time to spare."""
        battery = self.battery
        step = advance(battery, self.energy_j, most_w, dt_s, (battery.lowest_j, self.reserve_j), True)
        self.energy_j = step.energy_j
        return step.charged_j - battery.float_w * step.held_s, step.held_s
