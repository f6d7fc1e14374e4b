"""One run as a choice against another: marginal change, payback and present value by hand, and what cannot be said."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

import simulator as sim
from simulator.results import text_report

MARGINAL = {
    "kind": "daily_profile",
    "g_per_kwh": [500.0] * 10 + [900.0, 100.0] + [500.0] * 12,
    "factor": {"basis": "marginal"},
}
MONEY = {
    "discount_rate": 0.05,
    "horizon_years": 10.0,
    "servers": [{"name": "hall-a", "accelerator_usd": 20_000.0, "server_usd": 40_000.0, "lifetime_years": 4.0}],
    "facility": {"usd_per_kw": 10_000.0, "lifetime_years": 20.0},
}


@pytest.fixture(scope="module")
def base(mixed_file: Path) -> sim.Result:
    return sim.run(sim.load(mixed_file, {"site.emissions": {"marginal": MARGINAL}, "money": MONEY}))


def changed(base: sim.Result, change_w: float = 0.0, name: str = "other", **summary: Any) -> sim.Result:
    """The run with another draw from the grid, and other figures."""
    facility = base.facility.assign(grid_import_w=base.facility.grid_import_w + change_w)
    manifest = {**base.manifest, "scenario": name}
    return replace(base, facility=facility, manifest=manifest, summary=replace(base.summary, **summary))


def only(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1
    return table.iloc[0]


def test_marginal_change_by_hand(base: sim.Result) -> None:
    # 1 kW more for an hour: half an hour at 900 and half an hour at 100 g/kWh.
    row = only(sim.choices(base, changed(base, 1000.0)))
    assert row.marginal_change_kg_co2e == pytest.approx(0.5)
    assert only(sim.choices(changed(base, 1000.0), base)).marginal_change_kg_co2e == pytest.approx(-0.5)
    assert (row.choice, row.against) == ("other", "mixed")


def test_marginal_change_needs_no_equal_steps(base: sim.Result) -> None:
    # The same power in steps of twice the length.
    facility = base.facility.assign(grid_import_w=10_000.0)
    longer = facility.iloc[1::2].assign(start_s=facility.start_s.to_numpy()[::2]).reset_index(drop=True)
    longer["grid_import_w"] += 2000.0
    row = only(sim.choices(replace(base, facility=facility), replace(base, facility=longer)))
    assert row.marginal_change_kg_co2e == pytest.approx(1.0)


def test_a_marginal_factor_that_comes_after_the_runs(result: sim.Result, tmp_path: Path) -> None:
    """Two runs that carry none, a factor every 20 minutes from a file: steps are cut where it changes."""
    rows = ["time,moer", *(f"2024-03-05T{10 + at // 60}:{at % 60:02}Z,{300 + at}" for at in range(20, 100, 20))]
    (tmp_path / "moer.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    marginal = {"kind": "watttime", "file": "moer.csv", "value_column": "moer", "unit": "g_per_kwh"}
    coarse = result.facility.iloc[29::30].assign(start_s=[0.0, 1800.0]).reset_index(drop=True)
    coarse["grid_import_w"] = 9000.0
    one = replace(result, facility=result.facility.assign(grid_import_w=10_000.0))
    table = sim.choices(one, replace(result, facility=coarse), marginal=marginal, base=tmp_path)
    # From 10:30 on: 10 minutes at 320, 20 at 340, 20 at 360, 10 at 380 g/kWh, 1 kW less.
    expected_g = (10 * 320 + 20 * 340 + 20 * 360 + 10 * 380) / 60
    assert only(table).marginal_change_kg_co2e == pytest.approx(-expected_g / 1e3)
    inventory = ("operational_emissions_kg_co2e", "scope2_location_kg_co2e", "cue_kg_per_kwh")
    for name in inventory:
        assert getattr(result.summary, name) == getattr(one.summary, name), "no inventory changes"
    rows[2] = "2024-03-05T10:40Z,"
    (tmp_path / "moer.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    filled = {**marginal, "gaps": {"fill": "hold"}}
    assert "filled by rule 'hold'" in only(sim.choices(one, one, marginal=filled, base=tmp_path)).note


@pytest.mark.parametrize(
    ("marginal", "message"),
    [
        ({"kind": "constant", "g_per_kwh": 400.0}, r"must be a marginal factor, is unstated; where it is one, say so"),
        (
            {"kind": "constant", "g_per_kwh": 400.0, "factor": {"basis": "average_generation"}},
            "must be a marginal factor, is average generation",
        ),
        ({"kind": "watttime", "file": "m.csv", "value_column": "x", "unit": "g_per_kwh"}, "there is no such file"),
        ({"kind": "watttime", "file": "m.csv"}, "required key 'value_column' is missing"),
    ],
)
def test_what_weighs_no_difference(result: sim.Result, marginal: dict[str, Any], message: str) -> None:
    with pytest.raises(sim.InputError, match=message):
        sim.choices(result, result, marginal=marginal)


def test_one_factor_is_not_that_of_several_grids(root: Path) -> None:
    values = {"duration_h": 0.05, "workloads.fine-tuning.submit_h": 0.01}
    two = sim.run(sim.load(root / "scenarios/two-sites.yaml", values))
    marginal = {"kind": "constant", "g_per_kwh": 400.0, "factor": {"basis": "marginal"}}
    row = only(sim.choices(two, two, marginal=marginal))
    assert pd.isna(row.marginal_change_kg_co2e)
    assert "one factor for several grids" in row.note


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda _: {"start_utc": "2025-01-01T00:00:00+00:00"}, "the runs start at other times"),
        (lambda run: {"simulated_s": run.manifest["simulated_s"] / 2.0}, "the runs have other lengths"),
    ],
)
def test_no_marginal_change_of_other_hours(base: sim.Result, change: Any, note: str) -> None:
    other = replace(base, manifest={**base.manifest, **change(base)})
    row = only(sim.choices(base, other))
    assert pd.isna(row.marginal_change_kg_co2e)
    assert f"no marginal change: {note}" in row.note


def test_no_marginal_change_by_other_factors(base: sim.Result, result: sim.Result) -> None:
    dirtier = base.facility.assign(marginal_intensity_g_per_kwh=base.facility.marginal_intensity_g_per_kwh * 1.1)
    row = only(sim.choices(base, replace(base, facility=dirtier)))
    assert pd.isna(row.marginal_change_kg_co2e)
    assert "other marginal factors" in row.note
    moved = replace(base, facility=base.facility.assign(site="elsewhere"))
    assert "the runs have other sites" in only(sim.choices(base, moved)).note
    # A run without a marginal series has nothing to say, and needs no excuse.
    plain = only(sim.choices(result, result))
    assert pd.isna(plain.marginal_change_kg_co2e)
    assert "marginal" not in plain.note


def test_payback_and_present_value_by_cash_flows(base: sim.Result) -> None:
    saved_usd = 5.0
    cheaper = changed(base, running_cost_usd=base.summary.running_cost_usd - saved_usd)
    dearer = cheaper.assets.assign(capital_usd=cheaper.assets.capital_usd.where(cheaper.assets.asset != "plant", 7e5))
    row = only(sim.choices(base, replace(cheaper, assets=dearer)))
    yearly = saved_usd * 8760.0
    assert row.yearly_saving_usd == pytest.approx(yearly)
    assert row.extra_capital_usd == pytest.approx(1e5)
    assert row.payback_years == pytest.approx(1e5 / yearly)
    # 100,000 USD now, half of its life left after ten of twenty years; the same servers in both cancel.
    flows = [-1e5] + [yearly] * 10
    flows[10] += 0.5 * 1e5
    expected = sum(flow / 1.05**year for year, flow in enumerate(flows))
    assert row.net_present_value_usd == pytest.approx(expected)
    assert "yearly costs stand on less than a year" in row.note


def test_what_never_pays_has_no_payback(base: sim.Result) -> None:
    dearer = base.assets.assign(capital_usd=base.assets.capital_usd * 1.5)
    worse = changed(base, running_cost_usd=base.summary.running_cost_usd + 1.0)
    row = only(sim.choices(base, replace(worse, assets=dearer)))
    assert pd.isna(row.payback_years)
    assert row.net_present_value_usd < 0.0


def test_without_prices_only_running_costs_are_compared(result: sim.Result) -> None:
    row = only(sim.choices(result, result))
    assert row.yearly_saving_usd == 0.0
    assert pd.isna(row[["extra_capital_usd", "payback_years", "net_present_value_usd"]]).all()


def test_other_terms_have_no_present_value(base: sim.Result) -> None:
    other = replace(base, manifest={**base.manifest, "money": {"discount_rate": 0.09, "horizon_years": 10.0}})
    row = only(sim.choices(base, other))
    assert pd.isna(row.net_present_value_usd)
    assert "other discount rates or horizons" in row.note


def test_less_work_is_said(base: sim.Result) -> None:
    lazy = changed(base, output_tokens=base.summary.output_tokens // 2, training_tokens=0.0)
    note = only(sim.choices(base, lazy)).note
    assert "other work: tokens emitted -50.0%" in note
    assert "other work: tokens trained on -100.0%" in note


def test_the_report_shows_what_is_known(base: sim.Result, result: sim.Result) -> None:
    console = Console(width=80, file=io.StringIO())
    for part in text_report.choices(sim.choices(base, changed(base, 1000.0))):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "other against mixed" in shown
    assert "kg CO2e, no inventory" in shown
    assert "payback_years" in shown
    assert "…" not in shown
