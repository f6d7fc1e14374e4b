"""Every kind of cooling plant: balances, water, independence of step and size, directions; then each kind by hand."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from simulator.assembly.cooling import plant_spec
from simulator.engine.facility.coupling import Facility
from simulator.engine.facility.plant import CoolingPlant, CoolingStep
from simulator.engine.facility.power_chain import PowerChain
from simulator.errors import InputError
from simulator.physics import psychrometrics, water
from simulator.physics.carnot_chillers import carnot_limit_cop
from simulator.physics.economizer import EconomizerMode
from simulator.profiles import catalogue
from simulator.scenario.cooling import Cooling

IT_W = 1e6
SEA_PA = 101_325.0
FREE, PARTIAL, MECHANICAL = EconomizerMode.FREE, EconomizerMode.PARTIAL, EconomizerMode.MECHANICAL

REUSE = {"demand_kw": 300, "needed_c": 35, "back_c": 25}
KINDS: dict[str, dict[str, Any]] = {
    "chilled water": {"kind": "chilled_water"},
    "chilled water, published curves": {"kind": "chilled_water", "chiller": {"kind": "eir", "curves": "carrier-19xr"}},
    "air-cooled chiller": {"kind": "air_cooled_chiller"},
    "air-cooled, published curves": {
        "kind": "air_cooled_chiller",
        "chiller": {"kind": "eir", "curves": "carrier-30rb", "out_of_range": "clamp"},
    },
    "dry cooler": {"kind": "dry_cooler"},
    "air economizer": {"kind": "air_economizer"},
    "direct evaporative": {"kind": "direct_evaporative"},
    "indirect evaporative": {"kind": "indirect_evaporative"},
    "rear door": {"kind": "rear_door"},
    "rear door, towers": {
        "kind": "rear_door",
        "rejection": "tower",
        "heat_reuse": {**REUSE, "needed_c": 22, "back_c": 18},
    },
    "direct to chip": {"kind": "direct_to_chip"},
    "direct to chip, towers": {"kind": "direct_to_chip", "rejection": "tower", "air": {"kind": "direct_evaporative"}},
    "direct to chip, chillers": {"kind": "direct_to_chip", "rejection": "chiller", "facility_water_c": 20},
    "direct to chip, reuse": {"kind": "direct_to_chip", "heat_reuse": REUSE},
    "immersion": {"kind": "immersion", "air": {"kind": "air_cooled_chiller"}},
}
LIQUID = {"direct to chip", "direct to chip, towers", "direct to chip, chillers", "direct to chip, reuse", "immersion"}
DRY = {"air-cooled chiller", "air-cooled, published curves", "dry cooler", "air economizer", "rear door"}
kinds = st.sampled_from(sorted(KINDS))
heats = st.floats(2e4, 1.4e6)
dry_bulbs = st.floats(-25.0, 44.0)
humidities = st.floats(0.08, 1.0)
shares = st.floats(0.0, 1.0)


def plant_of(name: str, it_w: float = IT_W, **changes: Any) -> CoolingPlant:
    described = TypeAdapter(Cooling).validate_json(TypeAdapter(dict).dump_json({**KINDS.get(name, {}), **changes}))
    return plant_spec(described, it_w, Path()).plant


def wet_bulb(dry_c: float, humidity: float) -> float:
    return psychrometrics.wet_bulb_c(dry_c, humidity, SEA_PA)


def one_step(
    kind: str, heat_w: float, dry_c: float, humidity: float = 0.5, share: float = 0.8, **changes: Any
) -> CoolingStep:
    """Return a minute of a new plant."""
    plant = plant_of(kind, **changes)
    return plant.step(60.0, heat_w, dry_c, wet_bulb(dry_c, humidity), SEA_PA, share * heat_w)


def machines_w(step: CoolingStep) -> dict[str, float]:
    return {field.name: getattr(step, field.name) for field in fields(step) if field.name.endswith("_power_w")}


@settings(deadline=None, max_examples=400)
@given(kinds, heats, dry_bulbs, humidities, shares)
def test_energy_and_water_close(kind: str, heat_w: float, dry_c: float, humidity: float, share: float) -> None:
    step = one_step(kind, heat_w, dry_c, humidity, share)
    assert abs(step.residual_w) <= 1e-9 * heat_w
    assert step.power_w == pytest.approx(sum(machines_w(step).values()), rel=1e-12)
    assert min(machines_w(step).values()) >= 0.0
    assert min(step.heat_rejected_w, step.reused_heat_w, step.unmet_heat_w) >= -1e-9 * heat_w
    assert min(step.evaporated_water_kg, step.drift_water_kg, step.blowdown_water_kg) >= 0.0
    assert 0.0 <= step.media_water_kg <= step.makeup_water_kg * (1.0 + 1e-12)
    assert step.free_s + step.partial_s + step.mechanical_s == pytest.approx(60.0)
    assert step.mode is not None
    assert (step.chiller_power_w == 0.0) == (step.free_s == pytest.approx(60.0)) or step.mode is not FREE
    # No more water than the heat that leaves can turn to vapour, and all the air there is can take up by itself.
    wet_c = wet_bulb(dry_c, humidity)
    entering = psychrometrics.humidity_ratio(dry_c, humidity, SEA_PA)
    thirst = max(psychrometrics.saturation_humidity_ratio(wet_c, SEA_PA) - entering, 0.0)
    by_heat = (heat_w + step.power_w) / water.HEAT_OF_VAPORIZATION_J_PER_KG
    assert step.evaporated_water_kg <= 60.0 * 1.05 * (by_heat + 130.0 * thirst)
    if kind in DRY:
        assert step.makeup_water_kg == 0.0
    assert step.liquid_heat_w == (share * heat_w if kind in LIQUID else 0.0)


@settings(deadline=None, max_examples=150)
@given(kinds, heats, dry_bulbs, humidities, shares, st.floats(10.0, 2000.0))
def test_two_half_steps_are_one_step(
    kind: str, heat_w: float, dry_c: float, humidity: float, share: float, dt_s: float
) -> None:
    once, twice, wet_c = plant_of(kind), plant_of(kind), wet_bulb(dry_c, humidity)
    whole = once.step(2.0 * dt_s, heat_w, dry_c, wet_c, SEA_PA, share * heat_w)
    halves = [twice.step(dt_s, heat_w, dry_c, wet_c, SEA_PA, share * heat_w) for _ in range(2)]
    assert sum(half.power_w for half in halves) / 2.0 == pytest.approx(whole.power_w, rel=1e-9)
    assert sum(half.makeup_water_kg for half in halves) == pytest.approx(whole.makeup_water_kg, rel=1e-9, abs=1e-12)
    assert sum(half.free_s for half in halves) == pytest.approx(whole.free_s, abs=1e-9)


@settings(deadline=None, max_examples=150)
@given(kinds, heats, dry_bulbs, humidities, st.floats(0.2, 20.0))
def test_another_size_differs_by_the_size_only(
    kind: str, heat_w: float, dry_c: float, humidity: float, size: float
) -> None:
    reuse = KINDS[kind].get("heat_reuse")
    changes = {"heat_reuse": {**reuse, "demand_kw": reuse["demand_kw"] * size}} if reuse is not None else {}
    small, large, wet_c = plant_of(kind), plant_of(kind, size * IT_W, **changes), wet_bulb(dry_c, humidity)
    one = small.step(60.0, heat_w, dry_c, wet_c, SEA_PA, 0.8 * heat_w)
    other = large.step(60.0, size * heat_w, dry_c, wet_c, SEA_PA, 0.8 * size * heat_w)
    # A chiller more or less at the very threshold is a rounding of the load, not a difference of the plants.
    if one.chillers_running == pytest.approx(other.chillers_running):
        assert other.power_w == pytest.approx(size * one.power_w, rel=1e-5)
        assert other.makeup_water_kg == pytest.approx(size * one.makeup_water_kg, rel=1e-5, abs=1e-9)


@settings(deadline=None, max_examples=200)
@given(kinds, st.floats(1e5, 1.0e6), st.floats(1.001, 1.2), dry_bulbs, humidities)
def test_chiller_power_never_falls_with_load(
    kind: str, heat_w: float, more: float, dry_c: float, humidity: float
) -> None:
    less, greater = (one_step(kind, w, dry_c, humidity) for w in (heat_w, heat_w * more))
    # With one chiller more, each is further from full load, where the published part-load curve is better.
    if less.chillers_running == greater.chillers_running and less.mode is greater.mode:
        assert greater.chiller_power_w >= less.chiller_power_w * (1.0 - 2e-6)


MECHANICAL_KINDS = ("air-cooled chiller", "direct to chip, chillers", "dry cooler", "rear door")


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(MECHANICAL_KINDS), st.floats(5e4, 1.1e6), dry_bulbs, st.floats(0.0, 5.0))
def test_chiller_power_never_falls_with_outdoor_air(kind: str, heat_w: float, dry_c: float, warmer_k: float) -> None:
    cool, warm = (one_step(kind, heat_w, t, share=1.0) for t in (dry_c, dry_c + warmer_k))
    if cool.chillers_running == warm.chillers_running:
        assert warm.chiller_power_w >= cool.chiller_power_w * (1.0 - 1e-9)


@settings(deadline=None, max_examples=150)
@given(kinds, heats, dry_bulbs, humidities)
def test_pue_is_above_one_and_rooms_close(kind: str, heat_w: float, dry_c: float, humidity: float) -> None:
    chain = PowerChain.sized_for(IT_W, catalogue.power_chain("power-chain", Path()).record.parameters)
    site = Facility(plant_of(kind), chain, 7500.0)
    for dt_s in (60.0, 600.0):
        step = site.step(dt_s, heat_w, dry_c, wet_bulb(dry_c, humidity), SEA_PA, 0.8 * heat_w)
        assert step.pue is not None
        assert step.pue > 1.0
        assert abs(step.heat_residual_j) <= 1e-9 * step.indoor_heat_w * dt_s
        assert abs(step.power.residual_w) <= 1e-9 * step.facility_power_w


@pytest.mark.parametrize("kind", KINDS)
def test_water_scales_with_heat(kind: str) -> None:
    # Between minimum and design flow; media evaporate by air, which follows heat. The air of towers grows by less, and
    # in dry heat it is the air that evaporates water.
    low, high = (one_step(kind, heat_w, 36.0, 0.12, share=0.6) for heat_w in (0.7e6, 0.9e6))
    if low.makeup_water_kg:
        ratio = high.makeup_water_kg / low.makeup_water_kg
        by_media = high.media_water_kg == high.makeup_water_kg
        assert ratio == pytest.approx(9 / 7, rel=0.05) if by_media else 1.0 < ratio < 1.35
    assert high.makeup_water_kg >= low.makeup_water_kg


@pytest.mark.parametrize("kind", KINDS)
def test_no_heat_no_plant(kind: str) -> None:
    step = one_step(kind, 0.0, 20.0)
    assert (step.power_w, step.heat_rejected_w, step.makeup_water_kg) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_plant_knows_its_capacity(kind: str) -> None:
    plant = plant_of(kind)
    # Sized for IT, losses and margin; what falls to liquid or to spare machines is on top.
    assert 1.1e6 <= plant.capacity_w < 2.6e6
    assert plant_of(kind, 2.0 * IT_W).capacity_w == pytest.approx(2.0 * plant.capacity_w)
    assert plant.step(60.0, 1.1e6, 34.0, 22.0, SEA_PA, 0.8 * 1.1e6).unmet_heat_w == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_heat_beyond_the_design_is_told_and_not_lost(kind: str) -> None:
    step = one_step(kind, 2.5e6, 42.0, 0.4)
    assert abs(step.residual_w) <= 1e-9 * 2.5e6
    assert step.unmet_heat_w >= 0.0


def test_air_cooled_chiller_by_hand() -> None:
    step = one_step("air-cooled chiller", 1.1e6, 35.0)
    load_w = 1.1e6 + step.crah_fan_power_w + step.chilled_water_pump_power_w
    evaporating_k, condensing_k = 18.0 - 2.0 + 273.15, 35.0 + 12.0 + 273.15
    at_full_load = 1.0 / (0.118888 + 0.6723542 + 0.2068754)
    cop = 0.42 * evaporating_k / (condensing_k - evaporating_k) * at_full_load
    assert step.chiller_power_w == pytest.approx(load_w / cop, rel=1e-9)
    assert step.chillers_running == 4.0
    # Full load at 35 degC: a COP of 3 to 4 is what the class does (reference/facility.csv, typical).
    assert 3.0 < cop < 4.0


def test_published_curves_are_counted_outside_their_box() -> None:
    inside = one_step("air-cooled, published curves", 0.9e6, 35.0, supply_air_c=18)
    outside = one_step("air-cooled, published curves", 0.9e6, 10.0, supply_air_c=18)
    assert (inside.outside_curves_s, outside.outside_curves_s) == (0.0, 60.0)
    warm = one_step("chilled water, published curves", 0.9e6, 30.0)
    assert warm.outside_curves_s == 60.0, "chilled water of 18 degC is warmer than the curves know"
    cold = one_step("chilled water, published curves", 0.9e6, 24.0, supply_air_c=14)
    assert cold.outside_curves_s == 0.0
    assert cold.chillers_running > 0


def test_published_and_carnot_machines_agree_where_the_curves_hold() -> None:
    # The Carnot default is an effectiveness of 0.62; the published machine implies 0.67 at its reference point.
    published = one_step("chilled water, published curves", 1.0e6, 24.0, supply_air_c=15)
    carnot = one_step("chilled water", 1.0e6, 24.0, supply_air_c=15)
    assert 0.9 < published.chiller_power_w / carnot.chiller_power_w < 1.1


def test_out_of_range_error_stops() -> None:
    chiller = {"kind": "eir", "curves": "carrier-19xr", "out_of_range": "error"}
    with pytest.raises(InputError, match=r"chilled water of 18.00 degC .* lie outside the chiller's curves"):
        one_step("chilled water", 1e6, 35.0, chiller=chiller)


def test_indirect_evaporative_stages() -> None:
    # Return air of 39 degC less 12 K of duty: dry plates reach it up to about 17 degC outdoors.
    steps = [one_step("indirect evaporative", 1.0e6, t, 0.4) for t in (5.0, 15.0, 28.0, 42.0)]
    assert [step.mode for step in steps] == [FREE, FREE, FREE, PARTIAL]
    assert [step.makeup_water_kg > 0.0 for step in steps] == [False, False, True, True]
    assert steps[0].scavenger_fan_power_w < steps[1].scavenger_fan_power_w
    latent_w = steps[2].evaporated_water_kg / 60.0 * 2.43e6
    assert latent_w == pytest.approx((1.0e6 + steps[2].crah_fan_power_w), rel=1e-9)


def test_indirect_plates_give_their_effectiveness() -> None:
    # At design flows and full fan in hot air: heat = eps_wet C (T_ret - T_wb), the rest by chillers.
    step = one_step("indirect evaporative", 1.1e6, 42.0, 0.5)
    rate = 1.1e6 / 12.0
    plate_w = 0.7 * rate * (39.0 - wet_bulb(42.0, 0.5))
    chilled_w = step.heat_rejected_w - plate_w - step.scavenger_fan_power_w - step.media_pump_power_w
    assert chilled_w - step.chiller_power_w == pytest.approx(1.1e6 + step.crah_fan_power_w - plate_w, rel=1e-9)


def test_dry_cooler_floats_with_the_air() -> None:
    cold, mild, hot = (one_step("dry cooler", 0.9e6, t) for t in (0.0, 19.0, 35.0))
    assert (cold.mode, mild.mode, hot.mode) == (FREE, PARTIAL, MECHANICAL)
    assert 0.0 < cold.dry_cooler_fan_power_w < mild.dry_cooler_fan_power_w
    assert hot.dry_cooler_fan_power_w == 0.0, "air warmer than the water: coolers stand still"
    assert cold.chilled_water_supply_c == pytest.approx(21.0)


def test_warm_water_needs_no_chiller_on_a_summer_day() -> None:
    step = one_step("direct to chip", 0.8e6, 34.0, share=1.0)
    assert (step.mode, step.chiller_power_w) == (FREE, 0.0)
    # Facility water floats above its setpoint of 32 degC and below 40.
    assert step.facility_water_c is not None
    assert step.coolant_supply_c is not None
    assert 34.0 < step.facility_water_c < 40.0
    assert 1.0 < step.coolant_supply_c - step.facility_water_c < 4.0, "approach shrinks below design heat"
    # 8 W of coolant pumps per kW at design flow, a third of a percent of it at part load, plus water pumps.
    assert 0.002 < step.coolant_pump_power_w / 0.8e6 < 0.010


def test_coolant_pump_at_design_is_eight_watts_per_kilowatt() -> None:
    # docs/sources.md, cooling kinds: 200 kPa, efficiency 0.5; 12 K of coolant are 1.25 L/min per kW.
    step = one_step("direct to chip", 0.95e6, 20.0, share=1.0)
    assert step.coolant_pump_power_w / 0.95e6 == pytest.approx(8.3e-3, rel=0.02)


def test_chillers_trim_facility_water_in_a_heat_wave() -> None:
    step = one_step("direct to chip", 0.95e6, 44.0, share=1.0)
    assert step.mode in (PARTIAL, MECHANICAL)
    assert step.facility_water_c == pytest.approx(40.0)
    assert step.chiller_power_w > 0.0


def test_liquid_and_air_part_add_up() -> None:
    both = one_step("direct to chip", 1.0e6, 30.0, 0.4, share=0.75)
    air = one_step("chilled water", 0.25e6, 30.0, 0.4)
    for name in ("crah_fan_power_w", "chiller_power_w", "makeup_water_kg"):
        assert getattr(both, name) == getattr(air, name), name


def test_reused_heat_is_warm_enough_and_wanted() -> None:
    step = one_step("direct to chip, reuse", 0.9e6, 10.0, share=1.0)
    assert step.reused_heat_w == pytest.approx(300e3)
    without = one_step("direct to chip", 0.9e6, 10.0, share=1.0)
    assert step.dry_cooler_fan_power_w < without.dry_cooler_fan_power_w
    assert step.facility_water_pump_power_w - without.facility_water_pump_power_w == pytest.approx(0.01 * 300e3)
    hotter = one_step("direct to chip", 0.9e6, 10.0, share=1.0, heat_reuse={**REUSE, "needed_c": 60})
    assert hotter.reused_heat_w == 0.0
    line = {**REUSE, "full_below_c": -10, "none_above_c": 15}
    mild = one_step("direct to chip", 0.9e6, 2.5, share=1.0, heat_reuse=line)
    assert mild.reused_heat_w == pytest.approx(150e3)


def test_doors_hold_the_air_and_the_room_sees_no_heat() -> None:
    step = one_step("rear door", 1.0e6, 5.0)
    assert step.supply_air_c == 24.0
    assert step.facility_water_c == pytest.approx(20.0)
    assert step.crah_fan_power_w < 0.01 * 1.0e6, "doors have small fans"
    hot = one_step("rear door", 1.1e6, 30.0)
    assert hot.facility_water_c == pytest.approx(21.0)
    assert 24.5 < hot.supply_air_c < 26.0, "air follows the water"  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["air-cooled chiller", "rear door", "dry cooler", "direct to chip, chillers"])
def test_second_law(kind: str) -> None:
    step = one_step(kind, 1.0e6, 40.0, share=1.0)
    coldest_c = next(t for t in (step.chilled_water_supply_c, step.facility_water_c) if t is not None)
    taken_w = step.heat_rejected_w - step.power_w
    assert taken_w / step.chiller_power_w < carnot_limit_cop(coldest_c, 40.0)


def test_mistaken_profiles_are_refused() -> None:
    for kind, profile, message in (
        ("air_economizer", "direct-evaporative", "has wet media"),
        ("direct_evaporative", "air-economizer", "has no wet media"),
        ("immersion", "direct-to-chip", "is not for immersion: it keeps the servers' fans"),
        ("direct_to_chip", "rear-door", "'facility-rear-door' is not known"),
    ):
        with pytest.raises(InputError, match=message):
            plant_of("", kind=kind, profile=profile)
    with pytest.raises(InputError, match="must be at or above facility_water_c = 32, got 20"):
        plant_of("direct to chip", highest_facility_water_c=20)
