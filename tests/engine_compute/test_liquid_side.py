"""What liquid takes from a server: heat conserved, fans that see the rest, and who says how much it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator as sim
from benchmarks.bases import scenario
from simulator.engine.compute.server_power import HallPower, LiquidSide, ServerPower
from simulator.profiles.servers import ServerRecord

AROUND_W = 200.0 + 40.0 + 60.0 + 2 * 10.0


def power(server: ServerRecord, watts: float, liquid: LiquidSide | None = None) -> HallPower:
    return ServerPower(server, 25.0, liquid).mean_power(np.array([watts]), np.zeros(1), np.zeros(1))


@given(st.floats(0.0, 1600.0), st.floats(0.0, 1.0))
def test_liquid_takes_its_share_and_fans_see_the_rest(fan_server: ServerRecord, watts: float, fraction: float) -> None:
    mixed, air = power(fan_server, watts, LiquidSide(fraction, False)), power(fan_server, watts)
    assert mixed.liquid_heat_w == pytest.approx(fraction * mixed.input_w, rel=1e-12)
    assert mixed.fan_w <= air.fan_w
    assert air.liquid_heat_w == 0.0


def test_fans_of_a_hybrid_server_by_hand(fan_server: ServerRecord) -> None:
    # 1 kW of heat, half of it in liquid: flow 0.5^(1 / 0.8).
    mixed = power(fan_server, 1000.0 - AROUND_W, LiquidSide(0.5, False))
    assert mixed.fan_w == pytest.approx(100.0 * 0.5 ** (3 / 0.8), rel=1e-12)


def test_immersion_takes_the_fans(fan_server: ServerRecord) -> None:
    immersed = power(fan_server, 1000.0 - AROUND_W, LiquidSide(1.0, True))
    assert immersed.fan_w == 0.0
    assert immersed.liquid_heat_w == immersed.input_w == pytest.approx(1000.0 + immersed.psu_loss_w)


def run(cooling: dict[str, Any], profile: str = "dgx-h100", **group: Any) -> sim.Result:
    hall = {"name": "hall", "profile": profile, "count": 1, **group}
    job = {
        "kind": "training", "name": "job", "model": "llama-3.1-8b", "servers": "hall", "parallelism": {"data": 8},
        "method": {"kind": "full"}, "sequence_tokens": 8192, "batch_sequences": 16, "recompute": "full",
        "length": {"kind": "steps", "steps": 1_000_000},
    }  # fmt: skip
    facility = {"kind": "modelled", "it_capacity_kw": 11, "cooling": cooling}
    data = scenario("liquid", [hall], [job], duration_h=0.1, end={"kind": "horizon"}, facility=facility)
    return sim.run(sim.from_dict(data))


@pytest.mark.parametrize(
    ("cooling", "profile", "group", "fraction"),
    [
        ("direct_to_chip", "dgx-h100", {}, 0.8),
        ("direct_to_chip", "dgx-h100", {"liquid_fraction": 0.65}, 0.65),
        ("direct_to_chip", "smc-h100-immersion", {}, 1.0),
        ("immersion", "dgx-h100", {}, 1.0),
        ("chilled_water", "dgx-h100", {}, 0.0),
    ],
)
def test_scenario_profile_and_facility_say_how_much(
    cooling: str, profile: str, group: dict[str, Any], fraction: float
) -> None:
    result = run({"kind": cooling}, profile, **group)
    # Without switches and storage the servers are all of the IT power.
    liquid, it = result.facility.liquid_heat_w.to_numpy(), result.facility.it_power_w.to_numpy()
    # A run starts in balance; later a part of what changes is still in servers and coolant.
    assert liquid[0] == pytest.approx(fraction * it[0], rel=1e-9)
    assert liquid == pytest.approx(fraction * it, rel=2e-2)
    assert (result.power.server_fan_w.to_numpy() == 0.0).all() == (cooling == "immersion" or "immersion" in profile)


def test_liquid_saves_server_fans_and_chillers() -> None:
    air, liquid, tank = (run({"kind": kind}).summary for kind in ("air_cooled_chiller", "direct_to_chip", "immersion"))
    assert air.server_fan_energy_kwh > 4.0 * liquid.server_fan_energy_kwh > tank.server_fan_energy_kwh == 0.0
    assert air.tue is not None
    assert liquid.tue is not None
    assert tank.tue is not None
    assert air.tue > liquid.tue > tank.tue
