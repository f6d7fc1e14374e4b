"""Heat of a hall against other ways to solve it: small explicit steps, the algebraic balance, the sum of energies."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simulator.physics.limited_cooling import Heat, advance, forced
from simulator.physics.thermal_network import (
    Temperatures,
    ThermalNetwork,
    free_step,
    held_step,
    hold,
    release,
)

NODE = ThermalNetwork(90e3, 12e3, 126e3, 300.0, 833.0, 1.5)
"""Eight boards of 700 W with their host: a rated 10 kW."""


@st.composite
def networks(draw: st.DrawFn) -> ThermalNetwork:
    capacities = [draw(st.floats(1e3, 1e6)) for _ in range(3)]
    flow = draw(st.floats(50.0, 5e3))
    return ThermalNetwork(*capacities, flow * draw(st.floats(0.05, 1.0)), flow, draw(st.floats(0.0, 10.0)))


temperatures = st.builds(Temperatures, st.floats(15.0, 90.0), st.floats(15.0, 60.0), st.floats(10.0, 45.0))
heats = st.builds(Heat, st.floats(0.0, 2e4), st.floats(0.0, 2e3), st.just(24.0), st.floats(0.0, 4e4))


State = tuple[float, float, float]


def slopes(network: ThermalNetwork, state: State, heat_w: float, other_w: float, removed_w: float) -> State:
    """The three balances as the module's docstring has them."""
    equipment_c, carrier_c, supply_c = state
    given_w = network.exchange_w_per_k * (equipment_c - supply_c - network.recirculation_k)
    carried_w = network.flow_w_per_k * (carrier_c - supply_c)
    return (
        (heat_w - given_w) / network.equipment_j_per_k,
        (given_w + other_w - carried_w) / network.carrier_j_per_k,
        (carried_w - removed_w) / network.loop_j_per_k,
    )


def along(state: State, slope: State, step_s: float) -> State:
    return (state[0] + step_s * slope[0], state[1] + step_s * slope[1], state[2] + step_s * slope[2])


def runge_kutta(
    network: ThermalNetwork, start: Temperatures, duration_s: float, heat: Heat, removed_w: float, steps: int
) -> State:
    state, step_s = tuple(start), duration_s / steps
    inputs = heat.heat_w, heat.other_w, removed_w
    for _ in range(steps):
        first = slopes(network, state, *inputs)
        second = slopes(network, along(state, first, 0.5 * step_s), *inputs)
        third = slopes(network, along(state, second, 0.5 * step_s), *inputs)
        fourth = slopes(network, along(state, third, step_s), *inputs)
        for slope, weight in ((first, 1.0), (second, 2.0), (third, 2.0), (fourth, 1.0)):
            state = along(state, slope, weight * step_s / 6.0)
    return state


def controlled(
    network: ThermalNetwork, start: Temperatures, duration_s: float, heat: Heat, steps: int
) -> tuple[State, float]:
    """Explicit Euler steps of a plant that looks at the supply before each: the state at the end, the heat removed."""
    state, step_s, removed_j = tuple(start), duration_s / steps, 0.0
    for _ in range(steps):
        carried_w = network.flow_w_per_k * (state[1] - state[2])
        off_k = state[2] - heat.setpoint_c
        held = abs(off_k) < 1e-12
        removed_w = min(max(carried_w, 0.0), heat.capacity_w) if held else 0.0 if off_k < 0.0 else heat.capacity_w
        after = along(state, slopes(network, state, heat.heat_w, heat.other_w, removed_w), step_s)
        if not held and (after[2] - heat.setpoint_c) * off_k < 0.0:
            removed_w -= network.loop_j_per_k * (heat.setpoint_c - after[2]) / step_s
            after = (after[0], after[1], heat.setpoint_c)
        removed_j += removed_w * step_s
        state = after
    return state, removed_j


@pytest.mark.parametrize("removed_w", [0.0, 4e3, 12e3])
def test_a_step_at_given_removal_is_what_small_steps_give(removed_w: float) -> None:
    start, heat = NODE.steady(9.2e3, 700.0, 24.0), Heat(9.2e3, 700.0, 24.0, 0.0)
    end, _ = release(NODE, free_step(NODE, 600.0), start, heat.heat_w, heat.other_w, removed_w)
    assert end == pytest.approx(runge_kutta(NODE, start, 600.0, heat, removed_w, 3000), rel=1e-9)


