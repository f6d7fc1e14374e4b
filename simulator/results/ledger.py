"""The ledger: facility energy by phase, activity and workload, exact to the meter.

Accelerators are metered by workload and phase. What they share is split by simple rules, step by step and hall by hall:

* host, local storage, adapters and switches between accelerators: by accelerator-seconds held;
* leakage of boards that run warmer or cooler than they were measured: by the energy of busy accelerators;
* server fans and supply losses: by the power that passes through them;
* switches between servers: by accelerator-seconds held, over all halls;
* shared storage: writing to the workload that writes, the rest to none;
* cooling, conversion losses and other uses of the facility: by IT energy of the step.

Energy drawn from the grid, energy sold and fuel burnt go by the facility energy of the step, in which all of this is.

Accelerators that no workload holds are the idle phase without a workload, so that nothing is spread silently.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.records import ACCOUNT_FIELDS, CHAIN_LOSSES, Chapter
from simulator.results.meter_clock import IntervalSeries, MeterClock
from simulator.results.supply import Supply
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
        emissions_kg_co2e: emissions of its share of the energy drawn from the grid, location-based.
        cost_usd: cost of that energy.
        accelerator_s: accelerators held x seconds.
        export_usd: its share of what energy sold to the grid earns.
        fuel_j: its share of the heat of the fuel burnt.
        drawn: its share of the energy drawn from the grid, by metering interval (J).
    """

    energy_j: Array = field(default_factory=lambda: np.zeros(len(ACTIVITIES)))
    emissions_kg_co2e: float = 0.0
    cost_usd: float = 0.0
    accelerator_s: float = 0.0
    export_usd: float = 0.0
    fuel_j: float = 0.0
    drawn: IntervalSeries = field(default_factory=IntervalSeries)


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

    @classmethod
    def merged(cls, ledgers: Iterable[Ledger]) -> Ledger:
        """Return the sum of the ledgers of several sites, whose meters stay apart: it has no metering intervals."""
        entries: dict[Key, Entry] = {}
        for ledger in ledgers:
            for key, entry in sorted(ledger.entries.items()):
                total = entries.setdefault(key, Entry())
                total.energy_j += entry.energy_j
                total.emissions_kg_co2e += entry.emissions_kg_co2e
                total.cost_usd += entry.cost_usd
                total.accelerator_s += entry.accelerator_s
                total.export_usd += entry.export_usd
                total.fuel_j += entry.fuel_j
        return cls(entries)

    def total_j(self, phase: str | None = None) -> float:
        """Return the energy of a phase, or of all."""
        parts = [entry.energy_j for key, entry in sorted(self.entries.items()) if phase in (None, key[0])]
        return float(sum(part.sum() for part in parts))


