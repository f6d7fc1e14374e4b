"""The shipped facility profiles as the engine's parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.profiles import catalogue
from simulator.profiles.chilled_water import ChilledWaterParameters
from simulator.profiles.facilities import CoolingRecord, PowerChainRecord
from simulator.profiles.power_chain import PowerChainParameters
from simulator.profiles.sourced import Profile


@pytest.fixture(scope="session")
def chilled_water_profile() -> Profile[CoolingRecord]:
    return catalogue.cooling("chilled-water", Path())


@pytest.fixture(scope="session")
def power_chain_profile() -> Profile[PowerChainRecord]:
    return catalogue.power_chain("power-chain", Path())


@pytest.fixture(scope="session")
def chilled_water(chilled_water_profile: Profile[CoolingRecord]) -> ChilledWaterParameters:
    return chilled_water_profile.record.parameters


@pytest.fixture(scope="session")
def power_chain(power_chain_profile: Profile[PowerChainRecord]) -> PowerChainParameters:
    return power_chain_profile.record.parameters
