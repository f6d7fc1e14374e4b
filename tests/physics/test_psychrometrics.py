"""Moist air against the values that PsychroLib's own tests assert, and against its inverses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import psychrometrics as psy


@pytest.mark.parametrize(
    ("dry_bulb_c", "relative_humidity", "pressure_pa", "expected_c"),
    [
        # PsychroLib tests/test_psychrolib_si.py, test_TWetBulb_RelHum; its tolerance is 0.001 relative.
        (7.0, 0.61, 100_000.0, 3.92667433781955),
        # PsychroLib 2.5.0, ASHRAE 2017 equations, evaluated for the reference vectors.
        (30.0, 0.5, 101_325.0, 22.00524),
    ],
)
def test_wet_bulb(dry_bulb_c: float, relative_humidity: float, pressure_pa: float, expected_c: float) -> None:
    # The library stops its bisection at 0.001 K.
    assert psy.wet_bulb_c(dry_bulb_c, relative_humidity, pressure_pa) == pytest.approx(expected_c, abs=0.002)


def test_values_of_the_handbook_tables() -> None:
    # ASHRAE table values as PsychroLib asserts them, with the relative tolerances that it argues for.
    assert psy.humidity_ratio_from_wet_bulb(30.0, 25.0, 95_461.0) == pytest.approx(0.0192281274241096, rel=3e-4)
    assert psy.moist_air_enthalpy_j_per_kg(30.0, 0.02) == pytest.approx(81_316.0, rel=3e-4)
    assert psy.saturation_humidity_ratio(25.0) == pytest.approx(0.020173, rel=5e-3)
    assert psy.dew_point_c(25.0, 0.8) == pytest.approx(21.309397163661785, abs=1e-3)


def test_saturated_air_has_one_temperature() -> None:
    for temperature_c in (-5.0, 12.0, 31.0):
        # The library's bisection stops at 0.001 K.
        assert psy.wet_bulb_c(temperature_c, 1.0) == pytest.approx(temperature_c, abs=0.002)
        assert psy.saturated_air_enthalpy_j_per_kg(temperature_c) == pytest.approx(
            psy.moist_air_enthalpy_j_per_kg(temperature_c, psy.saturation_humidity_ratio(temperature_c)), rel=1e-12
        )


@given(st.floats(-10.0, 45.0), st.floats(0.1, 1.0), st.floats(80_000.0, 105_000.0))
def test_wet_bulb_and_humidity_ratio_are_inverse(dry_bulb_c: float, humidity: float, pressure_pa: float) -> None:
    wet_bulb = psy.wet_bulb_c(dry_bulb_c, humidity, pressure_pa)
    assert wet_bulb <= dry_bulb_c + 1e-9
    back = psy.humidity_ratio_from_wet_bulb(dry_bulb_c, wet_bulb, pressure_pa)
    # 0.001 K of wet bulb is at most 2e-6 of humidity ratio at these temperatures.
    assert back == pytest.approx(psy.humidity_ratio(dry_bulb_c, humidity, pressure_pa), abs=3e-6)


def test_arrays_give_what_scalars_give() -> None:
    dry_bulb, humidity = np.array([0.0, 20.0, 35.0]), np.array([0.9, 0.5, 0.2])
    together = psy.wet_bulb_c(dry_bulb, humidity, 101_325.0)
    alone = [psy.wet_bulb_c(float(t), float(u)) for t, u in zip(dry_bulb, humidity, strict=True)]
    assert together.tolist() == alone
    assert psy.wet_bulb_stull_c(dry_bulb, humidity).tolist() == pytest.approx(
        [psy.wet_bulb_stull_c(float(t), float(u)) for t, u in zip(dry_bulb, humidity, strict=True)], rel=1e-12
    )


def test_stull_reproduces_its_worked_example_and_stays_within_a_kelvin() -> None:
    # Stull 2011: 20 degC and 50 % give 13.7 degC. Its errors reach 1 K.
    assert psy.wet_bulb_stull_c(20.0, 0.5) == pytest.approx(13.7, abs=0.05)
    for dry_bulb_c in (0.0, 10.0, 25.0, 40.0):
        for humidity in (0.2, 0.5, 0.9):
            error_k = psy.wet_bulb_stull_c(dry_bulb_c, humidity) - psy.wet_bulb_c(dry_bulb_c, humidity)
            assert abs(error_k) < 1.0


@pytest.mark.parametrize(("dry_bulb_c", "humidity"), [(-20.1, 0.5), (50.1, 0.5), (20.0, 0.04), (20.0, 0.995)])
def test_stull_refuses_what_its_fit_has_not_seen(dry_bulb_c: float, humidity: float) -> None:
    with pytest.raises(ValueError, match=r"must be in \["):
        psy.wet_bulb_stull_c(dry_bulb_c, humidity)


def test_percent_is_not_a_relative_humidity() -> None:
    with pytest.raises(ValueError, match=r"relative_humidity must be in \[0, 1\], got 50"):
        psy.wet_bulb_c(20.0, 50.0)


def test_air_is_thinner_at_altitude() -> None:
    # ICAO standard atmosphere: 79 495 Pa at 2000 m; the formula of the handbook is within 0.01 %.
    assert psy.pressure_at_altitude_pa(2000.0) == pytest.approx(79_495.0, rel=1e-4)
    low = psy.moist_air_density_kg_per_m3(20.0, 0.007)
    assert psy.moist_air_density_kg_per_m3(20.0, 0.007, psy.pressure_at_altitude_pa(2000.0)) / low == pytest.approx(
        79_495.0 / 101_325.0, rel=1e-4
    )
