"""A server of round numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.profiles import catalogue
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.servers import FanWall, Nics, NoFans, PowerSupply, ServerRecord


@pytest.fixture(scope="session")
def plain_server() -> ServerRecord:
    """Return a server with two accelerators, no fans and two supplies of 1 kW.

    Host 200 to 300 W, drives 40 W, switch chips 60 W, two adapters of 1e9 bytes/s at 10 to 30 W each.
    """
    shipped = catalogue.server("dgx-h100", Path()).record
    host = shipped.host.model_copy(update={"idle_w": 200.0, "busy_w": 300.0, "storage_w": 40.0})
    nics = Nics(
        count=2,
        bandwidth_bytes_per_s=1e9,
        idle_w=10.0,
        busy_w=30.0,
        startup_s=1e-5,
        rank_s=1e-6,
        achieved_fraction=0.8,
    )
    supply = PowerSupply(count=2, rated_w=1000.0, efficiency_points=((0.1, 0.80), (0.5, 0.90), (1.0, 0.85)))
    return shipped.model_copy(
        update={
            "accelerators": 2,
            "host": host,
            "fabric": shipped.fabric.model_copy(update={"power_w": 60.0}),
            "nics": nics,
            "cooling": NoFans(kind="none"),
            "power_supply": supply,
        }
    )


@pytest.fixture(scope="session")
def fan_server(plain_server: ServerRecord) -> ServerRecord:
    """Return the same server with fans that draw 100 W at 1 kW of heat and an inlet of 25 degC."""
    fans = FanWall(
        kind="fans",
        reference_power_w=100.0,
        reference_heat_w=1000.0,
        reference_inlet_c=25.0,
        component_limit_c=85.0,
        heatsink_exponent=0.8,
        fan_exponent=3.0,
        minimum_flow_fraction=0.3,
        maximum_flow_fraction=1.4,
    )
    return plain_server.model_copy(update={"cooling": fans})


@pytest.fixture(scope="session")
def accelerator() -> AcceleratorRecord:
    """Return an accelerator that draws 50 W without a process."""
    shipped = catalogue.accelerator("h100-sxm-80gb", Path()).record
    return shipped.model_copy(update={"power": shipped.power.model_copy(update={"idle_w": 50.0})})
