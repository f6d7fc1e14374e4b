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

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.records import ACCOUNT_FIELDS, Chapter
from simulator.signals.base import Signal
from simulator.units import GRAMS_PER_KG, JOULES_PER_KWH

Array = NDArray[np.float64]
Key = tuple[str, str]
"""Phase and workload; the workload is empty for what none holds."""

ACTIVITIES = ("compute", "data_transfer", "storage", "host", "conversion_loss", "cooling", "other")
IDLE: Key = ("idle", "")

_COMPUTE, _TRANSFER, _WAIT, _SECONDS = range(len(ACCOUNT_FIELDS))


@dataclass(slots=True)
class Entry:
    """What one workload caused in one phase.

    Args:
        energy_j: energy by activity, in the order of `ACTIVITIES`.
        emissions_kg_co2e: operational emissions.
        cost_usd: cost of the energy.
        accelerator_s: accelerators held x seconds.
    """

    energy_j: Array = field(default_factory=lambda: np.zeros(len(ACTIVITIES)))
    emissions_kg_co2e: float = 0.0
    cost_usd: float = 0.0
    accelerator_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Ledger:
    """Entries by (phase, workload)."""

    entries: dict[Key, Entry]

    def table(self) -> pd.DataFrame:
        """Return rows of phase, activity, workload and energy in kWh, sorted, without rows of zero."""
        rows = [
            {"phase": phase, "activity": activity, "workload": workload, "energy_kwh": float(total) / JOULES_PER_KWH}
            for (phase, workload), entry in sorted(self.entries.items())
            for activity, total in zip(ACTIVITIES, entry.energy_j, strict=True)
            if total
        ]
        return pd.DataFrame(rows, columns=["phase", "activity", "workload", "energy_kwh"])

    def total_j(self, phase: str | None = None) -> float:
        """Return the energy of a phase, or of all."""
        parts = [entry.energy_j for key, entry in sorted(self.entries.items()) if phase in (None, key[0])]
        return float(sum(part.sum() for part in parts))


class LedgerBuilder:
    """Adds up the ledger, chapter by chapter.

    Args:
        carbon_g_per_kwh: carbon intensity of the grid by time.
        price_usd_per_kwh: price of energy by time.
    """

    def __init__(self, carbon_g_per_kwh: Signal, price_usd_per_kwh: Signal) -> None:
        self._carbon = carbon_g_per_kwh
        self._price = price_usd_per_kwh
        self.ledger = Ledger({IDLE: Entry()})

    def add(self, chapter: Chapter) -> None:
        """Split the energy of a chapter and add it."""
        split = _Split(chapter)
        edges_s = chapter.steps.edges_s
        carbon_kg_per_j = self._carbon.means(edges_s) / (GRAMS_PER_KG * JOULES_PER_KWH)
        usd_per_j = self._price.means(edges_s) / JOULES_PER_KWH
        for key, energy_j in split.energy_j.items():
            entry = self.ledger.entries.setdefault(key, Entry())
            by_step_j = energy_j.sum(axis=0)
            entry.energy_j += energy_j.sum(axis=1)
            entry.emissions_kg_co2e += float(by_step_j @ carbon_kg_per_j)
            entry.cost_usd += float(by_step_j @ usd_per_j)
        for key, held_s in split.held_s.items():
            self.ledger.entries[key].accelerator_s += float(held_s.sum())


