"""Chillers of published curves: reference points, branches of the model, and the directions that physics demands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.chillers import (
    CARRIER_19XR_1407KW,
    CARRIER_30RB_1326KW,
    BlastChiller,
    blast_operation,
    eir_operation,
    inside_box,
)
from simulator.physics.curves import biquadratic, polynomial

AIR_COOLED_BLAST = BlastChiller(
    nominal_capacity_w=100_000.0,
    nominal_cop=2.58,
    minimum_part_load_ratio=0.05,
    maximum_part_load_ratio=1.0,
    condenser_design_c=35.0,
    chilled_water_design_c=6.67,
    temperature_rise_coefficient=2.778,
    capacity_ratio_curve=(0.9949, -0.045954, -0.0013543),
    power_ratio_curve=(2.333, -1.975, 0.6121),
    full_load_ratio_curve=(0.03303, 0.6852, 0.2818),
)
"""EnergyPlus AirCooledElectricChiller.idf, as quoted in the reference vectors (chl-006)."""


def test_biquadratic_keeps_the_order_of_energyplus() -> None:
    # Each coefficient alone, at a point where no two terms agree.
    x, y = 3.0, 7.0
    terms = (1.0, x, x * x, y, y * y, x * y)
    for index, term in enumerate(terms):
        coefficients = tuple(1.0 if i == index else 0.0 for i in range(6))
        assert biquadratic(coefficients, x, y) == term
    assert polynomial((1.0, 2.0, 3.0, 4.0), 2.0) == 1 + 4 + 12 + 32


@pytest.mark.parametrize(
    ("chiller", "load_w", "chilled_c", "condenser_c", "expected_w"),
    [
        # EnergyPlus equations and data sets, evaluated by an independent script (chl-001, chl-004, chl-005).
        (CARRIER_19XR_1407KW, 1_000_000.0, 6.67, 29.44, 165_937.2),
        (CARRIER_19XR_1407KW, 150_000.0, 6.67, 18.0, 25_841.35),
        (CARRIER_30RB_1326KW, 800_000.0, 12.0, 30.0, 221_803.4),
    ],
)
def test_eir_power(chiller, load_w: float, chilled_c: float, condenser_c: float, expected_w: float) -> None:
    # The expected values are printed to 0.05 W or better.
    assert eir_operation(chiller, load_w, chilled_c, condenser_c).power_w == pytest.approx(expected_w, abs=0.06)


def test_capacity_ends_at_the_highest_part_load_ratio() -> None:
    capacity_w = CARRIER_19XR_1407KW.reference_capacity_w * biquadratic(CARRIER_19XR_1407KW.capacity_curve, 6.67, 29.44)
    point = eir_operation(CARRIER_19XR_1407KW, 3e6, 6.67, 29.44)
    assert point.part_load_ratio == 1.04
    assert point.evaporator_heat_w == pytest.approx(1.04 * capacity_w)
    assert point.evaporator_heat_w < 3e6


def test_below_the_minimum_the_machine_cycles_in_proportion() -> None:
    at_half, at_full = (eir_operation(CARRIER_19XR_1407KW, w, 6.67, 24.0) for w in (100e3, 200e3))
    assert at_full.part_load_ratio < CARRIER_19XR_1407KW.minimum_part_load_ratio
    assert at_half.power_w == pytest.approx(0.5 * at_full.power_w, rel=1e-12)
    assert at_full.cycling_ratio == pytest.approx(2 * at_half.cycling_ratio)


def test_hot_gas_bypass_is_false_load_at_the_condenser() -> None:
    machine = replace(CARRIER_19XR_1407KW, minimum_part_load_ratio=0.1, minimum_unloading_ratio=0.3)
    capacity_w = machine.reference_capacity_w * biquadratic(machine.capacity_curve, 6.67, 24.0)
    point = eir_operation(machine, 0.2 * capacity_w, 6.67, 24.0)
    assert point.cycling_ratio == 1.0
    assert point.false_load_w == pytest.approx(0.1 * capacity_w)
    same = eir_operation(machine, 0.3 * capacity_w, 6.67, 24.0)
    assert point.power_w == pytest.approx(same.power_w), "the compressor does not see the lower load"


@given(st.floats(1.0, 2e6), st.floats(4.44, 10.0), st.floats(12.78, 32.22))
def test_condenser_takes_evaporator_power_and_false_load(load_w: float, chilled_c: float, condenser_c: float) -> None:
    point = eir_operation(CARRIER_19XR_1407KW, load_w, chilled_c, condenser_c)
    made = point.evaporator_heat_w + point.power_w + point.false_load_w
    assert point.condenser_heat_w == pytest.approx(made, rel=1e-12)
    assert point.evaporator_heat_w <= load_w * (1 + 1e-12)


@given(st.floats(10e3, 1.4e6), st.floats(1.0, 1.2), st.floats(5.0, 10.0), st.floats(13.0, 32.0))
def test_eir_power_does_not_fall_with_load(load_w: float, factor: float, chilled_c: float, condenser_c: float) -> None:
    less, more = (
        eir_operation(CARRIER_19XR_1407KW, w, chilled_c, condenser_c).power_w for w in (load_w, load_w * factor)
    )
    assert more >= less * (1 - 1e-12)


@given(st.floats(1e5, 1.2e6), st.floats(5.0, 10.0), st.floats(13.0, 31.0), st.floats(0.0, 1.0))
def test_eir_power_falls_at_most_one_percent_per_kelvin_of_warmer_condenser(
    load_w: float, chilled_c: float, condenser_c: float, warmer_k: float
) -> None:
    # The published fit itself dips by up to 0.5 % per 0.5 K at the cold edge of its box.
    cold = eir_operation(CARRIER_19XR_1407KW, load_w, chilled_c, condenser_c).power_w
    warm = eir_operation(CARRIER_19XR_1407KW, load_w, chilled_c, condenser_c + warmer_k).power_w
    assert warm >= cold * (1 - 0.01 * warmer_k) - 1e-9


def test_no_load_no_power() -> None:
    assert eir_operation(CARRIER_19XR_1407KW, 0.0, 7.0, 25.0).power_w == 0.0
    unlimited = replace(CARRIER_19XR_1407KW, minimum_part_load_ratio=0.0, minimum_unloading_ratio=0.0)
    assert eir_operation(unlimited, 0.0, 7.0, 25.0).power_w == 0.0


def test_box_of_the_published_curves() -> None:
    assert inside_box(CARRIER_19XR_1407KW, 7.0, 25.0)
    assert not inside_box(CARRIER_19XR_1407KW, 18.0, 25.0), "warm chilled water"
    assert not inside_box(CARRIER_30RB_1326KW, 7.0, 15.0), "a winter day"


def test_curves_that_leave_no_capacity_are_refused() -> None:
    with pytest.raises(ValueError, match="available capacity"):
        eir_operation(CARRIER_19XR_1407KW, 1e5, 40.0, 5.0)


def test_arrays_give_what_scalars_give() -> None:
    loads, cold, hot = np.array([5e4, 5e5, 3e6]), np.array([5.0, 7.0, 9.0]), np.array([15.0, 25.0, 30.0])
    together = eir_operation(CARRIER_19XR_1407KW, loads, cold, hot)
    for i in range(3):
        alone = eir_operation(CARRIER_19XR_1407KW, float(loads[i]), float(cold[i]), float(hot[i]))
        assert together.power_w[i] == pytest.approx(alone.power_w, rel=1e-12)
        assert together.condenser_heat_w[i] == pytest.approx(alone.condenser_heat_w, rel=1e-12)


def test_blast_power() -> None:
    # Reference vector chl-006.
    assert blast_operation(AIR_COOLED_BLAST, 60e3, 6.67, 25.0).power_w == pytest.approx(18_241.89, abs=0.01)


def test_blast_power_rises_with_outdoor_temperature() -> None:
    # Public copies of these curves with a lost sign, or with design temperatures subtracted from each other, fail this.
    powers = [blast_operation(AIR_COOLED_BLAST, 60e3, 6.67, t).power_w for t in (20.0, 25.0, 30.0, 35.0, 40.0)]
    assert powers == sorted(powers)


def test_blast_branches() -> None:
    low = blast_operation(AIR_COOLED_BLAST, 1e3, 6.67, 35.0)
    assert low.part_load_ratio < 0.05
    assert low.cycling_ratio == pytest.approx(low.part_load_ratio / 0.05)
    assert blast_operation(AIR_COOLED_BLAST, 5e3, 6.67, 35.0).cycling_ratio == 1.0
    assert blast_operation(AIR_COOLED_BLAST, 1e6, 6.67, 35.0).part_load_ratio == 1.0
    assert blast_operation(AIR_COOLED_BLAST, 0.0, 6.67, 35.0).power_w == 0.0
