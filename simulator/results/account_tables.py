"""Tables of the accounts: who carries what, what contracts cover, what stands there and what it costs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from simulator.results.account_metrics import (
    TOKENS_PER_MILLION,
    Scalars,
    has_market,
    operational_kg,
    running_usd,
    sci_kg,
    summed,
    total_usd,
)
from simulator.results.accounting import MATCHINGS
from simulator.results.context import RunContext
from simulator.results.grid_account import offered_j
from simulator.results.settlement import AMOUNTS, SiteAccount
from simulator.units import JOULES_PER_KWH, WATTS_PER_KW

NOBODYS = "(none)"
"""What tables call the workload of what none holds."""

WORKLOAD_AMOUNTS = (
    "operational_emissions_kg_co2e",
    "scope2_location_kg_co2e",
    "scope2_market_hourly_kg_co2e",
    "scope2_market_annual_kg_co2e",
    "embodied_kg_co2e",
    "embodied_by_use_kg_co2e",
    "sci_kg_co2e",
    "energy_cost_usd",
    "running_cost_usd",
    "total_cost_usd",
)

PER_MILLION_TOKENS = (
    "sci_kg_co2e_per_million_tokens",
    "running_usd_per_million_tokens",
    "total_usd_per_million_tokens",
)


def account_table(accounts: Sequence[SiteAccount]) -> pd.DataFrame:
    """Return every settled amount by site and workload; what nobody asked for is missing."""
    rows = [
        {"site": account.site, "workload": workload or NOBODYS, **amounts}
        for account in accounts
        for workload, amounts in account.shares.items()
    ]
    return pd.DataFrame(rows, columns=["site", "workload", *AMOUNTS]).astype(dict.fromkeys(AMOUNTS, "float64"))


def amounts_by_workload(accounts: Sequence[SiteAccount], context: RunContext) -> dict[str, Scalars]:
    """Return the columns of the table of workloads that the accounts fill, over all sites."""
    market = any(has_market(context.sites[account.site].accounting) for account in accounts)
    found: dict[str, Scalars] = {}
    for workload in sorted({name for account in accounts for name in account.shares}):
        shares = [account.shares[workload] for account in accounts if workload in account.shares]
        amounts = {name: summed(share[name] for share in shares) for name in AMOUNTS}
        hourly, annual = (amounts[f"scope2_market_{matching}_kg_co2e"] for matching in ("hourly", "annual"))
        values = (
            operational_kg(amounts),
            amounts["scope2_location_kg_co2e"],
            hourly if market else None,
            annual if market else None,
            amounts["embodied_kg_co2e"],
            amounts["embodied_by_use_kg_co2e"],
            sci_kg(amounts),
            amounts["energy_usd"],
            running_usd(amounts),
            total_usd(amounts),
        )
        found[workload] = dict(zip(WORKLOAD_AMOUNTS, values, strict=True))
    return found


def per_million_tokens(amounts: Scalars, tokens: int) -> Scalars:
    """Return emissions and cost of a service per million tokens that it emitted.

    Args:
        amounts: its row of `WORKLOAD_AMOUNTS`.
        tokens: tokens emitted.
    """
    if not tokens:
        return dict.fromkeys(PER_MILLION_TOKENS)
    running, whole = amounts["running_cost_usd"] or 0.0, amounts["total_cost_usd"]
    millions = tokens / TOKENS_PER_MILLION
    values = (
        (amounts["sci_kg_co2e"] or 0.0) / millions,
        running / millions,
        None if whole is None else whole / millions,
    )
    return dict(zip(PER_MILLION_TOKENS, values, strict=True))


def contract_table(accounts: Sequence[SiteAccount], context: RunContext) -> pd.DataFrame:
    """Return what each contract offers in the run and covers under each matching; the rest counts for nothing."""
    amounts = ["offered_kwh", *(f"matched_{matching}_kwh" for matching in MATCHINGS), "surplus_annual_kwh"]
    rows = []
    for account in accounts:
        for index, instrument in enumerate(context.sites[account.site].accounting.instruments):
            matched = {name: account.market[name].matched_j[index].sum() / JOULES_PER_KWH for name in MATCHINGS}
            offered = offered_j(account.metered, instrument, "annual").sum() / JOULES_PER_KWH
            values = (offered, *matched.values(), offered - matched["annual"])
            rows.append(
                {
                    "site": account.site,
                    "contract": instrument.name,
                    "same_grid": instrument.same_grid,
                    "g_per_kwh": instrument.g_per_kwh,
                    **dict(zip(amounts, values, strict=True)),
                }
            )
    table = pd.DataFrame(rows, columns=["site", "contract", "same_grid", "g_per_kwh", *amounts])
    return table.astype({"same_grid": "bool", "g_per_kwh": "float64", **dict.fromkeys(amounts, "float64")})


def asset_table(accounts: Sequence[SiteAccount], context: RunContext) -> pd.DataFrame:
    """Return what stands at each site: footprint and price of all, and the parts that fall into the run."""
    rows = []
    for account in accounts:
        end_s = account.metered.end_s
        for asset in account.assets:
            known, price = asset.embodied_kg_co2e is not None, asset.price
            rows.append(
                {
                    "site": account.site,
                    "asset": asset.name,
                    "hall": asset.hall,
                    "count": float(asset.count),
                    "embodied_kg_co2e": asset.count * (asset.embodied_kg_co2e or 0.0) if known else None,
                    "embodied_years": asset.embodied_years if known else None,
                    "run_embodied_kg_co2e": asset.embodied_kg(end_s) if known else None,
                    "capital_usd": asset.capital_usd if price else None,
                    "capital_years": price.years if price else None,
                    "run_capital_usd": asset.run_usd(context.money.discount_rate, end_s) if price else None,
                    "embodied_source": asset.source,
                    "price_source": price.source if price else "",
                }
            )
    columns = ["site", "asset", "hall", "count", "embodied_kg_co2e", "embodied_years", "run_embodied_kg_co2e"]
    numbers = [*columns[3:], "capital_usd", "capital_years", "run_capital_usd"]
    table = pd.DataFrame(rows, columns=[*columns[:3], *numbers, "embodied_source", "price_source"])
    return table.astype(dict.fromkeys(numbers, "float64"))


def peak_table(accounts: Sequence[SiteAccount]) -> pd.DataFrame:
    """Return the peaks that demand charges bill, by site, charge and month (YYYY-MM)."""
    rows = [
        {
            "site": account.site,
            "charge": peak.charge,
            "month": f"{1970 + peak.month // 12}-{peak.month % 12 + 1:02}",
            "peak_kw": peak.peak_w / WATTS_PER_KW,
            "cost_usd": peak.usd,
        }
        for account in accounts
        for peak in account.peaks
    ]
    table = pd.DataFrame(rows, columns=["site", "charge", "month", "peak_kw", "cost_usd"])
    return table.astype({"peak_kw": "float64", "cost_usd": "float64"})
