"""The server models of other simulators, against their own numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulator.physics.it_equipment import (
    EnergyPlusItEquipment,
    RapsNode,
    energyplus_it_power_w,
    raps_conversion_w,
    raps_node_power_w,
)

EXAMPLE = EnergyPlusItEquipment(
    design_power_w=500.0,
    fan_fraction=0.4,
    power_curve=(-1.0, 1.0, 0.0, 0.06667, 0.0, 0.0),
    flow_curve=(-1.4, 0.9, 0.0, 0.1, 0.0, 0.0),
    fan_curve=(0.0, 1.0, 0.0),
    supply_efficiency=0.9,
)
"""EnergyPlus 1ZoneDataCenterCRAC example; its curves are placeholders."""


def test_energyplus_example() -> None:
    # Reference vector ite-001; by hand: (300 * 0.80005 + 200 * 0.82) * 1.1.
    assert energyplus_it_power_w(EXAMPLE, 0.8, 15.0) == pytest.approx((300 * 0.80005 + 200 * 0.82) * 1.1, rel=1e-12)


def test_energyplus_floors() -> None:
    # Both curves are negative in a cold room: no power, and never less.
    assert energyplus_it_power_w(EXAMPLE, 0.0, 5.0) == 0.0
    # A supply curve above one must not create power.
    generous = replace(EXAMPLE, supply_curve=(1.2,))
    assert energyplus_it_power_w(generous, 0.8, 15.0) == pytest.approx(404.015, abs=1e-6)


def test_energyplus_supply_curve_sees_the_load() -> None:
    # efficiency 0.9 * (0.5 + 0.5 PLR) at PLR = 404.015 / 500.
    sloped = replace(EXAMPLE, supply_curve=(0.5, 0.5))
    ratio = 404.015 / 500.0
    assert energyplus_it_power_w(sloped, 0.8, 15.0) == pytest.approx(404.015 * (2.0 - 0.9 * (0.5 + 0.5 * ratio)))


def test_energyplus_arrays() -> None:
    loads, inlets = np.array([0.2, 0.8]), np.array([18.0, 15.0])
    assert energyplus_it_power_w(EXAMPLE, loads, inlets)[1] == pytest.approx(energyplus_it_power_w(EXAMPLE, 0.8, 15.0))


def test_frontier_node_at_full_load() -> None:
    # Reference vector nod-001: ExaDigiT RAPS, config/frontier.yaml.
    node = RapsNode(cpu_w=280.0, gpu_w=560.0, gpus=4, memory_w=74.26, nic_w=20.0, nics=4, storage_w=30.0)
    assert raps_node_power_w(node, 13.0, 0.98) == pytest.approx(2772.7143, abs=1e-4)
    # Four nodes behind one rectifier, (P + 17) / 0.96: ExaDigiT RAPS.
    assert raps_conversion_w(4 * 2772.7143, 17.0, 0.96) == pytest.approx((4 * 2772.7143 + 17.0) / 0.96)
