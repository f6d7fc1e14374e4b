"""Outdoor air through the hall, by hand: mixing, moisture by class, wet media, humidification, their water."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from simulator.assembly.cooling import plant_spec
from simulator.engine.facility.outside_air import OutsideAirPlant
from simulator.engine.facility.plant import CoolingStep
from simulator.errors import InputError
from simulator.physics import psychrometrics, water
from simulator.physics.economizer import EconomizerMode
from simulator.profiles import catalogue
from simulator.profiles.facilities import OutsideAirRecord
from simulator.scenario.cooling import Cooling

IT_W = 1e6
SEA_PA = 101_325.0
FREE, PARTIAL, MECHANICAL = EconomizerMode.FREE, EconomizerMode.PARTIAL, EconomizerMode.MECHANICAL


def wet_bulb(dry_c: float, humidity: float) -> float:
    return psychrometrics.wet_bulb_c(dry_c, humidity, SEA_PA)


def one_step(kind: str, heat_w: float, dry_c: float, humidity: float = 0.5, **changes: Any) -> CoolingStep:
    """Return a minute of a new plant."""
    described = TypeAdapter(Cooling).validate_json(TypeAdapter(dict).dump_json({"kind": kind, **changes}))
    plant = plant_spec(described, IT_W, Path()).plant
    return plant.step(60.0, heat_w, dry_c, wet_bulb(dry_c, humidity), SEA_PA)


def test_economizer_mixes_outdoor_air() -> None:
    # 12 K of rise and 5 degC outdoors at 50 %: dew point -4.6 degC, inside -9 to 15 degC.
    step = one_step("air_economizer", 0.8e6, 5.0)
    assert (step.mode, step.chiller_power_w, step.makeup_water_kg) == (FREE, 0.0, 0.0)
    assert step.supply_air_c == 27.0
    assert step.return_air_c == pytest.approx(39.0)


@pytest.mark.parametrize(
    ("dry_c", "humidity", "mode"),
    [
        (20.0, 0.5, FREE),
        (30.0, 0.3, PARTIAL),  # dew point 10.5, warmer than the target and cooler than the return air
        (30.0, 0.6, MECHANICAL),  # dew point 21.4, too moist
        (-15.0, 0.5, MECHANICAL),  # dew point -22, too dry
        (-22.0, 1.0, MECHANICAL),  # too cold
        (41.0, 0.1, MECHANICAL),  # hotter than the return air
    ],
)
def test_economizer_limits(dry_c: float, humidity: float, mode: EconomizerMode) -> None:
    assert one_step("air_economizer", 0.8e6, dry_c, humidity).mode is mode


def test_evaporative_media_by_hand() -> None:
    # 38 degC at 10 %: wet bulb 16.6; media of 0.85 would give 19.8, so part of the air passes them.
    step = one_step("direct_evaporative", 0.8e6, 38.0, 0.1)
    assert step.mode is FREE
    wet_c = wet_bulb(38.0, 0.1)
    mass_flow = 0.8e6 / 12.0 / 1005.0
    target_c = 27.0 - step.crah_fan_power_w / (mass_flow * 1005.0)
    # Adiabatic saturation: along the wet bulb from 38 degC to the target.
    before = psychrometrics.humidity_ratio(38.0, 0.1, SEA_PA)
    after = psychrometrics.humidity_ratio_from_wet_bulb(target_c, wet_c, SEA_PA)
    assert step.evaporated_water_kg == pytest.approx(60.0 * mass_flow * (after - before), rel=0.01)
    assert step.blowdown_water_kg == pytest.approx(step.evaporated_water_kg / 2.0)
    assert step.media_water_kg == pytest.approx(step.makeup_water_kg)
    assert step.media_pump_power_w > 0.0


@pytest.mark.parametrize(
    ("moisture", "humidity", "highest_c"),
    [
        ("recommended", 0.33, 15.0),  # dew point 14.7, hardly any room below 15; chillers do the rest
        ("A1", 0.35, 17.0),  # dew point 15.6
        (
            "A2",
            0.35,
            21.0,
        ),  # dew point 18.1; coils 8 K below the air behind them would dry air of more than 18.4
    ],
)
def test_media_stay_as_dry_as_hall_and_coils_allow(moisture: str, humidity: float, highest_c: float) -> None:
    dry_c = 36.0 if moisture == "A2" else 33.0
    step = one_step("direct_evaporative", 0.8e6, dry_c, humidity, moisture=moisture)
    assert step.mode is PARTIAL
    mass_flow = 0.8e6 / 12.0 / 1005.0
    # dT = dp / (eta rho cp) at full speed: 500 Pa and an efficiency of 0.65.
    coldest_c = 27.0 - 500.0 / (0.65 * 1.2 * 1005.0) - 8.0
    highest = psychrometrics.saturation_humidity_ratio(min(highest_c, coldest_c), SEA_PA)
    before = psychrometrics.humidity_ratio(dry_c, humidity, SEA_PA)
    assert step.evaporated_water_kg == pytest.approx(60.0 * mass_flow * (highest - before), rel=5e-3)


@pytest.mark.parametrize(
    ("dry_c", "humidity", "moisture", "mode"),
    [
        (24.0, 0.75, None, FREE),  # dew point 19.3: 70 % at 27 degC, as operators of this kind run
        (24.0, 0.75, "A2", FREE),
        (24.0, 0.75, "A1", MECHANICAL),
        (24.0, 0.75, "recommended", MECHANICAL),
        (31.0, 0.52, None, MECHANICAL),  # dew point 20: fit to breathe, but coils must help and would dry it
        (26.0, 0.9, "A4", MECHANICAL),  # dew point 24.2
        (23.5, 0.97, "A4", FREE),  # dew point 23
    ],
)
def test_moist_air_by_class(dry_c: float, humidity: float, moisture: str | None, mode: EconomizerMode) -> None:
    # Classes of ASHRAE TC 9.9, 2021: dew points of 15, 17, 21 and 24 degC at most.
    assert one_step("direct_evaporative", 0.8e6, dry_c, humidity, moisture=moisture).mode is mode


def test_relative_humidity_counts_at_the_supply() -> None:
    # 20 degC supply and class A2: 80 % there is a dew point of 16.4 degC, below the 21 that the class allows.
    assert one_step("direct_evaporative", 0.8e6, 17.0, 0.92, moisture="A2", supply_air_c=20).mode is FREE
    assert one_step("direct_evaporative", 0.8e6, 17.5, 1.0, moisture="A2", supply_air_c=20).mode is MECHANICAL


@pytest.mark.parametrize("kind", ["chilled_water", "direct_evaporative", "indirect_evaporative"])
def test_cycles_decide_what_is_drained(kind: str) -> None:
    # Make-up E C / (C - 1): 20 % less at 6 cycles than at 3, as in EPA, WaterSense at Work, 2012, cooling towers.
    three, six = (one_step(kind, 0.8e6, 36.0, 0.2, cycles_of_concentration=cycles) for cycles in (3, 6))
    assert six.evaporated_water_kg == three.evaporated_water_kg > 0.0
    assert six.makeup_water_kg / three.makeup_water_kg == pytest.approx(0.8)
    for step, cycles in ((three, 3), (six, 6)):
        drained = step.blowdown_water_kg + step.drift_water_kg
        assert drained == pytest.approx(step.evaporated_water_kg / (cycles - 1))


def test_dry_winter_air_is_moistened() -> None:
    step = one_step("direct_evaporative", 0.8e6, -15.0, 0.5)
    assert step.mode is FREE
    assert step.makeup_water_kg > 0.0
    # Heat of evaporation is part of the cooling, so that less outdoor air is taken in.
    lowest = psychrometrics.humidity_ratio(27.0, 0.13, SEA_PA)
    before = psychrometrics.humidity_ratio(-15.0, 0.5, SEA_PA)
    total_w = 0.8e6 + step.crah_fan_power_w
    per_kg = 1005.0 * (39.0 + 15.0) + water.HEAT_OF_VAPORIZATION_J_PER_KG * (lowest - before)
    assert step.evaporated_water_kg == pytest.approx(60.0 * total_w / per_kg * (lowest - before), rel=0.01)


def test_coils_that_would_dry_any_air_are_refused() -> None:
    parameters = catalogue.facility(OutsideAirRecord, "air-economizer", Path()).record.parameters
    moist = parameters.humidity.model_copy(update={"lowest_dew_point_c": 5.0})
    cold = parameters.model_copy(update={"supply_air_c": 12.0, "humidity": moist})
    with pytest.raises(InputError, match="supply_air_c: must be above 13"):
        OutsideAirPlant(IT_W, cold)
