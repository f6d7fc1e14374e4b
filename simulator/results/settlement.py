"""Settle a site's account after the run: emissions by scope and method, bills, assets, and whose each of them is.

Totals come from the columns of the meter, shares of workloads from the ledger; audits hold the two together.

* fuel and energy from the grid: by facility energy of the step, which the ledger has already split;
* market-based emissions: each interval's share of energy x the factor of its hour, month or year;
* demand charges: by energy in the metering interval of the peak, so that who makes the peak pays for it;
* fixed charges: by energy drawn over the run; leaks of refrigerant: by facility energy;
* the price of carbon: by the emissions that pay it;
* embodied emissions and capital: `results.asset_shares`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulator.physics.contracts import Matched
from simulator.physics.diesel import HEAT_J_PER_L
from simulator.physics.emissions import fuel_co2e_kg_per_j, grid_loss_kg
from simulator.records import SiteRecords
from simulator.results.accounting import MATCHINGS, Accounting, Matching, Money
from simulator.results.asset_shares import NOBODY, AssetShares
from simulator.results.context import SiteContext
from simulator.results.estate import Asset, assets_of
from simulator.results.grid_account import Metered, Peak, matched, peaks
from simulator.results.ledger import Entry, Ledger
from simulator.results.meter_clock import MeterClock
from simulator.results.supply import Supply
from simulator.units import GRAMS_PER_KG, JOULES_PER_KWH, SECONDS_PER_YEAR

Array = NDArray[np.float64]

AMOUNTS = (
    "fuel_kg_co2e",
    "refrigerant_kg_co2e",
    "scope2_location_kg_co2e",
    "scope2_market_hourly_kg_co2e",
    "scope2_market_monthly_kg_co2e",
    "scope2_market_annual_kg_co2e",
    "grid_loss_kg_co2e",
    "embodied_kg_co2e",
    "embodied_by_use_kg_co2e",
    "energy_usd",
    "export_usd",
    "fuel_usd",
    "demand_usd",
    "fixed_usd",
    "carbon_usd",
    "capital_usd",
    "capital_by_use_usd",
)
"""What is settled, of a site and of a workload; costs are paid, `export_usd` is earned."""

MARKET_AMOUNTS: dict[Matching, str] = {matching: f"scope2_market_{matching}_kg_co2e" for matching in MATCHINGS}
_PER_J = 1.0 / (GRAMS_PER_KG * JOULES_PER_KWH)


@dataclass(slots=True, eq=False)
class SiteAccount:
    """The settled account of a site.

    Args:
        site: name of the site.
        supply: energy drawn, sold and burnt by step.
        metered: energy drawn by metering interval.
        market: what contracts cover, by matching.
        peaks: peaks that demand charges bill.
        assets: what stands there.
        totals: amounts of the site by name, in the order of `AMOUNTS`; None for what nobody asked for.
        shares: the same amounts by workload, nobody's under the empty name.
    """

    site: str
    supply: Supply
    metered: Metered
    market: dict[Matching, Matched]
    peaks: tuple[Peak, ...]
    assets: tuple[Asset, ...]
    totals: dict[str, float | None] = field(default_factory=dict)
    shares: dict[str, dict[str, float | None]] = field(default_factory=dict)


def settle(site: SiteRecords, ledger: Ledger, context: SiteContext, money: Money, clock: MeterClock) -> SiteAccount:
    """Return the account of a site.

    Args:
        site: its records.
        ledger: its energy by phase and workload.
        context: what surrounds it.
        money: interest and the price of carbon.
        clock: clock of its meter.
    """
    return _Settlement(site, ledger, context, money, clock).account()


class _Settlement:
    def __init__(
        self, site: SiteRecords, ledger: Ledger, context: SiteContext, money: Money, clock: MeterClock
    ) -> None:
        self._site, self._ledger, self._context, self._money = site, ledger, context, money
        self._accounting: Accounting = context.accounting
        self._assets = assets_of(site, context.accounting.estate)
        self._edges_s = site.steps.edges_s
        self._end_s = float(self._edges_s[-1])
        self._supply = Supply.of(site.steps)
        self._metered = self._meter(clock)
        self._market = {matching: matched(self._metered, self._accounting, matching) for matching in MATCHINGS}
        self._peaks = tuple(
            peak
            for charge in self._accounting.tariff.demand_charges
            for peak in peaks(self._metered, charge, self._accounting.tariff.zone)
        )

    def account(self) -> SiteAccount:
        """Return totals, then shares that the audits hold against them."""
        totals = self._totals()
        account = SiteAccount(
            self._site.name, self._supply, self._metered, self._market, self._peaks, self._assets, totals
        )
        account.shares = self._shares(totals)
        return account

    def _meter(self, clock: MeterClock) -> Metered:
        unmatched = self._accounting.unmatched_g_per_kwh or self._context.carbon_g_per_kwh
        unmatched_kg = self._supply.drawn_j * unmatched.means(self._edges_s) * _PER_J
        _, drawn_j = clock.sums(self._edges_s, self._supply.drawn_j)
        return Metered(clock, self._end_s, drawn_j, clock.sums(self._edges_s, unmatched_kg)[1])

    def _totals(self) -> dict[str, float | None]:
        supply, accounting = self._supply, self._accounting
        location_kg = float(supply.drawn_j @ self._context.carbon_g_per_kwh.means(self._edges_s)) * _PER_J
        energy_usd = float(supply.drawn_j @ self._context.price_usd_per_kwh.means(self._edges_s)) / JOULES_PER_KWH
        totals: dict[str, float | None] = {
            "fuel_kg_co2e": float(supply.fuel_j.sum()) * fuel_co2e_kg_per_j(),
            "refrigerant_kg_co2e": self._leak_kg(),
            "scope2_location_kg_co2e": location_kg,
            **{MARKET_AMOUNTS[matching]: self._market[matching].total_kg for matching in MATCHINGS},
            "grid_loss_kg_co2e": grid_loss_kg(location_kg, accounting.grid_loss_fraction),
            "embodied_kg_co2e": sum(asset.embodied_kg(self._end_s) for asset in self._assets),
            "embodied_by_use_kg_co2e": sum(asset.embodied_kg(self._end_s) for asset in self._assets),
            "energy_usd": energy_usd,
            "export_usd": self._export_usd(),
            "fuel_usd": self._fuel_usd(float(supply.fuel_j.sum())),
            "demand_usd": sum(peak.usd for peak in self._peaks) if accounting.tariff.demand_charges else None,
            "fixed_usd": self._fixed_usd(),
        }
        capital_usd = self._capital_usd()
        totals["carbon_usd"] = self._carbon_usd(totals)
        return {**totals, "capital_usd": capital_usd, "capital_by_use_usd": capital_usd}

    def _leak_kg(self) -> float:
        return (self._accounting.refrigerant_kg_co2e_per_year or 0.0) * self._end_s / SECONDS_PER_YEAR

    def _fixed_usd(self) -> float | None:
        tariff = self._accounting.tariff
        if tariff.fixed_usd_per_month is None:
            return None
        months = self._metered.clock.shares_of_months(self._end_s, tariff.zone)
        return tariff.fixed_usd_per_month * sum(months.values())

    def _export_usd(self) -> float | None:
        price = self._accounting.tariff.export_usd_per_kwh
        if price is None:
            return None
        return float(self._supply.exported_j @ price.means(self._edges_s)) / JOULES_PER_KWH

    def _fuel_usd(self, fuel_j: float) -> float | None:
        price = self._accounting.tariff.fuel_usd_per_l
        return None if price is None else price * fuel_j / HEAT_J_PER_L

    def _capital_usd(self) -> float | None:
        priced = [asset for asset in self._assets if asset.price is not None]
        if not priced:
            return None
        return sum(asset.run_usd(self._money.discount_rate, self._end_s) for asset in priced)

    def _carbon_usd(self, amounts: dict[str, float | None]) -> float | None:
        """Return the price of emissions: fuel, leaks and energy from the grid, embodied ones where they pay too."""
        money = self._money
        if money.carbon_usd_per_kg is None:
            return None
        names = ["fuel_kg_co2e", "refrigerant_kg_co2e", f"scope2_{money.carbon_basis}_kg_co2e"]
        names += ["embodied_kg_co2e"] if money.carbon_on_embodied else []
        return money.carbon_usd_per_kg * sum(amounts[name] or 0.0 for name in names)

    def _shares(self, totals: dict[str, float | None]) -> dict[str, dict[str, float | None]]:
        by_workload: dict[str, list[Entry]] = {NOBODY: []}
        for (_, workload), entry in sorted(self._ledger.entries.items()):
            by_workload.setdefault(workload, []).append(entry)
        owned = self._owned(sorted(by_workload))
        factors = {matching: self._factors(matching) for matching in MATCHINGS}
        drawn_total_j, facility_j = float(self._supply.drawn_j.sum()), self._ledger.total_j()
        shares = {}
        for workload, entries in sorted(by_workload.items()):
            drawn_j = sum((entry.drawn.dense(self._metered.count) for entry in entries), np.zeros(self._metered.count))
            energy_j = float(sum(entry.energy_j.sum() for entry in entries))
            of_energy = energy_j / facility_j if facility_j > 0.0 else float(workload == NOBODY)
            of_drawn = float(drawn_j.sum()) / drawn_total_j if drawn_total_j > 0.0 else float(workload == NOBODY)
            fuel_j = sum(entry.fuel_j for entry in entries)
            location_kg = sum(entry.emissions_kg_co2e for entry in entries)
            found: dict[str, float | None] = {
                "fuel_kg_co2e": fuel_j * fuel_co2e_kg_per_j(),
                "refrigerant_kg_co2e": of_energy * self._leak_kg(),
                "scope2_location_kg_co2e": location_kg,
                **{MARKET_AMOUNTS[matching]: float(drawn_j @ factors[matching]) for matching in MATCHINGS},
                "grid_loss_kg_co2e": grid_loss_kg(location_kg, self._accounting.grid_loss_fraction),
                **owned[workload],
                "energy_usd": sum(entry.cost_usd for entry in entries),
                "export_usd": None if totals["export_usd"] is None else sum(entry.export_usd for entry in entries),
                "fuel_usd": self._fuel_usd(fuel_j),
                "demand_usd": None if totals["demand_usd"] is None else self._demand_usd(drawn_j, workload),
                "fixed_usd": None if totals["fixed_usd"] is None else of_drawn * totals["fixed_usd"],
            }
            found["carbon_usd"] = self._carbon_usd(found)
            shares[workload] = {name: found[name] for name in AMOUNTS}
        return shares

    def _factors(self, matching: Matching) -> Array:
        """Return the market-based factor of each metering interval (kg/J)."""
        found = self._market[matching]
        by_period = np.divide(
            found.emissions_kg, found.needed_j, out=np.zeros(len(found.periods)), where=found.needed_j > 0.0
        )
        factors: Array = by_period[np.searchsorted(found.periods, self._metered.labels(matching))]
        return factors

    def _demand_usd(self, drawn_j: Array, workload: str) -> float:
        total = 0.0
        for peak in self._peaks:
            whole_j = float(self._metered.drawn_j[peak.intervals].sum())
            mine_j = float(drawn_j[peak.intervals].sum())
            total += peak.usd * (mine_j / whole_j if whole_j > 0.0 else float(workload == NOBODY))
        return total

    def _owned(self, workloads: list[str]) -> dict[str, dict[str, float | None]]:
        """Return embodied emissions and capital by workload, by time and by use; the rest is nobody's."""
        names = ("embodied_kg_co2e", "embodied_by_use_kg_co2e", "capital_usd", "capital_by_use_usd")
        priced = self._capital_usd() is not None
        owned: dict[str, dict[str, float | None]] = {
            workload: {name: 0.0 if priced or name.startswith("embodied") else None for name in names}
            for workload in workloads
        }
        shares = AssetShares(self._site, self._end_s)
        for asset in self._assets:
            amounts = [asset.embodied_kg(self._end_s)] * 2
            if priced:
                amounts += [asset.run_usd(self._money.discount_rate, self._end_s)] * 2
            methods = (shares.by_time(asset), shares.by_use(asset)) * 2
            for name, amount, share in zip(names, amounts, methods, strict=False):
                for workload, part in share.items():
                    owned[workload][name] = (owned[workload][name] or 0.0) + part * amount
        return owned
