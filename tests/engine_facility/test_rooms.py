"""Rooms between servers and plant: every joule is somewhere, and steps of any length tell the same story."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest

from simulator.engine.facility.chilled_water import ChilledWaterPlant
from simulator.engine.facility.coupling import Facility, FacilityStep
from simulator.engine.facility.failures import CoolingFailure, FailurePlan
from simulator.engine.facility.fixed_overhead import FixedOverheadPlant
from simulator.engine.facility.plant import Outdoors
from simulator.engine.facility.power_chain import PowerChain
from simulator.engine.facility.room import Path, RoomPlan
from simulator.engine.facility.rooms import Rooms
from simulator.physics.limited_cooling import Heat, advance
from simulator.physics.thermal_network import ThermalNetwork
from simulator.profiles.chilled_water import ChilledWaterParameters
from simulator.profiles.power_chain import PowerChainParameters, Room, UpsFeeds

RATED_W = 1e6
NETWORK = ThermalNetwork(9.0 * RATED_W, 1.2 * RATED_W, 12.6 * RATED_W, 0.03 * RATED_W, RATED_W / 12.0, 0.0)


def half(name: str, liquid_share: float = 0.0) -> RoomPlan:
    """Half of the site's servers, with liquid for a share of their heat."""

    def part(share: float) -> ThermalNetwork:
        return ThermalNetwork(*(share * 0.5 * value for value in (9e6, 1.2e6, 12.6e6, 0.03e6, 1e6 / 12.0)), 0.0)

    paths = [Path("air", 1.0 - liquid_share, part(max(1.0 - liquid_share, 0.02)), 24.0)]
    if liquid_share:
        paths.append(Path("coolant", liquid_share, part(liquid_share), 30.0))
    return RoomPlan(name, tuple(paths), 0.5 * RATED_W, bool(liquid_share))


def facility(
    chilled_water: ChilledWaterParameters,
    chain: PowerChainParameters,
    failures: FailurePlan,
    plans: tuple[RoomPlan, ...] = (half("a"), half("b", 0.8)),
) -> Facility:
    plant = ChilledWaterPlant.sized_for(RATED_W, chilled_water)
    rooms = Rooms(plans, plant.capacity_w, failures)
    return Facility(plant, PowerChain.sized_for(RATED_W, chain), 7500.0, rooms)


@pytest.mark.parametrize("seed", range(4))
def test_every_joule_is_somewhere(
    chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters, seed: int
) -> None:
    """Random loads, weather, step lengths, failures that begin and end inside steps, losses that depend on plants."""
    rng = random.Random(seed)
    failures = FailurePlan(
        [CoolingFailure(t, t + rng.uniform(30.0, 900.0), rng.choice((0.0, 0.3))) for t in (500.0, 4000.0, 4100.0)]
    )
    chain = replace(power_chain, ups_feeds=UpsFeeds.IT_AND_AIR_SIDE, transformer_room=Room.ELECTRICAL_ROOM)
    site = facility(chilled_water, chain, failures)
    made_j = removed_j = stored_j = 0.0
    for _ in range(150):
        dt_s, loads = rng.choice((60.0, 60.0, 7.0, 300.0)), [rng.uniform(0.0, 0.5) * RATED_W for _ in range(2)]
        step = site.step(dt_s, sum(loads) + 5e3, 20.0, rng.uniform(-5.0, 26.0), hall_w=loads)
        assert abs(step.heat_residual_j) <= 1e-9 * step.indoor_heat_w * dt_s + 1e-3
        made_j += step.indoor_heat_w * dt_s
        removed_j += (step.cooling.heat_w - step.cooling.unmet_heat_w) * dt_s
        stored_j += step.room_heat_j
        assert abs(step.cooling.residual_w) <= 1e-9 * (step.cooling.heat_w + step.cooling.power_w)
    assert removed_j + stored_j + step.stored_heat_j == pytest.approx(made_j, rel=1e-9)


def test_a_steady_site_is_as_if_it_had_no_rooms(
    chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters
) -> None:
    with_rooms = facility(chilled_water, power_chain, FailurePlan())
    plant = ChilledWaterPlant.sized_for(RATED_W, chilled_water)
    without = Facility(plant, PowerChain.sized_for(RATED_W, power_chain), 7500.0)
    for _ in range(5):
        loads = [0.4 * RATED_W, 0.3 * RATED_W]
        left, right = with_rooms.step(60.0, 0.7e6, 30.0, 24.0, hall_w=loads), without.step(60.0, 0.7e6, 30.0, 24.0)
        assert left.cooling.heat_w == pytest.approx(right.cooling.heat_w, rel=1e-12)
        assert left.facility_power_w == pytest.approx(right.facility_power_w, rel=1e-12)
        assert [state.inlet_c for state in left.rooms] == [24.0, 24.0]
        assert left.room_heat_j == 0.0


