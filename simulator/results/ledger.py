"""The ledger: facility energy by phase, activity and workload, exact to the meter.

Accelerators are metered by workload and phase. What they share is split by simple rules, step by step and hall by hall:

* host, local storage, adapters and switches between accelerators: by accelerator-seconds held;
* server fans and supply losses: by the power that passes through them;
* switches between servers: by accelerator-seconds held, over all halls;
* shared storage: writing to the workload that writes, the rest to none;
* cooling, conversion losses and other uses of the facility: by IT energy of the step.

Accelerators that no workload holds are the idle phase without a workload, so that nothing is spread silently.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.records import ACCOUNT_FIELDS, RunRecords, StepColumns

Array = NDArray[np.float64]
Key = tuple[str, str]
"""Phase and workload; the workload is empty for what none holds."""

ACTIVITIES = ("compute", "data_transfer", "storage", "host", "conversion_loss", "cooling", "other")
IDLE: Key = ("idle", "")

_COMPUTE, _TRANSFER, _WAIT, _SECONDS = range(len(ACCOUNT_FIELDS))


@dataclass(frozen=True, slots=True)
class Ledger:
    """Energy by (phase, workload) and activity.

    Args:
        energy_j: joules by key and step and activity, each array of shape (activities, steps).
        accelerator_s: accelerator-seconds by key.
    """

    energy_j: dict[Key, Array]
    accelerator_s: dict[Key, float]

    def by_step_j(self, key: Key) -> Array:
        """Return the energy of a key by step, shape (steps,)."""
        total: Array = self.energy_j[key].sum(axis=0)
        return total

    def table(self) -> pd.DataFrame:
        """Return rows of phase, activity, workload and energy in kWh, sorted, without rows of zero."""
        rows = [
            {"phase": phase, "activity": activity, "workload": workload, "energy_kwh": float(total) / 3.6e6}
            for (phase, workload), energy in sorted(self.energy_j.items())
            for activity, total in zip(ACTIVITIES, energy.sum(axis=1), strict=True)
            if total
        ]
        return pd.DataFrame(rows, columns=["phase", "activity", "workload", "energy_kwh"])

    def total_j(self, phase: str | None = None, activity: str | None = None) -> float:
        """Return the energy of a phase, an activity, both, or all."""
        parts = [
            energy[ACTIVITIES.index(activity)].sum() if activity else energy.sum()
            for (of_phase, _), energy in sorted(self.energy_j.items())
            if phase in (None, of_phase)
        ]
        return float(sum(parts))


def build_ledger(records: RunRecords) -> Ledger:
    """Return the ledger of a run."""
    steps = records.steps
    builder = _Builder(steps)
    for hall in records.halls:
        builder.add_hall(hall.name)
    builder.add_network()
    builder.add_storage()
    builder.add_facility()
    return Ledger(builder.energy_j, builder.seconds())


class _Builder:
    def __init__(self, steps: StepColumns) -> None:
        self.steps = steps
        self.durations_s = steps.durations_s
        self.energy_j: dict[Key, Array] = {}
        self._held_s: dict[Key, Array] = {}
        self._row(IDLE)

    def _row(self, key: Key) -> Array:
        shape = (len(ACTIVITIES), len(self.durations_s))
        return self.energy_j.setdefault(key, np.zeros(shape))

    def _put(self, key: Key, activity: str, energy_j: Array) -> None:
        self._row(key)[ACTIVITIES.index(activity)] += energy_j

    def add_hall(self, name: str) -> None:
        """Split the input of a hall's servers."""
        column = {
            field: self.steps.columns[f"hall.{name}.{field}"] * self.durations_s
            for field in ("host_w", "storage_w", "fabric_w", "nic_w", "fan_w", "psu_loss_w")
        }
        readings = {
            (phase, workload): reading
            for (hall, workload, phase), reading in sorted(self.steps.accounts.items())
            if hall == name
        }
        held_s = sum((reading[_SECONDS] for reading in readings.values()), np.zeros_like(self.durations_s))
        outputs: dict[Key, Array] = {}
        for key, reading in readings.items():
            share = np.divide(reading[_SECONDS], held_s, out=np.zeros_like(held_s), where=held_s > 0.0)
            self._held_s[key] = self._held_s.get(key, 0.0) + reading[_SECONDS]
            output = reading[_COMPUTE] + reading[_TRANSFER] + reading[_WAIT]
            self._put(key, "compute", reading[_COMPUTE])
            self._put(key, "data_transfer", reading[_TRANSFER] + share * (column["fabric_w"] + column["nic_w"]))
            self._put(key, "other", reading[_WAIT])
            self._put(key, "host", share * column["host_w"])
            self._put(key, "storage", share * column["storage_w"])
            shared = column["host_w"] + column["storage_w"] + column["fabric_w"] + column["nic_w"]
            outputs[key] = output + share * shared
        if not readings or not held_s.any():
            outputs = {IDLE: self._without_accelerators(column)}
        total = sum(outputs.values(), np.zeros_like(held_s))
        for key, output in outputs.items():
            share = np.divide(output, total, out=np.zeros_like(total), where=total > 0.0)
            self._put(key, "cooling", share * column["fan_w"])
            self._put(key, "conversion_loss", share * column["psu_loss_w"])

    def _without_accelerators(self, column: dict[str, Array]) -> Array:
        self._put(IDLE, "data_transfer", column["fabric_w"] + column["nic_w"])
        self._put(IDLE, "host", column["host_w"])
        self._put(IDLE, "storage", column["storage_w"])
        return column["host_w"] + column["storage_w"] + column["fabric_w"] + column["nic_w"]

    def add_network(self) -> None:
        """Split the switches by accelerator-seconds held."""
        network_j = self.steps.columns["network_w"] * self.durations_s
        total = sum(self._held_s.values(), np.zeros_like(network_j))
        if not total.any():
            self._put(IDLE, "data_transfer", network_j)
            return
        for key, held_s in self._held_s.items():
            self._put(key, "data_transfer", network_j * held_s / total)

    def add_storage(self) -> None:
        """Charge writing to its workload and the rest to none."""
        for name, energy_j in sorted(self.steps.columns.items()):
            if name.startswith("storage_j."):
                workload = name.removeprefix("storage_j.")
                self._put(("training", workload) if workload else IDLE, "storage", energy_j)

    def add_facility(self) -> None:
        """Split cooling, losses and other uses of the facility by IT energy."""
        columns, durations_s = self.steps.columns, self.durations_s
        parts = {
            "cooling": columns["power.mechanical_power_w"],
            "conversion_loss": columns["power.pdu_loss_w"]
            + columns["power.ups_loss_w"]
            + columns["power.transformer_loss_w"],
            "other": columns["power.other_power_w"],
        }
        it_j = {key: energy.sum(axis=0) for key, energy in self.energy_j.items()}
        total = sum(it_j.values(), np.zeros_like(durations_s))
        for key, energy_j in it_j.items():
            share = np.divide(energy_j, total, out=np.zeros_like(total), where=total > 0.0)
            for activity, power_w in parts.items():
                self._put(key, activity, share * power_w * durations_s)
        # A step without any IT power still has lights and losses.
        dark = total <= 0.0
        for activity, power_w in parts.items():
            self._put(IDLE, activity, np.where(dark, power_w * durations_s, 0.0))

    def seconds(self) -> dict[Key, float]:
        """Return accelerator-seconds by key."""
        return {key: float(held.sum()) for key, held in self._held_s.items()}
