"""Embodied emissions: the share of a device's manufacture that a use carries, and estimates from its parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulator.physics.domains import NumberT, require_positive, require_range


def sci_embodied_kg(
    total_kg: float, lifespan_s: float, reserved_s: NumberT, resource_share: NumberT | float = 1.0
) -> NumberT:
    """Return the embodied emissions of a use, by share of time and of resources.

    Args:
        total_kg: embodied emissions of the device TE (kg CO2e).
        lifespan_s: expected lifespan EL (s).
        reserved_s: time that the device is reserved TiR (s), scalar or array.
        resource_share: reserved over total resources of the device RR / ToR, 0 to 1.

    M = TE (TiR / EL) (RR / ToR). Software Carbon Intensity specification, ISO/IEC 21031. Idle time stays with nobody:
    see `unallocated_kg`.

    >>> round(sci_embodied_kg(1000.0, 4 * 365 * 86400.0, 3600.0) * 1e3, 2)
    28.54
    """
    require_range("total_kg", total_kg, 0.0)
    require_positive("lifespan_s", lifespan_s)
    require_range("reserved_s", reserved_s, 0.0)
    require_range("resource_share", resource_share, 0.0, 1.0)
    result: NumberT = total_kg * (reserved_s / lifespan_s) * resource_share
    return result


def embodied_by_use_kg(total_kg: float, lifespan_s: float, busy_s: NumberT, busy_fraction: float) -> NumberT:
    """Return the embodied emissions of a busy time when busy time carries idle time with it.

    Args:
        total_kg: embodied emissions of the device TE (kg CO2e).
        lifespan_s: expected lifespan EL (s).
        busy_s: busy time of the use (s), scalar or array.
        busy_fraction: busy share of the lifespan, above 0, to 1.

    M = TE t / (EL u).

    >>> embodied_by_use_kg(1000.0, 1e8, 1e6, 0.5)
    20.0
    """
    require_range("busy_fraction", busy_fraction, 1e-9, 1.0)
    return sci_embodied_kg(total_kg, lifespan_s, busy_s) / busy_fraction


def unallocated_kg(total_kg: float, allocated_kg: Iterable[float]) -> float:
    """Return the embodied emissions that no use carries, so that shares and rest add up to the whole.

    Args:
        total_kg: embodied emissions of the device (kg CO2e).
        allocated_kg: shares already given to uses (kg CO2e), together at most the total.

    M_0 = TE - sum_i M_i.

    >>> unallocated_kg(1000.0, [250.0, 250.0])
    500.0
    """
    rest = total_kg - sum(allocated_kg)
    require_range("total_kg - allocated_kg", rest, -1e-9 * total_kg)
    return max(rest, 0.0)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a device: an amount and the embodied emissions of one unit of that amount.

    Args:
        amount: area, mass or count.
        factor_kg: embodied emissions per unit of the amount (kg CO2e).
    """

    amount: float
    factor_kg: float


def bottom_up_kg(parts: Iterable[Part]) -> float:
    """Return the embodied emissions of a device from its parts, without assembly and transport unless they are parts.

    Args:
        parts: amounts and factors, each at least 0.

    M = sum_i a_i EF_i. Estimates for one device differ by a factor near two between sources: carry that range along.

    >>> die, memory = Part(2810.4, 0.042592), Part(744.0, 0.18379)
    >>> round(bottom_up_kg([die, memory]), 1)
    256.4
    """
    total = 0.0
    for part in parts:
        require_range("amount", part.amount, 0.0)
        require_range("factor_kg", part.factor_kg, 0.0)
        total += part.amount * part.factor_kg
    return total
