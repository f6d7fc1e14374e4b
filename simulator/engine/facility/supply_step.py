"""Flows of a site's supply over a plant step, and how parts of a step make a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class SupplyStep(NamedTuple):
    """Flows of a step: means (W) unless the name says otherwise.

    Sources equal uses: grid import + solar + wind + battery and UPS discharge + diesel + unserved = load + battery and
    UPS charge + grid export + curtailed. `fuel_w` is the heat of the fuel burnt, on the higher heating value, and
    `own_renewable_w` generation by sun and wind that the site used itself.
    """

    load_w: float
    grid_import_w: float
    grid_export_w: float
    solar_w: float
    wind_w: float
    curtailed_w: float
    battery_charge_w: float
    battery_discharge_w: float
    ups_charge_w: float
    ups_discharge_w: float
    diesel_w: float
    load_bank_w: float
    unserved_w: float
    over_cap_w: float
    over_ramp_w: float
    diesel_fuel_l: float
    fuel_delivered_l: float
    fuel_l: float
    battery_stored_j: float
    ups_stored_j: float
    outage_s: float
    capped_s: float
    cap_w: float
    fuel_w: float
    own_renewable_w: float


_AMOUNTS = frozenset({"diesel_fuel_l", "fuel_delivered_l", "outage_s", "capped_s"})
_LEVELS = frozenset({"fuel_l", "battery_stored_j", "ups_stored_j"})


def joined(pieces: Sequence[SupplyStep], lengths_s: Sequence[float]) -> SupplyStep:
    """Return one step out of pieces: sums of amounts, last levels, means over time of the rest."""
    whole_s = sum(lengths_s)
    capped_s = sum(piece.capped_s for piece in pieces)
    values = []
    for place, name in enumerate(SupplyStep._fields):
        column = [piece[place] for piece in pieces]
        if name in _LEVELS:
            values.append(column[-1])
        elif name in _AMOUNTS:
            values.append(sum(column))
        elif name == "cap_w":
            weighted = sum(piece.cap_w * piece.capped_s for piece in pieces)
            values.append(weighted / capped_s if capped_s else 0.0)
        else:
            values.append(sum(value * length for value, length in zip(column, lengths_s, strict=True)) / whole_s)
    return SupplyStep(*values)
