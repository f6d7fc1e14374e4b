"""Carnot chillers: the reference point, the bound of the second law, monotony without slack, the coupled solution."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.carnot_chillers import (
    CarnotMachine,
    carnot_chiller_cop,
    carnot_limit_cop,
    carnot_power_w,
    part_load_efficiency,
)
from simulator.physics.chillers import CARRIER_19XR_1407KW, eir_operation

CURVE = CARRIER_19XR_1407KW.part_load_curve
MACHINE = CarnotMachine(0.62, 1.5, 1.5, minimum_lift_k=10.0, maximum_cop=14.0)


def test_reference_point() -> None:
    # Reference vector chl-007: Modelica Buildings' Carnot, 0.6 * 289.15 K / 21 K.
    machine = CarnotMachine(0.6, 2.0, 2.0, minimum_lift_k=10.0, maximum_cop=14.0)
    assert carnot_chiller_cop(machine, 18.0, 35.0) == pytest.approx(8.261429, abs=1e-6)
    assert carnot_chiller_cop(machine, 18.0, 35.0, 0.9) == pytest.approx(0.9 * 8.261429, abs=1e-6)


def test_effectiveness_implied_by_the_published_machine() -> None:
    # docs/sources.md, chillers: 0.67 for the 19XR with approaches of 1.5 K at its reference point, where the
    # condenser water leaves 5.2 K warmer than it enters (0.07571 m3/s).
    point = eir_operation(CARRIER_19XR_1407KW, 1_406_600.0, 6.67, 29.44)
    leaving_c = 29.44 + point.condenser_heat_w / (0.07571 * 995.586 * 4184.0)
    ideal = carnot_chiller_cop(CarnotMachine(1.0, 1.5, 1.5, minimum_lift_k=1.0, maximum_cop=99.0), 6.67, leaving_c)
    assert point.evaporator_heat_w / point.power_w / ideal == pytest.approx(0.67, abs=0.01)


def test_lift_floor_and_cop_cap() -> None:
    assert carnot_chiller_cop(MACHINE, 18.0, 19.0) == pytest.approx(14.0)
    uncapped = CarnotMachine(0.62, 1.5, 1.5, minimum_lift_k=10.0, maximum_cop=99.0)
    assert carnot_chiller_cop(uncapped, 18.0, 19.0) == pytest.approx(0.62 * (18.0 - 1.5 + 273.15) / 10.0)
    assert carnot_chiller_cop(uncapped, 18.0, 10.0) == carnot_chiller_cop(uncapped, 18.0, 19.0)


@given(st.floats(5.0, 27.0), st.floats(0.1, 40.0), st.floats(0.05, 1.2))
def test_no_chiller_beats_carnot(chilled_c: float, lift_k: float, load: float) -> None:
    cop = carnot_chiller_cop(MACHINE, chilled_c, chilled_c + lift_k, part_load_efficiency(load, CURVE, 0.2))
    assert 0.0 < cop <= carnot_limit_cop(chilled_c, chilled_c + lift_k)


@given(st.floats(5.0, 27.0), st.floats(-10.0, 45.0), st.floats(0.0, 10.0))
def test_cop_never_rises_with_the_condenser_temperature(chilled_c: float, condenser_c: float, warmer_k: float) -> None:
    assert carnot_chiller_cop(MACHINE, chilled_c, condenser_c + warmer_k) <= carnot_chiller_cop(
        MACHINE, chilled_c, condenser_c
    )


@given(st.floats(0.001, 1.2), st.floats(1.0, 2.0))
def test_power_never_falls_with_load(load: float, factor: float) -> None:
    # Power at constant temperatures is load / eta_PL(load), with the machine cycling below its minimum.
    less, more = (x / part_load_efficiency(x, CURVE, 0.2) for x in (load, load * factor))
    assert more >= less * (1 - 1e-15)


def test_part_load_efficiency_is_held_where_the_machine_cycles() -> None:
    assert part_load_efficiency(0.05, CURVE, 0.2) == part_load_efficiency(0.2, CURVE, 0.2)
    # A variable-speed machine is at its best below full load: at sqrt(a / c) of its curve.
    best = (CURVE[0] / CURVE[2]) ** 0.5
    assert all(
        part_load_efficiency(best, CURVE, 0.2) >= part_load_efficiency(x, CURVE, 0.2) for x in (0.5, 0.7, 0.9, 1.0)
    )


@given(st.floats(1e4, 2e6), st.floats(10.0, 25.0), st.floats(5.0, 40.0), st.floats(0.3, 1.0), st.floats(0.0, 1e6))
def test_coupled_power_solves_its_own_equation(
    load_w: float, chilled_c: float, entering_c: float, efficiency: float, other_w: float
) -> None:
    rate = max(load_w, 5e4) / 4.0
    power_w = carnot_power_w(
        MACHINE,
        load_w,
        chilled_c,
        entering_c,
        condenser_heat_rate_w_per_k=rate,
        other_condenser_heat_w=load_w + other_w,
        part_load_efficiency=efficiency,
    )
    leaving_c = entering_c + (load_w + other_w + power_w) / rate
    assert power_w * carnot_chiller_cop(MACHINE, chilled_c, leaving_c, efficiency) == pytest.approx(load_w, rel=1e-9)


@given(st.floats(1e4, 1e6), st.floats(1.0, 1.5), st.floats(5.0, 38.0), st.floats(0.0, 5.0))
def test_coupled_power_never_falls_with_load_or_condenser_water(
    load_w: float, factor: float, entering_c: float, warmer_k: float
) -> None:
    def power_w(load: float, entering: float) -> float:
        return carnot_power_w(
            MACHINE, load, 18.0, entering, condenser_heat_rate_w_per_k=3e5, other_condenser_heat_w=load
        )

    assert power_w(load_w * factor, entering_c) >= power_w(load_w, entering_c)
    assert power_w(load_w, entering_c + warmer_k) >= power_w(load_w, entering_c)


def test_impossible_machines_are_refused() -> None:
    with pytest.raises(ValueError, match=r"effectiveness must be in \[0, 1\], got 1.1"):
        CarnotMachine(1.1, 1.5, 1.5, 10.0, 14.0)
    with pytest.raises(ValueError, match="minimum_lift_k must be > 0"):
        CarnotMachine(0.6, 1.5, 1.5, 0.0, 14.0)
    with pytest.raises(ValueError, match="hot_c - cold_c must be > 0"):
        carnot_limit_cop(20.0, 20.0)
    with pytest.raises(ValueError, match="condenser flow too small"):
        carnot_power_w(MACHINE, 1e6, 18.0, 25.0, condenser_heat_rate_w_per_k=1e3, other_condenser_heat_w=1e6)
