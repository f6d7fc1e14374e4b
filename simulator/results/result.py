"""The result of a run: summary, tables, audits and the manifest."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from simulator.documents.yaml_text import YamlText
from simulator.errors import AuditError
from simulator.records import Event, RequestLog, RunRecords
from simulator.results.account_tables import account_table, asset_table, contract_table, peak_table
from simulator.results.audits import audit_run, audit_table
from simulator.results.context import Figure, RunContext
from simulator.results.latency import request_table
from simulator.results.ledger import Ledger
from simulator.results.metrics import summarize
from simulator.results.power_chain import power_chain_table
from simulator.results.settlement import settle
from simulator.results.site_energy import supply_table
from simulator.results.summary import Summary
from simulator.results.tables import (
    energy_table,
    facility_table,
    job_table,
    power_table,
    site_table,
    workload_table,
)
from simulator.results.thermal import hall_climate_table, thermal_table

_NONE = np.zeros(0, dtype=np.int64)

TABLES = (
    "requests",
    "jobs",
    "workloads",
    "sites",
    "accounts",
    "contracts",
    "peaks",
    "assets",
    "energy",
    "power",
    "power_chain",
    "facility",
    "supply",
    "halls",
    "thermal",
    "events",
    "audit",
    "figures",
)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a run leaves behind; tables are pandas data frames with the unit in the column name.

    Args:
        resolved: the resolved scenario.
        manifest: version, seed, checksums of all inputs, counts and times.
        summary: scalars.
        requests: a row per request that arrived.
        jobs: a row per training job.
        workloads: a row per workload.
        sites: a row per site.
        accounts: emissions, embodied emissions and costs by site and workload.
        contracts: what each contract offers and covers.
        peaks: peaks that demand charges bill.
        assets: what stands at each site, its footprint and price.
        energy: the ledger: energy by site, phase, activity and workload.
        power: mean power by site, component and plant step.
        power_chain: what each stage of the electrical chain passed on and lost, and the room that its heat fell into.
        facility: the facility and its surroundings by site and plant step.
        supply: where the power came from by plant step, for sites with a section `supply`.
        halls: a row per hall: its class of air, hours outside it, highest temperatures.
        thermal: temperatures by hall and plant step.
        events: what happened.
        audit: both sides of every balance.
        figures: figures that the run rests on, with kind and source.
    """

    resolved: YamlText
    manifest: dict[str, Any]
    summary: Summary
    requests: pd.DataFrame
    jobs: pd.DataFrame
    workloads: pd.DataFrame
    sites: pd.DataFrame
    accounts: pd.DataFrame
    contracts: pd.DataFrame
    peaks: pd.DataFrame
    assets: pd.DataFrame
    energy: pd.DataFrame
    power: pd.DataFrame
    power_chain: pd.DataFrame
    facility: pd.DataFrame
    supply: pd.DataFrame
    halls: pd.DataFrame
    thermal: pd.DataFrame
    events: pd.DataFrame
    audit: pd.DataFrame
    figures: pd.DataFrame

    @property
    def scenario(self) -> str:
        """The resolved scenario as YAML."""
        return str(self.resolved)

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return str(self.manifest["scenario"])


def build_result(
    records: RunRecords, ledgers: dict[str, Ledger], context: RunContext, manifest: dict[str, Any]
) -> Result:
    """Return the result of a run.

    Args:
        records: what the engine left behind.
        ledgers: energy of each site by phase, activity and workload.
        context: what the results must know beside it.
        manifest: facts about the run itself, to which counts are added.

    Raises:
        AuditError: a balance does not close.
    """
    logs = [request_table(name, log) for name, log in sorted(records.requests.items())]
    requests = pd.concat(logs, ignore_index=True) if logs else request_table("", RequestLog(_NONE, _NONE))
    ledger = Ledger.merged(ledgers[site.name] for site in records.sites)
    accounts = [
        settle(site, ledgers[site.name], context.sites[site.name], context.money, context.clock(site.name))
        for site in records.sites
    ]
    summary = summarize(records, ledger, requests, context, accounts)
    audits = audit_run(records, ledgers, requests, summary, context, accounts)
    result = Result(
        resolved=context.resolved,
        manifest={
            **manifest,
            "scenario": context.scenario,
            "seed": context.seed,
            "start_utc": context.start_utc,
            "simulated_s": records.duration_s,
            "kpi_basis": summary.kpi_basis,
            "kernel_events": records.event_count,
            "money": {
                "discount_rate": context.money.discount_rate,
                "horizon_years": context.money.horizon_years,
            },
            "signals": {
                name: {origin.signal: origin.as_dict() for origin in site.origins}
                for name, site in context.sites.items()
            },
            "checksums": dict(sorted(context.checksums.items())),
        },
        summary=summary,
        requests=requests,
        jobs=job_table(records),
        workloads=workload_table(ledger, requests, context, accounts),
        sites=site_table(records, accounts),
        accounts=account_table(accounts),
        contracts=contract_table(accounts, context),
        peaks=peak_table(accounts),
        assets=asset_table(accounts, context),
        energy=energy_table(ledgers),
        power=power_table(records),
        power_chain=power_chain_table(records),
        facility=facility_table(records, context),
        supply=supply_table(records),
        halls=hall_climate_table(records),
        thermal=thermal_table(records),
        events=_table(Event, [*(Event(0.0, "note", "inputs", note) for note in context.notes), *records.events]),
        audit=audit_table(audits),
        figures=_table(Figure, list(context.figures)).astype(dict.fromkeys(("value", "low", "high"), "float64")),
    )
    failed = [audit for audit in audits if not audit.ok]
    if failed:
        lines = [f"{a.name}: {a.left!r} against {a.right!r}, off by {a.residual:.3g}" for a in failed]
        raise AuditError("balances that do not close:\n" + "\n".join(lines))
    return result


def _table(record: type, rows: list[Any]) -> pd.DataFrame:
    names = [entry.name for entry in fields(record)]
    return pd.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=names)
