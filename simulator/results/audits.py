"""Audits: both sides of every balance, computed independently, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from simulator.records import RunRecords, SiteRecords
from simulator.results.context import RunContext
from simulator.results.ledger import Ledger
from simulator.results.metrics import embodied_kg, network_embodied_kg
from simulator.results.site_energy import supply_balances
from simulator.results.summary import Summary
from simulator.results.tables import COOLING_MACHINES, SERVER_PARTS, chain_loss, hall_sum
from simulator.signals.base import ConstantSignal, Signal
from simulator.units import GRAMS_PER_KG, JOULES_PER_KWH

RELATIVE_TOLERANCE = 1e-9
"""Sums of up to a million doubles in two orders agree far better; a lost booking of one step in a million does not."""


@dataclass(frozen=True, slots=True)
class Audit:
    """One balance.

    Args:
        name: what balances.
        left: one side.
        right: the other side, computed another way.
        tolerance: largest difference that counts as rounding.
    """

    name: str
    left: float
    right: float
    tolerance: float

    @property
    def residual(self) -> float:
        """Left - right."""
        return self.left - self.right

    @property
    def ok(self) -> bool:
        """The two sides agree."""
        return abs(self.residual) <= self.tolerance


def audit_run(
    records: RunRecords, ledgers: dict[str, Ledger], requests: pd.DataFrame, summary: Summary, context: RunContext
) -> list[Audit]:
    """Return all audits of a run: of every site, then of the whole. With several sites, names start with the site's."""
    audits = []
    for site in records.sites:
        of_site = [*_energy(site, ledgers[site.name], records.duration_s), *_plant(site)]
        of_site += [_balance(*balance) for balance in supply_balances(site)]
        audits += of_site if len(records.sites) == 1 else [replace(a, name=f"{site.name}: {a.name}") for a in of_site]
    return [
        *audits,
        *_requests(records, requests, summary),
        *_jobs(records),
        *_outside(records, summary, context),
        *_embodied(records, summary),
    ]


def audit_table(audits: list[Audit]) -> pd.DataFrame:
    """Return the audits as a table."""
    columns = ["audit", "left", "right", "residual", "tolerance", "ok"]
    rows = [(a.name, a.left, a.right, a.residual, a.tolerance, a.ok) for a in audits]
    return pd.DataFrame(rows, columns=columns)


def _balance(name: str, left: float, right: float, scale: float | None = None) -> Audit:
    size = max(abs(left), abs(right)) if scale is None else scale
    return Audit(name, left, right, RELATIVE_TOLERANCE * size)


def _exact(name: str, left: float, right: float) -> Audit:
    return Audit(name, left, right, 0.0)


def _energy(site: SiteRecords, ledger: Ledger, duration_s: float) -> Iterator[Audit]:
    steps, durations_s = site.steps, site.steps.durations_s
    boards_j = float(hall_sum(site, "accelerator_w") @ durations_s)
    booked_j = sum(float(reading[:3].sum()) for _, reading in sorted(site.accounts.items()))
    yield _balance("accelerator energy by workload = by server", booked_j, boards_j)
    parts_j = sum(float(hall_sum(site, part) @ durations_s) for part in SERVER_PARTS)
    yield _balance("server energy by component = at the plug", parts_j, float(hall_sum(site, "input_w") @ durations_s))
    uses_w = hall_sum(site, "input_w") + steps.columns["network_w"] + steps.columns["shared_storage_w"]
    it_j = float(steps.columns["power.it_power_w"] @ durations_s)
    yield _balance("IT energy = servers + switches + shared storage", float(uses_w @ durations_s), it_j)
    facility_j = float(steps.columns["power.facility_power_w"] @ durations_s)
    yield _balance("facility energy by phase, activity, workload = at the meter", ledger.total_j(), facility_j)
    held_s = sum(entry.accelerator_s for _, entry in sorted(ledger.entries.items()))
    total_s = sum(hall.accelerators for hall in site.facts.halls) * duration_s
    yield _balance("accelerator-seconds held and free = installed x time", held_s, total_s)


