"""The chilled-water plant: balances, limits by hand, directions, control, and independence of the step."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import fields, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.engine.facility.chilled_water import ChilledWaterPlant
from simulator.engine.facility.plant import CoolingStep, combined
from simulator.errors import InvariantError
from simulator.physics.carnot_chillers import carnot_limit_cop
from simulator.physics.economizer import EconomizerMode
from simulator.physics.water import DENSITY_KG_PER_M3, SPECIFIC_HEAT_J_PER_KG_K
from simulator.physics.yorkcalc import approach_k
from simulator.profiles.chilled_water import ChilledWaterParameters

IT_W = 1e6
FREE, PARTIAL, MECHANICAL = EconomizerMode.FREE, EconomizerMode.PARTIAL, EconomizerMode.MECHANICAL

heats = st.floats(1e3, 1.6e6)
wet_bulbs = st.floats(-30.0, 32.0)

# The profile is frozen and shared by the examples of a property.
frozen_profile = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def one_step(
    parameters: ChilledWaterParameters, heat_w: float, wet_bulb_c: float, dry_bulb_c: float | None = None
) -> CoolingStep:
    """Return a minute of a new plant, which starts in the mode that belongs to its weather."""
    plant = ChilledWaterPlant.sized_for(IT_W, parameters)
    return plant.step(60.0, heat_w, wet_bulb_c + 4.0 if dry_bulb_c is None else dry_bulb_c, wet_bulb_c)


def assert_same(left: CoolingStep, right: CoolingStep, rel: float = 1e-9) -> None:
    for field in fields(CoolingStep):
        a, b = getattr(left, field.name), getattr(right, field.name)
        if isinstance(a, float) and isinstance(b, float):
            assert a == pytest.approx(b, rel=rel, abs=1e-9), field.name
        else:
            assert a == b, field.name


# --- balances ---------------------------------------------------------------------------------------------------------


@frozen_profile
@given(heats, wet_bulbs)
def test_energy_closes(chilled_water: ChilledWaterParameters, heat_w: float, wet_bulb_c: float) -> None:
    step = one_step(chilled_water, heat_w, wet_bulb_c)
    assert abs(step.residual_w) <= 1e-9 * heat_w
    assert step.heat_rejected_w + step.unmet_heat_w >= heat_w
    for power_w in (step.crah_fan_power_w, step.chilled_water_pump_power_w, step.condenser_pump_power_w):
        assert power_w > 0.0
    assert min(step.chiller_power_w, step.tower_fan_power_w, step.unmet_heat_w) >= 0.0


@frozen_profile
@given(heats, wet_bulbs)
def test_each_loop_carries_its_heat(chilled_water: ChilledWaterParameters, heat_w: float, wet_bulb_c: float) -> None:
    # From temperatures and flows alone, not from the heats that the plant reports.
    p = chilled_water
    plant = ChilledWaterPlant.sized_for(IT_W, p)
    step = plant.step(60.0, heat_w, wet_bulb_c, wet_bulb_c)
    s = plant.sizing
    air_rate = p.air_density_kg_per_m3 * p.air_specific_heat_j_per_kg_k * s.air_flow_m3_per_s
    air_fraction = min(max(heat_w / (air_rate * p.air_temperature_rise_k), p.crah_minimum_flow_fraction), 1.0)
    assert step.return_air_c is not None
    assert step.supply_air_c is not None
    assert air_fraction * air_rate * (step.return_air_c - step.supply_air_c) == pytest.approx(heat_w, rel=1e-9)
    coil_w = heat_w + step.crah_fan_power_w
    fraction = min(max(coil_w / s.coil_heat_w, p.chilled_water_minimum_flow_fraction), 1.0)
    rate = fraction * s.chilled_water_flow_m3_per_s * DENSITY_KG_PER_M3 * SPECIFIC_HEAT_J_PER_KG_K
    assert step.chilled_water_return_c is not None
    assert step.chilled_water_supply_c is not None
    taken_w = rate * (step.chilled_water_return_c - step.chilled_water_supply_c)
    assert taken_w == pytest.approx(coil_w + step.chilled_water_pump_power_w - step.unmet_heat_w, rel=1e-9)


@frozen_profile
@given(heats, wet_bulbs, st.floats(0.0, 15.0))
def test_water_balances(
    chilled_water: ChilledWaterParameters, heat_w: float, wet_bulb_c: float, drier_k: float
) -> None:
    step = one_step(chilled_water, heat_w, wet_bulb_c, wet_bulb_c + drier_k)
    assert min(step.evaporated_water_kg, step.drift_water_kg, step.blowdown_water_kg) >= 0.0
    assert step.makeup_water_kg == pytest.approx(step.consumed_water_kg + step.blowdown_water_kg)
    rejected_j = (step.heat_rejected_w - step.tower_fan_power_w) * 60.0
    latent = step.evaporated_water_kg * 2.43e6 / rejected_j
    # Cold air carries most of the heat as warmth; dry heat gives warmth to the water that evaporates.
    assert 0.0 <= latent <= 2.0
    if wet_bulb_c > 15.0:
        assert latent > 0.6


def test_water_scales_with_heat_and_time(chilled_water: ChilledWaterParameters) -> None:
    # Same flows per heat between minimum and design flow, so that water follows heat.
    low, high = (one_step(chilled_water, heat_w, 0.0) for heat_w in (0.7e6, 1.05e6))
    low_rejected_w = low.heat_rejected_w - low.tower_fan_power_w
    high_rejected_w = high.heat_rejected_w - high.tower_fan_power_w
    ratio = high.evaporated_water_kg / low.evaporated_water_kg
    assert ratio == pytest.approx(high_rejected_w / low_rejected_w, rel=1e-3)
    hour = ChilledWaterPlant.sized_for(IT_W, chilled_water).step(3600.0, 0.7e6, 4.0, 0.0)
    assert hour.makeup_water_kg == pytest.approx(60.0 * low.makeup_water_kg)


@frozen_profile
@given(heats, wet_bulbs, st.floats(0.1, 50.0))
def test_a_plant_of_another_size_differs_by_the_size_only(
    chilled_water: ChilledWaterParameters, heat_w: float, wet_bulb_c: float, size: float
) -> None:
    small = ChilledWaterPlant.sized_for(IT_W, chilled_water).step(60.0, heat_w, 10.0, wet_bulb_c)
    large = ChilledWaterPlant.sized_for(size * IT_W, chilled_water).step(60.0, size * heat_w, 10.0, wet_bulb_c)
    # A chiller more or less at the very threshold is a rounding of the load, not a difference of the plants.
    if large.chillers_running == small.chillers_running:
        assert large.power_w == pytest.approx(size * small.power_w, rel=1e-6)
        assert large.makeup_water_kg == pytest.approx(size * small.makeup_water_kg, rel=1e-6)


# --- limits by hand ---------------------------------------------------------------------------------------------------


def test_design_point(chilled_water: ChilledWaterParameters) -> None:
    p = chilled_water
    plant = ChilledWaterPlant.sized_for(IT_W, p)
    s = plant.sizing
    step = plant.step(60.0, s.heat_w, 35.0, p.tower_design_wet_bulb_c)
    # 32 W of fan per kW at full flow (docs/sources.md, plant fans and pumps); with one handler in nine to spare 27.
    assert s.crah_fan_power_w / s.heat_w == pytest.approx(0.032 * 9 / 8, rel=0.01)
    assert step.mode is MECHANICAL
    assert step.chilled_water_supply_c == 18.0
    assert step.chillers_running == p.chiller_units, "the redundant chiller stands still"
    assert step.unmet_heat_w == pytest.approx(0.0, abs=1e-6)
    # The tower gives its design approach at full fan; COP from the Carnot form at 29.45 + 5.56 degC.
    assert step.condenser_water_c == pytest.approx(p.tower_design_wet_bulb_c + p.tower_design_approach_k, abs=1e-4)
    cop = 0.62 * (18.0 - 1.5 + 273.15) / (29.45 + 5.56 + 1.5 - 16.5) / sum(p.chiller_part_load_curve)
    assert s.loop_heat_w / step.chiller_power_w == pytest.approx(cop, rel=1e-4)
    assert step.heat_rejected_w - step.tower_fan_power_w == pytest.approx(s.rejected_heat_w, rel=1e-4)
    assert step.tower_fan_power_w == pytest.approx(s.tower_fan_power_w, rel=1e-4)


def test_a_cold_night_needs_movers_only(chilled_water: ChilledWaterParameters) -> None:
    step = one_step(chilled_water, 1e6, -5.0)
    assert step.mode is FREE
    assert step.chiller_power_w == 0.0
    assert step.condenser_water_c == chilled_water.chilled_water_setpoint_c - chilled_water.economizer_approach_k
    assert step.power_w / step.heat_w < 0.05
    # Fan modulating: its approach by the correlation, at the flow of the loop over design flow.
    assert 0.0 < step.tower_fan_power_w < 0.2 * 13_400.0


def test_full_fan_gives_the_coldest_water_of_the_correlation(chilled_water: ChilledWaterParameters) -> None:
    plant = ChilledWaterPlant.sized_for(IT_W, chilled_water)
    step = plant.step(60.0, plant.sizing.heat_w, 20.0, 14.0)
    assert step.mode is PARTIAL
    rate = plant.sizing.condenser_flow_m3_per_s * DENSITY_KG_PER_M3 * SPECIFIC_HEAT_J_PER_KG_K
    range_k = (step.heat_rejected_w - step.tower_fan_power_w) / rate
    assert step.condenser_water_c == pytest.approx(
        14.0 + approach_k(range_k, 14.0, plant.sizing.tower_water_ratio), abs=1e-5
    )


def test_no_heat_no_plant(chilled_water: ChilledWaterParameters) -> None:
    step = ChilledWaterPlant.sized_for(IT_W, chilled_water).step(60.0, 0.0, 20.0, 15.0)
    assert (step.power_w, step.heat_rejected_w, step.makeup_water_kg) == (0.0, 0.0, 0.0)
    assert step.chilled_water_supply_c is None


def test_heat_that_the_plant_cannot_take_is_told_and_not_lost(chilled_water: ChilledWaterParameters) -> None:
    p = replace(chilled_water, chiller_units=2, chiller_redundant_units=0)
    plant = ChilledWaterPlant.sized_for(IT_W, p)
    step = plant.step(60.0, 1.3e6, 35.0, 28.0)
    assert step.mode is MECHANICAL
    capacity_w = 2 * plant.sizing.chiller_capacity_w
    loop_w = 1.3e6 + step.crah_fan_power_w + step.chilled_water_pump_power_w
    assert step.unmet_heat_w == pytest.approx(loop_w - capacity_w, rel=1e-12)
    assert abs(step.residual_w) < 1e-9 * 1.3e6
    rate = plant.sizing.chilled_water_flow_m3_per_s * DENSITY_KG_PER_M3 * SPECIFIC_HEAT_J_PER_KG_K
    assert step.chilled_water_supply_c == pytest.approx(18.0 + step.unmet_heat_w / rate), "the room runs warm"


def test_hot_return_water_lets_the_economizer_help_in_summer(chilled_water: ChilledWaterParameters) -> None:
    # Twice the design heat at design flow returns some 20 K warmer than it left: pre-cooling works at any wet bulb.
    step = one_step(chilled_water, 2e6, 25.0)
    assert step.mode is PARTIAL
    assert step.unmet_heat_w < one_step(replace(chilled_water, economizer_approach_k=15.0), 2e6, 25.0).unmet_heat_w


def test_the_redundant_chiller_helps_before_heat_is_left(chilled_water: ChilledWaterParameters) -> None:
    plant = ChilledWaterPlant.sized_for(IT_W, chilled_water)
    step = plant.step(60.0, 1.2 * plant.sizing.heat_w, 35.0, 25.0)
    assert step.chillers_running == chilled_water.chiller_units + 1
    assert step.unmet_heat_w == 0.0


def test_an_explicit_chilled_water_setpoint_is_taken(chilled_water: ChilledWaterParameters) -> None:
    cold = one_step(replace(chilled_water, chilled_water_supply_c=8.0), 1e6, 20.0)
    warm = one_step(chilled_water, 1e6, 20.0)
    assert cold.chilled_water_supply_c == 8.0
    assert cold.supply_air_c == warm.supply_air_c == 24.0
    assert cold.chiller_power_w > 1.3 * warm.chiller_power_w


def test_minimum_flows_hold_at_low_heat(chilled_water: ChilledWaterParameters) -> None:
    low, lower = (one_step(chilled_water, heat_w, 22.0) for heat_w in (0.1e6, 0.05e6))
    assert low.crah_fan_power_w == lower.crah_fan_power_w > 0.0
    assert low.chilled_water_pump_power_w == lower.chilled_water_pump_power_w > 0.0
    assert low.condenser_pump_power_w == lower.condenser_pump_power_w > 0.0
    assert low.outside_correlation_s == 60.0, "the range is below the correlation's 1.11 K"


# --- directions -------------------------------------------------------------------------------------------------------


@frozen_profile
@given(st.floats(5e4, 1.1e6), st.floats(1.0, 1.3), st.floats(24.0, 30.0))
def test_chiller_power_never_falls_with_load(
    chilled_water: ChilledWaterParameters, heat_w: float, factor: float, wet_bulb_c: float
) -> None:
    p = replace(chilled_water, chiller_units=1, chiller_redundant_units=1, crah_minimum_flow_fraction=0.2)
    less, more = (one_step(p, w, wet_bulb_c) for w in (heat_w, heat_w * factor))
    # The leaving water is found to 1e-5 K, a millionth of the lift.
    if less.mode is more.mode is MECHANICAL and more.chillers_running == 1.0:
        assert more.chiller_power_w >= less.chiller_power_w * (1 - 2e-6)


@frozen_profile
@given(st.floats(5e4, 1.1e6), wet_bulbs, st.floats(0.0, 5.0))
def test_power_never_falls_with_wet_bulb_inside_a_mode(
    chilled_water: ChilledWaterParameters, heat_w: float, wet_bulb_c: float, warmer_k: float
) -> None:
    cold, warm = (one_step(chilled_water, heat_w, w) for w in (wet_bulb_c, wet_bulb_c + warmer_k))
    if cold.mode is warm.mode and cold.chillers_running == warm.chillers_running:
        assert warm.chiller_power_w >= cold.chiller_power_w * (1 - 2e-6)


def test_least_number_of_chillers_runs(chilled_water: ChilledWaterParameters) -> None:
    plant = ChilledWaterPlant.sized_for(IT_W, chilled_water)
    capacity_w = plant.sizing.chiller_capacity_w
    for heat_w in (0.2e6, 0.5e6, 0.9e6, 1.1e6):
        step = plant.step(60.0, heat_w, 35.0, 26.0)
        load_w = heat_w + step.crah_fan_power_w + step.chilled_water_pump_power_w
        assert step.chillers_running == math.ceil(load_w / capacity_w)


@frozen_profile
@given(heats, st.floats(18.0, 32.0))
def test_plant_stays_below_the_second_law(
    chilled_water: ChilledWaterParameters, heat_w: float, wet_bulb_c: float
) -> None:
    step = one_step(chilled_water, heat_w, wet_bulb_c)
    if step.mode is MECHANICAL and step.condenser_water_c is not None and step.condenser_water_c > 18.0:
        load_w = step.heat_w + step.crah_fan_power_w + step.chilled_water_pump_power_w - step.unmet_heat_w
        assert load_w / step.chiller_power_w <= carnot_limit_cop(18.0, step.condenser_water_c)


def test_a_year_of_wet_bulbs(chilled_water: ChilledWaterParameters) -> None:
    # A cold to a hot climate in one sweep, slow enough for every mode to settle.
    plant = ChilledWaterPlant.sized_for(IT_W, chilled_water)
    steps = [plant.step(3600.0, 0.9e6, w + 5.0, w) for w in (-10.0 + 0.1 * i for i in range(381))]
    modes = [step.mode for step in steps]
    assert modes == sorted(modes, key=[FREE, PARTIAL, MECHANICAL].index), "each mode once, in order"
    hours = combined(steps)
    assert hours.free_s + hours.partial_s + hours.mechanical_s == pytest.approx(381 * 3600.0)
    # Free cooling ends near 10 degC wet bulb and pre-cooling near 22 with chilled water of 18 to 28 degC.
    assert 18 < hours.free_s / 36_000.0 < 24
    assert 8 < hours.partial_s / 36_000.0 < 15
    mechanical = [step.power_w for step, mode in zip(steps, modes, strict=True) if mode is MECHANICAL]
    assert len(mechanical) > 40
    # The step in which the mode changes is a mixture of two.
    assert all(later >= earlier * (1 - 1e-6) for earlier, later in itertools.pairwise(mechanical[1:]))
    assert steps[0].power_w < 0.5 * steps[-1].power_w
    # The way back passes the modes at other wet bulbs: the dead bands.
    back = [plant.step(3600.0, 0.9e6, w + 5.0, w) for w in (28.0 - 0.1 * i for i in range(381))]
    assert combined(back).mechanical_s > hours.mechanical_s
    assert {step.mode for step in back} == {FREE, PARTIAL, MECHANICAL}


# --- control and time -------------------------------------------------------------------------------------------------


def test_a_transition_waits(chilled_water: ChilledWaterParameters) -> None:
    plant = ChilledWaterPlant.sized_for(IT_W, chilled_water)
    assert plant.step(60.0, 1e6, 5.0, 0.0).mode is FREE
    modes = [plant.step(60.0, 1e6, 20.0, 15.0).mode for _ in range(25)]
    # The condition is seen from the first minute on and must hold for 20 minutes.
    assert modes == [FREE] * 19 + [PARTIAL] * 6
    warm = plant.step(60.0, 1e6, 20.0, 15.0)
    assert warm.chilled_water_supply_c == 18.0


def test_an_interrupted_wait_starts_again(chilled_water: ChilledWaterParameters) -> None:
    plant = ChilledWaterPlant.sized_for(IT_W, chilled_water)
    plant.step(60.0, 1e6, 5.0, 0.0)
    plant.step(1100.0, 1e6, 20.0, 15.0)
    plant.step(60.0, 1e6, 5.0, 0.0)
    assert plant.step(1100.0, 1e6, 20.0, 15.0).mode is FREE
    assert plant.step(100.0, 1e6, 20.0, 15.0).mode is PARTIAL


def test_free_cooling_runs_warm_while_it_waits(chilled_water: ChilledWaterParameters) -> None:
    plant = ChilledWaterPlant.sized_for(IT_W, chilled_water)
    plant.step(60.0, 1e6, 5.0, 0.0)
    step = plant.step(60.0, 1e6, 20.0, 15.0)
    assert step.chilled_water_supply_c is not None
    assert step.supply_air_c is not None
    assert step.chilled_water_supply_c > 19.1
    assert step.supply_air_c == pytest.approx(step.chilled_water_supply_c + 6.0)
    assert step.unmet_heat_w == 0.0


def test_a_transition_fires_inside_a_long_step(chilled_water: ChilledWaterParameters) -> None:
    plant = ChilledWaterPlant.sized_for(IT_W, chilled_water)
    plant.step(60.0, 1e6, 5.0, 0.0)
    step = plant.step(3600.0, 1e6, 20.0, 15.0)
    assert (step.free_s, step.partial_s, step.mechanical_s) == (1200.0, 2400.0, 0.0)
    assert step.mode is PARTIAL


@pytest.mark.parametrize("seed", range(12))
def test_any_division_of_time_gives_the_same(chilled_water: ChilledWaterParameters, seed: int) -> None:
    # Weather and heat wander through all modes; the plant at whole steps, at halves, and at random pieces.
    rng = random.Random(seed)
    whole, halves, pieces = (ChilledWaterPlant.sized_for(IT_W, chilled_water) for _ in range(3))
    wet_bulb_c = rng.uniform(-5.0, 25.0)
    for _ in range(60):
        wet_bulb_c = min(max(wet_bulb_c + rng.uniform(-6.0, 6.0), -15.0), 29.0)
        heat_w, dt_s = rng.uniform(1e5, 1.5e6), rng.choice((60.0, 900.0, 3600.0))
        weather = (heat_w, wet_bulb_c + 3.0, wet_bulb_c)
        once = whole.step(dt_s, *weather)
        assert_same(combined([halves.step(dt_s / 2, *weather), halves.step(dt_s / 2, *weather)]), once)
        cuts = sorted(rng.uniform(0.0, dt_s) for _ in range(4))
        lengths = [b - a for a, b in zip([0.0, *cuts], [*cuts, dt_s], strict=True) if b > a]
        assert_same(combined([pieces.step(length, *weather) for length in lengths]), once)


def test_the_first_step_starts_where_its_weather_leaves_the_plant(chilled_water: ChilledWaterParameters) -> None:
    for wet_bulb_c, mode in ((0.0, FREE), (15.0, PARTIAL), (26.0, MECHANICAL)):
        plant = ChilledWaterPlant.sized_for(IT_W, chilled_water)
        first = plant.step(60.0, 1e6, wet_bulb_c, wet_bulb_c)
        assert first.mode is mode
        assert plant.step(7200.0, 1e6, wet_bulb_c, wet_bulb_c).mode is mode, "and stays there"


@pytest.mark.parametrize(
    ("dt_s", "heat_w"), [(0.0, 1e6), (-1.0, 1e6), (60.0, -1.0), (60.0, math.nan), (60.0, math.inf)]
)
def test_impossible_steps_are_our_bug(chilled_water: ChilledWaterParameters, dt_s: float, heat_w: float) -> None:
    with pytest.raises(InvariantError):
        ChilledWaterPlant.sized_for(IT_W, chilled_water).step(dt_s, heat_w, 20.0, 15.0)
