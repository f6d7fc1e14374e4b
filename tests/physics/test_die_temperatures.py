"""Dies, leakage and limits against their own balances; envelopes of air against the figures that they come from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.accelerator_power import StepLoad, run_step
from simulator.physics.air_classes import AirClass
from simulator.physics.die_temperature import (
    die_temperature_c,
    heat_sink_resistance,
    leakage_shift_w,
    thermal_power_limit_w,
)
from simulator.physics.psychrometrics import altitude_at_pressure_m, pressure_at_altitude_pa
from simulator.profiles import catalogue


@given(st.floats(5.0, 60.0), st.floats(70.0, 100.0), st.floats(0.02, 0.2))
def test_a_board_at_its_thermal_limit_has_its_limit_temperature(
    cool_c: float, limit_c: float, resistance: float
) -> None:
    power_w = thermal_power_limit_w(cool_c, limit_c, resistance)
    assert die_temperature_c(cool_c, power_w, resistance) == pytest.approx(limit_c, rel=1e-12)
    assert thermal_power_limit_w(limit_c + 1.0, limit_c, resistance) == 0.0


@given(st.floats(0.0, 3.0), st.floats(10.0, 55.0), st.floats(0.02, 0.1), st.floats(100.0, 700.0))
def test_leakage_is_the_fixed_point_of_its_own_heating(
    coefficient: float, cool_c: float, resistance: float, power_w: float
) -> None:
    """By iteration: the die warms by the coolant and by what leakage adds, and leaks more."""
    added_w = 0.0
    reference_die_c = die_temperature_c(25.0, power_w, resistance)
    for _ in range(200):
        added_w = coefficient * (die_temperature_c(cool_c, power_w + added_w, resistance) - reference_die_c)
    assert leakage_shift_w(coefficient, cool_c, 25.0, resistance) == pytest.approx(added_w, rel=1e-9, abs=1e-9)


def test_leakage_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="must be in"):
        leakage_shift_w(20.0, 30.0, 25.0, 0.06)


def test_the_thermal_limit_slows_arithmetic_and_spares_memory() -> None:
    """The same clock that meets a power cap meets the temperature: compute-bound work is slower, memory-bound less."""
    limit_w = thermal_power_limit_w(45.0, 87.0, 0.1)
    compute = StepLoad(0.010, 0.001, 8.0, 0.0, 0.0, core_energy_j=5.5, other_energy_j=0.5)
    memory = StepLoad(0.002, 0.010, 8.0, 0.0, 0.0, core_energy_j=3.0, other_energy_j=3.0)
    slowed = []
    for load in (compute, memory):
        outcome = run_step(load, 100.0, 2.5, limit_w)
        die_c = die_temperature_c(45.0, outcome.energy_j / outcome.time_s, 0.1)
        assert die_c == pytest.approx(87.0, abs=1e-6)
        slowed.append(outcome.time_s / load.time_s())
    assert slowed[0] > slowed[1] >= 1.0
    assert slowed[0] > 1.1


def test_faster_fans_cool_better() -> None:
    values = [heat_sink_resistance(0.07, flow, 0.8) for flow in (0.3, 1.0, 1.4)]
    assert values[1] == 0.07
    assert values[0] > values[1] > values[2]


def test_published_temperatures_of_h100_in_air_and_under_cold_plates() -> None:
    """arXiv:2507.16781: 54 to 72 degC in air and 41 to 50 degC with cold plates, under load, coolant not published."""
    thermal = catalogue.thermal("thermal", Path()).record
    for figures, cool_c, span_c in ((thermal.air, 25.0, (54.0, 72.0)), (thermal.cold_plate, 27.0, (41.0, 50.0))):
        resistance = figures.die_rise_k / 700.0
        assert die_temperature_c(cool_c, 700.0, resistance) == pytest.approx(span_c[1], abs=0.5)
        assert span_c[0] - 2.0 <= die_temperature_c(cool_c, 450.0, resistance) <= span_c[1]
    for resistance, low, high in (
        (thermal.air.die_rise_k / 700.0, 0.06, 0.09),
        (thermal.cold_plate.die_rise_k / 700.0, 0.03, 0.05),
    ):
        assert low <= resistance <= high


@pytest.mark.parametrize(
    ("name", "altitude_m", "high_c"),
    [("A1", 0, 32), ("A1", 900, 32), ("A1", 1800, 29), ("A2", 3000, 28), ("A3", 1775, 35), ("A4", 1900, 37)],
)
def test_envelopes_and_their_derating(name: str, altitude_m: float, high_c: float) -> None:
    classes = catalogue.air_classes("air-classes", Path()).record
    air_class = classes.air_class(name)  # type: ignore[arg-type]
    assert air_class.allowable_high_at_c(altitude_m) == pytest.approx(high_c, rel=1e-12)
    assert (air_class.recommended_low_c, air_class.recommended_high_c) == (18.0, 27.0)


def test_an_envelope_in_disorder_is_refused() -> None:
    with pytest.raises(ValueError, match="recommended_high_c"):
        AirClass(18.0, 36.0, 10.0, 35.0, 900.0, 300.0)


@given(st.floats(0.0, 4000.0))
def test_altitude_by_pressure_and_back(altitude_m: float) -> None:
    assert altitude_at_pressure_m(pressure_at_altitude_pa(altitude_m)) == pytest.approx(altitude_m, abs=1e-6)
