"""The shipped facility profiles: complete, sourced, inside their own ranges."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.engine.facility.chilled_water_sizing import sized_for
from simulator.engine.facility.power_chain import PowerChain
from simulator.errors import InputError
from simulator.profiles.chilled_water import ChilledWaterParameters
from simulator.profiles.facilities import CoolingRecord, PowerChainRecord
from simulator.profiles.power_chain import PowerChainParameters
from simulator.profiles.sourced import Profile


def test_every_number_has_a_source_and_lies_in_its_range(
    chilled_water_profile: Profile[CoolingRecord], power_chain_profile: Profile[PowerChainRecord]
) -> None:
    for profile in (chilled_water_profile, power_chain_profile):
        values = profile.record.model_dump()["parameters"]
        for name, source in profile.figures().items():
            value = values[name.removeprefix("parameters.")]
            assert source.source, name
            if source.low is not None and source.high is not None and isinstance(value, float | int):
                assert source.low <= value <= source.high, name


def test_all_faults_of_a_plant_are_told_at_once(chilled_water: ChilledWaterParameters) -> None:
    with pytest.raises(InputError) as caught:
        replace(
            chilled_water,
            chilled_water_supply_c=30.0,
            crah_fan_efficiency=65.0,
            chiller_units=0,
            tower_design_wet_bulb_c=35.0,
            economizer_partial_to_free_k=2.0,
        )
    assert {fault.path for fault in caught.value.faults} == {
        "chilled_water_setpoint_c",
        "crah_fan_efficiency",
        "chiller_units",
        "tower_design_wet_bulb_c",
        "economizer_partial_to_free_k",
    }
    assert "must be > 0 and <= 1, got 65" in str(caught.value)


def test_all_faults_of_a_chain_are_told_at_once(power_chain: PowerChainParameters) -> None:
    with pytest.raises(InputError) as caught:
        replace(power_chain, ups_modules=0, pdu_loss=(0.0, -0.1, 0.0), other_power_ratio=-1.0)
    assert {fault.path for fault in caught.value.faults} == {"ups_modules", "pdu_loss", "other_power_ratio"}


def test_a_tower_that_the_correlation_cannot_describe_is_refused(chilled_water: ChilledWaterParameters) -> None:
    with pytest.raises(InputError, match="tower_design_approach_k: no such tower"):
        sized_for(1e6, replace(chilled_water, tower_design_approach_k=1.5))


def test_a_site_without_capacity_is_refused(
    chilled_water: ChilledWaterParameters, power_chain: PowerChainParameters
) -> None:
    with pytest.raises(InputError, match="it_capacity_w: must be > 0, got 0"):
        sized_for(0.0, chilled_water)
    with pytest.raises(InputError, match="it_capacity_w: must be > 0, got -1"):
        PowerChain.sized_for(-1.0, power_chain)
