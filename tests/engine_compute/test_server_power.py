"""Input power of servers, and what seeing only the mean of a step costs."""

from __future__ import annotations

from dataclasses import fields
from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.compute.server_power import HallPower, ServerPower
from simulator.profiles import catalogue
from simulator.profiles.servers import ServerRecord

AROUND_W = 200.0 + 40.0 + 60.0 + 2 * 10.0
"""Host, drives, switch chips and adapters of `plain_server` at rest."""


def _one(
    server: ServerRecord, accelerator_w: float, busy: float = 0.0, nic: float = 0.0, inlet_c: float = 25.0
) -> HallPower:
    return ServerPower(server, inlet_c).mean_power(np.array([accelerator_w]), np.array([busy]), np.array([nic]))


def test_components_by_hand(plain_server: ServerRecord) -> None:
    """400 W of accelerators, half busy, adapters a quarter loaded: 780 W, a load of 0.39 on the supplies.

    Their loss is 0.1 (1 / 0.8 - 1) = 0.025 of the rated 2 kW at a load of 0.1 and 0.5 (1 / 0.9 - 1) = 0.0556 at 0.5.
    """
    power = _one(plain_server, 400.0, 0.5, 0.25)
    assert (power.accelerator_w, power.host_w, power.nic_w) == (400.0, 250.0, 30.0)
    assert (power.storage_w, power.fabric_w, power.fan_w) == (40.0, 60.0, 0.0)
    loss_w = 2000.0 * (0.025 + 0.29 / 0.4 * (0.5 / 9.0 - 0.025))
    assert power.psu_loss_w == pytest.approx(loss_w, rel=1e-12)
    assert power.input_w == power.highest_server_w == pytest.approx(780.0 + loss_w, rel=1e-12)
    assert power.busy_share == 0.5
    assert power.network_bytes_per_s == 0.25 * 2 * 1e9
    assert power.overloaded_servers == 0


@pytest.mark.parametrize(("load", "efficiency"), [(0.5, 0.9), (1.0, 0.85)])
def test_supplies_meet_their_certificate(plain_server: ServerRecord, load: float, efficiency: float) -> None:
    output_w = load * 2000.0
    assert _one(plain_server, output_w - AROUND_W).input_w == pytest.approx(output_w / efficiency, rel=1e-12)


def test_supplies_below_their_first_point_keep_its_loss(plain_server: ServerRecord) -> None:
    light = plain_server.model_copy(
        update={"power_supply": plain_server.power_supply.model_copy(update={"rated_w": 4000.0})}
    )
    # 320 W on 8 kW is a load of 0.04; the loss stays at 0.025 of the rated power.
    assert _one(light, 0.0).psu_loss_w == pytest.approx(0.025 * 8000.0, rel=1e-12)


def test_overloaded_servers_are_counted_and_keep_the_loss_of_full_load(plain_server: ServerRecord) -> None:
    full_w = 2000.0 - AROUND_W
    watts = np.array([full_w + 1.0, full_w - 1.0, 100.0, full_w + 500.0])
    power = ServerPower(plain_server, 25.0).mean_power(watts, np.zeros(4), np.zeros(4))
    assert power.overloaded_servers == 2
    full_loss_w = 2000.0 * (1.0 / 0.85 - 1.0)
    assert power.highest_server_w == pytest.approx(2500.0 + full_loss_w, rel=1e-12)
    assert _one(plain_server, full_w + 1.0).psu_loss_w == pytest.approx(full_loss_w, rel=1e-12)


def test_fans_by_hand(fan_server: ServerRecord) -> None:
    """Flow (q (85 - 25) / (85 - T))^(1 / 0.8), power its cube, between 0.3 and 1.4 of the flow at 1 kW and 25 degC."""
    at_reference = 1000.0 - AROUND_W
    assert _one(fan_server, at_reference).fan_w == pytest.approx(100.0, rel=1e-12)
    warmer = 100.0 * (60.0 / 55.0) ** (3 / 0.8)
    assert _one(fan_server, at_reference, inlet_c=30.0).fan_w == pytest.approx(warmer, rel=1e-12)
    assert _one(fan_server, at_reference - 200.0).fan_w == pytest.approx(100.0 * 0.8 ** (3 / 0.8), rel=1e-12)
    assert _one(fan_server, 0.0, inlet_c=10.0).fan_w == pytest.approx(100.0 * 0.3**3, rel=1e-12)
    assert _one(fan_server, 1600.0 - AROUND_W).fan_w == pytest.approx(100.0 * 1.4**3, rel=1e-12)


@given(st.floats(0.0, 1600.0), st.floats(1.0, 300.0), st.floats(5.0, 35.0), st.floats(0.5, 10.0))
def test_fans_rise_with_heat_and_with_inlet(
    fan_server: ServerRecord, watts: float, more_w: float, inlet_c: float, warmer_k: float
) -> None:
    fan_w = _one(fan_server, watts, inlet_c=inlet_c).fan_w
    hotter_w = _one(fan_server, watts + more_w, inlet_c=inlet_c).fan_w
    warmer_w = _one(fan_server, watts, inlet_c=inlet_c + warmer_k).fan_w
    assert fan_w <= hotter_w <= 100.0 * 1.4**3 * (1.0 + 1e-12)
    assert fan_w <= warmer_w
    if 1.01 * 100.0 * 0.3**3 < fan_w < 0.99 * 100.0 * 1.4**3:
        assert fan_w < hotter_w
        assert fan_w < warmer_w


