"""Audits of the accounts: every total a second time, by another route and in another order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from simulator.records import HallFacts, RunRecords, SiteRecords
from simulator.results.account_metrics import has_market
from simulator.results.accounting import MATCHINGS, Accounting, Matching
from simulator.results.balance import Audit, balance
from simulator.results.context import RunContext, SiteContext
from simulator.results.grid_account import offered_j
from simulator.results.ledger import Ledger
from simulator.results.settlement import AMOUNTS, MARKET_AMOUNTS, SiteAccount
from simulator.results.summary import Summary
from simulator.results.supply import Supply
from simulator.signals.base import ConstantSignal, Signal
from simulator.units import GRAMS_PER_KG, JOULES_PER_KWH, SECONDS_PER_YEAR, WATTS_PER_KW

_NAMES = {
    "fuel_kg_co2e": "fuel",
    "refrigerant_kg_co2e": "leaks of refrigerant",
    "scope2_location_kg_co2e": "scope 2 by location",
    "scope2_market_hourly_kg_co2e": "scope 2 by market, hourly matching",
    "scope2_market_monthly_kg_co2e": "scope 2 by market, monthly matching",
    "scope2_market_annual_kg_co2e": "scope 2 by market, annual matching",
    "grid_loss_kg_co2e": "losses of the grid",
    "embodied_kg_co2e": "embodied emissions by time",
    "embodied_by_use_kg_co2e": "embodied emissions by use",
    "energy_usd": "cost of energy",
    "export_usd": "energy sold",
    "fuel_usd": "cost of fuel",
    "demand_usd": "demand charges",
    "fixed_usd": "fixed charges",
    "carbon_usd": "price of carbon",
    "capital_usd": "capital by time",
    "capital_by_use_usd": "capital by use",
}

_ALWAYS = ("scope2_location_kg_co2e", "embodied_kg_co2e", "embodied_by_use_kg_co2e", "energy_usd")


def account_audits(ledger: Ledger, context: SiteContext, account: SiteAccount) -> Iterator[Audit]:
    """Yield the audits of a site's account."""
    market = has_market(context.accounting)
    for name in AMOUNTS if market else (name for name in AMOUNTS if name not in MARKET_AMOUNTS.values()):
        whole, shares = account.totals[name], [share[name] or 0.0 for share in account.shares.values()]
        # Amounts that nobody asked for, and that are nothing anywhere, need no line.
        if whole or any(shares) or name in _ALWAYS:
            scale = abs(whole or 0.0) + sum(abs(share) for share in shares)
            yield balance(f"{_NAMES[name]}: workloads and nobody = all", sum(shares), whole or 0.0, scale)
    drawn_j = _drawn_by_interval(ledger, account.metered.count)
    total_j = float(account.supply.drawn_j.sum())
    yield balance("energy drawn by workload and metering interval = at the meter", sum(drawn_j), total_j)
    for matching in MATCHINGS if context.accounting.instruments else ():
        yield balance(
            f"contracts matched one by one, {matching} = account",
            _market_kg(drawn_j, account, context.accounting, matching),
            account.totals[MARKET_AMOUNTS[matching]] or 0.0,
            float(account.metered.unmatched_kg.sum()),
        )
    if account.totals["demand_usd"] is not None:
        billed_usd = _demand_usd(drawn_j, account, context.accounting)
        yield balance("demand charges from the ledger's intervals = account", billed_usd, account.totals["demand_usd"])


def summary_audits(
    records: RunRecords, summary: Summary, context: RunContext, accounts: Sequence[SiteAccount]
) -> Iterator[Audit]:
    """Yield the audits of what the accounts bring into the summary."""
    emissions_g = sum(_integrated(site, context.sites[site.name].carbon_g_per_kwh) for site in records.sites)
    yield balance(
        "emissions integrated by interval of the series = summary",
        emissions_g / GRAMS_PER_KG,
        summary.scope2_location_kg_co2e,
    )
    cost_usd = sum(_integrated(site, context.sites[site.name].price_usd_per_kwh) for site in records.sites)
    scale = abs(summary.energy_cost_usd) + summary.facility_energy_kwh * 1e-3
    yield balance("cost integrated by interval of the series = summary", cost_usd, summary.energy_cost_usd, scale)
    scopes_kg = summary.scope1_kg_co2e + summary.scope2_location_kg_co2e + (summary.grid_loss_kg_co2e or 0.0)
    yield balance("emissions by scope = operational emissions", scopes_kg, summary.operational_emissions_kg_co2e)
    kinds = (summary.fuel_cost_usd, summary.demand_charge_usd, summary.fixed_charge_usd, summary.carbon_cost_usd)
    paid_usd = summary.energy_cost_usd + sum(kind or 0.0 for kind in kinds) - (summary.export_revenue_usd or 0.0)
    yield balance("costs by kind = running cost", paid_usd, summary.running_cost_usd, scale + abs(paid_usd))
    yield _embodied(records, summary, accounts)


def _integrated(site: SiteRecords, signal: Signal) -> float:
    """Return the integral of power (kW) x signal, interval by interval of the signal: the other order of summation."""
    edges_s = site.steps.edges_s
    energy_kwh = np.concatenate([[0.0], np.cumsum(Supply.of(site.steps).drawn_j)]) / JOULES_PER_KWH
    if isinstance(signal, ConstantSignal):
        return float(energy_kwh[-1]) * signal.at(0.0)
    total, t_s, duration_s = 0.0, 0.0, float(edges_s[-1])
    while t_s < duration_s:
        end_s = min(signal.next_change(t_s), duration_s)
        before, after = np.interp([t_s, end_s], edges_s, energy_kwh)
        total += float(after - before) * signal.at(t_s)
        t_s = end_s
    return total


