"""Sensible heat of air, pumps and lumped capacities: identities and inverses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import airflow, pumps, thermal


def test_air_flow_of_ten_kilowatts() -> None:
    # Reference vector air-001.
    assert airflow.air_volume_flow_m3_per_s(10_000.0, 12.0) == pytest.approx(0.6909895, abs=1e-6)


@given(st.floats(1.0, 1e7), st.floats(0.5, 40.0))
def test_flow_and_temperature_rise_are_inverse(heat_w: float, rise_k: float) -> None:
    flow = airflow.air_volume_flow_m3_per_s(heat_w, rise_k)
    assert airflow.air_temperature_rise_k(heat_w, flow) == pytest.approx(rise_k, rel=1e-12)


def test_thin_air_needs_more_flow() -> None:
    thin = airflow.air_volume_flow_m3_per_s(10_000.0, 12.0, density_kg_per_m3=0.9)
    assert thin / airflow.air_volume_flow_m3_per_s(10_000.0, 12.0) == pytest.approx(1.2 / 0.9)


def test_pump_of_the_condenser_loop() -> None:
    # Reference vector pmp-001: Modelica Buildings, PartialDataCenter.
    assert pumps.pump_power_w(0.0347, 112_200.0, 0.7) == pytest.approx(5561.914, abs=1e-3)
    arrays = pumps.pump_power_w(np.array([0.0, 0.0347]), 112_200.0, 0.7)
    assert arrays.tolist() == [0.0, pumps.pump_power_w(0.0347, 112_200.0, 0.7)]


def test_head_of_a_loop_lies_between_static_and_design() -> None:
    assert pumps.loop_head_pa(1.0, 150e3, 0.3) == pytest.approx(150e3)
    assert pumps.loop_head_pa(0.0, 150e3, 0.3) == pytest.approx(45e3)
    # Without static head flow and head give the affinity law.
    assert pumps.pump_power_w(0.5, pumps.loop_head_pa(0.5, 1e5, 0.0), 0.7) == pytest.approx(
        0.125 * pumps.pump_power_w(1.0, pumps.loop_head_pa(1.0, 1e5, 0.0), 0.7)
    )


def test_adiabatic_rise_and_ride_through_are_inverse() -> None:
    # Reference vector thm-001.
    assert thermal.adiabatic_temperature_rise_k(1e6, 60.0, 5e7) == pytest.approx(1.2, abs=1e-12)
    time_s = thermal.ride_through_s(1e6, 8.5, 5e7)
    assert thermal.adiabatic_temperature_rise_k(1e6, time_s, 5e7) == pytest.approx(8.5)


@pytest.mark.parametrize(
    "call",
    [
        lambda: airflow.air_volume_flow_m3_per_s(1e3, 0.0),
        lambda: airflow.air_temperature_rise_k(1e3, 0.0),
        lambda: pumps.pump_power_w(0.1, 1e5, 0.0),
        lambda: pumps.loop_head_pa(0.5, 1e5, 1.2),
        lambda: thermal.adiabatic_temperature_rise_k(1.0, 1.0, 0.0),
        lambda: thermal.ride_through_s(0.0, 1.0, 1.0),
    ],
)
def test_impossible_inputs_are_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match="must be"):
        call()
