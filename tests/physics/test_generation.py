"""Photovoltaics against pvlib and the reference vectors, wind and diesel against closed forms and published charts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import diesel, photovoltaics, wind

CHART_2000_KW = [(0.25, 162.0), (0.5, 273.3), (0.75, 391.7), (1.0, 537.1)]
"""Published approximate consumption of a 2,000 kW set (L/h) at quarter loads."""

CURVE = [(share, litres / (2e6 * 3600.0)) for share, litres in CHART_2000_KW]


def test_dc_power_by_hand_and_in_the_cold() -> None:
    assert photovoltaics.dc_power_w(900.0, 30.0, 100.0, -0.003) == pytest.approx(88.65, abs=1e-9)
    assert photovoltaics.dc_power_w(1000.0, 0.0, 1.0, -0.004) == pytest.approx(1.1, rel=1e-12)
    assert photovoltaics.dc_power_w(1000.0, 400.0, 1.0, -0.004) == 0.0, "no array draws power"


def test_pvlib_agrees() -> None:
    """The equations are PVWatts' in both, so the agreement is rounding."""
    inverter = pytest.importorskip("pvlib.inverter")
    pvsystem = pytest.importorskip("pvlib.pvsystem")
    temperature = pytest.importorskip("pvlib.temperature")
    rng = np.random.default_rng(1)
    sun, air, breeze = rng.uniform(0.0, 1200.0, 500), rng.uniform(-30.0, 45.0, 500), rng.uniform(0.0, 20.0, 500)
    cell = photovoltaics.cell_temperature_c(sun, air, breeze)
    np.testing.assert_allclose(cell, temperature.faiman(sun, air, breeze), rtol=1e-12)
    dc = photovoltaics.dc_power_w(sun, cell, 5e5, -0.0037)
    np.testing.assert_allclose(dc, pvsystem.pvwatts_dc(sun, cell, 5e5, -0.0037), rtol=1e-12)
    ac = photovoltaics.inverter_power_w(dc, 4e5)
    np.testing.assert_allclose(ac, inverter.pvwatts(dc, 4e5 / 0.96), rtol=1e-12, atol=1e-6)
    losses = pvsystem.pvwatts_losses()
    shares = [0.02, 0.03, 0.0, 0.02, 0.02, 0.005, 0.015, 0.01, 0.0, 0.03]
    assert photovoltaics.loss_fraction(shares) == pytest.approx(losses / 100.0, rel=1e-12)


@given(load=st.floats(0.0, 2.0), rated=st.floats(1e3, 1e7))
def test_an_inverter_loses_and_clips(load: float, rated: float) -> None:
    delivered = photovoltaics.inverter_power_w(load * rated, rated)
    assert 0.0 <= delivered <= min(load * rated, rated)


@given(cover=st.floats(0.0, 1.0), more=st.floats(0.0, 1.0))
def test_clouds_take_up_to_three_quarters(cover: float, more: float) -> None:
    thin, thick = sorted((cover, more))
    assert photovoltaics.cloudy_irradiance(800.0, thin) >= photovoltaics.cloudy_irradiance(800.0, thick) >= 200.0
    assert photovoltaics.cloudy_irradiance(800.0, 0.0) == 800.0


def test_wind_by_hand() -> None:
    assert wind.wind_at_height_m_per_s(4.0, 10.0, 10.0, 0.2) == 4.0
    assert wind.wind_at_height_m_per_s(4.0, 10.0, 80.0, 1.0) == pytest.approx(32.0)
    # Denver, 1,600 m, 20 degC: 83,400 Pa make 0.99 kg/m3; a tenth less density is a thirtieth less wind.
    assert wind.air_density_kg_per_m3(20.0, 83_400.0) == pytest.approx(0.991, abs=1e-3)
    assert wind.equivalent_wind_m_per_s(8.0, 1.225 * 0.729) == pytest.approx(7.2, rel=1e-12)


def test_a_turbine_stands_still_outside_its_curve() -> None:
    curve = [(3.0, 0.01), (12.0, 1.0), (25.0, 1.0)]
    speeds = np.array([0.0, 2.99, 3.0, 7.5, 12.0, 25.0, 25.01])
    power = wind.turbine_power_fraction(speeds, curve)
    np.testing.assert_allclose(power, [0.0, 0.0, 0.01, 0.505, 1.0, 1.0, 0.0], atol=1e-12)


@pytest.mark.parametrize(("share", "litres_per_h"), CHART_2000_KW)
def test_fuel_of_the_chart(share: float, litres_per_h: float) -> None:
    assert diesel.fuel_l_per_s(share * 2e6, 2e6, CURVE) * 3600.0 == pytest.approx(litres_per_h, rel=1e-12)


def test_efficiency_of_a_generator_on_the_higher_heating_value() -> None:
    """35 % at full and 29 % at quarter load, inside the 30 to 40 % of stationary sets but at low load."""
    for share, expected in ((1.0, 0.349), (0.75, 0.358), (0.25, 0.289)):
        heat_w = diesel.fuel_l_per_s(share * 2e6, 2e6, CURVE) * diesel.HEAT_J_PER_L
        assert share * 2e6 / heat_w == pytest.approx(expected, abs=1e-3)


@given(load=st.floats(0.0, 1.0), more=st.floats(0.0, 1.0))
def test_fuel_never_falls_with_load_and_none_is_made(load: float, more: float) -> None:
    low, high = sorted((load, more))
    fuel_low, fuel_high = (diesel.fuel_l_per_s(share * 2e6, 2e6, CURVE) for share in (low, high))
    assert 0.0 < fuel_low <= fuel_high * (1.0 + 1e-12)
    assert fuel_high * diesel.HEAT_J_PER_L > high * 2e6, "less comes out than goes in"


def test_as_few_generators_run_as_carry_the_load() -> None:
    assert [diesel.running_units(load, 1.0, 3) for load in (0.0, 0.4, 1.0, 1.01, 3.0, 5.0)] == [1, 1, 1, 2, 3, 3]