def _drawn_by_interval(ledger: Ledger, count: int) -> list[float]:
    """Return the energy drawn in each metering interval, added up from what the ledger gave to workloads."""
    drawn_j = [0.0] * count
    for _, entry in sorted(ledger.entries.items()):
        for interval, energy_j in entry.drawn.items():
            drawn_j[interval] += energy_j
    return drawn_j


def _market_kg(drawn_j: list[float], account: SiteAccount, accounting: Accounting, matching: Matching) -> float:
    """Return market-based emissions, period after period and contract after contract."""
    metered = account.metered
    labels, contracts = metered.labels(matching).tolist(), accounting.instruments
    need: dict[int, float] = {}
    dirty_kg: dict[int, float] = {}
    for label, energy_j, unmatched_kg in zip(labels, drawn_j, metered.unmatched_kg.tolist(), strict=True):
        need[label] = need.get(label, 0.0) + energy_j
        dirty_kg[label] = dirty_kg.get(label, 0.0) + unmatched_kg
    rest, total_kg = dict(need), 0.0
    for contract in sorted(contracts, key=lambda contract: contract.g_per_kwh):
        if not contract.same_grid:
            continue
        offer: dict[int, float] = {}
        for label, energy_j in zip(labels, offered_j(metered, contract, matching).tolist(), strict=True):
            offer[label] = offer.get(label, 0.0) + energy_j
        for label, energy_j in offer.items():
            used_j = min(energy_j, rest[label])
            rest[label] -= used_j
            total_kg += used_j * contract.g_per_kwh / (GRAMS_PER_KG * JOULES_PER_KWH)
    return total_kg + sum(rest[label] / need[label] * dirty_kg[label] for label in need if need[label] > 0.0)


def _demand_usd(drawn_j: list[float], account: SiteAccount, accounting: Accounting) -> float:
    clock, total_usd = account.metered.clock, 0.0
    months = clock.shares_of_months(account.metered.end_s, accounting.tariff.zone)
    starts_s = clock.starts_utc_s(account.metered.count).tolist()
    hours = clock.hours_of_day(account.metered.count, accounting.tariff.zone).tolist()
    labels = clock.months(account.metered.count, accounting.tariff.zone).tolist()
    for charge in accounting.tariff.demand_charges:
        block_j: dict[int, float] = {}
        first: dict[int, int] = {}
        for interval, (start_s, energy_j) in enumerate(zip(starts_s, drawn_j, strict=True)):
            block = int(start_s // charge.interval_s)
            first.setdefault(block, interval)
            block_j[block] = block_j.get(block, 0.0) + energy_j
        highest: dict[int, float] = {}
        over_midnight = charge.from_hour > charge.to_hour
        for block, energy_j in block_j.items():
            hour, month = hours[first[block]], labels[first[block]]
            after, before = hour >= charge.from_hour, hour < charge.to_hour
            if (after or before) if over_midnight else (after and before):
                highest[month] = max(highest.get(month, 0.0), energy_j / charge.interval_s)
        for month, peak_w in highest.items():
            total_usd += charge.usd_per_kw * peak_w / WATTS_PER_KW * months.get(month, 0.0)
    return total_usd


def _embodied(records: RunRecords, summary: Summary, accounts: Sequence[SiteAccount]) -> Audit:
    """Return the balance of embodied emissions, workload by workload from the facts of halls and switches."""
    allocated_kg = sum(
        _allocated_kg(site, account, records.duration_s) for site, account in zip(records.sites, accounts, strict=True)
    )
    return balance(
        "embodied emissions allocated + unallocated = all",
        allocated_kg + summary.embodied_unallocated_kg_co2e,
        summary.embodied_emissions_kg_co2e,
    )


def _allocated_kg(site: SiteRecords, account: SiteAccount, duration_s: float) -> float:
    halls = site.facts.halls
    nameplate_w = sum(hall.servers * hall.maximum_w for hall in halls)
    shared_kg = sum(asset.embodied_kg(duration_s) for asset in account.assets if asset.shared_by == "nameplate")
    allocated_kg = held_s = total_s = 0.0
    for hall in halls:
        hall_s = hall.accelerators * duration_s
        mine_s = sum(
            float(reading[3])
            for (name, workload, _), reading in sorted(site.accounts.items())
            if name == hall.name and workload
        )
        held_s, total_s = held_s + mine_s, total_s + hall_s
        if hall_s:
            carried_kg = _hall_kg(hall, duration_s) + shared_kg * hall.servers * hall.maximum_w / nameplate_w
            allocated_kg += mine_s / hall_s * carried_kg
    return allocated_kg + (held_s / total_s * _network_kg(site, duration_s) if total_s else 0.0)


def _hall_kg(hall: HallFacts, duration_s: float) -> float:
    total_kg = hall.accelerators * hall.accelerator_embodied_kg_co2e + hall.servers * hall.server_embodied_kg_co2e
    return total_kg * duration_s / (hall.lifetime_years * SECONDS_PER_YEAR)


def _network_kg(site: SiteRecords, duration_s: float) -> float:
    network = site.facts.network
    if network is None:
        return 0.0
    return network.switches * network.embodied_kg_co2e * duration_s / (network.lifetime_years * SECONDS_PER_YEAR)
