"""A published PUE as an input comes out as the published PUE."""

from __future__ import annotations

import pytest

from simulator.engine.facility.coupling import Facility
from simulator.engine.facility.fixed_overhead import FixedOverheadPlant
from simulator.engine.facility.plant import CoolingPlant, CoolingStep
from simulator.engine.facility.power_chain import PowerChain
from simulator.errors import InputError, InvariantError


def test_published_pue_is_reproduced() -> None:
    # GPT-3's site: PUE 1.10 (Patterson et al. 2021, arXiv 2104.10350).
    facility = Facility(FixedOverheadPlant(0.10), PowerChain.without_losses(), other_power_w=0.0)
    for it_power_w in (1.0, 3.3e6):
        step = facility.step(60.0, it_power_w, -10.0, -12.0)
        assert step.pue == pytest.approx(1.10, rel=1e-12)
        assert step.heat_residual_j == 0.0


def test_it_knows_neither_weather_nor_water() -> None:
    plant: CoolingPlant = FixedOverheadPlant(0.2)
    step = plant.step(60.0, 500.0, 40.0, 30.0)
    assert step == CoolingStep(60.0, 500.0, overhead_power_w=100.0, heat_rejected_w=600.0)
    assert step.makeup_water_kg == 0.0
    assert step.residual_w == 0.0
    assert step.mode is None


def test_a_pue_below_one_is_refused() -> None:
    with pytest.raises(InputError, match=r"overhead_fraction must be >= 0, got -0\.05"):
        FixedOverheadPlant(-0.05)
    with pytest.raises(InvariantError):
        FixedOverheadPlant(0.1).step(0.0, 1.0, 0.0, 0.0)
