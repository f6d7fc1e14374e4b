"""Heat exchangers by effectiveness and number of transfer units, whose conductance falls with flow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from simulator.physics.domains import require_positive, require_range
from simulator.physics.roots import bounded_root


class Arrangement(StrEnum):
    """How the two streams meet."""

    COUNTERFLOW = "counterflow"
    """Plate heat exchangers: coolant distribution units, economizers."""
    CROSSFLOW = "crossflow"
    """Finned coils, neither stream mixed: dry coolers, rear doors, air-to-air plates."""


def effectiveness(arrangement: Arrangement, transfer_units: float, rate_ratio: float) -> float:
    """Return heat over the most that the two inlet temperatures allow.

    Args:
        arrangement: how the streams meet.
        transfer_units: NTU = UA / C_min, at least 0.
        rate_ratio: C_min / C_max, 0 to 1.

    Counterflow: eps = (1 - e) / (1 - C e) with e = exp(-NTU (1 - C)), NTU / (1 + NTU) at C = 1. Crossflow, both
    unmixed: eps = 1 - exp((exp(-C NTU^0.78) - 1) NTU^0.22 / C). Incropera and DeWitt, Fundamentals of Heat and Mass
    Transfer, table of effectiveness relations; the crossflow form is an approximation good to about 1 %.

    >>> round(effectiveness(Arrangement.COUNTERFLOW, 2.0, 1.0), 4)
    0.6667
    >>> round(effectiveness(Arrangement.CROSSFLOW, 1.0, 0.5), 3)
    0.545
    """
    if transfer_units <= 0.0:
        return 0.0
    if rate_ratio < 1e-9:
        return 1.0 - math.exp(-transfer_units)
    if arrangement is Arrangement.CROSSFLOW:
        inner = math.exp(-rate_ratio * transfer_units**0.78) - 1.0
        return 1.0 - math.exp(inner * transfer_units**0.22 / rate_ratio)
    if rate_ratio > 1.0 - 1e-9:
        return transfer_units / (1.0 + transfer_units)
    left = math.exp(-transfer_units * (1.0 - rate_ratio))
    return (1.0 - left) / (1.0 - rate_ratio * left)


@dataclass(frozen=True, slots=True)
class Exchanger:
    """A heat exchanger at its design point and how it leaves it.

    Args:
        arrangement: how the streams meet.
        conductance_w_per_k: UA at the design flows (W/K).
        hot_rate_w_per_k: design heat capacity rate of the hot stream (W/K).
        cold_rate_w_per_k: design heat capacity rate of the cold stream (W/K).
        hot_resistance_fraction: share of the design resistance that lies on the hot side, 0 to 1.
        flow_exponent: film coefficients follow flow to this power: 0.6 for coils, 0.8 for turbulent pipes.
    """

    arrangement: Arrangement
    conductance_w_per_k: float
    hot_rate_w_per_k: float
    cold_rate_w_per_k: float
    hot_resistance_fraction: float
    flow_exponent: float

    def conductance_at(self, hot_rate_w_per_k: float, cold_rate_w_per_k: float) -> float:
        """Return UA (W/K) at flows: 1 / UA = (s phi_hot^-n + (1 - s) phi_cold^-n) / UA_design.

        >>> coil = Exchanger(Arrangement.CROSSFLOW, 100.0, 50.0, 80.0, 0.0, 0.6)
        >>> round(coil.conductance_at(50.0, 40.0), 2)
        65.98
        """
        share, power = self.hot_resistance_fraction, -self.flow_exponent
        resistance = 0.0
        if share > 0.0:
            resistance += share * (hot_rate_w_per_k / self.hot_rate_w_per_k) ** power
        if share < 1.0:
            resistance += (1.0 - share) * (cold_rate_w_per_k / self.cold_rate_w_per_k) ** power
        return self.conductance_w_per_k / resistance

    def heat_w_per_k(self, hot_rate_w_per_k: float, cold_rate_w_per_k: float) -> float:
        """Return heat per kelvin between the two inlets (W/K): eps C_min."""
        if hot_rate_w_per_k <= 0.0 or cold_rate_w_per_k <= 0.0:
            return 0.0
        least = min(hot_rate_w_per_k, cold_rate_w_per_k)
        most = max(hot_rate_w_per_k, cold_rate_w_per_k)
        units = self.conductance_at(hot_rate_w_per_k, cold_rate_w_per_k) / least
        return least * effectiveness(self.arrangement, units, least / most)

    def cold_rate_for(self, wanted_w_per_k: float, hot_rate_w_per_k: float, lowest: float, highest: float) -> float:
        """Return the rate of the cold stream (W/K) that gives a heat per kelvin, between two rates.

        Args:
            wanted_w_per_k: heat per kelvin between the inlets (W/K).
            hot_rate_w_per_k: rate of the hot stream (W/K).
            lowest: lowest rate (W/K), which is returned where even it gives more.
            highest: highest rate (W/K), which is returned where even it gives less.

        Heat per kelvin rises with the rate; found to a billionth of what is wanted.
        """

        def missing(rate: float) -> float:
            return self.heat_w_per_k(hot_rate_w_per_k, rate) - wanted_w_per_k

        return bounded_root(missing, lowest, highest, 1e-9 * wanted_w_per_k)


def exchanger_for(
    arrangement: Arrangement,
    heat_w_per_k: float,
    rates_w_per_k: tuple[float, float],
    *,
    hot_resistance_fraction: float,
    flow_exponent: float,
) -> Exchanger:
    """Return the exchanger that gives a heat per kelvin at its design flows.

    Args:
        arrangement: how the streams meet.
        heat_w_per_k: design heat / (hot inlet - cold inlet) (W/K), below the smaller rate.
        rates_w_per_k: design rates of the hot and the cold stream (W/K).
        hot_resistance_fraction: share of the design resistance on the hot side.
        flow_exponent: film coefficients follow flow to this power.

    Effectiveness is inverted in NTU up to 100.

    >>> plate = exchanger_for(Arrangement.COUNTERFLOW, 60.0, (90.0, 90.0), hot_resistance_fraction=0.5,
    ...                       flow_exponent=0.8)
    >>> round(plate.conductance_w_per_k, 6), round(plate.heat_w_per_k(90.0, 90.0), 6)
    (180.0, 60.0)
    """
    least, most = min(rates_w_per_k), max(rates_w_per_k)
    require_positive("design rate of a heat exchanger", least)
    wanted, ratio = heat_w_per_k / least, least / most
    require_range("design effectiveness", wanted, 1e-6, effectiveness(arrangement, 100.0, ratio))
    units = bounded_root(lambda ntu: effectiveness(arrangement, ntu, ratio) - wanted, 0.0, 100.0, 1e-13)
    conductance = units * least
    return Exchanger(arrangement, conductance, *rates_w_per_k, hot_resistance_fraction, flow_exponent)
