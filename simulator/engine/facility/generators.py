"""Diesel generators of a site: equal sets on one bus, their tests, and the tank that feeds them."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.physics.diesel import fuel_l_per_s, running_units


@dataclass(frozen=True, slots=True)
class GeneratorParameters:
    """Generators and their tank.

    Args:
        units: equal sets.
        unit_w: rated power of each.
        fuel_curve: as in `diesel.fuel_l_per_s`.
        start_s: from the failure of the grid until they carry load.
        tank_l: fuel of a full tank.
        refuel_below_l: level at which fuel is ordered; it comes while there is a grid, and fills the tank.
        test_load_fraction: load of a test over rated power, of all sets together.
        test_on_site: whether a test carries load of the site, in place of a load bank.
    """

    units: int
    unit_w: float
    fuel_curve: tuple[tuple[float, float], ...]
    start_s: float
    tank_l: float
    refuel_below_l: float
    test_load_fraction: float
    test_on_site: bool

    @property
    def rated_w(self) -> float:
        """Power of all sets."""
        return self.units * self.unit_w


class Generators:
    """The sets and what is in their tank.

    Args:
        parameters: sets and tank; the tank starts full.
    """

    __slots__ = ("fuel_l", "parameters")

    def __init__(self, parameters: GeneratorParameters) -> None:
        self.parameters = parameters
        self.fuel_l = parameters.tank_l

    def rate_l_per_s(self, load_w: float) -> float:
        """Return what as few sets as carry a load burn, sharing it equally."""
        p = self.parameters
        running = running_units(load_w, p.unit_w, p.units)
        return running * fuel_l_per_s(load_w / running, p.unit_w, p.fuel_curve)

    def test_rate_l_per_s(self) -> float:
        """Return what all sets burn at the load of a test."""
        p = self.parameters
        return p.units * fuel_l_per_s(p.test_load_fraction * p.unit_w, p.unit_w, p.fuel_curve)

    def burn(self, rate_l_per_s: float, longest_s: float) -> float:
        """Burn fuel for at most `longest_s`; return how long the tank lasted."""
        lasts_s = self.fuel_l / rate_l_per_s
        if lasts_s <= longest_s:
            self.fuel_l = 0.0
            return lasts_s
        self.fuel_l -= rate_l_per_s * longest_s
        return longest_s

    def refuel(self) -> float:
        """Fill the tank if it is low; return what was delivered (L)."""
        p = self.parameters
        if self.fuel_l > p.refuel_below_l:
            return 0.0
        delivered_l, self.fuel_l = p.tank_l - self.fuel_l, p.tank_l
        return delivered_l