class _Split:
    """Energy of a chapter by key, activity and step, each array of shape (activities, steps)."""

    def __init__(self, chapter: Chapter) -> None:
        self._chapter = chapter
        self._columns = chapter.steps.columns
        self._durations_s = chapter.steps.durations_s
        self.energy_j: dict[Key, Array] = {}
        self.held_s: dict[Key, Array] = {}
        halls = sorted({name.split(".")[1] for name in self._columns if name.startswith("hall.")})
        for hall in halls:
            self._add_hall(hall)
        self._add_network()
        for workload, energy_j in sorted(chapter.storage_j.items()):
            self._put(("training", workload) if workload else IDLE, "storage", energy_j)
        self._add_facility()

    def _put(self, key: Key, activity: str, energy_j: Array) -> None:
        if key not in self.energy_j:
            self.energy_j[key] = np.zeros((len(ACTIVITIES), len(self._durations_s)))
        self.energy_j[key][ACTIVITIES.index(activity)] += energy_j

    def _add_hall(self, name: str) -> None:
        """Split the input of a hall's servers."""
        column = {
            field: self._columns[f"hall.{name}.{field}"] * self._durations_s
            for field in ("host_w", "storage_w", "fabric_w", "nic_w", "fan_w", "psu_loss_w")
        }
        readings = {
            (phase, workload): reading
            for (hall, workload, phase), reading in sorted(self._chapter.accounts.items())
            if hall == name
        }
        hall_s = sum((reading[_SECONDS] for reading in readings.values()), np.zeros_like(self._durations_s))
        shared_j = column["host_w"] + column["storage_w"] + column["fabric_w"] + column["nic_w"]
        outputs: dict[Key, Array] = {}
        for key, reading in readings.items():
            share = _ratio(reading[_SECONDS], hall_s)
            self.held_s[key] = self.held_s.get(key, 0.0) + reading[_SECONDS]
            self._put(key, "compute", reading[_COMPUTE])
            self._put(key, "data_transfer", reading[_TRANSFER] + share * (column["fabric_w"] + column["nic_w"]))
            self._put(key, "other", reading[_WAIT])
            self._put(key, "host", share * column["host_w"])
            self._put(key, "storage", share * column["storage_w"])
            outputs[key] = reading[_COMPUTE] + reading[_TRANSFER] + reading[_WAIT] + share * shared_j
        if not hall_s.any():
            outputs = {IDLE: shared_j}
            self._put(IDLE, "data_transfer", column["fabric_w"] + column["nic_w"])
            self._put(IDLE, "host", column["host_w"])
            self._put(IDLE, "storage", column["storage_w"])
        total_j = sum(outputs.values(), np.zeros_like(hall_s))
        for key, output in outputs.items():
            share = _ratio(output, total_j)
            self._put(key, "cooling", share * column["fan_w"])
            self._put(key, "conversion_loss", share * column["psu_loss_w"])

    def _add_network(self) -> None:
        """Split the switches by accelerator-seconds held."""
        network_j = self._columns["network_w"] * self._durations_s
        total_s = sum(self.held_s.values(), np.zeros_like(network_j))
        if not total_s.any():
            self._put(IDLE, "data_transfer", network_j)
            return
        for key, held_s in self.held_s.items():
            self._put(key, "data_transfer", network_j * held_s / total_s)

    def _add_facility(self) -> None:
        """Split cooling, losses and other uses of the facility by IT energy."""
        columns = self._columns
        parts_w = {
            "cooling": columns["power.mechanical_power_w"],
            "conversion_loss": columns["power.pdu_loss_w"]
            + columns["power.ups_loss_w"]
            + columns["power.transformer_loss_w"],
            "other": columns["power.other_power_w"],
        }
        it_j = {key: energy.sum(axis=0) for key, energy in self.energy_j.items()}
        total_j = sum(it_j.values(), np.zeros_like(self._durations_s))
        for key, energy_j in it_j.items():
            share = _ratio(energy_j, total_j)
            for activity, power_w in parts_w.items():
                self._put(key, activity, share * power_w * self._durations_s)
        # A step without any IT power still has lights and losses.
        dark = total_j <= 0.0
        for activity, power_w in parts_w.items():
            self._put(IDLE, activity, np.where(dark, power_w * self._durations_s, 0.0))


def _ratio(part: Array, whole: Array) -> Array:
    """Return part / whole, 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0.0)
