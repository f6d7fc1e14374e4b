"""Power and heat closed through plant and chain, also where each depends on the other."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from simulator.engine.facility.chilled_water import ChilledWaterPlant
from simulator.engine.facility.coupling import Facility
from simulator.engine.facility.fixed_overhead import FixedOverheadPlant
from simulator.engine.facility.power_chain import PowerChain
from simulator.errors import InputError
from simulator.profiles.chilled_water import ChilledWaterParameters
from simulator.profiles.power_chain import PowerChainParameters, Room, UpsFeeds

IT_W = 1e6


def facility(chilled_water: ChilledWaterParameters, chain: PowerChainParameters) -> Facility:
    return Facility(
        ChilledWaterPlant.sized_for(IT_W, chilled_water),
        PowerChain.sized_for(IT_W, chain),
        other_power_w=chain.other_power_ratio * IT_W,
    )


def entangled(chain: PowerChainParameters) -> PowerChainParameters:
    """Return a chain whose losses indoors depend on all of the cooling power."""
    return replace(chain, ups_feeds=UpsFeeds.IT_AND_AIR_SIDE, transformer_room=Room.ELECTRICAL_ROOM)


def test_shipped_site(chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters) -> None:
    site = facility(chilled_water, power_chain)
    cold, hot = (site.step(86_400.0, 0.8e6, t, t - 3.0) for t in (3.0, 28.0))
    # Published fleets: 1.08 to 1.18 a year (docs/sources.md, facilities); a 2N double-conversion site is higher.
    assert cold.pue is not None
    assert hot.pue is not None
    assert 1.05 < cold.pue < 1.12
    assert 1.15 < hot.pue < 1.30
    for step in (cold, hot):
        assert step.cooling.heat_w == step.indoor_heat_w == 0.8e6 + 7500.0 + step.power.indoor_loss_w
        assert step.stored_heat_j == 0.0, "nothing depends on the plant's own power"
        assert step.power.mechanical_power_w == step.cooling.power_w


@pytest.mark.parametrize("seed", range(6))
def test_an_entangled_site_loses_no_joule(
    chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters, seed: int
) -> None:
    rng = random.Random(seed)
    site = facility(chilled_water, entangled(power_chain))
    made_j = given_j = 0.0
    for _ in range(200):
        dt_s = rng.choice((60.0, 60.0, 0.001, 900.0))
        step = site.step(dt_s, rng.uniform(0.0, IT_W), 20.0, rng.uniform(-10.0, 28.0))
        made_j += step.indoor_heat_w * dt_s
        given_j += step.cooling.heat_w * dt_s
        assert abs(step.heat_residual_j) <= 1e-9 * step.indoor_heat_w * dt_s + 1e-6
        assert abs(step.power.residual_w) <= 1e-9 * step.facility_power_w
        assert abs(step.cooling.residual_w) <= 1e-9 * step.cooling.heat_w
    assert made_j == pytest.approx(given_j + step.stored_heat_j, rel=1e-9)
    # What is in store is what the losses differ by from one step to the next: a thousandth of the heat of a long step.
    assert abs(step.stored_heat_j) < 2e-2 * IT_W * 900.0


def test_a_short_step_gets_no_burst_of_stored_heat(
    chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters
) -> None:
    site = facility(chilled_water, entangled(power_chain))
    first = site.step(3600.0, 0.8e6, 30.0, 22.0)
    assert first.stored_heat_j > 1e5, "the first step knows no cooling power yet"
    short = site.step(0.001, 0.8e6, 30.0, 22.0)
    assert short.cooling.heat_w < 1.01 * short.indoor_heat_w


def test_an_entangled_site_settles(chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters) -> None:
    site = facility(chilled_water, entangled(power_chain))
    steps = [site.step(60.0, 0.8e6, 30.0, 24.0) for _ in range(12)]
    assert steps[-1].cooling.heat_w == pytest.approx(steps[-1].indoor_heat_w, rel=1e-10)
    assert abs(steps[-1].stored_heat_j) < 1e-3
    # The fixed point: heat is IT, other uses and the losses that the plant's power at that heat causes.
    power = steps[-1].power
    assert steps[-1].cooling.heat_w == pytest.approx(0.8e6 + 7500.0 + power.indoor_loss_w, rel=1e-10)
    assert power.ups_fed_mechanical_power_w == steps[-1].cooling.air_side_power_w
    lone = facility(chilled_water, power_chain).step(60.0, 0.8e6, 30.0, 24.0)
    assert steps[-1].facility_power_w > lone.facility_power_w, "losses of the cooling's own power, and their cooling"


def test_half_steps_of_the_shipped_site_are_whole_steps(
    chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters
) -> None:
    whole, halves = facility(chilled_water, power_chain), facility(chilled_water, power_chain)
    for it_w, wet_bulb_c in ((0.3e6, 0.0), (0.9e6, 16.0), (0.6e6, 27.0)):
        once = whole.step(7200.0, it_w, 30.0, wet_bulb_c)
        twice = [halves.step(3600.0, it_w, 30.0, wet_bulb_c) for _ in range(2)]
        assert sum(step.facility_power_w for step in twice) / 2 == pytest.approx(once.facility_power_w, rel=1e-5)
        mean_cooling_w = sum(step.cooling.power_w for step in twice) / 2
        assert mean_cooling_w == pytest.approx(once.cooling.power_w, rel=1e-9)


def test_no_it_power_has_no_pue(chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters) -> None:
    step = facility(chilled_water, power_chain).step(60.0, 0.0, 10.0, 8.0)
    assert step.pue is None
    assert step.facility_power_w > 7500.0, "lighting, no-load losses and what cools them"


def test_negative_other_power_is_refused() -> None:
    with pytest.raises(InputError, match="other_power_w must be >= 0"):
        Facility(FixedOverheadPlant(0.1), PowerChain.without_losses(), other_power_w=-1.0)


@pytest.mark.parametrize("chain_kind", ["plain", "entangled"])
def test_a_repeated_step_is_handed_on_and_is_what_solving_gives(
    chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters, chain_kind: str
) -> None:
    chain = entangled(power_chain) if chain_kind == "entangled" else power_chain
    site, fresh = facility(chilled_water, chain), facility(chilled_water, chain)
    same = 0
    last = None
    # A mode change is waited for, and comes: the steps around it must not be taken for repetitions.
    for it_w, wet_bulb_c, count in ((0.8e6, 2.0, 30), (0.8e6, 22.0, 60), (0.5e6, 22.0, 5), (0.5e6, 2.0, 60)):
        for index in range(count):
            step = site.step(60.0, it_w, wet_bulb_c + 3.0, wet_bulb_c)
            # Steps of other lengths are never repetitions of one another, and add up to the same.
            parts = [
                fresh.step(dt_s, it_w, wet_bulb_c + 3.0, wet_bulb_c) for dt_s in (20.0 + index / 10, 40.0 - index / 10)
            ]
            mean_w = sum(part.cooling.power_w * part.cooling.duration_s for part in parts) / 60.0
            assert step.cooling.power_w == pytest.approx(mean_w, rel=1e-9 if chain_kind == "plain" else 1e-2)
            same += step is last
            last = step
    assert same > (100 if chain_kind == "plain" else 0)