@given(networks(), temperatures, heats, st.floats(1.0, 3600.0), st.floats(0.0, 2e4))
def test_energy_closes_at_given_removal(
    network: ThermalNetwork, start: Temperatures, heat: Heat, duration_s: float, removed_w: float
) -> None:
    result = forced(network, start, duration_s, heat, removed_w)
    made_j = (heat.heat_w + heat.other_w) * duration_s
    scale = made_j + result.removed_j + network.capacity_j_per_k
    assert made_j - result.removed_j == pytest.approx(network.stored_j(start, result.end), abs=1e-9 * scale)


@given(networks(), temperatures, heats, st.floats(1.0, 3600.0))
def test_two_half_steps_are_one_step(
    network: ThermalNetwork, start: Temperatures, heat: Heat, duration_s: float
) -> None:
    whole = free_step(network, duration_s)
    half = free_step(network, 0.5 * duration_s)
    middle, first = release(network, half, start, heat.heat_w, heat.other_w, 3e3)
    end, second = release(network, half, middle, heat.heat_w, heat.other_w, 3e3)
    once, mean = release(network, whole, start, heat.heat_w, heat.other_w, 3e3)
    assert end == pytest.approx(once, rel=1e-9, abs=1e-7)
    assert mean == pytest.approx(0.5 * (np.array(first) + np.array(second)), rel=1e-9, abs=1e-7)
    halfway, early_j = hold(network, held_step(network, 0.5 * duration_s), start, heat.heat_w, heat.other_w)
    held, late_j = hold(network, held_step(network, 0.5 * duration_s), halfway, heat.heat_w, heat.other_w)
    at_once, removed_j = hold(network, held_step(network, duration_s), start, heat.heat_w, heat.other_w)
    assert held == pytest.approx(at_once, rel=1e-11, abs=1e-9)
    assert early_j + late_j == pytest.approx(removed_j, rel=1e-9, abs=1e-9 * network.capacity_j_per_k)


@given(networks(), temperatures, st.floats(0.0, 2e4), st.floats(0.0, 2e3))
def test_a_held_hall_ends_in_the_algebraic_balance(
    network: ThermalNetwork, start: Temperatures, heat_w: float, other_w: float
) -> None:
    slowest_s = max(
        network.equipment_j_per_k / network.exchange_w_per_k, network.carrier_j_per_k / network.flow_w_per_k
    )
    end, _ = hold(network, held_step(network, 60.0 * slowest_s), start, heat_w, other_w)
    inlet_c = start.supply_c + network.recirculation_k
    assert network.exchange_w_per_k * (end.equipment_c - inlet_c) == pytest.approx(heat_w, rel=1e-9, abs=1e-6)
    assert network.flow_w_per_k * (end.carrier_c - end.supply_c) == pytest.approx(heat_w + other_w, rel=1e-9, abs=1e-6)


def test_equal_rates_are_no_special_case() -> None:
    """Equipment and carrier with the same time constant: the two exponentials merge into t exp(-a t)."""
    same = ThermalNetwork(10e3, 20e3, 10e3, 100.0, 200.0, 0.0)
    near = ThermalNetwork(10e3, 20e3 * (1 + 1e-9), 10e3, 100.0, 200.0, 0.0)
    start, heat = Temperatures(60.0, 30.0, 20.0), Heat(2e3, 100.0, 20.0, math.inf)
    end, _ = hold(same, held_step(same, 90.0), start, heat.heat_w, heat.other_w)
    assert end == pytest.approx(hold(near, held_step(near, 90.0), start, heat.heat_w, heat.other_w)[0], rel=1e-8)
    # At held supply the plant removes what the flow brings, so the loop's equation falls away.
    state, step_s = tuple(start), 90.0 / 9000
    for _ in range(9000):
        carried_w = same.flow_w_per_k * (state[1] - state[2])
        state = along(state, slopes(same, state, heat.heat_w, heat.other_w, carried_w), step_s)
    assert end == pytest.approx(state, rel=1e-4)


