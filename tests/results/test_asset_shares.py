"""Whatever workloads held and used, what they carry and what nobody carries is everything that stands at the site."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.finance import capital_recovery_factor
from simulator.records import (
    HallFacts,
    NetworkFacts,
    SiteFacts,
    SiteRecords,
    StepColumns,
    StoreFacts,
    SupplyFacts,
    UnitFacts,
)
from simulator.results.asset_shares import NOBODY, AssetShares
from simulator.results.estate import Asset, Estate, Price, assets_of

DURATION_S = 1000.0
HALL_A = HallFacts("a", 2, 16, 150.0, 1000.0, 4.0, 10_000.0)
HALL_B = HallFacts("b", 1, 4, 80.0, 500.0, 5.0, 2500.0)
HALL_C = HallFacts("c", 3, 0, 0.0, 800.0, 6.0, 1000.0)
SWITCHES = NetworkFacts(4, 90.0, 8.0)
BUILDING = Asset("building", "nameplate", "", 50.0, 1500.0, 30.0)
YEAR_S = 8760 * 3600.0


def site_of(accounts: dict[tuple[str, str, str], float], supply: SupplyFacts | None = None) -> SiteRecords:
    readings = {key: np.array([0.0, 0.0, 0.0, seconds]) for key, seconds in accounts.items()}
    columns = {"supply.battery_discharge_w": np.array([3600.0])}
    steps = StepColumns(0.0, np.array([DURATION_S]), columns)
    return SiteRecords(SiteFacts("site", (HALL_A, HALL_B, HALL_C), SWITCHES, supply), steps, readings)


@st.composite
def sites(draw: st.DrawFn) -> SiteRecords:
    """Accelerator-seconds of two halls, split among workloads, their idle time and nobody."""
    accounts: dict[tuple[str, str, str], float] = {}
    for hall in (HALL_A, HALL_B):
        weights = draw(st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5))
        whole = sum(weights)
        keys = (("chat", "inference"), ("chat", "idle"), ("tune", "training"), ("other", "inference"), ("", "idle"))
        for (workload, phase), weight in zip(keys, weights, strict=True):
            share = weight / whole if whole else float(workload == "")
            accounts[hall.name, workload, phase] = share * hall.accelerators * DURATION_S
    return site_of(accounts)


@given(sites())
def test_allocated_and_unallocated_are_all(site: SiteRecords) -> None:
    shares = AssetShares(site, DURATION_S)
    for asset in assets_of(site, Estate((BUILDING,))):
        total_kg = asset.embodied_kg(DURATION_S)
        for found in (shares.by_time(asset), shares.by_use(asset)):
            assert all(-1e-12 <= share <= 1.0 + 1e-12 for share in found.values())
            assert sum(share * total_kg for share in found.values()) == pytest.approx(total_kg, rel=1e-12)


@given(sites())
def test_by_use_nobody_carries_what_was_busy(site: SiteRecords) -> None:
    shares = AssetShares(site, DURATION_S)
    for asset in assets_of(site, Estate()):
        busy = [
            reading[3] for (hall, _, phase), reading in site.accounts.items() if hall == asset.hall and phase != "idle"
        ]
        if asset.shared_by == "hall" and sum(busy) > 0.0:
            assert shares.by_use(asset).get(NOBODY, 0.0) == 0.0


def test_by_hand() -> None:
    site = site_of(
        {
            ("a", "chat", "inference"): 4000.0,
            ("a", "chat", "idle"): 4000.0,
            ("a", "", "idle"): 8000.0,
            ("b", "tune", "training"): 3000.0,
            ("b", "", "idle"): 1000.0,
        }
    )
    boards, servers, *rest, switches, building = assets_of(site, Estate((BUILDING,)))
    shares = AssetShares(site, DURATION_S)
    assert (boards.name, servers.name, switches.name, building.name) == (
        "accelerators", "servers", "switches", "building",
    )  # fmt: skip
    assert shares.by_time(boards) == {"": 0.5, "chat": 0.5}
    assert shares.by_use(boards) == {"chat": 1.0}
    # Of 20,000 accelerator-seconds of the site, chat held 8,000 and tune 3,000; of 7,000 busy ones 4,000 and 3,000.
    assert shares.by_time(switches) == pytest.approx({"": 0.45, "chat": 0.4, "tune": 0.15})
    assert shares.by_use(switches) == pytest.approx({"chat": 4 / 7, "tune": 3 / 7})
    # Nameplates of 20, 2.5 and 3 kW; the third hall has no accelerators, so its share is nobody's.
    expected = {"chat": 20 / 25.5 * 0.5, "tune": 2.5 / 25.5 * 0.75, "": (10 + 0.625 + 3) / 25.5}
    assert shares.by_time(building) == pytest.approx(expected)
    processors = next(asset for asset in rest if asset.hall == "c")
    assert shares.by_time(processors) == shares.by_use(processors) == {"": 1.0}


@pytest.fixture
def stored() -> Callable[[float | None], SiteRecords]:
    """A site with solar panels and a battery of 2 kWh that gives 1 kWh in the run."""

    def make(cycle_life: float | None) -> SiteRecords:
        store = StoreFacts(7.2e6, 1000.0, 0.0, 0.92, 0.92, 0.0, cycle_life, 15.0, 168.0)
        return site_of({}, SupplyFacts(UnitFacts(4000.0, 25.0, 4800.0), None, None, store, None, 0.0))

    return make


def test_a_battery_wears_by_time_or_by_cycles(stored: Callable[[float | None], SiteRecords]) -> None:
    # 3.6e6 J given of 7.2e6 J are half a cycle: of 100 cycles more than a thousand seconds of 15 years.
    for cycle_life, expected_kg in ((100.0, 168.0 * 0.5 / 100.0), (1e9, 168.0 * DURATION_S / (15 * YEAR_S))):
        (battery,) = [asset for asset in assets_of(stored(cycle_life), Estate()) if asset.name == "battery"]
        assert battery.embodied_kg(DURATION_S) == pytest.approx(expected_kg)
    (solar,) = [asset for asset in assets_of(stored(None), Estate()) if asset.name == "solar"]
    assert solar.embodied_kg(25 * YEAR_S) == pytest.approx(4800.0)
    assert (solar.count, solar.capital_usd) == (4.0, 0.0)


def test_a_price_is_repaid_over_its_life(stored: Callable[[float | None], SiteRecords]) -> None:
    prices = {("solar", ""): Price(900.0, 20.0, "quote"), ("servers", "b"): Price(40_000.0, 4.0, "")}
    assets = {(asset.name, asset.hall): asset for asset in assets_of(stored(None), Estate((), prices))}
    solar = assets["solar", ""]
    assert solar.capital_usd == 3600.0
    assert solar.run_usd(0.0, 20 * YEAR_S) == pytest.approx(3600.0)
    assert solar.run_usd(0.07, YEAR_S) == pytest.approx(3600.0 * capital_recovery_factor(0.07, 20.0))
    assert assets["servers", "b"].capital_usd == 40_000.0
    assert assets["accelerators", "b"].price is None
