"""GPT-3's training energy, from architecture and plan alone and from its published rate.

Patterson et al. 2021 (arXiv:2104.10350, Table 4): 3.14e23 operations at 24.6 TFLOP/s on 10,000 V100 in 14.8 days, PUE
1.10, 1,287 MWh, 552 t CO2e at 429 g/kWh.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import simulator as sim

PUBLISHED_MWH = 1287.0
PUBLISHED_T_CO2E = 552.1
PUBLISHED_DAYS = 14.8
MODEL_FLOP = 3.14e23


@pytest.fixture(scope="module")
def modelled(root: Path) -> sim.Result:
    return sim.run(root / "scenarios/gpt3-training.yaml")


@pytest.fixture(scope="module")
def at_published_rate(root: Path) -> sim.Result:
    rate = {"kind": "achieved", "tflop_per_s_per_accelerator": 24.6}
    return sim.run(sim.load(root / "scenarios/gpt3-training.yaml", {"workloads.gpt3.rate": rate}))


def test_energy_from_architecture_and_plan(modelled: sim.Result) -> None:
    # Nothing of the run but its model, devices and number of tokens is given; a quarter is what such a figure is worth.
    assert modelled.summary.facility_energy_kwh / 1e3 == pytest.approx(PUBLISHED_MWH, rel=0.25)
    assert modelled.summary.simulated_h / 24 == pytest.approx(PUBLISHED_DAYS, rel=0.25)


def test_energy_at_the_published_rate(at_published_rate: sim.Result) -> None:
    # What is left is the power of the servers, which the paper gives as 330 W per device, measured on other runs.
    summary = at_published_rate.summary
    assert summary.facility_energy_kwh / 1e3 == pytest.approx(PUBLISHED_MWH, rel=0.12)
    assert summary.operational_emissions_kg_co2e / 1e3 == pytest.approx(PUBLISHED_T_CO2E, rel=0.12)


def test_duration_at_the_published_rate_by_hand(at_published_rate: sim.Result) -> None:
    # Operations / (devices x rate): the paper counts 10,000 devices, the plan has 9,984, and both count 6 operations
    # per weight and token plus a few percent of attention.
    (job,) = at_published_rate.jobs.itertuples()
    assert job.model_flop == pytest.approx(MODEL_FLOP, rel=0.05)
    assert job.end_s == pytest.approx(job.model_flop / (9984 * 24.6e12), rel=1e-9)
    assert at_published_rate.summary.simulated_h / 24 == pytest.approx(PUBLISHED_DAYS, rel=0.05)
    # 24.6 of 125 TFLOP/s: the device's datasheet peak in fp16.
    assert job.mfu == pytest.approx(24.6 / 125.0, rel=0.01)


@pytest.mark.parametrize("run", ["modelled", "at_published_rate"])
def test_pue_and_carbon_are_inputs(run: str, request: pytest.FixtureRequest) -> None:
    summary = request.getfixturevalue(run).summary
    assert summary.pue == pytest.approx(1.10, rel=1e-12)
    assert summary.operational_emissions_kg_co2e == pytest.approx(0.429 * summary.facility_energy_kwh, rel=1e-12)
    assert summary.water_withdrawn_l is None
