"""What batteries are for, against closed forms and against a linear program that knows the whole future."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from simulator.assembly.generation import daily_thresholds
from simulator.assembly.window import Window
from simulator.engine.facility.battery_policy import Arbitrage, BatteryPolicy, PeakShaving
from simulator.engine.facility.regimes import Span, TimeLine
from simulator.engine.facility.store import Store
from simulator.engine.facility.supply import GridLimits, SiteSupply, SupplyParts
from simulator.engine.facility.supply_step import SupplyStep
from simulator.physics.battery import Battery
from simulator.signals.base import StepSignal
from simulator.signals.market_prices import read_market_prices

KWH, H = 3.6e6, 3600.0
ETA = math.sqrt(0.85)
FOUR_HOURS = Battery(400 * KWH, 0.0, 400 * KWH, 100e3, 100e3, ETA, ETA, 0.0, 400 * KWH, 0.0)
LOAD_W = 74e3
START = datetime(2022, 6, 6, tzinfo=UTC)


def _supply(store: Store | None, policy: BatteryPolicy | None, outages: tuple[Span, ...] = ()) -> SiteSupply:
    limits = GridLimits(math.inf, 0.0, math.inf)
    line = TimeLine(outages, (), (), math.inf)
    return SiteSupply(SupplyParts(limits, line, (), None, None, store, policy, None, None))


def _hours(supply: SiteSupply, loads_w: np.ndarray) -> list[SupplyStep]:
    return [supply.step(hour * H, (hour + 1) * H, float(load_w)) for hour, load_w in enumerate(loads_w)]


def _arbitrage(values: np.ndarray, stored_j: float = 0.0) -> tuple[np.ndarray, float]:
    """Return import by hour (W) of a constant load under arbitrage by an hourly signal, and the energy left (J)."""
    signal = StepSignal(H * np.arange(len(values) + 1.0), values)
    low, high = daily_thresholds(signal, Window(START, len(values) * H), (0.25, 0.25), 0.85)
    store = Store(FOUR_HOURS, stored_j, 0.0)
    steps = _hours(_supply(store, Arbitrage(signal, low, high)), np.full(len(values), LOAD_W))
    return np.array([step.grid_import_w for step in steps]), store.energy_j


def _least_cost(values: np.ndarray, stored_j: float, left_j: float) -> float:
    """Return the least sum of value x import (value kWh) that any use of the battery reaches, all hours known."""
    count = len(values)
    stored, left, power, load = stored_j / KWH, left_j / KWH, FOUR_HOURS.charge_w / 1e3, LOAD_W / 1e3
    # Charge and discharge of each hour; stored energy after each hour is a running sum.
    running = np.tril(np.ones((count, count)))
    energy = np.hstack([ETA * running, -running / ETA])
    upper = np.vstack([energy, -energy, -energy[-1:]])
    limits = np.concatenate([np.full(count, 400.0 - stored), np.full(count, stored), [stored - left]])
    bounds = [(0.0, power)] * count + [(0.0, min(power, load))] * count
    found = linprog(np.concatenate([values, -values]), A_ub=upper, b_ub=limits, bounds=bounds, method="highs")
    return float(found.fun + values.sum() * load)


@pytest.mark.parametrize(("low", "high"), [(0.05, 0.30), (100.0, 400.0)])
def test_a_day_of_two_levels_earns_what_a_round_trip_gives(low: float, high: float) -> None:
    """Price or carbon: six hours low, six high. Four hours and a bit fill it; the load of 74 kW takes 369 kWh out."""
    values = np.array([low] * 6 + [0.5 * (low + high)] * 12 + [high] * 6)
    import_w, left_j = _arbitrage(values)
    taken_kwh = 400.0 / ETA
    given_kwh = min(400.0 * ETA, 6 * LOAD_W / 1e3)
    saved = float((LOAD_W - import_w) @ values) / 1e3
    assert saved == pytest.approx(given_kwh * high - taken_kwh * low, rel=1e-9)
    assert left_j == pytest.approx(400 * KWH - given_kwh / ETA * KWH, abs=1.0)
    assert float(import_w @ values) / 1e3 == pytest.approx(_least_cost(values, 0.0, left_j), rel=1e-9), (
        "no way is better"
    )


@settings(max_examples=40)
@given(
    st.lists(st.floats(-0.05, 0.5), min_size=24, max_size=24),
    st.lists(st.floats(-0.05, 0.5), min_size=24, max_size=24),
    st.floats(0.0, 1.0),
)
def test_no_day_earns_more_than_perfect_foresight(first: list[float], second: list[float], filled: float) -> None:
    values, stored_j = np.array(first + second), filled * 400 * KWH
    import_w, left_j = _arbitrage(values, stored_j)
    least = _least_cost(values, stored_j, left_j)
    assert float(import_w @ values) / 1e3 >= least - 1e-6 * (1.0 + abs(least))


def test_californian_prices_against_perfect_foresight(shared: Path) -> None:
    """What knowing one day and two thresholds is worth: 77 % of what knowing the week would save, 79 % of all weeks."""
    path = shared / "data/prices/US-CAL-CISO/2022/US-CAL-CISO_electricity_prices_2022.csv"
    reading = read_market_prices(path).to_signal(datetime(2022, 1, 1, tzinfo=UTC), 8760 * H)
    values = reading.signal.means(H * np.arange(8761.0))
    saved = best = 0.0
    for week in range(0, 52, 6):
        week_values = values[168 * week : 168 * (week + 1)]
        import_w, left_j = _arbitrage(week_values)
        bare = float(week_values.sum()) * LOAD_W / 1e3
        saved += bare - float(import_w @ week_values) / 1e3
        best += bare - _least_cost(week_values, 0.0, left_j)
    assert saved / best == pytest.approx(0.774, abs=0.01)


def test_the_lowest_peak_that_a_battery_can_hold() -> None:
    """100 kW for two hours over 40 kW: 120 kWh above; 60 kWh stored give 55.3, so that 72.3 kW can just be held."""
    stored_j = 60 * KWH
    target_w = 100e3 - 60 * ETA / 2.0 * 1e3
    loads_w = np.array([40e3] * 3 + [100e3] * 2 + [40e3] * 3)
    store = Store(FOUR_HOURS, stored_j, 0.0)
    held = _hours(_supply(store, PeakShaving(target_w)), loads_w[3:5])
    np.testing.assert_allclose([step.grid_import_w for step in held], target_w, rtol=1e-12)
    assert store.energy_j == pytest.approx(0.0, abs=1.0)
    # A lower target runs dry: no target reaches a lower peak than this bound.
    missed = _hours(_supply(Store(FOUR_HOURS, stored_j, 0.0), PeakShaving(0.9 * target_w)), loads_w[3:5])
    assert max(step.grid_import_w for step in missed) > target_w
    # What it takes below the target it gives back above, less the losses of both ways.
    whole = _hours(_supply(Store(FOUR_HOURS, 0.0, 0.0), PeakShaving(target_w)), loads_w)
    assert max(step.grid_import_w for step in whole) == pytest.approx(target_w, rel=1e-12)


def test_a_reserve_is_kept_for_the_outage_and_carries_it() -> None:
    """100 kWh of 400 kept from trade: 100 kWh x eta carry 74 kW for an hour and a quarter, and no longer."""
    values = np.array([0.01] * 4 + [0.1] * 14 + [0.5] * 6)
    signal = StepSignal(H * np.arange(25.0), values)
    low, high = daily_thresholds(signal, Window(START, 24 * H), (0.25, 0.25), 0.85)
    store = Store(FOUR_HOURS, 200 * KWH, 100 * KWH)
    outage = Span(24 * H, 26 * H)
    supply = _supply(store, Arbitrage(signal, low, high), (outage,))
    _hours(supply, np.full(24, LOAD_W))
    assert store.energy_j == pytest.approx(100 * KWH), "trade stops at the reserve"
    step = supply.step(24 * H, 26 * H, LOAD_W)
    assert step.battery_discharge_w * 2 * H == pytest.approx(100 * KWH * ETA)
    assert step.unserved_w * 2 * H == pytest.approx(2 * H * LOAD_W - 100 * KWH * ETA)
    assert supply.step(26 * H, 27 * H, LOAD_W).grid_import_w == pytest.approx(LOAD_W + 100e3), "it refills at once"
