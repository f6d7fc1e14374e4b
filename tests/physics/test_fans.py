"""Fan curves, affinity and the server fan law."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import fans


@pytest.mark.parametrize(
    ("curve", "flow_fraction", "expected"),
    [
        # EnergyPlus curves, evaluated by hand for the reference vectors.
        (fans.VARIABLE_SPEED_MOTOR, 0.5, 0.2667459),
        (fans.EC_PLUG_FAN, 0.75, 0.4492386),
        (fans.TOWER_FAN, 0.5, 0.125582),
        (fans.TOWER_FAN, 1.0, -0.00931516301535329 + 0.0512333965844443 - 0.0838364671381841 + 1.04191823356909),
    ],
)
def test_published_curves(curve: tuple[float, ...], flow_fraction: float, expected: float) -> None:
    assert fans.fan_power_ratio(flow_fraction, curve) == pytest.approx(expected, abs=1e-6)


def test_a_fan_never_gives_power_back() -> None:
    assert fans.fan_power_ratio(0.05, fans.TOWER_FAN) == 0.0
    assert fans.fan_power_ratio(np.array([0.05, 1.0]), fans.TOWER_FAN)[0] == 0.0


def test_affinity_is_the_cube_and_halves_to_an_eighth() -> None:
    assert fans.affinity_power_ratio(0.8) == pytest.approx(0.512, abs=1e-12)
    assert fans.affinity_power_ratio(0.5) == 0.125
    assert fans.affinity_power_ratio(0.5, exponent=2.0) == 0.25


def test_fan_wall_needs_32_watts_per_kilowatt() -> None:
    # docs/sources.md, plant fans and pumps: 300 Pa, efficiency 0.65 and 12 K give 32 W per kW of air heat.
    flow = 1000.0 / (1.2 * 1005.0 * 12.0)
    assert fans.fan_power_w(flow, 300.0, 0.65) == pytest.approx(32.0, abs=0.2)


def _server(inlet_c: float, heat_ratio: float = 1.0, **limits: float) -> float:
    return fans.server_fan_power_ratio(heat_ratio, inlet_c, reference_inlet_c=25.0, component_limit_c=85.0, **limits)


@pytest.mark.parametrize(("inlet_c", "expected"), [(23.0, 0.884), (27.0, 1.136), (30.0, 1.386)])
def test_server_fans_follow_the_inlet(inlet_c: float, expected: float) -> None:
    # docs/sources.md, server fans: relative to 25 degC at constant heat.
    assert _server(inlet_c) == pytest.approx(expected, abs=5e-4)


def test_server_fans_explain_measured_sensitivity_to_inlet() -> None:
    # Coroama 2025, arXiv 2509.26163: 0.35 to 0.5 % of server power per K from 23 to 30 degC; fans 6 % at 25 degC.
    per_k = 0.06 * (_server(30.0) - _server(23.0)) / 7.0
    assert 0.0035 <= per_k <= 0.005


@given(st.floats(10.0, 60.0), st.floats(0.0, 20.0), st.floats(0.2, 1.5))
def test_server_fan_power_never_falls_with_the_inlet(inlet_c: float, more_k: float, heat_ratio: float) -> None:
    assert _server(inlet_c + more_k, heat_ratio) >= _server(inlet_c, heat_ratio)


def test_server_fan_limits() -> None:
    assert _server(25.0, 0.01) == pytest.approx(0.3**3)
    assert _server(60.0, maximum_flow_ratio=1.5) == pytest.approx(1.5**3)
    assert _server(25.0, fan_exponent=2.5, heat_ratio=0.5) == pytest.approx(0.5 ** (2.5 / 0.8))


def test_a_server_hotter_than_its_limit_cannot_be_cooled() -> None:
    with pytest.raises(ValueError, match="component_limit_c - inlet_c must be > 0"):
        _server(85.0)


def test_negative_flow_is_refused() -> None:
    with pytest.raises(ValueError, match=r"flow_fraction must be in \[0, inf\], got -0.1"):
        fans.fan_power_ratio(-0.1, fans.EC_PLUG_FAN)
    with pytest.raises(ValueError, match="flow_fraction"):
        fans.fan_power_ratio(math.nan, fans.EC_PLUG_FAN)
