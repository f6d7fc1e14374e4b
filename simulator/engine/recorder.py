"""Columns of the run by plant step, kept compact: a year of minutes has half a million rows."""

from __future__ import annotations

from array import array
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from simulator.engine.compute.server_power import HallPower
from simulator.engine.facility.coupling import FacilityStep
from simulator.records import ACCOUNT_FIELDS, AccountKey, StepColumns

_HALL_FIELDS = tuple(entry.name for entry in fields(HallPower))
_COOLING_FIELDS = (
    "heat_w",
    "crah_fan_power_w",
    "chilled_water_pump_power_w",
    "chiller_power_w",
    "condenser_pump_power_w",
    "tower_fan_power_w",
    "overhead_power_w",
    "heat_rejected_w",
    "unmet_heat_w",
    "makeup_water_kg",
    "consumed_water_kg",
    "free_s",
    "partial_s",
    "mechanical_s",
    "chillers_running",
    "outside_correlation_s",
    "residual_w",
)
_POWER_FIELDS = (
    "it_power_w",
    "pdu_loss_w",
    "ups_output_w",
    "ups_loss_w",
    "mechanical_power_w",
    "other_power_w",
    "transformer_loss_w",
    "facility_power_w",
    "residual_w",
)


class Recorder:
    """Collects what a plant step yields."""

    def __init__(self) -> None:
        self._ends_s = array("d")
        self._columns: dict[str, array[float]] = {}
        self._accounts: dict[AccountKey, list[array[float]]] = {}

    @property
    def last_end_s(self) -> float:
        """End of the last step recorded, 0 before the first."""
        return self._ends_s[-1] if self._ends_s else 0.0

    def step(self, end_s: float, facility: FacilityStep, dry_bulb_c: float, wet_bulb_c: float) -> None:
        """Record the facility over the step that ends now; call it after the halls and accounts of the step."""
        self._ends_s.append(end_s)
        cooling, power = facility.cooling, facility.power
        for name in _COOLING_FIELDS:
            self._put(f"cooling.{name}", getattr(cooling, name))
        for name in _POWER_FIELDS:
            self._put(f"power.{name}", getattr(power, name))
        self._put("heat_residual_j", facility.heat_residual_j)
        self._put("dry_bulb_c", dry_bulb_c)
        self._put("wet_bulb_c", wet_bulb_c)

    def hall(self, name: str, power: HallPower) -> None:
        """Record the servers of a hall."""
        for field in _HALL_FIELDS:
            self._put(f"hall.{name}.{field}", float(getattr(power, field)))

    def site(self, name: str, value: float) -> None:
        """Record a figure of the site."""
        self._put(name, value)

    def account(self, key: AccountKey, reading: tuple[float, ...]) -> None:
        """Record the reading of an account; one that is new had nothing to tell in earlier steps."""
        columns = self._accounts.get(key)
        if columns is None:
            columns = self._accounts[key] = [array("d", [0.0]) * len(self._ends_s) for _ in ACCOUNT_FIELDS]
        for column, value in zip(columns, reading, strict=True):
            column.append(value)

    def columns(self) -> StepColumns:
        """Return everything as arrays."""
        return StepColumns(
            ends_s=_array(self._ends_s),
            columns={name: _array(column) for name, column in self._columns.items()},
            accounts={key: np.array([_array(column) for column in columns]) for key, columns in self._accounts.items()},
        )

    def _put(self, name: str, value: float) -> None:
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = array("d")
        column.append(value)


def _array(column: array[float]) -> NDArray[np.float64]:
    return np.frombuffer(column, dtype=np.float64).copy() if len(column) else np.zeros(0)
