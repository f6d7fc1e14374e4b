"""Heat from equipment to a cooling loop: three lumped capacities in a row, solved exactly.

    C_m dT_m/dt = P - G (T_m - T_s - d)                    equipment: gives its heat to what flows through it
    C_a dT_a/dt = G (T_m - T_s - d) + Q - M (T_a - T_s)    carrier: room air, or coolant behind the equipment
    C_s dT_s/dt = M (T_a - T_s) - R                        loop: coil and water behind it, at the supply temperature

P is the heat of the equipment, Q other heat of the room, R what the plant removes, G the exchange conductance, M the
heat rate of the flow (W/K), d the recirculation that warms the inlet above the supply. All are constant over a step.

While the plant can, it holds T_s at its setpoint, and two exponentials remain, in closed form. Otherwise R is given and
the three equations are solved by their matrix exponential. Both are exact, so a step equals any division of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.physics.domains import require_positive, require_range


class Temperatures(NamedTuple):
    """State of a network (degC)."""

    equipment_c: float
    carrier_c: float
    supply_c: float


@dataclass(frozen=True, slots=True)
class ThermalNetwork:
    """Capacities and conductances from equipment to loop.

    Args:
        equipment_j_per_k: heat capacity of the equipment C_m.
        carrier_j_per_k: heat capacity of the air or coolant that has taken up heat C_a.
        loop_j_per_k: heat capacity of the loop that cools it C_s.
        exchange_w_per_k: conductance from equipment to what flows through it G.
        flow_w_per_k: heat rate of the flow M.
        recirculation_k: inlet above supply d, at least 0.
    """

    equipment_j_per_k: float
    carrier_j_per_k: float
    loop_j_per_k: float
    exchange_w_per_k: float
    flow_w_per_k: float
    recirculation_k: float

    def __post_init__(self) -> None:
        for name in ("equipment_j_per_k", "carrier_j_per_k", "loop_j_per_k", "exchange_w_per_k", "flow_w_per_k"):
            require_positive(name, getattr(self, name))
        require_range("recirculation_k", self.recirculation_k, 0.0)
        # Or the flow would leave warmer than the equipment.
        require_range("exchange_w_per_k", self.exchange_w_per_k, 0.0, self.flow_w_per_k)

    @property
    def capacity_j_per_k(self) -> float:
        """All three capacities."""
        return self.equipment_j_per_k + self.carrier_j_per_k + self.loop_j_per_k

    def steady(self, heat_w: float, other_w: float, supply_c: float) -> Temperatures:
        """Return the balance at constant heat and supply: the plant removes what is made.

        >>> ThermalNetwork(9e3, 1.2e3, 12e3, 30.0, 80.0, 1.0).steady(900.0, 60.0, 24.0)
        Temperatures(equipment_c=55.0, carrier_c=36.0, supply_c=24.0)
        """
        inlet_c = supply_c + self.recirculation_k
        return Temperatures(
            inlet_c + heat_w / self.exchange_w_per_k, supply_c + (heat_w + other_w) / self.flow_w_per_k, supply_c
        )

    def stored_j(self, before: Temperatures, after: Temperatures) -> float:
        """Return the heat taken up between two states."""
        return (
            self.equipment_j_per_k * (after.equipment_c - before.equipment_c)
            + self.carrier_j_per_k * (after.carrier_c - before.carrier_c)
            + self.loop_j_per_k * (after.supply_c - before.supply_c)
        )


class HeldStep(NamedTuple):
    """Factors of a step at held supply: a function of network and duration only, so worth keeping."""

    duration_s: float
    equipment_decay: float
    carrier_decay: float
    coupling: float


def held_step(network: ThermalNetwork, duration_s: float) -> HeldStep:
    """Return the factors exp(-a t), exp(-b t) and their coupling, with a = G/C_m and b = M/C_a."""
    a = network.exchange_w_per_k / network.equipment_j_per_k
    b = network.flow_w_per_k / network.carrier_j_per_k
    equipment, carrier = math.exp(-a * duration_s), math.exp(-b * duration_s)
    # (exp(-a t) - exp(-b t)) / (b - a), also where the two rates agree or are far apart.
    difference = abs(b - a) * duration_s
    spread = -math.expm1(-difference) / difference if difference else 1.0
    coupling = network.exchange_w_per_k / network.carrier_j_per_k * max(equipment, carrier) * duration_s * spread
    return HeldStep(duration_s, equipment, carrier, coupling)


def hold(
    network: ThermalNetwork, step: HeldStep, start: Temperatures, heat_w: float, other_w: float
) -> tuple[Temperatures, float]:
    """Return the state after a step at held supply and the heat that the plant removes in it (J).

    >>> network = ThermalNetwork(9e3, 1.2e3, 12e3, 30.0, 80.0, 1.0)
    >>> start = network.steady(900.0, 60.0, 24.0)
    >>> end, removed_j = hold(network, held_step(network, 60.0), start, 900.0, 60.0)
    >>> end == start, round(removed_j, 6)
    (True, 57600.0)
    """
    equipment_c, carrier_c, supply_c = start
    final_c = supply_c + network.recirculation_k + heat_w / network.exchange_w_per_k
    final_carrier_c = supply_c + (heat_w + other_w) / network.flow_w_per_k
    excess_k = equipment_c - final_c
    end = Temperatures(
        final_c + excess_k * step.equipment_decay,
        final_carrier_c + (carrier_c - final_carrier_c) * step.carrier_decay + excess_k * step.coupling,
        supply_c,
    )
    stored_j = network.equipment_j_per_k * (end.equipment_c - equipment_c)
    stored_j += network.carrier_j_per_k * (end.carrier_c - carrier_c)
    return end, (heat_w + other_w) * step.duration_s - stored_j


class FreeStep(NamedTuple):
    """Matrices of a step at given removal: end = transition x start + response x inputs, and the same for integrals."""

    duration_s: float
    transition: NDArray[np.float64]
    """exp(A t), shape (3, 3)."""
    response: NDArray[np.float64]
    """Its integral over the step."""
    response_integral: NDArray[np.float64]
    """The integral of that."""


def free_step(network: ThermalNetwork, duration_s: float) -> FreeStep:
    """Return the matrices of a step, from the exponential of one block matrix (Van Loan, 1978)."""
    exchange, flow = network.exchange_w_per_k, network.flow_w_per_k
    equipment, carrier, loop = network.equipment_j_per_k, network.carrier_j_per_k, network.loop_j_per_k
    block = np.zeros((9, 9))
    block[:3, :3] = [
        [-exchange / equipment, 0.0, exchange / equipment],
        [exchange / carrier, -flow / carrier, (flow - exchange) / carrier],
        [0.0, flow / loop, -flow / loop],
    ]
    block[:3, 3:6] = block[3:6, 6:] = np.eye(3)
    whole = _exponential(block * duration_s)
    return FreeStep(duration_s, whole[:3, :3], whole[:3, 3:6], whole[:3, 6:])


def release(
    network: ThermalNetwork, step: FreeStep, start: Temperatures, heat_w: float, other_w: float, removed_w: float
) -> tuple[Temperatures, Temperatures]:
    """Return the state after a step with a given removal, and the mean temperatures over it.

    >>> network = ThermalNetwork(9e3, 1.2e3, 12e3, 30.0, 80.0, 0.0)
    >>> start = network.steady(900.0, 60.0, 24.0)
    >>> end, mean = release(network, free_step(network, 600.0), start, 900.0, 60.0, 0.0)
    >>> round(end.supply_c, 3), round(network.stored_j(start, end), 3)
    (55.334, 576000.0)
    """
    forcing = np.array(
        [
            (heat_w + network.exchange_w_per_k * network.recirculation_k) / network.equipment_j_per_k,
            (other_w - network.exchange_w_per_k * network.recirculation_k) / network.carrier_j_per_k,
            -removed_w / network.loop_j_per_k,
        ]
    )
    state = np.array(start)
    end = step.transition @ state + step.response @ forcing
    integral = step.response @ state + step.response_integral @ forcing
    return Temperatures(*end.tolist()), Temperatures(*(integral / step.duration_s).tolist())


_TERMS = 18
"""Of the series: at a norm of at most 1/2 the rest is below 1e-21."""


def _exponential(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return exp(matrix) by halving until the series converges fast, then squaring."""
    halvings = max(0, math.ceil(math.log2(max(float(np.abs(matrix).sum(axis=1).max()), 1e-300))) + 1)
    scaled = matrix / 2.0**halvings
    result = term = np.eye(len(matrix))
    for order in range(1, _TERMS + 1):
        term = term @ scaled / order
        result = result + term
    for _ in range(halvings):
        result = result @ result
    return result
