"""Water of a tower: published examples, identities, and the saturated-exit reference."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import psychrometrics, water
from simulator.physics.saturated_exit import evaporation_kg_per_j


def test_published_examples() -> None:
    # Reference vectors twr-004, twr-005 and twr-007, after the EnergyPlus Engineering Reference.
    assert water.evaporation_by_loss_factor(0.1, 5.56, 0.002) == pytest.approx(0.001112, abs=1e-12)
    assert water.blowdown(0.001112, 1e-5, 4.0) == pytest.approx(0.000360667, abs=1e-9)
    assert water.qureshi_zubair_loss_factor_per_k(30.0, 0.5) == pytest.approx(0.001572325, abs=1e-12)


def test_ideal_latent_make_up_per_heat() -> None:
    # docs/sources.md, towers and water: 1.98 l per kWh of heat at four cycles; reference vector twr-006.
    evaporated = water.evaporation_by_heat_kg_per_s(3.6e6, 1.0)
    assert water.makeup(evaporated, 0.0, 4.0) == pytest.approx(1.975309, abs=1e-6)


def test_default_loss_factor_exceeds_pure_latent_cooling() -> None:
    # docs/sources.md, towers and water: 0.2 %/K against 0.172 %/K, which is cp / h_fg.
    latent_per_k = water.SPECIFIC_HEAT_J_PER_KG_K / water.HEAT_OF_VAPORIZATION_J_PER_KG
    assert latent_per_k == pytest.approx(0.00172, abs=5e-6)
    flow, range_k = 30.0, 5.56
    by_heat = water.evaporation_by_heat_kg_per_s(flow * water.SPECIFIC_HEAT_J_PER_KG_K * range_k, 1.0)
    assert by_heat == pytest.approx(water.evaporation_by_loss_factor(flow, range_k, latent_per_k), rel=1e-12)


@given(st.floats(0.0, 10.0), st.floats(0.0, 0.1), st.floats(1.1, 10.0))
def test_make_up_balances_water_and_salt(evaporation: float, drift: float, cycles: float) -> None:
    drained = water.blowdown(evaporation, drift, cycles)
    taken = water.makeup(evaporation, drift, cycles)
    assert drained >= 0.0
    assert taken == pytest.approx(evaporation + drift + drained, rel=1e-12, abs=1e-15)
    if drained > 0.0:
        # What comes in with the make-up leaves, concentrated, with blowdown and drift.
        assert taken == pytest.approx(cycles * (drained + drift), rel=1e-9, abs=1e-12)


@given(st.floats(0.0, 1e7), st.floats(0.0, 5.0))
def test_evaporation_scales_with_heat(heat_w: float, factor: float) -> None:
    once = water.evaporation_by_heat_kg_per_s(heat_w, 0.9)
    assert once >= 0.0
    assert water.evaporation_by_heat_kg_per_s(heat_w * factor, 0.9) == pytest.approx(
        factor * once, rel=1e-12, abs=1e-15
    )


def test_heavy_drift_leaves_nothing_to_blow_down() -> None:
    assert water.blowdown(0.001, 0.01, 4.0) == 0.0


@pytest.mark.parametrize(
    ("dry_bulb_c", "low", "high"),
    [(0.0, 0.5, 0.65), (12.0, 0.65, 0.85), (30.0, 0.85, 1.1), (40.0, 0.9, 1.3)],
)
def test_saturated_exit_spans_the_latent_fractions_of_the_brief(dry_bulb_c: float, low: float, high: float) -> None:
    # docs/sources.md, towers and water: 0.75 in cold to 1 in hot weather, more in dry heat. 36 kg/s of air for 1 MW is
    # 1.2 kg of water per kg of air at a range of 5.56 K.
    wet_bulb_c = psychrometrics.wet_bulb_c(dry_bulb_c, 0.5)
    evaporated = water.evaporation_by_saturated_exit_kg_per_s(1e6, 36.0, dry_bulb_c, wet_bulb_c, 101_325.0)
    assert low < evaporated * water.HEAT_OF_VAPORIZATION_J_PER_KG / 1e6 < high


@given(st.floats(-25.0, 42.0), st.floats(0.1, 1.0), st.floats(1.5e4, 5e4))
def test_tables_of_the_saturated_exit_are_the_iteration(dry_bulb_c: float, humidity: float, q: float) -> None:
    wet_bulb_c = psychrometrics.wet_bulb_c(dry_bulb_c, humidity)
    slow = water.evaporation_by_saturated_exit_kg_per_s(1e6, 1e6 / q, dry_bulb_c, wet_bulb_c, 101_325.0)
    fast = 1e6 * evaporation_kg_per_j(dry_bulb_c, wet_bulb_c, q)
    # Linear between half kelvins, and a wet bulb found within 0.001 K.
    assert fast == pytest.approx(slow, rel=0.01, abs=0.003)


def test_saturated_exit_closes_on_enthalpy() -> None:
    pressure = 101_325.0
    evaporated = water.evaporation_by_saturated_exit_kg_per_s(1e6, 40.0, 25.0, 18.0, pressure)
    entering = psychrometrics.humidity_ratio_from_wet_bulb(25.0, 18.0, pressure)
    leaving = entering + evaporated / 40.0
    heat = psychrometrics.moist_air_enthalpy_j_per_kg(25.0, entering) + 1e6 / 40.0
    # The exit temperature from the enthalpy at that humidity ratio must be its own saturation temperature.
    exit_c = (heat - 2_501_000.0 * leaving) / (1006.0 + 1860.0 * leaving)
    assert psychrometrics.saturation_humidity_ratio(exit_c) == pytest.approx(leaving, rel=1e-6)


@given(st.floats(-25.0, 20.0), st.floats(0.2, 1.0), st.floats(22.0, 40.0))
def test_air_leaves_no_warmer_than_the_warmest_water(dry_bulb_c: float, humidity: float, warmest_c: float) -> None:
    # A slow fan, or none: saturated air of the entering water's temperature, by the handbook's equations.
    entering = psychrometrics.humidity_ratio(dry_bulb_c, humidity)
    leaving = psychrometrics.saturation_humidity_ratio(warmest_c)
    heat = psychrometrics.saturated_air_enthalpy_j_per_kg(warmest_c)
    heat -= psychrometrics.moist_air_enthalpy_j_per_kg(dry_bulb_c, entering)
    found = evaporation_kg_per_j(dry_bulb_c, psychrometrics.wet_bulb_c(dry_bulb_c, humidity), math.inf, warmest_c)
    assert found == pytest.approx((leaving - entering) / heat, rel=0.01)


def test_wet_plates_turn_their_heat_to_vapour() -> None:
    # EnergyPlus, unit test of the secondary outlet of an indirect evaporative cooler, wet: 2 kg/s of air of 20 degC and
    # wet bulb 15 degC take 10,206 W, all of it latent. That is less than would saturate them.
    latent = water.evaporation_by_heat_kg_per_s(10_206.41, 1.0)
    assert latent * water.HEAT_OF_VAPORIZATION_J_PER_KG == pytest.approx(10_206.41)
    assert 10_206.41 * evaporation_kg_per_j(20.0, 15.0, 10_206.41 / 2.0) > latent


def test_impossible_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="air_heat_j_per_kg"):
        evaporation_kg_per_j(20.0, 15.0, math.inf)
    with pytest.raises(ValueError, match="cycles_of_concentration - 1 must be > 0"):
        water.blowdown(1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="heat_w"):
        water.evaporation_by_heat_kg_per_s(-1.0, 1.0)
    with pytest.raises(ValueError, match="relative_humidity"):
        water.qureshi_zubair_loss_factor_per_k(20.0, 50.0)
