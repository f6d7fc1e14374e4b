"""Tables of a run by plant step, by job and by workload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.records import CHAIN_LOSSES, COOLING_MACHINES, JobRecord, RunRecords, SiteRecords
from simulator.results.account_metrics import operational_kg, running_usd
from simulator.results.account_tables import (
    NOBODYS,
    PER_MILLION_TOKENS,
    WORKLOAD_AMOUNTS,
    amounts_by_workload,
    per_million_tokens,
)
from simulator.results.context import RunContext, SiteContext
from simulator.results.latency import Distribution, counted
from simulator.results.ledger import Ledger
from simulator.results.settlement import SiteAccount
from simulator.results.supply import Supply
from simulator.units import JOULES_PER_KWH, SECONDS_PER_HOUR

Array = NDArray[np.float64]

SERVER_PARTS = ("accelerator_w", "leakage_w", "host_w", "storage_w", "fabric_w", "nic_w", "fan_w", "psu_loss_w")


def hall_sum(site: SiteRecords, field: str) -> Array:
    """Return a power of the servers of all halls of a site by step."""
    steps = site.steps
    total = np.zeros(len(steps.ends_s))
    for hall in site.facts.halls:
        total += steps.columns[f"hall.{hall.name}.{field}"]
    return total


def chain_loss(site: SiteRecords) -> Array:
    """Return the losses of the electrical chain of a site by step."""
    return sum((site.steps.columns[name] for name in CHAIN_LOSSES), np.zeros(len(site.steps.ends_s)))


def all_halls(records: RunRecords, field: str) -> Array:
    """Return a power of the servers of all halls of all sites by step."""
    return sum((hall_sum(site, field) for site in records.sites), np.zeros(len(records.durations_s)))


def all_sites(records: RunRecords, *columns: str) -> Array:
    """Return the sum of columns over the sites by step."""
    parts = (site.steps.columns[column] for site in records.sites for column in columns)
    return sum(parts, np.zeros(len(records.durations_s)))


def power_table(records: RunRecords) -> pd.DataFrame:
    """Return mean power by site, component and plant step; `accelerator_w` to `other_w` add up to the last column."""
    return pd.concat([_site_power(site) for site in records.sites], ignore_index=True)


def _site_power(site: SiteRecords) -> pd.DataFrame:
    columns = site.steps.columns
    cooling = columns["power.mechanical_power_w"]
    return pd.DataFrame(
        {
            "site": site.name,
            "start_s": site.steps.edges_s[:-1],
            "end_s": site.steps.ends_s,
            "accelerator_w": hall_sum(site, "accelerator_w") + hall_sum(site, "leakage_w"),
            "host_w": hall_sum(site, "host_w"),
            "server_network_w": hall_sum(site, "fabric_w") + hall_sum(site, "nic_w"),
            "server_storage_w": hall_sum(site, "storage_w"),
            "server_fan_w": hall_sum(site, "fan_w"),
            "psu_loss_w": hall_sum(site, "psu_loss_w"),
            "switch_w": columns["network_w"],
            "shared_storage_w": columns["shared_storage_w"],
            "cooling_w": cooling,
            "distribution_loss_w": chain_loss(site),
            "other_w": columns["power.other_power_w"],
            "facility_power_w": columns["power.facility_power_w"],
        }
    )


def facility_table(records: RunRecords, context: RunContext) -> pd.DataFrame:
    """Return the facility and what surrounds it by site and plant step."""
    return pd.concat([_site_facility(site, context.sites[site.name]) for site in records.sites], ignore_index=True)


def _site_facility(site: SiteRecords, context: SiteContext) -> pd.DataFrame:
    steps, columns, supply = site.steps, site.steps.columns, Supply.of(site.steps)
    edges_s, marginal = steps.edges_s, context.accounting.marginal_g_per_kwh
    names = (
        *COOLING_MACHINES,
        "heat_rejected_w",
        "reused_heat_w",
        "liquid_heat_w",
        "unmet_heat_w",
        "chillers_running",
        "free_s",
        "partial_s",
        "mechanical_s",
        "outside_curves_s",
    )
    return pd.DataFrame(
        {
            "site": site.name,
            "start_s": edges_s[:-1],
            "end_s": steps.ends_s,
            "it_power_w": columns["power.it_power_w"],
            "cooling_power_w": columns["power.mechanical_power_w"],
            "loss_power_w": chain_loss(site),
            "other_power_w": columns["power.other_power_w"],
            "facility_power_w": columns["power.facility_power_w"],
            **{name: columns[f"cooling.{name}"] for name in names},
            "makeup_water_l": columns["cooling.makeup_water_kg"],
            "consumed_water_l": columns["cooling.consumed_water_kg"],
            "media_water_l": columns["cooling.media_water_kg"],
            "dry_bulb_c": columns["dry_bulb_c"],
            "wet_bulb_c": columns["wet_bulb_c"],
            "grid_import_w": supply.drawn_j / steps.durations_s,
            "grid_export_w": supply.exported_j / steps.durations_s,
            "carbon_intensity_g_per_kwh": context.carbon_g_per_kwh.means(edges_s),
            "marginal_intensity_g_per_kwh": np.nan if marginal is None else marginal.means(edges_s),
            "price_usd_per_kwh": context.price_usd_per_kwh.means(edges_s),
        }
    )


def energy_table(ledgers: dict[str, Ledger]) -> pd.DataFrame:
    """Return energy in kWh by site, phase, activity and workload."""
    tables = []
    for name, ledger in sorted(ledgers.items()):
        table = ledger.table()
        table.insert(0, "site", name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def site_table(records: RunRecords, accounts: Sequence[SiteAccount]) -> pd.DataFrame:
    """Return a row per site: what stands there, and what it used."""
    rows = []
    for site, account in zip(records.sites, accounts, strict=True):
        columns, durations_s = site.steps.columns, site.steps.durations_s
        facility_j = float(columns["power.facility_power_w"] @ durations_s)
        it_j = float(columns["power.it_power_w"] @ durations_s)
        rows.append(
            {
                "site": site.name,
                "servers": sum(hall.servers for hall in site.facts.halls),
                "accelerators": sum(hall.accelerators for hall in site.facts.halls),
                "facility_energy_kwh": facility_j / JOULES_PER_KWH,
                "it_energy_kwh": it_j / JOULES_PER_KWH,
                "pue": facility_j / it_j if it_j > 0.0 else float("nan"),
                "operational_emissions_kg_co2e": operational_kg(account.totals),
                "embodied_emissions_kg_co2e": account.totals["embodied_kg_co2e"],
                "energy_cost_usd": account.totals["energy_usd"],
                "running_cost_usd": running_usd(account.totals),
                "water_withdrawn_l": float(columns["cooling.makeup_water_kg"].sum()),
            }
        )
    return pd.DataFrame(rows)


def job_table(records: RunRecords) -> pd.DataFrame:
    """Return a row per training job."""
    names = [entry.name for entry in fields(JobRecord)]
    rows = [{name: getattr(job, name) for name in names} for job in records.jobs]
    table = pd.DataFrame(rows, columns=names)
    for name in ("start_s", "end_s"):
        table[name] = table[name].astype("float64")
    table.insert(names.index("start_s") + 1, "queue_s", table.start_s - table.submit_s)
    return table


def workload_table(
    ledger: Ledger, requests: pd.DataFrame, context: RunContext, accounts: Sequence[SiteAccount]
) -> pd.DataFrame:
    """Return a row per workload with its share of everything, idle time of its accelerators included."""
    amounts = amounts_by_workload(accounts, context)
    used = {key[1] for key, entry in ledger.entries.items() if entry.energy_j.any()}
    names = sorted(used | {name for name, carried in amounts.items() if any(carried.values())})
    rows = []
    for name in names:
        entries = {key[0]: entry for key, entry in sorted(ledger.entries.items()) if key[1] == name}
        energy_j = {phase: float(entry.energy_j.sum()) for phase, entry in entries.items()}
        row: dict[str, object] = {
            "workload": name or NOBODYS,
            "energy_kwh": sum(energy_j.values()) / JOULES_PER_KWH,
            "idle_energy_kwh": energy_j.get("idle", 0.0) / JOULES_PER_KWH,
            **amounts[name],
            "accelerator_h": sum(entry.accelerator_s for entry in entries.values()) / SECONDS_PER_HOUR,
        }
        if name in context.service_levels:
            mine = requests[requests.workload == name]
            done = counted(mine, context.service_levels[name].ramp_fraction)
            row["requests_completed"] = int((mine.outcome == "completed").sum())
            tokens = int(mine.generated_tokens.sum())
            row["output_tokens"] = tokens
            row["ttft_p50_s"] = Distribution.of(done.ttft_s).p50_s
            row["ttft_p99_s"] = Distribution.of(done.ttft_s).p99_s
            row["tpot_p50_s"] = Distribution.of(done.tpot_s).p50_s
            row["tpot_p99_s"] = Distribution.of(done.tpot_s).p99_s
            row |= per_million_tokens(amounts[name], tokens)
        rows.append(row)
    columns = [
        "workload",
        "energy_kwh",
        "idle_energy_kwh",
        *WORKLOAD_AMOUNTS,
        "accelerator_h",
        "requests_completed",
        "output_tokens",
        "ttft_p50_s",
        "ttft_p99_s",
        "tpot_p50_s",
        "tpot_p99_s",
        *PER_MILLION_TOKENS,
    ]
    table = pd.DataFrame(rows, columns=columns)
    whole = dict.fromkeys(("requests_completed", "output_tokens"), "Int64")
    rest = {name: "float64" for name in columns[1:] if name not in whole}
    return table.astype({**whole, **rest})
