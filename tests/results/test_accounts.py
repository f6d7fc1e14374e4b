"""A run with contracts, a tariff, prices, water and generators: every figure again from the saved tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import simulator as sim
from simulator.assembly.build import assemble
from simulator.physics.emissions import fuel_co2e_kg_per_j
from simulator.physics.finance import capital_recovery_factor
from simulator.results.account_audits import account_audits
from simulator.results.ledger import LedgerBuilder
from simulator.results.settlement import AMOUNTS, SiteAccount, settle

KWH = 3.6e6
WIND = "data/weather/open_meteo/US-TEX-ERCO/2022.json"
SECTIONS: dict[str, Any] = {
    "site.carbon_intensity.factor": {"basis": "average_generation"},
    "site.tariff": {
        "time_zone": "-08:00",
        "demand_charges": [
            {"name": "any", "usd_per_kw": 20.0, "interval_min": 15},
            {"name": "early", "usd_per_kw": 12.0, "interval_min": 30, "from_hour": 2, "to_hour": 3},
        ],
        "fixed_usd_per_month": 744.0,
        "export": {"kind": "constant", "usd_per_kwh": 0.05},
        "diesel_usd_per_l": 1.5,
    },
    "site.emissions": {
        "grid_loss_fraction": 0.06,
        "residual_mix": {"kind": "constant", "g_per_kwh": 500.0},
        "marginal": {"kind": "constant", "g_per_kwh": 600.0, "factor": {"basis": "marginal"}},
        "instruments": [
            {
                "kind": "ppa",
                "name": "sun",
                "mw": 0.012,
                "output": {"kind": "daily_profile", "fractions": [0.0] * 11 + [1.0] + [0.0] * 12},
                "g_per_kwh": 20.0,
                "same_grid": True,
            },
            {"kind": "certificates", "name": "paper", "mwh_per_year": 10.0, "same_grid": True},
            {"kind": "certificates", "name": "elsewhere", "mwh_per_year": 900.0, "same_grid": False},
        ],
        "refrigerant": {"charge_kg": 100.0, "leak_fraction_per_year": 0.05, "warming_potential": 1300.0},
    },
    "site.water": {"source_l_per_kwh": 3.0, "site_scarcity": 10.0, "source_scarcity": 2.0},
    "site.building": {"kg_per_kw": 1000.0, "lifetime_years": 20.0},
    "site.supply": {
        "diesel": {"units": 1, "unit_kw": 100.0, "tank_l": 1000.0, "test": {"first_h": 0.25, "minutes": 15.0}},
        "grid": {"export_limit_kw": 30.0},
    },
    "money": {
        "discount_rate": 0.08,
        "carbon": {"usd_per_t": 100.0, "scope_2": "market_hourly", "embodied": True},
        "servers": [{"name": "hall-a", "accelerator_usd": 25_000.0, "server_usd": 50_000.0, "lifetime_years": 4.0}],
        "switch": {"usd": 30_000.0, "lifetime_years": 5.0},
        "facility": {"usd_per_kw": 10_000.0, "lifetime_years": 20.0},
        "solar": {"usd_per_kw": 1000.0, "lifetime_years": 25.0},
        "diesel": {"usd_per_kw": 400.0, "lifetime_years": 25.0},
    },
}


@pytest.fixture(scope="module")
def scenario(mixed_file: Path, tmp_path_factory: pytest.TempPathFactory) -> sim.Scenario:
    # Sun enough to sell for ten minutes, then a fifth of it.
    file = tmp_path_factory.mktemp("sun") / "sun.csv"
    rows = [
        f"2024-03-05T{10 + minute // 60}:{minute % 60:02}Z,{60 if minute < 40 else 12}" for minute in range(30, 90, 10)
    ]
    file.write_text("time,kw\n" + "\n".join(rows) + "\n")
    solar = {"kind": "csv", "capacity_kw": 60.0, "file": str(file), "time_column": "time", "value_column": "kw"}
    return sim.load(mixed_file, {**SECTIONS, "site.supply.solar": solar})


@pytest.fixture(scope="module")
def told(scenario: sim.Scenario) -> sim.Result:
    return sim.run(scenario)


@pytest.fixture(scope="module")
def drawn_kwh(told: sim.Result) -> np.ndarray:
    table = told.facility
    return (table.grid_import_w * (table.end_s - table.start_s)).to_numpy() / KWH


def by_hour(told: sim.Result, values: np.ndarray) -> np.ndarray:
    """Sums over the two clock hours of a run from 10:30 to 11:30."""
    first = (told.facility.end_s <= 1800.0).to_numpy()
    return np.array([values[first].sum(), values[~first].sum()])


def test_emissions_by_scope(told: sim.Result, drawn_kwh: np.ndarray) -> None:
    summary = told.summary
    location_kg = float(drawn_kwh @ told.facility.carbon_intensity_g_per_kwh) / 1e3
    assert summary.scope2_location_kg_co2e == pytest.approx(location_kg)
    assert summary.grid_loss_kg_co2e == pytest.approx(location_kg * 0.06 / 0.94)
    burnt_l = float(told.supply.diesel_fuel_l.sum())
    assert burnt_l > 0.0
    # 10.206 kg of CO2 per gallon, and 0.33 % more for methane and nitrous oxide.
    fuel_kg = burnt_l / 3.785411784 * 0.138 * (73.96 + 0.084 + 0.159)
    leak_kg = 100.0 * 0.05 * 1300.0 / 8760.0
    assert summary.scope1_kg_co2e == pytest.approx(fuel_kg + leak_kg)
    whole_kg = fuel_kg + leak_kg + location_kg / 0.94
    assert summary.operational_emissions_kg_co2e == pytest.approx(whole_kg)
    assert summary.cue_kg_per_kwh == pytest.approx((whole_kg - leak_kg) / summary.it_energy_kwh)
    assert fuel_co2e_kg_per_j() * 0.138 * 1_055.05585262e6 == pytest.approx(10.24, abs=0.01)


def test_contracts_hour_by_hour(told: sim.Result, drawn_kwh: np.ndarray) -> None:
    first, second = by_hour(told, drawn_kwh)
    # 12 kW from 11:00 on, for half an hour; the certificates are an hour's share of a year of 366 days.
    sun, paper = 6.0, 10_000.0 / 8784.0
    covered = min(second, sun)
    hourly_g = covered * 20.0 + (first + second - covered) * 500.0
    assert told.summary.scope2_market_hourly_kg_co2e == pytest.approx(hourly_g / 1e3)
    whole = min(first + second, sun)
    monthly_g = whole * 20.0 + (first + second - whole) * 500.0
    assert told.summary.scope2_market_monthly_kg_co2e == pytest.approx(monthly_g / 1e3)
    # The cleanest first: certificates, then the sun.
    certified = min(first + second, paper)
    sunny = min(first + second - certified, sun)
    annual_g = sunny * 20.0 + (first + second - certified - sunny) * 500.0
    assert told.summary.scope2_market_annual_kg_co2e == pytest.approx(annual_g / 1e3)
    assert told.summary.scope2_matching_gap_kg_co2e == pytest.approx((hourly_g - annual_g) / 1e3)
    assert hourly_g > annual_g > 0.0
    assert hourly_g >= monthly_g >= annual_g
    assert told.summary.hourly_matched_fraction == pytest.approx(covered / (first + second))
    own = told.facility.end_s - told.facility.start_s
    solar_kwh = (
        float(told.supply.solar_w @ own) / KWH
        - float((told.supply.curtailed_w + told.supply.grid_export_w) @ own) / KWH
    )
    assert told.summary.ref == pytest.approx((certified + sunny + solar_kwh) / told.summary.facility_energy_kwh)


def test_the_table_of_contracts(told: sim.Result) -> None:
    table = told.contracts.set_index("contract")
    assert (
        table.loc["elsewhere", ["matched_hourly_kwh", "matched_monthly_kwh", "matched_annual_kwh"]].tolist()
        == [0.0] * 3
    )
    assert table.loc["paper", ["matched_hourly_kwh", "matched_monthly_kwh"]].tolist() == [0.0, 0.0]
    assert (table.offered_kwh - table.matched_annual_kwh).to_numpy() == pytest.approx(
        table.surplus_annual_kwh.to_numpy()
    )
    notes = set(told.events.detail)
    assert "contract 'elsewhere' is of another grid and covers nothing" in notes
    assert "certificates 'paper' carry no hours: they count in annual matching only" in notes


def test_the_bill(told: sim.Result, drawn_kwh: np.ndarray) -> None:
    summary, table = told.summary, told.facility
    assert summary.energy_cost_usd == pytest.approx(float(drawn_kwh @ table.price_usd_per_kwh))
    quarters = [
        drawn_kwh[(table.end_s > left) & (table.end_s <= left + 900.0)].sum() * 4.0 for left in range(0, 3600, 900)
    ]
    # Local time is 02:30 to 03:30, so that the early charge sees one half hour; March has 744 hours.
    any_usd, early_usd = 20.0 * max(quarters) / 744.0, 12.0 * (quarters[0] + quarters[1]) / 2.0 / 744.0
    assert summary.demand_charge_usd == pytest.approx(any_usd + early_usd)
    assert told.peaks.set_index("charge").peak_kw.to_dict() == pytest.approx(
        {"any": max(quarters), "early": (quarters[0] + quarters[1]) / 2.0}
    )
    assert set(told.peaks.month) == {"2024-03"}
    assert summary.fixed_charge_usd == pytest.approx(1.0)
    assert told.facility.grid_export_w.max() > 0.0
    exported_kwh = float(table.grid_export_w @ (table.end_s - table.start_s)) / KWH
    assert summary.export_revenue_usd == pytest.approx(0.05 * exported_kwh)
    assert summary.fuel_cost_usd == pytest.approx(1.5 * told.supply.diesel_fuel_l.sum())
    paying_kg = summary.scope1_kg_co2e + summary.scope2_market_hourly_kg_co2e + summary.embodied_emissions_kg_co2e
    assert summary.carbon_cost_usd == pytest.approx(0.1 * paying_kg)
    paid = summary.energy_cost_usd + summary.demand_charge_usd + summary.fixed_charge_usd + summary.fuel_cost_usd
    assert summary.running_cost_usd == pytest.approx(paid + summary.carbon_cost_usd - summary.export_revenue_usd)


def test_capital(told: sim.Result) -> None:
    def yearly(usd: float, years: float) -> float:
        return usd * capital_recovery_factor(0.08, years)

    switches = told.assets.set_index("asset").loc["switches", "count"]
    hall = yearly(24 * 25_000.0 + 3 * 50_000.0, 4.0)
    rest = yearly(30_000.0 * switches, 5.0) + yearly(600_000.0, 20.0) + yearly(60_000.0 + 40_000.0, 25.0)
    assert told.summary.capital_cost_usd == pytest.approx((hall + rest) / 8760.0)
    assert told.summary.total_cost_usd == pytest.approx(told.summary.running_cost_usd + (hall + rest) / 8760.0)
    # Hall b has no price: it is missing, not free.
    unpriced = told.assets[(told.assets.asset == "servers") & (told.assets.hall == "hall-b")]
    assert unpriced.capital_usd.isna().all()


def test_water_beyond_the_pipe(told: sim.Result, drawn_kwh: np.ndarray) -> None:
    summary = told.summary
    assert summary.source_water_l == pytest.approx(3.0 * drawn_kwh.sum())
    assert summary.scarcity_weighted_source_water_l == pytest.approx(6.0 * drawn_kwh.sum())
    assert summary.scarcity_weighted_site_water_l == pytest.approx(10.0 * summary.water_consumed_l)


@pytest.mark.parametrize("amount", AMOUNTS)
def test_workloads_and_nobody_carry_everything(told: sim.Result, amount: str) -> None:
    totals = {
        "fuel_kg_co2e": told.summary.scope1_kg_co2e - 100.0 * 0.05 * 1300.0 / 8760.0,
        "refrigerant_kg_co2e": 100.0 * 0.05 * 1300.0 / 8760.0,
        "embodied_kg_co2e": told.summary.embodied_emissions_kg_co2e,
        "embodied_by_use_kg_co2e": told.summary.embodied_emissions_kg_co2e,
        "energy_usd": told.summary.energy_cost_usd,
        "export_usd": told.summary.export_revenue_usd,
        "demand_usd": told.summary.demand_charge_usd,
        "fixed_usd": told.summary.fixed_charge_usd,
        "fuel_usd": told.summary.fuel_cost_usd,
        "carbon_usd": told.summary.carbon_cost_usd,
        "capital_usd": told.summary.capital_cost_usd,
        "capital_by_use_usd": told.summary.capital_cost_usd,
    }
    whole = totals[amount] if amount in totals else getattr(told.summary, amount)
    assert told.accounts[amount].sum() == pytest.approx(whole)
    assert set(told.accounts.workload) == {"(none)", "batch", "chat", "first", "second", "third"}


def test_the_table_of_workloads_adds_up(told: sim.Result) -> None:
    table, summary = told.workloads, told.summary
    assert table.operational_emissions_kg_co2e.sum() == pytest.approx(summary.operational_emissions_kg_co2e)
    assert table.scope2_market_hourly_kg_co2e.sum() == pytest.approx(summary.scope2_market_hourly_kg_co2e)
    assert table.running_cost_usd.sum() == pytest.approx(summary.running_cost_usd)
    assert table.total_cost_usd.sum() == pytest.approx(summary.total_cost_usd)
    nobody = table[table.workload == "(none)"].iloc[0]
    assert nobody.embodied_kg_co2e == pytest.approx(summary.embodied_unallocated_kg_co2e)
    assert nobody.total_cost_usd == pytest.approx(summary.unallocated_cost_usd)
    assert 0.0 <= nobody.embodied_by_use_kg_co2e < nobody.embodied_kg_co2e


def test_by_unit_of_work(told: sim.Result) -> None:
    table = told.workloads.set_index("workload")
    served = table.loc[["chat", "batch"]]
    tokens = told.summary.output_tokens / 1e6
    assert told.summary.sci_kg_co2e_per_million_tokens == pytest.approx(served.sci_kg_co2e.sum() / tokens)
    assert told.summary.sci_kg_co2e_per_request == pytest.approx(
        served.sci_kg_co2e.sum() / told.summary.requests_completed
    )
    assert told.summary.total_usd_per_million_tokens == pytest.approx(served.total_cost_usd.sum() / tokens)
    done = told.jobs[told.jobs.outcome == "completed"].name
    assert len(done)
    assert told.summary.running_usd_per_training_run == pytest.approx(table.loc[done].running_cost_usd.mean())
    assert told.summary.sci_kg_co2e_per_training_run == pytest.approx(table.loc[done].sci_kg_co2e.mean())
    # Leaks of refrigerant are operational, and no energy: ISO/IEC 21031 does not count them.
    leak_kg = told.accounts.set_index("workload").refrigerant_kg_co2e
    assert table.sci_kg_co2e.to_numpy() == pytest.approx(
        (table.operational_emissions_kg_co2e - leak_kg[table.index] + table.embodied_kg_co2e).to_numpy()
    )


def test_who_makes_the_peak_pays_for_it(scenario: sim.Scenario, told: sim.Result) -> None:
    # Shares of a demand charge are shares of energy in the interval of its peak, not over the run.
    shares = told.accounts.set_index("workload")
    by_peak = shares.demand_usd / shares.demand_usd.sum()
    by_energy = shares.fixed_usd / shares.fixed_usd.sum()
    assert by_peak.sum() == pytest.approx(1.0)
    assert np.abs(by_peak - by_energy).max() > 1e-3


def test_what_is_not_given_is_absent_and_not_zero(result: sim.Result) -> None:
    summary = result.summary
    for name in (
        "scope2_market_hourly_kg_co2e", "scope2_matching_gap_kg_co2e", "hourly_matched_fraction", "grid_loss_kg_co2e",
        "source_water_l", "scarcity_weighted_site_water_l", "demand_charge_usd", "fixed_charge_usd",
        "export_revenue_usd", "fuel_cost_usd", "carbon_cost_usd", "capital_cost_usd", "total_cost_usd",
        "total_usd_per_million_tokens",
    ):  # fmt: skip
        assert getattr(summary, name) is None, name
    assert summary.running_cost_usd == summary.energy_cost_usd
    assert result.workloads.total_cost_usd.isna().all()
    assert len(result.contracts) == len(result.peaks) == 0
    assert summary.kpi_basis == "interim"
    assert replace(summary, simulated_h=8760.0).kpi_basis == "annual"


@pytest.mark.parametrize("basis", ["location", "market_annual", "market_monthly", "market_hourly"])
def test_the_price_of_carbon_goes_by_its_method(scenario: sim.Scenario, told: sim.Result, basis: str) -> None:
    priced = sim.run(scenario.replace({"money.carbon": {"usd_per_t": 1000.0, "scope_2": basis}, "duration_h": 0.25}))
    name = f"scope2_{basis}_kg_co2e"
    expected = priced.summary.scope1_kg_co2e + getattr(priced.summary, name)
    assert priced.summary.carbon_cost_usd == pytest.approx(expected)


def test_a_wind_contract_is_a_share_of_turbines_in_the_wind_of_the_site(mixed_file: Path, shared: Path) -> None:
    weather = {"kind": "open_meteo", "file": str(shared / WIND), "repeat_yearly": True}
    contract = {
        "kind": "ppa",
        "name": "wind",
        "mw": 0.5,
        "output": {"kind": "wind", "hub_height_m": 80.0},
        "same_grid": True,
    }
    own = {"kind": "turbines", "capacity_kw": 100.0, "hub_height_m": 80.0}
    sections = {
        "site.weather": weather,
        "site.emissions": {"instruments": [contract]},
        "site.supply": {"wind": own, "grid": {"export_limit_kw": 1000.0}},
    }
    result = sim.run(sim.load(mixed_file, sections))
    assert result.summary.wind_energy_kwh > 0.0
    assert result.contracts.offered_kwh[0] == pytest.approx(5.0 * result.summary.wind_energy_kwh)
    assert "wind-iec2" in set(result.figures.profile)


class Settled:
    """An account and the ledger that it was settled from, for tampering."""

    def __init__(self, scenario: sim.Scenario) -> None:
        chapters: list[Any] = []
        assembly = assemble(scenario, on_chapter=lambda _site, chapter: chapters.append(chapter))
        self.context = assembly.context.sites["site"]
        clock = assembly.context.clock("site")
        builder = LedgerBuilder(self.context.carbon_g_per_kwh, self.context.price_usd_per_kwh, clock)
        builder._export = self.context.accounting.tariff.export_usd_per_kwh
        records = assembly.datacenter.run()
        for chapter in chapters:
            builder.add(chapter)
        self.ledger = builder.ledger
        self.account: SiteAccount = settle(
            records.sites[0], builder.ledger, self.context, assembly.context.money, clock
        )

    def failing(self) -> set[str]:
        return {audit.name for audit in account_audits(self.ledger, self.context, self.account) if not audit.ok}


@pytest.fixture
def settled(scenario: sim.Scenario) -> Settled:
    return Settled(scenario)


def test_every_audit_of_an_account_can_fail(settled: Settled) -> None:
    assert settled.failing() == set()
    names = {audit.name for audit in account_audits(settled.ledger, settled.context, settled.account)}
    noticed: set[str] = set()
    for amount in AMOUNTS:
        shares = settled.account.shares["chat"]
        before = shares[amount]
        assert before is not None, amount
        shares[amount] = before * 1.001 + 1e-3
        noticed |= settled.failing()
        shares[amount] = before
    for amount in (
        "demand_usd",
        *(f"scope2_market_{matching}_kg_co2e" for matching in ("hourly", "monthly", "annual")),
    ):
        before = settled.account.totals[amount]
        assert before is not None
        settled.account.totals[amount] = before * 1.001 + 1e-3
        noticed |= settled.failing()
        settled.account.totals[amount] = before
    _, sums = settled.ledger.entries["idle", ""].drawn.chunks[0]
    sums[-1] *= 1.001
    noticed |= settled.failing()
    assert noticed == names


def test_saved_accounts_come_back(told: sim.Result, tmp_path: Path) -> None:
    again = sim.load_result(sim.save(told, tmp_path / "told"))
    for name in ("accounts", "contracts", "peaks", "assets"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(told, name))


def test_a_site_without_prices_still_runs_at_a_cost(root: Path) -> None:
    prices = {"servers": [{"name": "hall-north", "accelerator_usd": 1e4, "server_usd": 0.0, "lifetime_years": 4.0}]}
    values = {"duration_h": 0.1, "workloads.fine-tuning.submit_h": 0.01, "money": prices}
    result = sim.run(sim.load(root / "scenarios/two-sites.yaml", values))
    summary = result.summary
    assert summary.capital_cost_usd > 0.0
    assert summary.total_cost_usd == pytest.approx(summary.running_cost_usd + summary.capital_cost_usd)
    assert result.sites.running_cost_usd.sum() == pytest.approx(summary.running_cost_usd)
    assert result.accounts.groupby("site").capital_usd.sum(min_count=1).isna().tolist() == [False, True]
    assert result.audit.ok.all()