class LedgerBuilder:
    """Adds up the ledger, chapter by chapter.

    Args:
        carbon_g_per_kwh: carbon intensity of the grid by time.
        price_usd_per_kwh: price of energy by time.
        clock: clock of the site's meter.
        export_usd_per_kwh: price of energy sold to the grid; None where it earns nothing.
    """

    def __init__(
        self,
        carbon_g_per_kwh: Signal,
        price_usd_per_kwh: Signal,
        clock: MeterClock,
        export_usd_per_kwh: Signal | None = None,
    ) -> None:
        self._carbon = carbon_g_per_kwh
        self._price = price_usd_per_kwh
        self._clock = clock
        self._export = export_usd_per_kwh
        self.ledger = Ledger({IDLE: Entry()})

    def add(self, chapter: Chapter) -> None:
        """Split the energy of a chapter and add it."""
        split = _Split(chapter)
        edges_s, supply = chapter.steps.edges_s, Supply.of(chapter.steps)
        carbon_kg_per_j = self._carbon.means(edges_s) / (GRAMS_PER_KG * JOULES_PER_KWH)
        usd_per_j = self._price.means(edges_s) / JOULES_PER_KWH
        earned_usd = np.zeros_like(usd_per_j)
        if self._export is not None:
            earned_usd = supply.exported_j * self._export.means(edges_s) / JOULES_PER_KWH
        shares = split.shares({key: energy_j.sum(axis=0) for key, energy_j in split.energy_j.items()})
        for key, share in shares.items():
            entry = self.ledger.entries.setdefault(key, Entry())
            if key in split.energy_j:
                entry.energy_j += split.energy_j[key].sum(axis=1)
            drawn_j = share * supply.drawn_j
            entry.emissions_kg_co2e += float(drawn_j @ carbon_kg_per_j)
            entry.cost_usd += float(drawn_j @ usd_per_j)
            entry.export_usd += float(share @ earned_usd)
            entry.fuel_j += float(share @ supply.fuel_j)
            entry.drawn.add(*self._clock.sums(edges_s, drawn_j))
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
            for field in ("host_w", "leakage_w", "storage_w", "fabric_w", "nic_w", "fan_w", "psu_loss_w")
        }
        readings = {
            (phase, workload): reading
            for (hall, workload, phase), reading in sorted(self._chapter.accounts.items())
            if hall == name
        }
        shared_j = column["host_w"] + column["storage_w"] + column["fabric_w"] + column["nic_w"]
        outputs: dict[Key, Array] = {}
        busy: dict[Key, Array] = {}
        for key, share in self.shares({key: reading[_SECONDS] for key, reading in readings.items()}).items():
            self._put(key, "data_transfer", share * (column["fabric_w"] + column["nic_w"]))
            self._put(key, "host", share * column["host_w"])
            self._put(key, "storage", share * column["storage_w"])
            outputs[key] = share * shared_j
        for key, reading in readings.items():
            self.held_s[key] = self.held_s.get(key, 0.0) + reading[_SECONDS]
            self._put(key, "compute", reading[_COMPUTE])
            self._put(key, "data_transfer", reading[_TRANSFER])
            self._put(key, "other", reading[_WAIT])
            outputs[key] = outputs[key] + reading[_COMPUTE] + reading[_TRANSFER] + reading[_WAIT]
            if key[0] != "idle":
                busy[key] = reading[_COMPUTE] + reading[_TRANSFER] + reading[_WAIT]
        for key, share in self.shares(busy).items():
            self._put(key, "compute", share * column["leakage_w"])
            outputs[key] = outputs.get(key, 0.0) + share * column["leakage_w"]
        for key, share in self.shares(outputs).items():
            self._put(key, "cooling", share * column["fan_w"])
            self._put(key, "conversion_loss", share * column["psu_loss_w"])

    def _add_network(self) -> None:
        """Split the switches by accelerator-seconds held."""
        network_j = self._columns["network_w"] * self._durations_s
        for key, share in self.shares(self.held_s).items():
            self._put(key, "data_transfer", share * network_j)

    def _add_facility(self) -> None:
        """Split cooling, losses and other uses of the facility by IT energy."""
        columns = self._columns
        parts_w = {
            "cooling": columns["power.mechanical_power_w"],
            "conversion_loss": sum((columns[name] for name in CHAIN_LOSSES), np.zeros_like(self._durations_s)),
            "other": columns["power.other_power_w"],
        }
        for key, share in self.shares({key: energy.sum(axis=0) for key, energy in self.energy_j.items()}).items():
            for activity, power_w in parts_w.items():
                self._put(key, activity, share * power_w * self._durations_s)

    def shares(self, parts: dict[Key, Array]) -> dict[Key, Array]:
        """Return each part / their sum, step by step; where there is nothing to go by, all is what none holds."""
        total = sum(parts.values(), np.zeros_like(self._durations_s))
        there = total > 0.0
        shares = {key: np.divide(part, total, out=np.zeros_like(total), where=there) for key, part in parts.items()}
        shares[IDLE] = np.where(there, shares.get(IDLE, 0.0), 1.0)
        return shares
