"""A battery: stored energy, losses, and limits that taper near full and empty, exact inside a step of any length.

Between limits the stored energy E follows

    E' = eta_c P_c - P_d / eta_d - P_standby

with charging power P_c and discharging power P_d at the terminals. Near full the accepted power falls linearly with
what is left, as under constant voltage, and so does the delivered power near empty; there E approaches its limit as an
exponential. A step is walked from piece to piece, each linear or exponential, so that two half steps are one step.

Sources: round trip of 85 % in the NREL Annual Technology Baseline, split evenly. The common kinetic and
constant-current models add states that a site's balance does not resolve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery as its terminals show it, inverter included.

    Args:
        capacity_j: nameplate energy.
        lowest_j: lower end of the window of operation.
        highest_j: upper end of the window.
        charge_w: highest charging power.
        discharge_w: highest discharging power.
        charge_efficiency: energy stored / energy taken, above 0 and at most 1.
        discharge_efficiency: energy given / energy drawn from the store, above 0 and at most 1.
        standby_w: constant drain of the store while it holds anything.
        charge_taper_j: energy at which the accepted power begins to fall, from `charge_w` to 0 at `highest_j`.
        discharge_taper_j: energy at which the delivered power begins to fall, from `discharge_w` to 0 at `lowest_j`.
    """

    capacity_j: float
    lowest_j: float
    highest_j: float
    charge_w: float
    discharge_w: float
    charge_efficiency: float
    discharge_efficiency: float
    standby_w: float
    charge_taper_j: float
    discharge_taper_j: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.lowest_j < self.highest_j <= self.capacity_j:
            raise ValueError(
                f"needs 0 <= lowest < highest <= capacity, got {self.lowest_j:g}, {self.highest_j:g}, "
                f"{self.capacity_j:g} J"
            )
        for name in ("charge_taper_j", "discharge_taper_j"):
            if not self.lowest_j <= getattr(self, name) <= self.highest_j:
                raise ValueError(f"{name} must lie in the window, got {getattr(self, name):g} J")
        for name in ("charge_efficiency", "discharge_efficiency"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be > 0 and <= 1, got {getattr(self, name):g}")
        if not (self.charge_w > 0.0 and self.discharge_w > 0.0 and self.standby_w >= 0.0):
            raise ValueError("charge_w and discharge_w must be > 0 and standby_w >= 0")

    def charge_limit_w(self, energy_j: float) -> float:
        """Return the power that the battery accepts at a stored energy."""
        return self.charge_w * _share(self.highest_j - energy_j, self.highest_j - self.charge_taper_j)

    def discharge_limit_w(self, energy_j: float) -> float:
        """Return the power that the battery can give at a stored energy."""
        return self.discharge_w * _share(energy_j - self.lowest_j, self.discharge_taper_j - self.lowest_j)

    @property
    def float_w(self) -> float:
        """Charging power that covers standby, so that the stored energy stays."""
        return self.standby_w / self.charge_efficiency


@dataclass(frozen=True, slots=True)
class BatteryStep:
    """What a battery did in a step.

    Args:
        energy_j: stored energy at the end.
        charged_j: energy taken at the terminals.
        discharged_j: energy given at the terminals.
        held_s: time that a charge floated at its ceiling, at the end of the step.
    """

    energy_j: float
    charged_j: float
    discharged_j: float
    held_s: float = 0.0


def advance(
    battery: Battery, energy_j: float, request_w: float, dt_s: float, within_j: tuple[float, float], floats: bool
) -> BatteryStep:
    """Return what a battery does in a step of constant request.

    Args:
        battery: the battery.
        energy_j: stored energy at the start, 0 to capacity (J).
        request_w: power asked for: above 0 to charge, below 0 to discharge (W); limits may allow less.
        dt_s: length of the step (s).
        within_j: energy below which nothing is given and above which nothing is taken, inside the window (J).
        floats: whether the terminals cover standby at the floor, as they do while there is a grid; else it drains on.
            A charge that has come to its ceiling floats there in any case.

    A full hour of charging at 10 kW from empty, 90 % stored, then half of it taken out:

    >>> battery = Battery(3.6e8, 0.0, 3.6e8, 1e4, 1e4, 0.9, 0.9, 0.0, 3.6e8, 0.0)
    >>> full = advance(battery, 0.0, 1e4, 3600.0, (0.0, 3.6e8), floats=True)
    >>> round(full.energy_j / 3.6e6, 3), round(full.charged_j / 3.6e6, 3)
    (9.0, 10.0)
    >>> half = advance(battery, full.energy_j, -4050.0, 3600.0, (0.0, 3.6e8), floats=True)
    >>> round(half.energy_j / 3.6e6, 3), round(half.discharged_j / 3.6e6, 3)
    (4.5, 4.05)
    """
    floor_j, ceiling_j = within_j
    charged_j = discharged_j = held_s = 0.0
    left_s = dt_s
    while left_s > 0.0:
        weak = floats and energy_j <= floor_j and request_w < battery.float_w
        if request_w <= 0.0 or weak:
            # At the floor a grid adds to what is asked for until standby is covered.
            piece = _discharge(battery, energy_j, max(-request_w, 0.0), left_s, floor_j, floats)
        elif energy_j > ceiling_j or (energy_j == ceiling_j and _holds(battery, energy_j, request_w)):
            held_s = left_s if energy_j == ceiling_j else 0.0
            piece = _discharge(battery, energy_j, 0.0, left_s, ceiling_j, floats=True)
        else:
            piece = _charge(battery, energy_j, request_w, left_s, (floor_j if floats else 0.0, ceiling_j))
        spent_s, energy_j, taken_j, given_j = piece
        charged_j += taken_j
        discharged_j += given_j
        left_s -= spent_s
    return BatteryStep(energy_j, charged_j, discharged_j, held_s)


def _holds(battery: Battery, energy_j: float, request_w: float) -> bool:
    """Return whether what is asked for and accepted covers standby, so that a charge can float at its ceiling."""
    return battery.float_w <= min(request_w, battery.charge_limit_w(energy_j))


_Piece = tuple[float, float, float, float]
"""Length of a piece, stored energy at its end, energy taken and given at the terminals."""


def _charge(
    battery: Battery, energy_j: float, request_w: float, left_s: float, within_j: tuple[float, float]
) -> _Piece:
    """Return the first piece of a charge: at the power asked for, or along the taper."""
    power_w, efficiency, standby_w = min(request_w, battery.charge_w), battery.charge_efficiency, battery.standby_w
    floor_j, ceiling_j = within_j
    span_j = battery.highest_j - battery.charge_taper_j
    # Where the battery accepts just the power asked for.
    knee_j = battery.highest_j - span_j * power_w / battery.charge_w
    rate_w = efficiency * power_w - standby_w
    if energy_j < knee_j or span_j <= 0.0 or (energy_j == knee_j and rate_w < 0.0):
        falls_to_j = floor_j if energy_j > floor_j else 0.0
        end_j, spent_s = _line(energy_j, rate_w, left_s, min(knee_j, ceiling_j) if rate_w > 0.0 else falls_to_j)
        return spent_s, end_j, power_w * spent_s, 0.0
    slope_per_s = efficiency * battery.charge_w / span_j
    rest_j = battery.highest_j - standby_w / slope_per_s
    bound_j = ceiling_j if rest_j > ceiling_j else max(knee_j, floor_j)
    end_j, spent_s = _exponential(energy_j, rest_j, slope_per_s, left_s, bound_j)
    return spent_s, end_j, max((end_j - energy_j + standby_w * spent_s) / efficiency, 0.0), 0.0


def _discharge(
    battery: Battery, energy_j: float, request_w: float, left_s: float, floor_j: float, floats: bool
) -> _Piece:
    """Return the first piece of a discharge, of rest when nothing is asked for, or of what happens at the floor."""
    standby_w = battery.standby_w
    if energy_j <= floor_j:
        if floats:
            return left_s, energy_j, battery.float_w * left_s, 0.0
        end_j, spent_s = _line(energy_j, -standby_w, left_s, 0.0)
        return spent_s, end_j, 0.0, 0.0
    power_w = min(request_w, battery.discharge_w)
    span_j = battery.discharge_taper_j - battery.lowest_j
    knee_j = battery.lowest_j + span_j * power_w / battery.discharge_w
    if energy_j > knee_j or power_w <= 0.0:
        rate_w = -power_w / battery.discharge_efficiency - standby_w
        end_j, spent_s = _line(energy_j, rate_w, left_s, floor_j if power_w <= 0.0 else max(knee_j, floor_j))
        return spent_s, end_j, 0.0, power_w * spent_s
    slope_per_s = battery.discharge_w / (span_j * battery.discharge_efficiency)
    rest_j = battery.lowest_j - standby_w / slope_per_s
    end_j, spent_s = _exponential(energy_j, rest_j, slope_per_s, left_s, floor_j)
    return spent_s, end_j, 0.0, max((energy_j - end_j - standby_w * spent_s) * battery.discharge_efficiency, 0.0)


def _line(energy_j: float, rate_w: float, left_s: float, bound_j: float) -> tuple[float, float]:
    """Return (energy at the end, time spent) of a straight piece that ends at a bound ahead of it."""
    reach_s = (bound_j - energy_j) / rate_w if rate_w else math.inf
    if 0.0 <= reach_s < left_s:
        # At an empty store standby finds nothing to drain, and the rest of the step passes there.
        return (bound_j, reach_s) if reach_s > 0.0 else (bound_j, left_s)
    return energy_j + rate_w * left_s, left_s


def _exponential(
    energy_j: float, rest_j: float, slope_per_s: float, left_s: float, bound_j: float
) -> tuple[float, float]:
    """Return (energy at the end, time spent) of a piece that decays towards `rest_j`, ended by a bound on its way."""
    reach_s = math.inf
    if (energy_j - bound_j) * (bound_j - rest_j) > 0.0:
        reach_s = math.log((energy_j - rest_j) / (bound_j - rest_j)) / slope_per_s
    if reach_s < left_s:
        # A bound a rounding ahead is reached at once, and not passed.
        return bound_j, max(reach_s, 0.0)
    return rest_j + (energy_j - rest_j) * math.exp(-slope_per_s * left_s), left_s


def _share(part: float, whole: float) -> float:
    if part <= 0.0:
        return 0.0
    return min(part / whole, 1.0) if whole > 0.0 else 1.0
