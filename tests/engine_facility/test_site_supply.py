"""The supply of a site: flows by hand, and balances in any mixture of sources, outages, caps and tests."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine.facility.battery_policy import Arbitrage, Backup, PeakShaving, SelfConsumption
from simulator.engine.facility.generators import GeneratorParameters, Generators
from simulator.engine.facility.regimes import GridCap, Span, TimeLine
from simulator.engine.facility.store import Store
from simulator.engine.facility.supply import GridLimits, SiteSupply, SupplyParts
from simulator.engine.facility.supply_step import SupplyStep
from simulator.engine.facility.supply_watch import SupplyWatch
from simulator.physics.battery import Battery
from simulator.signals.base import ConstantSignal, Signal, StepSignal

KWH = 3.6e6
H = 3600.0
CURVE = ((0.25, 2.25e-8), (1.0, 7.46e-8))
ROUND = 1e-9

IDEAL = Battery(100 * KWH, 0.0, 100 * KWH, 50e3, 50e3, 0.9, 0.9, 0.0, 100 * KWH, 0.0)


def _generators(tank_l: float = 1000.0, on_site: bool = False) -> Generators:
    return Generators(GeneratorParameters(2, 60e3, CURVE, 10.0, tank_l, 0.5 * tank_l, 0.3, on_site))


def _supply(
    *,
    limits: GridLimits | None = None,
    outages: tuple[Span, ...] = (),
    caps: tuple[GridCap, ...] = (),
    tests: tuple[Span, ...] = (),
    solar: Signal | None = None,
    wind: Signal | None = None,
    battery: Store | None = None,
    policy: Any = None,
    ups: Store | None = None,
    generators: Generators | None = None,
) -> SiteSupply:
    start_s = generators.parameters.start_s if generators is not None else math.inf
    line = TimeLine(outages, caps, tests, start_s)
    connection = limits or GridLimits(math.inf, 0.0, math.inf)
    return SiteSupply(SupplyParts(connection, line, caps, solar, wind, battery, policy, ups, generators))


def _sources_and_uses(step: SupplyStep) -> tuple[float, float]:
    sources = step.grid_import_w + step.solar_w + step.wind_w + step.battery_discharge_w + step.ups_discharge_w
    sources += step.diesel_w + step.unserved_w
    uses = step.load_w + step.battery_charge_w + step.ups_charge_w + step.grid_export_w + step.curtailed_w
    return sources, uses


def test_without_anything_the_grid_carries_the_load() -> None:
    step = _supply().step(0.0, 60.0, 80e3)
    assert step.grid_import_w == 80e3
    assert _sources_and_uses(step) == (80e3, 80e3)


def test_sun_first_then_the_grid_and_surplus_is_exported_up_to_its_limit() -> None:
    sun = StepSignal([0.0, H, 2 * H], [30e3, 200e3])
    supply = _supply(solar=sun, limits=GridLimits(math.inf, 40e3, math.inf))
    morning, noon = supply.step(0.0, H, 80e3), supply.step(H, 2 * H, 80e3)
    assert (morning.grid_import_w, morning.curtailed_w) == (50e3, 0.0)
    assert (noon.grid_import_w, noon.grid_export_w, noon.curtailed_w) == (0.0, 40e3, 80e3)


def test_self_consumption_keeps_the_surplus_for_the_evening() -> None:
    """70 kW of surplus against 50 kW of the battery: 45 kWh stored of 50; 40.5 kWh come back."""
    sun = StepSignal([0.0, H, 3 * H], [150e3, 0.0])
    supply = _supply(solar=sun, battery=Store(IDEAL, 0.0, 0.0), policy=SelfConsumption())
    noon, evening = supply.step(0.0, H, 80e3), supply.step(H, 3 * H, 30e3)
    assert (noon.battery_charge_w, noon.curtailed_w, noon.grid_import_w) == (50e3, 20e3, 0.0)
    assert noon.battery_stored_j == pytest.approx(45 * KWH)
    assert evening.battery_discharge_w * 2 * H == pytest.approx(40.5 * KWH)
    assert evening.grid_import_w * 2 * H == pytest.approx(60 * KWH - 40.5 * KWH)


def test_peak_shaving_holds_import_at_its_target() -> None:
    supply = _supply(battery=Store(IDEAL, 50 * KWH, 0.0), policy=PeakShaving(70e3))
    low, high = supply.step(0.0, 600.0, 40e3), supply.step(600.0, 1200.0, 100e3)
    assert low.grid_import_w == pytest.approx(70e3)
    assert high.grid_import_w == pytest.approx(70e3)


def test_arbitrage_buys_low_gives_high_and_sells_nothing() -> None:
    price = StepSignal([0.0, H, 2 * H, 3 * H], [0.05, 0.10, 0.30])
    low, high = ConstantSignal(0.06), ConstantSignal(0.25)
    supply = _supply(battery=Store(IDEAL, 0.0, 0.0), policy=Arbitrage(price, low, high))
    steps = [supply.step(hour * H, (hour + 1) * H, 20e3) for hour in range(3)]
    assert [step.grid_import_w for step in steps] == pytest.approx([70e3, 20e3, 0.0])
    assert steps[2].battery_discharge_w == pytest.approx(20e3), "no more than the load"


def test_charging_stops_at_the_limit_of_the_connection() -> None:
    supply = _supply(battery=Store(IDEAL, 0.0, 0.0), policy=Backup(), limits=GridLimits(100e3, 0.0, math.inf))
    assert supply.step(0.0, 60.0, 80e3).battery_charge_w == pytest.approx(20e3)
    over = supply.step(60.0, 120.0, 130e3)
    assert over.battery_discharge_w == pytest.approx(0.3 * KWH / 60.0 * 0.9), "what 20 kW have stored in a minute"
    assert over.grid_import_w == 100e3
    assert over.unserved_w == pytest.approx(30e3 - over.battery_discharge_w)


def test_an_outage_is_bridged_by_the_ups_until_the_generators_carry_the_load() -> None:
    """90 kW for 10 s are 0.25 kWh of a UPS of 1 kWh; then two sets at 45 kW each; then it recharges at 5 kW."""
    cells = Battery(1 * KWH, 0.0, 1 * KWH, 5e3, 100e3, 1.0, 1.0, 0.0, 1 * KWH, 0.0)
    generators = _generators()
    supply = _supply(outages=(Span(60.0, 660.0),), ups=Store(cells, 1 * KWH, 1 * KWH), generators=generators)
    before, during = supply.step(0.0, 60.0, 90e3), supply.step(60.0, 660.0, 90e3)
    assert before.grid_import_w == 90e3
    assert during.ups_discharge_w * 600.0 == pytest.approx(90e3 * 10.0)
    assert during.diesel_w * 600.0 == pytest.approx(90e3 * 590.0)
    assert during.unserved_w == 0.0
    assert during.outage_s == 600.0
    assert during.diesel_fuel_l == pytest.approx(2 * 590.0 * 60e3 * (2.25e-8 + 0.5 * 5.21e-8 / 0.75))
    after = supply.step(660.0, 960.0, 90e3)
    assert after.ups_charge_w * 300.0 == pytest.approx(0.25 * KWH, rel=1e-9), "180 s at 5 kW"
    assert after.ups_stored_j == pytest.approx(1 * KWH)


def test_what_nothing_covers_is_unserved_and_told_once() -> None:
    supply, watch, said = _supply(outages=(Span(60.0, 180.0),)), SupplyWatch("here"), []

    def note(kind: str, subject: str, detail: str) -> None:
        said.append((kind, subject, detail))

    for start_s in range(0, 300, 60):
        step = supply.step(start_s, start_s + 60.0, 90e3)
        watch.look(step, 60.0, start_s + 60.0, note)
        assert step.unserved_w == (90e3 if 60 <= start_s < 180 else 0.0)
    assert [kind for kind, _, _ in said] == ["unserved_energy", "unserved_energy_ended"]
    assert said[1][2] == "3.00 kWh in 120 s"


def test_sun_feeds_an_island_only_with_something_that_forms_its_grid() -> None:
    outage = (Span(0.0, 2 * H),)
    alone = _supply(outages=outage, solar=ConstantSignal(50e3)).step(0.0, H, 80e3)
    assert (alone.solar_w, alone.unserved_w) == (0.0, 80e3)
    store = Store(IDEAL, 100 * KWH, 0.0)
    carried = _supply(outages=outage, solar=ConstantSignal(50e3), battery=store, policy=Backup()).step(0.0, H, 80e3)
    assert (carried.solar_w, carried.battery_discharge_w, carried.unserved_w) == (50e3, pytest.approx(30e3), 0.0)


def test_a_tank_runs_dry() -> None:
    generators = _generators(tank_l=10.0)
    step = _supply(outages=(Span(0.0, H),), generators=generators).step(10.0, H, 60e3)
    lasts_s = 10.0 / (60e3 * 7.46e-8)
    assert step.diesel_w * (H - 10.0) == pytest.approx(60e3 * lasts_s)
    assert step.unserved_w * (H - 10.0) == pytest.approx(60e3 * (H - 10.0 - lasts_s))
    assert (step.fuel_l, step.diesel_fuel_l) == (0.0, pytest.approx(10.0))


@pytest.mark.parametrize("on_site", [False, True])
def test_a_test_of_the_generators(on_site: bool) -> None:
    generators = _generators(on_site=on_site)
    step = _supply(tests=(Span(600.0, 2400.0),), generators=generators).step(0.0, H, 80e3)
    assert step.diesel_w * H == pytest.approx(36e3 * 1800.0 if on_site else 0.0)
    assert step.load_bank_w * H == pytest.approx(0.0 if on_site else 36e3 * 1800.0)
    assert step.grid_import_w == pytest.approx(80e3 - step.diesel_w)
    assert step.diesel_fuel_l == pytest.approx(1800.0 * 2 * 60e3 * (2.25e-8 + 0.05 * 5.21e-8 / 0.75))


def test_a_reduction_is_measured_from_the_hour_before() -> None:
    cap = GridCap(Span(2 * H, 3 * H), None, 0.25, H)
    supply = _supply(caps=(cap,))
    assert supply.cap_at(0.0) is None
    for start_s, load_w in ((0.0, 500e3), (H, 100e3), (1.5 * H, 60e3)):
        supply.step(start_s, min(start_s + H, start_s + 0.5 * H if start_s else H), load_w)
    assert supply.cap_at(2 * H) == pytest.approx(0.75 * 80e3)
    step = supply.step(2 * H, 2 * H + 60.0, 70e3)
    assert (step.cap_w, step.over_cap_w, step.capped_s) == (pytest.approx(60e3), pytest.approx(10e3), 60.0)


def test_a_battery_meets_a_cap_before_the_load_must() -> None:
    cap = GridCap(Span(0.0, H), 60e3, 0.0, 0.0)
    supply = _supply(caps=(cap,), battery=Store(IDEAL, 100 * KWH, 0.0), policy=Backup())
    step = supply.step(0.0, H, 90e3)
    assert (step.grid_import_w, step.battery_discharge_w, step.over_cap_w) == (60e3, pytest.approx(30e3), 0.0)


def test_a_battery_holds_a_ramp() -> None:
    limits = GridLimits(math.inf, 0.0, 100.0)
    supply = _supply(limits=limits, battery=Store(IDEAL, 50 * KWH, 0.0), policy=SelfConsumption())
    supply.step(0.0, 60.0, 20e3)
    steps = [supply.step(60.0 * k, 60.0 * (k + 1), 45e3) for k in range(1, 3)]
    assert supply.last is not None
    for step in steps:
        assert step.over_ramp_w == 0.0
        assert step.grid_import_w <= 20e3 + 100.0 * 180.0
    bare = _supply(limits=limits)
    bare.step(0.0, 60.0, 20e3)
    assert bare.step(60.0, 120.0, 45e3).over_ramp_w == pytest.approx(25e3 - 6e3)


@st.composite
def _cases(draw: st.DrawFn) -> dict[str, Any]:
    edges = [0.0, *sorted(draw(st.lists(st.floats(60.0, 7 * H), min_size=6, max_size=6, unique=True))), 8 * H]
    levels = st.lists(st.floats(0.0, 2e5), min_size=7, max_size=7)
    lowest = draw(st.floats(0.0, 0.2)) * 100 * KWH
    standby_w = draw(st.sampled_from([0.0, 300.0]))
    battery = Battery(100 * KWH, lowest, 95 * KWH, 40e3, 60e3, 0.92, 0.93, standby_w, 85 * KWH, lowest + 5 * KWH)
    policy = draw(
        st.sampled_from(
            [
                Backup(),
                SelfConsumption(),
                PeakShaving(7e4),
                Arbitrage(StepSignal([0.0, 3 * H, 8 * H], [0.1, 0.3]), ConstantSignal(0.1), ConstantSignal(0.3)),
            ]
        )
    )
    initial, reserve = (lowest + draw(st.floats(0.0, 1.0)) * (95 * KWH - lowest) for _ in range(2))
    cells = Battery(2 * KWH, 0.0, 2 * KWH, 2e4, 3e5, 1.0, 1.0, 0.0, 2 * KWH, 0.0)
    outage = Span(edges[1], edges[2])
    return {
        "solar": StepSignal(edges, draw(levels)) if draw(st.booleans()) else None,
        "wind": StepSignal(edges, draw(levels)) if draw(st.booleans()) else None,
        "limits": GridLimits(
            draw(st.sampled_from([math.inf, 8e4])),
            draw(st.sampled_from([0.0, 3e4])),
            draw(st.sampled_from([math.inf, 50.0])),
        ),
        "outages": (outage,) if draw(st.booleans()) else (),
        "caps": (GridCap(Span(edges[3], edges[4]), 5e4, 0.0, 0.0),) if draw(st.booleans()) else (),
        "tests": (Span(edges[5], edges[6]),) if draw(st.booleans()) else (),
        "battery": (battery, initial, reserve) if draw(st.booleans()) else None,
        "policy": policy,
        "ups": cells if draw(st.booleans()) else None,
        "tank_l": draw(st.sampled_from([None, 3.0, 500.0])),
        "on_site": draw(st.booleans()),
        "load_w": draw(st.floats(0.0, 3e5)),
    }


def _build(case: dict[str, Any]) -> SiteSupply:
    battery = Store(*case["battery"]) if case["battery"] is not None else None
    return _supply(
        limits=case["limits"],
        outages=case["outages"],
        caps=case["caps"],
        tests=case["tests"] if case["tank_l"] is not None else (),
        solar=case["solar"],
        wind=case["wind"],
        battery=battery,
        policy=case["policy"] if battery is not None else None,
        ups=Store(case["ups"], case["ups"].capacity_j, case["ups"].capacity_j) if case["ups"] is not None else None,
        generators=_generators(case["tank_l"], case["on_site"]) if case["tank_l"] is not None else None,
    )


@settings(max_examples=60)
@given(_cases(), st.sampled_from([900.0, H, 4 * H]))
def test_every_balance_closes(case: dict[str, Any], dt_s: float) -> None:
    supply = _build(case)
    stored = {name: store.energy_j for name in ("battery", "ups") if (store := getattr(supply.parts, name))}
    fuel_l = case["tank_l"] or 0.0
    for index in range(round(8 * H / dt_s)):
        step = supply.step(index * dt_s, (index + 1) * dt_s, case["load_w"])
        sources, uses = _sources_and_uses(step)
        assert sources == pytest.approx(uses, rel=ROUND, abs=1e-3)
        assert min(step) >= -1e-6, step
        assert step.grid_import_w <= case["limits"].import_w * (1.0 + ROUND)
        assert step.grid_export_w <= case["limits"].export_w * (1.0 + ROUND)
        assert fuel_l + step.fuel_delivered_l - step.diesel_fuel_l == pytest.approx(step.fuel_l, abs=1e-6)
        fuel_l = step.fuel_l
        for name in stored:
            battery, after_j = getattr(supply.parts, name).battery, getattr(step, f"{name}_stored_j")
            charge_j, give_j = (getattr(step, f"{name}_{way}_w") * dt_s for way in ("charge", "discharge"))
            kept_j = battery.charge_efficiency * charge_j - give_j / battery.discharge_efficiency
            standby_j = stored[name] + kept_j - after_j
            assert -1e-3 <= standby_j <= battery.standby_w * dt_s + 1e-3, "gains nothing, loses no more than standby"
            stored[name] = after_j


@settings(max_examples=60)
@given(_cases(), st.floats(0.05, 0.95))
def test_two_parts_of_a_step_are_one_step(case: dict[str, Any], share: float) -> None:
    """Constant load, sun, wind and price; without a ramp limit, which compares a step with the one before it.

    Where the power of a tapering battery passes the surplus within a step, import and curtailment of the step are those
    of its mean; their difference is exact, and so is everything behind it.
    """
    case["limits"] = GridLimits(math.inf, case["limits"].export_w, math.inf)
    if case["battery"] is not None:
        case["ups"] = None  # it would see the mean shortage that a tapering battery leaves
    if case["outages"]:
        case["solar"] = case["wind"] = None  # whether they feed an island is settled at the start of a step
    whole, parts = _build(case), _build(case)
    signals = [signal for signal in (case["solar"], case["wind"]) if signal is not None]
    edges = sorted({0.0, 3 * H, 8 * H, *(float(edge) for signal in signals for edge in signal.edges_s)})
    for start_s, end_s in pairwise(edges):
        middle_s = start_s + share * (end_s - start_s)
        one = _energies(whole.step(start_s, end_s, case["load_w"]), end_s - start_s)
        first = _energies(parts.step(start_s, middle_s, case["load_w"]), middle_s - start_s)
        second = _energies(parts.step(middle_s, end_s, case["load_w"]), end_s - middle_s)
        for name, energy_j in one.items():
            assert first[name] + second[name] == pytest.approx(energy_j, rel=1e-7, abs=1e-4 * KWH), name
        stores = [supply.parts.battery for supply in (whole, parts) if supply.parts.battery is not None]
        if stores:
            assert stores[0].energy_j == pytest.approx(stores[1].energy_j, rel=1e-7, abs=1e-4 * KWH)


def _energies(step: SupplyStep, dt_s: float) -> dict[str, float]:
    powers_w = {
        "charge": step.battery_charge_w,
        "discharge": step.battery_discharge_w,
        "ups": step.ups_discharge_w - step.ups_charge_w,
        "diesel": step.diesel_w,
        "grid": step.grid_import_w + step.unserved_w - step.grid_export_w - step.curtailed_w,
    }
    return {name: power_w * dt_s for name, power_w in powers_w.items()}
