"""Audits: both sides of every balance, computed independently, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from simulator.records import COOLING_MACHINES, RunRecords, SiteRecords
from simulator.results.account_audits import account_audits, summary_audits
from simulator.results.balance import Audit, balance, exact
from simulator.results.context import RunContext
from simulator.results.ledger import Ledger
from simulator.results.settlement import SiteAccount
from simulator.results.site_energy import supply_balances
from simulator.results.summary import Summary
from simulator.results.tables import SERVER_PARTS, chain_loss, hall_sum


def audit_run(
    records: RunRecords,
    ledgers: dict[str, Ledger],
    requests: pd.DataFrame,
    summary: Summary,
    context: RunContext,
    accounts: Sequence[SiteAccount],
) -> list[Audit]:
    """Return all audits of a run: of every site, then of the whole. With several sites, names start with the site's."""
    audits = []
    for site, account in zip(records.sites, accounts, strict=True):
        ledger = ledgers[site.name]
        of_site = [
            *_energy(site, ledger, records.duration_s),
            *_plant(site),
            *(balance(*sides) for sides in supply_balances(site)),
            *account_audits(ledger, context.sites[site.name], account),
        ]
        audits += of_site if len(records.sites) == 1 else [replace(a, name=f"{site.name}: {a.name}") for a in of_site]
    return [
        *audits,
        *_requests(records, requests, summary),
        *_jobs(records),
        *summary_audits(records, summary, context, accounts),
    ]


def audit_table(audits: list[Audit]) -> pd.DataFrame:
    """Return the audits as a table."""
    columns = ["audit", "left", "right", "residual", "tolerance", "ok"]
    rows = [(a.name, a.left, a.right, a.residual, a.tolerance, a.ok) for a in audits]
    return pd.DataFrame(rows, columns=columns)


def _energy(site: SiteRecords, ledger: Ledger, duration_s: float) -> Iterator[Audit]:
    steps, durations_s = site.steps, site.steps.durations_s
    boards_j = float(hall_sum(site, "accelerator_w") @ durations_s)
    booked_j = sum(float(reading[:3].sum()) for _, reading in sorted(site.accounts.items()))
    yield balance("accelerator energy by workload = by server", booked_j, boards_j)
    parts_j = sum(float(hall_sum(site, part) @ durations_s) for part in SERVER_PARTS)
    yield balance("server energy by component = at the plug", parts_j, float(hall_sum(site, "input_w") @ durations_s))
    uses_w = hall_sum(site, "input_w") + steps.columns["network_w"] + steps.columns["shared_storage_w"]
    it_j = float(steps.columns["power.it_power_w"] @ durations_s)
    yield balance("IT energy = servers + switches + shared storage", float(uses_w @ durations_s), it_j)
    facility_j = float(steps.columns["power.facility_power_w"] @ durations_s)
    yield balance("facility energy by phase, activity, workload = at the meter", ledger.total_j(), facility_j)
    held_s = sum(entry.accelerator_s for _, entry in sorted(ledger.entries.items()))
    total_s = sum(hall.accelerators for hall in site.facts.halls) * duration_s
    yield balance("accelerator-seconds held and free = installed x time", held_s, total_s)


def _plant(site: SiteRecords) -> Iterator[Audit]:
    columns, durations_s = site.steps.columns, site.steps.durations_s
    facility_j = float(columns["power.facility_power_w"] @ durations_s)
    chain_j = float(np.abs(columns["power.residual_w"]) @ durations_s)
    yield balance("power chain: input - uses - losses = 0, every step", chain_j, 0.0, facility_j)
    machines_w = sum((columns[f"cooling.{machine}"] for machine in COOLING_MACHINES), np.zeros_like(durations_s))
    machines_j, mechanical_j = float(machines_w @ durations_s), float(columns["power.mechanical_power_w"] @ durations_s)
    yield balance("cooling energy by machine = of the facility", machines_j, mechanical_j)
    gone_w = columns["cooling.heat_rejected_w"] + columns["cooling.reused_heat_w"] + columns["cooling.unmet_heat_w"]
    left_w = columns["cooling.heat_w"] + machines_w - gone_w
    cooling_j = float(np.abs(left_w) @ durations_s)
    yield balance("cooling: heat + work - rejected - reused - unmet = 0, every step", cooling_j, 0.0, facility_j)
    heat_j = float(np.abs(columns["heat_residual_j"]).sum())
    yield balance("rooms: heat made - removed - stored = 0, every step", heat_j, 0.0, facility_j)
    uses_w = columns["power.it_power_w"] + columns["power.mechanical_power_w"] + columns["power.other_power_w"]
    losses_w = chain_loss(site)
    yield balance("uses + losses = facility energy", float((uses_w + losses_w) @ durations_s), facility_j)


def _requests(records: RunRecords, requests: pd.DataFrame, summary: Summary) -> Iterator[Audit]:
    ends = summary.requests_completed + summary.requests_rejected + summary.requests_in_flight
    yield exact("requests arrived = completed + rejected + in flight", summary.requests_arrived, ends)
    done = requests[requests.outcome == "completed"]
    yield exact(
        "tokens asked of completed requests = tokens emitted", done.output_tokens.sum(), done.generated_tokens.sum()
    )
    inference = [reading for (_, _, phase), reading in sorted(records.accounts.items()) if phase == "inference"]
    booked_j = sum(float(reading[:3].sum()) for reading in inference)
    yield balance("accelerator energy of requests = of inference", float(requests.accelerator_energy_j.sum()), booked_j)


def _jobs(records: RunRecords) -> Iterator[Audit]:
    training = [reading for (_, _, phase), reading in sorted(records.accounts.items()) if phase == "training"]
    booked_j = sum(float(reading[:3].sum()) for reading in training)
    yield balance(
        "accelerator energy of jobs = of training", sum(j.accelerator_energy_j for j in records.jobs), booked_j
    )