@given(networks(), temperatures, heats, st.floats(10.0, 3600.0), st.floats(0.05, 0.95))
@example(NODE, NODE.steady(9e3, 0.0, 24.0), Heat(9e3, 0.0, 24.0, 9e3), 600.0, 0.3)
@example(NODE, NODE.steady(9e3, 0.0, 24.0), Heat(9e3, 0.0, 24.0, 0.0), 600.0, 0.3)
@example(NODE, Temperatures(70.0, 40.0, 24.0), Heat(9e3, 0.0, 24.0, 11e3), 3600.0, 0.3)
def test_a_limited_plant_does_not_see_the_length_of_steps(
    network: ThermalNetwork, start: Temperatures, heat: Heat, duration_s: float, cut: float
) -> None:
    once = advance(network, start, duration_s, heat)
    first = advance(network, start, cut * duration_s, heat)
    second = advance(network, first.end, (1.0 - cut) * duration_s, heat)
    scale_j = (heat.heat_w + heat.other_w + heat.capacity_w) * duration_s + 100.0 * network.capacity_j_per_k
    assert tuple(second.end) == pytest.approx(tuple(once.end), abs=1e-6)
    assert first.removed_j + second.removed_j == pytest.approx(once.removed_j, abs=1e-9 * scale_j)
    made_j = (heat.heat_w + heat.other_w) * duration_s
    assert made_j - once.removed_j == pytest.approx(network.stored_j(start, once.end), abs=1e-9 * scale_j)
    assert once.removed_j >= -1e-9 * scale_j
    assert once.removed_j <= heat.capacity_w * duration_s * (1.0 + 1e-12) + 1e-9 * network.capacity_j_per_k


@pytest.mark.parametrize(
    ("start", "capacity_w"),
    [
        (NODE.steady(9e3, 0.0, 24.0), 0.0),
        (NODE.steady(9e3, 0.0, 24.0), 5e3),
        (Temperatures(80.0, 45.0, 40.0), 14e3),
        (Temperatures(30.0, 25.0, 20.0), 14e3),
        (Temperatures(95.0, 30.0, 24.0), 13e3),
        (Temperatures(15.0, 18.0, 24.0), 14e3),
    ],
)
def test_a_limited_plant_against_a_controller_in_small_steps(start: Temperatures, capacity_w: float) -> None:
    """Euler steps of 0.03 s stray by some millikelvin; so may the instants of change."""
    heat = Heat(9e3, 300.0, 24.0, capacity_w)
    result = advance(NODE, start, 900.0, heat)
    state, removed_j = controlled(NODE, start, 900.0, heat, 30_000)
    assert result.end == pytest.approx(state, abs=5e-3)
    assert result.removed_j == pytest.approx(removed_j, rel=1e-3, abs=1e3)


def test_a_plant_without_limit_takes_the_heat_of_a_warm_loop_at_once() -> None:
    start, heat = Temperatures(60.0, 40.0, 34.0), Heat(9e3, 0.0, 24.0, math.inf)
    limited = advance(NODE, start, 600.0, heat._replace(capacity_w=1e9))
    free = advance(NODE, start, 600.0, heat)
    assert free.end == pytest.approx(limited.end, abs=1e-3)
    assert free.removed_j == pytest.approx(limited.removed_j, rel=1e-4)


def test_more_capacity_never_leaves_a_hall_warmer() -> None:
    supplies_c = [
        advance(NODE, NODE.steady(9e3, 0.0, 24.0), 1200.0, Heat(9e3, 0.0, 24.0, capacity_w)).end.supply_c
        for capacity_w in (0.0, 3e3, 6e3, 8.9e3, 9e3, 20e3)
    ]
    assert all(warmer > cooler for warmer, cooler in pairwise(supplies_c[:5]))
    assert supplies_c[-2:] == [24.0, 24.0]


@pytest.mark.parametrize(
    "values", [(0.0, 1.0, 1.0, 1.0, 1.0, 0.0), (1.0, 1.0, 1.0, 2.0, 1.0, 0.0), (1.0, 1.0, 1.0, 1.0, 1.0, -1.0)]
)
def test_no_such_network(values: tuple[float, ...]) -> None:
    """No capacity; a flow that would leave warmer than the equipment; air that is cooler than its supply."""
    with pytest.raises(ValueError, match="must be"):
        ThermalNetwork(*values)
