"""Scalars of a run that its accounts give: emissions by scope, indicators of energy and carbon, water, money."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from simulator.physics import kpis
from simulator.physics.uncertainty import lognormal_bounds
from simulator.physics.water_footprint import scarcity_weighted_l, source_water_l
from simulator.records import RunRecords
from simulator.results.accounting import Accounting
from simulator.results.asset_shares import NOBODY
from simulator.results.context import RunContext
from simulator.results.settlement import MARKET_AMOUNTS, SiteAccount
from simulator.units import GRAMS_PER_KG, JOULES_PER_KWH

Scalars = dict[str, float | None]
TOKENS_PER_MILLION = 1e6


def account_scalars(
    records: RunRecords, accounts: Sequence[SiteAccount], requests: pd.DataFrame, context: RunContext
) -> Scalars:
    """Return the scalars of all sites together."""
    accountings = {account.site: context.sites[account.site].accounting for account in accounts}
    return {
        **_energy(accounts),
        **_emissions(accounts, accountings),
        **_embodied(accounts, accountings),
        **_indicators(records, accounts, accountings),
        **_water(records, accounts, accountings),
        **_money(accounts),
        **_per_unit(records, accounts, requests),
    }


def total(accounts: Sequence[SiteAccount], name: str) -> float | None:
    """Return an amount of all sites together, None where no site has it."""
    return summed(account.totals[name] for account in accounts)


def running_usd(amounts: Scalars) -> float:
    """Return what a site or workload pays for running: energy, fuel and charges, less what it sells, and carbon."""
    costs = ("energy_usd", "fuel_usd", "demand_usd", "fixed_usd", "carbon_usd")
    return sum(amounts[name] or 0.0 for name in costs) - (amounts["export_usd"] or 0.0)


def total_usd(amounts: Scalars) -> float | None:
    """Return running cost and capital together, None where no capital is priced."""
    capital = amounts["capital_usd"]
    return None if capital is None else running_usd(amounts) + capital


def whole_usd(parts: Sequence[Scalars]) -> float | None:
    """Return running cost of all parts and the capital of those that are priced, None where none is."""
    capital = summed(part["capital_usd"] for part in parts)
    return None if capital is None else sum(running_usd(part) for part in parts) + capital


def energy_kg(amounts: Scalars) -> float:
    """Return emissions of the energy used: fuel, scope 2 by location, and the losses of the grid."""
    names = ("fuel_kg_co2e", "scope2_location_kg_co2e", "grid_loss_kg_co2e")
    return sum(amounts[name] or 0.0 for name in names)


def operational_kg(amounts: Scalars) -> float:
    """Return emissions of running: those of the energy, and leaks of refrigerant."""
    return energy_kg(amounts) + (amounts["refrigerant_kg_co2e"] or 0.0)


def sci_kg(amounts: Scalars) -> float:
    """Return what ISO/IEC 21031 counts: emissions of the energy by location, and embodied ones by time."""
    return energy_kg(amounts) + (amounts["embodied_kg_co2e"] or 0.0)


def has_market(accounting: Accounting) -> bool:
    """Return whether anything is known by which energy could be accounted for by the market."""
    return bool(accounting.instruments) or accounting.unmatched_g_per_kwh is not None


def summed(values: Iterable[float | None]) -> float | None:
    """Return the sum of what is there, None where nothing is."""
    there = [value for value in values if value is not None]
    return sum(there) if there else None


def _energy(accounts: Sequence[SiteAccount]) -> Scalars:
    return {
        "grid_import_kwh": sum(float(account.supply.drawn_j.sum()) for account in accounts) / JOULES_PER_KWH,
        "grid_export_kwh": sum(float(account.supply.exported_j.sum()) for account in accounts) / JOULES_PER_KWH,
    }


def _emissions(accounts: Sequence[SiteAccount], accountings: dict[str, Accounting]) -> Scalars:
    drawn_j = sum(float(account.supply.drawn_j.sum()) for account in accounts)
    location_kg = total(accounts, "scope2_location_kg_co2e") or 0.0
    market: Scalars = dict.fromkeys(MARKET_AMOUNTS.values())
    fraction = gap = None
    if any(has_market(accounting) for accounting in accountings.values()):
        market = {name: total(accounts, name) for name in MARKET_AMOUNTS.values()}
        gap = sum(account.market["hourly"].total_kg - account.market["annual"].total_kg for account in accounts)
    if any(accounting.instruments for accounting in accountings.values()) and drawn_j > 0.0:
        fraction = sum(float(account.market["hourly"].matched_j.sum()) for account in accounts) / drawn_j
    return {
        "operational_emissions_kg_co2e": sum(operational_kg(account.totals) for account in accounts),
        "scope1_kg_co2e": (total(accounts, "fuel_kg_co2e") or 0.0) + (total(accounts, "refrigerant_kg_co2e") or 0.0),
        "scope2_location_kg_co2e": location_kg,
        **market,
        "scope2_matching_gap_kg_co2e": gap,
        "hourly_matched_fraction": fraction,
        "grid_loss_kg_co2e": _if_any(
            total(accounts, "grid_loss_kg_co2e"), any(a.grid_loss_fraction for a in accountings.values())
        ),
        "mean_carbon_intensity_g_per_kwh": location_kg * GRAMS_PER_KG / (drawn_j / JOULES_PER_KWH)
        if drawn_j > 0.0
        else None,
    }


def _if_any(value: float | None, known: bool) -> float | None:
    return value if known else None


def _embodied(accounts: Sequence[SiteAccount], accountings: dict[str, Accounting]) -> Scalars:
    bounds = [
        lognormal_bounds(account.totals["embodied_kg_co2e"] or 0.0, accountings[account.site].estate.uncertainty_factor)
        for account in accounts
    ]
    return {
        "embodied_emissions_kg_co2e": total(accounts, "embodied_kg_co2e"),
        "embodied_emissions_low_kg_co2e": sum(low for low, _ in bounds),
        "embodied_emissions_high_kg_co2e": sum(high for _, high in bounds),
        "embodied_unallocated_kg_co2e": sum(account.shares[NOBODY]["embodied_kg_co2e"] or 0.0 for account in accounts),
    }


def _indicators(records: RunRecords, accounts: Sequence[SiteAccount], accountings: dict[str, Accounting]) -> Scalars:
    names = ("pue_category_1", "pue_category_2", "cue_kg_per_kwh", "ref")
    facility_j, it_j = _joules(records, "power.facility_power_w"), _joules(records, "power.it_power_w")
    if it_j <= 0.0:
        return dict.fromkeys(names)
    ups_j, pdu_loss_j = _joules(records, "power.ups_output_w"), _joules(records, "power.pdu_loss_w")
    emitted_kg = sum(energy_kg(account.totals) for account in accounts)
    # A building known by its published PUE has no UPS and no PDU at which the other categories could be metered.
    modelled = _joules(records, "power.ups_loss_w") > 0.0
    return {
        "pue_category_1": kpis.pue(facility_j, ups_j) if modelled else None,
        "pue_category_2": kpis.pue(facility_j, ups_j - pdu_loss_j) if modelled else None,
        "cue_kg_per_kwh": kpis.cue_kg_per_kwh(emitted_kg, it_j),
        "ref": kpis.ref(min(_renewable_j(accounts, accountings), facility_j), facility_j),
    }


def _joules(records: RunRecords, column: str) -> float:
    return sum(float(site.steps.columns[column] @ site.steps.durations_s) for site in records.sites)


def _renewable_j(accounts: Sequence[SiteAccount], accountings: dict[str, Accounting]) -> float:
    """Return renewable energy owned and used: what the site makes and uses, and what contracts cover over the year."""
    found = sum(float(account.supply.own_renewable_j.sum()) for account in accounts)
    for account in accounts:
        for instrument, matched_j in zip(
            accountings[account.site].instruments, account.market["annual"].matched_j, strict=True
        ):
            found += float(matched_j.sum()) if instrument.renewable else 0.0
    return found


def _water(records: RunRecords, accounts: Sequence[SiteAccount], accountings: dict[str, Accounting]) -> Scalars:
    site_l: list[float | None] = []
    source_l: list[float | None] = []
    source_weighted_l: list[float | None] = []
    for site, account in zip(records.sites, accounts, strict=True):
        accounting, columns = accountings[site.name], site.steps.columns
        wet = float((columns["cooling.free_s"] + columns["cooling.partial_s"] + columns["cooling.mechanical_s"]).sum())
        if accounting.site_scarcity is not None and wet > 0.0:
            consumed_l = float(columns["cooling.consumed_water_kg"].sum())
            site_l.append(scarcity_weighted_l(consumed_l, accounting.site_scarcity))
        if accounting.source_water_l_per_kwh is not None:
            source = source_water_l(float(account.supply.drawn_j.sum()), accounting.source_water_l_per_kwh)
            source_l.append(source)
            if accounting.source_scarcity is not None:
                source_weighted_l.append(scarcity_weighted_l(source, accounting.source_scarcity))
    return {
        "source_water_l": summed(source_l),
        "scarcity_weighted_site_water_l": summed(site_l),
        "scarcity_weighted_source_water_l": summed(source_weighted_l),
    }


def _money(accounts: Sequence[SiteAccount]) -> Scalars:
    return {
        "energy_cost_usd": total(accounts, "energy_usd"),
        "fuel_cost_usd": total(accounts, "fuel_usd"),
        "demand_charge_usd": total(accounts, "demand_usd"),
        "fixed_charge_usd": total(accounts, "fixed_usd"),
        "export_revenue_usd": total(accounts, "export_usd"),
        "carbon_cost_usd": total(accounts, "carbon_usd"),
        "running_cost_usd": sum(running_usd(account.totals) for account in accounts),
        "capital_cost_usd": total(accounts, "capital_usd"),
        "total_cost_usd": whole_usd([account.totals for account in accounts]),
        "unallocated_cost_usd": sum(_cost(account, NOBODY) for account in accounts),
    }


def _cost(account: SiteAccount, workload: str) -> float:
    """Return the whole cost of a workload, or its running cost where capital is not priced."""
    amounts = account.shares[workload]
    return running_usd(amounts) + (amounts["capital_usd"] or 0.0)


def _per_unit(records: RunRecords, accounts: Sequence[SiteAccount], requests: pd.DataFrame) -> Scalars:
    """Return emissions (ISO/IEC 21031: energy by location, and embodied by time) and cost by unit of work.

    Tokens and requests are those of inference workloads; a training run is a job that ended in the run.
    """
    done = [job.name for job in records.jobs if job.outcome == "completed"]
    millions = float(requests.generated_tokens.sum()) / TOKENS_PER_MILLION
    answered = float((requests.outcome == "completed").sum())
    served = [share for account in accounts for name, share in account.shares.items() if name in records.requests]
    trained = [share for account in accounts for name, share in account.shares.items() if name in done]
    return {
        "sci_kg_co2e_per_million_tokens": _each(served, sci_kg, millions),
        "sci_kg_co2e_per_request": _each(served, sci_kg, answered),
        "sci_kg_co2e_per_training_run": _each(trained, sci_kg, len(done)),
        "running_usd_per_million_tokens": _each(served, running_usd, millions),
        "running_usd_per_training_run": _each(trained, running_usd, len(done)),
        "total_usd_per_million_tokens": _per(whole_usd(served), millions),
        "total_usd_per_training_run": _per(whole_usd(trained), len(done)),
    }


def _each(shares: list[Scalars], amount: Callable[[Scalars], float], units: float) -> float | None:
    return _per(sum(amount(share) for share in shares) if shares else None, units)


def _per(value: float | None, units: float) -> float | None:
    return value / units if value is not None and units > 0.0 else None
