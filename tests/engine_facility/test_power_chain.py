"""The power chain: every stage by hand, redundancy, rooms, and closure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.engine.facility.power_chain import PowerChain, PowerChainStep, Stage
from simulator.physics.electrical import three_term_loss_w
from simulator.profiles.power_chain import (
    PowerChainParameters,
    Redundancy,
    Room,
    UpsFeeds,
    UpsKind,
)

IT_W = 1e6


def losses(step: PowerChainStep) -> tuple[float, ...]:
    """Return the losses of racks, busways, PDUs, UPS and transformers."""
    return step.rack_loss_w, step.busway_loss_w, step.pdu_loss_w, step.ups_loss_w, step.transformer_loss_w


powers = st.floats(0.0, 1.2e6)
frozen_profile = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def test_every_stage_by_hand() -> None:
    chain = PowerChain(
        pdu=Stage(1e6, 1, (0.0, 0.0, 0.01), Room.WHITE_SPACE),
        ups=Stage(500e3, 2, (0.008, 0.012, 0.010), Room.ELECTRICAL_ROOM),
        transformer=Stage(2e6, 1, (0.002, 0.0, 0.008), Room.OUTDOORS),
    )
    step = chain.step(500e3, 100e3, 10e3)
    assert step.pdu_loss_w == pytest.approx(1e6 * 0.01 * 0.25)
    assert step.ups_output_w == pytest.approx(502_500.0)
    x = 502_500.0 / 1e6
    assert step.ups_loss_w == pytest.approx(1e6 * (0.008 + 0.012 * x + 0.010 * x * x))
    site_w = 502_500.0 + step.ups_loss_w + 110e3
    assert step.transformer_loss_w == pytest.approx(2e6 * (0.002 + 0.008 * (site_w / 2e6) ** 2))
    assert step.facility_power_w == pytest.approx(site_w + step.transformer_loss_w)
    assert step.white_space_loss_w == step.pdu_loss_w
    assert step.electrical_room_loss_w == step.ups_loss_w
    assert step.outdoor_loss_w == step.transformer_loss_w
    assert (step.pdu_input_w, step.ups_input_w) == (502_500.0, 502_500.0 + step.ups_loss_w)


@given(st.floats(0.0, 3e6), st.floats(1e3, 1e6), st.integers(1, 8))
def test_a_stage_loses_by_the_three_term_law(output_w: float, rated_w: float, units: int) -> None:
    loss = (0.008, 0.012, 0.010)
    stage = Stage(rated_w, units, loss, Room.OUTDOORS)
    assert stage.loss_w(output_w) == pytest.approx(three_term_loss_w(output_w, rated_w, loss, units), rel=1e-15)


@frozen_profile
@given(powers, powers, powers, st.floats(0.0, 1.0), st.sampled_from(list(Room)), st.sampled_from(list(Room)))
def test_the_chain_closes_and_always_loses(
    power_chain: PowerChainParameters,
    it_w: float,
    mechanical_w: float,
    other_w: float,
    share: float,
    ups_room: Room,
    transformer_room: Room,
) -> None:
    parameters = replace(power_chain, ups_room=ups_room, transformer_room=transformer_room)
    chain = PowerChain.sized_for(IT_W, parameters)
    step = chain.step(it_w, mechanical_w, other_w, share * mechanical_w)
    assert abs(step.residual_w) <= 1e-9 * step.facility_power_w
    assert step.loss_w == pytest.approx(step.indoor_loss_w + step.outdoor_loss_w, rel=1e-12)
    assert step.pdu_input_w >= it_w
    assert step.ups_input_w > step.ups_output_w
    assert step.facility_power_w > step.transformer_output_w
    indoors = chain.indoor_loss_w(it_w, mechanical_w, other_w, share * mechanical_w)
    assert indoors == pytest.approx(step.indoor_loss_w, rel=1e-12)
    stages = dict.fromkeys(Room, 0.0)
    for stage, loss_w in zip(chain.stages, losses(step), strict=True):
        stages[stage.room] += loss_w
    assert step.white_space_loss_w == pytest.approx(stages[Room.WHITE_SPACE])
    assert step.electrical_room_loss_w == pytest.approx(stages[Room.ELECTRICAL_ROOM])
    assert step.outdoor_loss_w == pytest.approx(stages[Room.OUTDOORS])


def test_redundancy_is_active_units(power_chain: PowerChainParameters) -> None:
    loads = {}
    for redundancy, units in ((Redundancy.N, 4), (Redundancy.N_PLUS_1, 5), (Redundancy.TWO_N, 8)):
        chain = PowerChain.sized_for(IT_W, replace(power_chain, ups_redundancy=redundancy))
        ups = chain.stages[3]
        assert ups.units == units
        loads[redundancy] = ups.load_fraction(chain.step(IT_W, 0.0, 0.0).ups_output_w)
    # Four modules carry the design load with a tenth to spare; twice as many carry half of it each.
    assert loads[Redundancy.N] == pytest.approx(1 / 1.1)
    assert loads[Redundancy.TWO_N] == pytest.approx(loads[Redundancy.N] / 2)
    assert loads[Redundancy.N_PLUS_1] == pytest.approx(loads[Redundancy.N] * 4 / 5)


def test_more_units_cost_no_load_loss(power_chain: PowerChainParameters) -> None:
    def idle_loss_w(redundancy: Redundancy) -> float:
        return (
            PowerChain.sized_for(IT_W, replace(power_chain, ups_redundancy=redundancy)).step(0.0, 0.0, 0.0).ups_loss_w
        )

    assert idle_loss_w(Redundancy.TWO_N) == pytest.approx(2.0 * idle_loss_w(Redundancy.N))


def test_eco_mode_saves_most_of_the_loss(power_chain: PowerChainParameters) -> None:
    double = PowerChain.sized_for(IT_W, power_chain).step(0.8e6, 0.0, 0.0)
    eco = PowerChain.sized_for(IT_W, replace(power_chain, ups_kind=UpsKind.ECO)).step(0.8e6, 0.0, 0.0)
    assert 0.3 < eco.ups_loss_w / double.ups_loss_w < 0.5


def test_cooling_on_the_ups_crosses_it_once(power_chain: PowerChainParameters) -> None:
    chain = PowerChain.sized_for(IT_W, replace(power_chain, ups_feeds=UpsFeeds.IT_AND_AIR_SIDE))
    off, on = chain.step(0.8e6, 100e3, 0.0, 0.0), chain.step(0.8e6, 100e3, 0.0, 40e3)
    assert on.ups_output_w == off.ups_output_w + 40e3
    assert on.facility_power_w - off.facility_power_w == pytest.approx(
        on.ups_loss_w - off.ups_loss_w + on.transformer_loss_w - off.transformer_loss_w
    )
    larger = PowerChain.sized_for(IT_W, replace(power_chain, ups_feeds=UpsFeeds.IT_AND_AIR_SIDE)).stages[3].rated_w
    assert larger > PowerChain.sized_for(IT_W, power_chain).stages[3].rated_w


def test_a_chain_without_losses_passes_power_on() -> None:
    step = PowerChain.without_losses().step(123.0, 45.0, 6.0)
    assert step.facility_power_w == 174.0
    assert step.loss_w == 0.0