def _fail(
    chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters, steps_s: list[float]
) -> list[FacilityStep]:
    site = facility(chilled_water, power_chain, FailurePlan([CoolingFailure(90.0, 690.0, 0.0)]), (half("a"),))
    return [site.step(dt_s, 0.5e6, 30.0, 24.0, hall_w=[0.5e6]) for dt_s in steps_s]


def test_a_failure_does_not_see_the_plant_step(
    chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters
) -> None:
    """The failure begins and ends inside steps of 60 s; steps of 7.5 s and of ten minutes say the same of its end."""
    ends = {}
    for dt_s, count in ((60.0, 20), (7.5, 160), (600.0, 2)):
        last = _fail(chilled_water, power_chain, [dt_s] * count)[-1].rooms[0]
        ends[dt_s] = (last.equipment_c, last.return_c)
    assert ends[7.5] == pytest.approx(ends[60.0], abs=1e-6)
    assert ends[600.0] == pytest.approx(ends[60.0], abs=1e-6)


def test_a_failed_plant_draws_nothing_and_its_heat_is_called_unmet(
    chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters
) -> None:
    steps = _fail(chilled_water, power_chain, [60.0] * 15)
    dark = steps[2]
    assert dark.cooling.power_w == 0.0
    assert dark.cooling.unmet_heat_w == dark.cooling.heat_w > 0.0
    assert steps[1].cooling.unmet_heat_w > 0.0, "the failure begins in the middle of the second step"
    assert 0.0 < steps[1].cooling.power_w < steps[0].cooling.power_w
    back = steps[-1]
    assert back.cooling.unmet_heat_w == pytest.approx(0.0, abs=1e-9 * back.cooling.heat_w)
    assert back.cooling.heat_w > back.indoor_heat_w, "the plant takes the stored heat back"
    inlets = [step.rooms[0].inlet_c for step in steps[2:11]]
    assert all(warmer > cooler for cooler, warmer in pairwise(inlets))


def test_a_plant_that_is_too_small_stores_what_it_leaves(
    chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters
) -> None:
    """Half again as much as all chillers can carry: the rest warms the room, at the rate of the network alone."""
    plant = ChilledWaterPlant.sized_for(RATED_W, chilled_water)
    chain = PowerChain.without_losses()
    plan = RoomPlan("a", (Path("air", 1.0, NETWORK, 24.0),), RATED_W, boards_in_coolant=False)
    site = Facility(plant, chain, 0.0, Rooms([plan], plant.capacity_w, FailurePlan()))
    heat_w = 1.5 * plant.capacity_w
    step = site.step(600.0, heat_w, 34.0, 25.0, hall_w=[heat_w])
    unmet_w = step.cooling.unmet_heat_w
    assert unmet_w > 0.05 * heat_w
    assert step.room_heat_j == pytest.approx(unmet_w * 600.0, rel=1e-9)
    again = advance(NETWORK, NETWORK.steady(heat_w, 0.0, 24.0), 600.0, Heat(heat_w, 0.0, 24.0, heat_w - unmet_w))
    assert step.rooms[0].equipment_c == pytest.approx(again.end.equipment_c, rel=1e-9)


def test_halls_of_a_short_plant_share_what_there_is() -> None:
    """Two halls, one with three times the heat of the other: both warm alike when half the capacity is gone."""
    plans = (half("a"), half("b"))
    rooms = Rooms(plans, 1e6, FailurePlan([CoolingFailure(60.0, 1e9, 0.3)]))
    plant = FixedOverheadPlant(0.2)
    for _ in range(3):
        rooms.cool(60.0, [0.45e6, 0.15e6], 0.0, plant, Outdoors(20.0, 15.0, 101_325.0))
    inlets_k = [state.inlet_c - 24.0 for state in rooms.states]
    assert inlets_k[0] == pytest.approx(3.0 * inlets_k[1], rel=1e-6), "each is short of the same share of its heat"


def test_parts_of_a_step_and_changes() -> None:
    plan = FailurePlan([CoolingFailure(30.0, 90.0, 0.5), CoolingFailure(80.0, 100.0, 0.0)])
    assert list(plan.intervals(0.0, 120.0)) == [(30.0, 1.0), (50.0, 0.5), (10.0, 0.0), (10.0, 0.0), (20.0, 1.0)]
    assert list(FailurePlan().intervals(5.0, 60.0)) == [(60.0, 1.0)]
    assert [(t, begins) for t, _, begins in plan.changes(0.0, 90.0)] == [(30.0, True), (90.0, False), (80.0, True)]
    at_once = FailurePlan([CoolingFailure(0.0, 60.0, 0.0)])
    assert [begins for *_, begins in at_once.changes(0.0, 60.0)] == [True, False]
    assert math.isinf(FixedOverheadPlant(0.1).capacity_w)