def _plant(site: SiteRecords) -> Iterator[Audit]:
    columns, durations_s = site.steps.columns, site.steps.durations_s
    facility_j = float(columns["power.facility_power_w"] @ durations_s)
    chain_j = float(np.abs(columns["power.residual_w"]) @ durations_s)
    yield _balance("power chain: input - uses - losses = 0, every step", chain_j, 0.0, facility_j)
    machines_w = sum((columns[f"cooling.{machine}"] for machine in COOLING_MACHINES), np.zeros_like(durations_s))
    machines_j, mechanical_j = float(machines_w @ durations_s), float(columns["power.mechanical_power_w"] @ durations_s)
    yield _balance("cooling energy by machine = of the facility", machines_j, mechanical_j)
    gone_w = columns["cooling.heat_rejected_w"] + columns["cooling.reused_heat_w"] + columns["cooling.unmet_heat_w"]
    left_w = columns["cooling.heat_w"] + machines_w - gone_w
    cooling_j = float(np.abs(left_w) @ durations_s)
    yield _balance("cooling: heat + work - rejected - reused - unmet = 0, every step", cooling_j, 0.0, facility_j)
    heat_j = float(np.abs(columns["heat_residual_j"]).sum())
    yield _balance("rooms: heat made - removed - stored = 0, every step", heat_j, 0.0, facility_j)
    uses_w = columns["power.it_power_w"] + columns["power.mechanical_power_w"] + columns["power.other_power_w"]
    losses_w = chain_loss(site)
    yield _balance("uses + losses = facility energy", float((uses_w + losses_w) @ durations_s), facility_j)


def _requests(records: RunRecords, requests: pd.DataFrame, summary: Summary) -> Iterator[Audit]:
    ends = summary.requests_completed + summary.requests_rejected + summary.requests_in_flight
    yield _exact("requests arrived = completed + rejected + in flight", summary.requests_arrived, ends)
    done = requests[requests.outcome == "completed"]
    yield _exact(
        "tokens asked of completed requests = tokens emitted", done.output_tokens.sum(), done.generated_tokens.sum()
    )
    inference = [reading for (_, _, phase), reading in sorted(records.accounts.items()) if phase == "inference"]
    booked_j = sum(float(reading[:3].sum()) for reading in inference)
    yield _balance(
        "accelerator energy of requests = of inference", float(requests.accelerator_energy_j.sum()), booked_j
    )


def _jobs(records: RunRecords) -> Iterator[Audit]:
    training = [reading for (_, _, phase), reading in sorted(records.accounts.items()) if phase == "training"]
    booked_j = sum(float(reading[:3].sum()) for reading in training)
    yield _balance(
        "accelerator energy of jobs = of training", sum(j.accelerator_energy_j for j in records.jobs), booked_j
    )


def _outside(records: RunRecords, summary: Summary, context: RunContext) -> Iterator[Audit]:
    emissions_g = sum(_integrated(site, context.sites[site.name].carbon_g_per_kwh) for site in records.sites)
    yield _balance(
        "emissions integrated by interval of the series = summary",
        emissions_g / GRAMS_PER_KG,
        summary.operational_emissions_kg_co2e,
    )
    cost_usd = sum(_integrated(site, context.sites[site.name].price_usd_per_kwh) for site in records.sites)
    scale = abs(summary.energy_cost_usd) + summary.facility_energy_kwh * 1e-3
    yield _balance("cost integrated by interval of the series = summary", cost_usd, summary.energy_cost_usd, scale)


def _integrated(site: SiteRecords, signal: Signal) -> float:
    """Return the integral of power (kW) x signal, interval by interval of the signal: the other order of summation."""
    edges_s = site.steps.edges_s
    power_w = site.steps.columns["power.facility_power_w"]
    energy_kwh = np.concatenate([[0.0], np.cumsum(power_w * site.steps.durations_s)]) / JOULES_PER_KWH
    if isinstance(signal, ConstantSignal):
        return float(energy_kwh[-1]) * signal.at(0.0)
    total, t_s, duration_s = 0.0, 0.0, float(edges_s[-1])
    while t_s < duration_s:
        end_s = min(signal.next_change(t_s), duration_s)
        before, after = np.interp([t_s, end_s], edges_s, energy_kwh)
        total += float(after - before) * signal.at(t_s)
        t_s = end_s
    return total


def _embodied(records: RunRecords, summary: Summary) -> Iterator[Audit]:
    allocated_kg = sum(_allocated_kg(site, records.duration_s) for site in records.sites)
    yield _balance(
        "embodied emissions allocated + unallocated = all",
        allocated_kg + summary.embodied_unallocated_kg_co2e,
        summary.embodied_emissions_kg_co2e,
    )


def _allocated_kg(site: SiteRecords, duration_s: float) -> float:
    allocated_kg = held_s = 0.0
    for hall in site.facts.halls:
        hall_s = hall.accelerators * duration_s
        for (name, workload, _), reading in sorted(site.accounts.items()):
            if name == hall.name and workload and hall_s:
                held_s += float(reading[3])
                allocated_kg += float(reading[3]) / hall_s * embodied_kg(hall, duration_s)
    total_s = sum(hall.accelerators for hall in site.facts.halls) * duration_s
    return allocated_kg + (held_s / total_s * network_embodied_kg(site, duration_s) if total_s else 0.0)