@given(st.lists(st.tuples(st.floats(0.0, 3000.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0)), min_size=1, max_size=8))
def test_parts_make_the_input_and_servers_the_hall(
    fan_server: ServerRecord, loads: list[tuple[float, float, float]]
) -> None:
    hall = ServerPower(fan_server, 27.0).mean_power(*(np.array(column) for column in zip(*loads, strict=True)))
    parts = (hall.accelerator_w, hall.host_w, hall.storage_w, hall.fabric_w, hall.nic_w, hall.fan_w, hall.psu_loss_w)
    assert sum(parts) == pytest.approx(hall.input_w, rel=1e-12)
    single = [_one(fan_server, *load, inlet_c=27.0) for load in loads]
    of_one = ("highest_server_w", "busy_share", "hottest_board_w", "hottest_flow_ratio")
    for name in (entry.name for entry in fields(HallPower) if entry.name not in of_one):
        assert getattr(hall, name) == pytest.approx(sum(getattr(server, name) for server in single), rel=1e-12), name
    assert hall.highest_server_w == max(server.input_w for server in single)
    assert hall.hottest_board_w == max(server.hottest_board_w for server in single)
    assert hall.busy_share == pytest.approx(np.mean([load[1] for load in loads]), rel=1e-12, abs=1e-15)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from([100.0, 900.0]), st.sampled_from([0.0, 0.7]), st.sampled_from([0.0, 0.4])),
        max_size=12,
    )
)
def test_a_repeated_step_is_recognised_and_no_other(
    plain_server: ServerRecord, steps: list[tuple[float, float, float]]
) -> None:
    """One instance, fed through the same three arrays, gives what a fresh one gives for each step."""
    lasting, arrays = ServerPower(plain_server, 25.0), [np.zeros(1) for _ in range(3)]
    for step in steps:
        for array, value in zip(arrays, step, strict=True):
            array[0] = value
        assert lasting.mean_power(*arrays) == _one(plain_server, *step)


SHIPPED = [name for name in catalogue.shipped_names("servers") if catalogue.server(name, Path()).record.accelerator]
DUTIES = np.linspace(0.02, 0.98, 49)


def _swinging_loss_w(
    server: ServerRecord,
    mean: HallPower,
    boards_w: tuple[float, float],
    busy: tuple[float, float],
    duty: float,
    groups: int,
) -> float:
    """Return the supplies' mean loss while boards alternate between two powers, in groups that know nothing of others.

    At 1 Hz the fans turn at the speed that the mean asks for.
    """
    supply = server.power_supply
    rated_w = supply.count * supply.rated_w
    loads, losses = zip(*((load, load * (1.0 / eta - 1.0)) for load, eta in supply.efficiency_points), strict=True)
    loss_w = 0.0
    for high in range(groups + 1):
        board_w, busy_share = ((1.0 - high / groups) * low + high / groups * up for low, up in (boards_w, busy))
        host_w = server.host.idle_w + (server.host.busy_w - server.host.idle_w) * busy_share
        parts_w = (mean.nic_w, mean.storage_w, mean.fabric_w, mean.fan_w)
        output_w = server.accelerators * board_w + host_w + sum(parts_w)
        probability = comb(groups, high) * duty**high * (1.0 - duty) ** (groups - high)
        loss_w += probability * rated_w * float(np.interp(output_w / rated_w, loads, losses))
    return loss_w


def _understated(
    server: ServerRecord, boards_w: tuple[float, float], busy: tuple[float, float], groups: int
) -> list[float]:
    """Return by how much of the input the mean is too low, at each duty cycle."""
    shares = []
    for duty in DUTIES:
        board_w, busy_share = ((1.0 - duty) * low + duty * high for low, high in (boards_w, busy))
        mean = _one(server, server.accelerators * board_w, busy_share, inlet_c=24.0)
        loss_w = _swinging_loss_w(server, mean, boards_w, busy, duty, groups)
        shares.append((loss_w - mean.psu_loss_w) / mean.input_w)
    return shares


@pytest.mark.parametrize("name", SHIPPED)
def test_the_mean_of_a_step_is_enough_for_supplies(name: str) -> None:
    """Loss rises faster than load, so the mean is too low; how much, at 1 Hz and any duty cycle, for each server.

    0.4 %: training and serving, where boards swing between half and full power. 1.0 %: all boards together between idle
    and full power. 0.45 %: the same, each board by itself. Rounding apart, never too high.
    """
    server = catalogue.server(name, Path()).record
    assert server.accelerator is not None
    power = catalogue.accelerator(server.accelerator, Path()).record.power
    working, resting = (0.5 * power.cap_w, power.cap_w), (power.idle_context_w, power.cap_w)
    for boards_w, busy, groups, most in (
        (working, (1.0, 1.0), 1, 0.004),
        (resting, (0.0, 1.0), 1, 0.0102),
        (resting, (0.0, 1.0), server.accelerators, 0.0045),
    ):
        shares = _understated(server, boards_w, busy, groups)
        assert min(shares) > -1e-12
        assert max(shares) < most


def test_the_bound_on_swings_is_tight() -> None:
    """Some server comes close to 1 %, so the test above would see a larger curvature."""
    worst = 0.0
    for name in SHIPPED:
        server = catalogue.server(name, Path()).record
        power = catalogue.accelerator(str(server.accelerator), Path()).record.power
        worst = max(worst, *_understated(server, (power.idle_context_w, power.cap_w), (0.0, 1.0), 1))
    assert 0.008 < worst < 0.0102
