"""Input power of servers from what their accelerators and adapters drew on average over a plant step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.physics.electrical import psu_loss_w
from simulator.physics.fans import server_fan_power_ratio
from simulator.profiles.servers import FanWall, ServerRecord

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HallPower:
    """Mean power of the servers of a hall over a plant step, by component (W); `input_w` is the sum of the others.

    Args:
        accelerator_w: accelerator boards.
        host_w: processors, memory, board.
        storage_w: local drives.
        fabric_w: switch chips between the accelerators.
        nic_w: network adapters.
        fan_w: server fans.
        psu_loss_w: loss of the power supplies.
        input_w: what the servers draw.
        highest_server_w: input of the server that draws most.
        overloaded_servers: servers whose power supplies are loaded beyond their rating.
        busy_share: share of accelerator time that was busy, 0 to 1.
        network_bytes_per_s: traffic of all adapters.
        liquid_heat_w: part of the input that liquid takes away; air takes the rest.
    """

    accelerator_w: float
    host_w: float
    storage_w: float
    fabric_w: float
    nic_w: float
    fan_w: float
    psu_loss_w: float
    input_w: float
    highest_server_w: float
    overloaded_servers: int
    busy_share: float
    network_bytes_per_s: float
    liquid_heat_w: float = 0.0


@dataclass(frozen=True, slots=True)
class LiquidSide:
    """What liquid does for the servers of a hall.

    Args:
        fraction: share of their input that it takes away.
        removes_fans: whether they have no fans any more: immersion.
    """

    fraction: float
    removes_fans: bool


class ServerPower:
    """Turns the activity of the servers of a hall into their input power.

    Host and adapters are linear in activity, so means are exact. Fans and supplies are curved, and see the mean of the
    step: fans because they follow temperatures over minutes, supplies because the curvature of their loss is worth
    little. For the shipped servers the mean understates the input by at most 0.4 % while boards swing between half and
    full power, and by at most 1.0 % if all boards of a server go to and fro between idle and full power together
    (tests/engine_compute/test_server_power.py).

    Args:
        server: the servers' profile.
        inlet_c: air temperature at their inlet.
        liquid: what liquid does for them; absent: what their profile says.
    """

    def __init__(self, server: ServerRecord, inlet_c: float, liquid: LiquidSide | None = None) -> None:
        self._server = server
        self._liquid = liquid or LiquidSide(server.liquid_fraction or 0.0, False)
        self._inlet_c = inlet_c
        self._rated_w = server.power_supply.count * server.power_supply.rated_w
        self._highest_load = server.power_supply.efficiency_points[-1][0]
        self._last: tuple[Array, Array, Array, HallPower] | None = None

    def mean_power(self, accelerator_w: Array, busy_share: Array, nic_share: Array) -> HallPower:
        """Return the mean power over a step.

        Args:
            accelerator_w: mean power of all accelerators of each server, shape (servers,).
            busy_share: share of accelerator time that was busy, 0 to 1, same shape.
            nic_share: mean traffic / bandwidth of the adapters, same shape.
        """
        last = self._last
        # Long stretches of a constant load repeat the same step; recognising it is much cheaper than solving it.
        if last is not None and (
            np.array_equal(last[0], accelerator_w)
            and np.array_equal(last[1], busy_share)
            and np.array_equal(last[2], nic_share)
        ):
            return last[3]
        power = self._solve(accelerator_w, busy_share, nic_share)
        # Copies, because the caller may write the next step into the same arrays.
        self._last = (accelerator_w.copy(), busy_share.copy(), nic_share.copy(), power)
        return power

    def _solve(self, accelerator_w: Array, busy_share: Array, nic_share: Array) -> HallPower:
        server, servers = self._server, len(accelerator_w)
        host_w = server.host.idle_w + (server.host.busy_w - server.host.idle_w) * busy_share
        nic_w = server.nics.count * (server.nics.idle_w + (server.nics.busy_w - server.nics.idle_w) * nic_share)
        heat_w = accelerator_w + host_w + nic_w + server.host.storage_w + server.fabric.power_w
        fan_w = self._fan_w(heat_w)
        output_w = heat_w + fan_w
        load = output_w / self._rated_w
        overloaded = load > self._highest_load
        loss_w = psu_loss_w(np.minimum(load, self._highest_load), self._rated_w, server.power_supply.efficiency_points)
        input_w = output_w + loss_w
        return HallPower(
            accelerator_w=float(accelerator_w.sum()),
            host_w=float(host_w.sum()),
            storage_w=servers * server.host.storage_w,
            fabric_w=servers * server.fabric.power_w,
            nic_w=float(nic_w.sum()),
            fan_w=float(fan_w.sum()),
            psu_loss_w=float(loss_w.sum()),
            input_w=float(input_w.sum()),
            highest_server_w=float(input_w.max()),
            overloaded_servers=int(overloaded.sum()),
            busy_share=float(busy_share.mean()),
            network_bytes_per_s=float(nic_share.sum()) * server.nics.count * server.nics.bandwidth_bytes_per_s,
            liquid_heat_w=self._liquid.fraction * float(input_w.sum()),
        )

    def _fan_w(self, heat_w: Array) -> Array:
        fans = self._server.cooling
        if self._liquid.removes_fans or not isinstance(fans, FanWall):
            return np.zeros_like(heat_w)
        # Fans see the heat that air carries.
        heat_ratio: Array = (1.0 - self._liquid.fraction) * heat_w / fans.reference_heat_w
        ratio = server_fan_power_ratio(
            heat_ratio,
            np.full_like(heat_w, self._inlet_c),
            reference_inlet_c=fans.reference_inlet_c,
            component_limit_c=fans.component_limit_c,
            heatsink_exponent=fans.heatsink_exponent,
            fan_exponent=fans.fan_exponent,
            minimum_flow_ratio=fans.minimum_flow_fraction,
            maximum_flow_ratio=fans.maximum_flow_fraction,
        )
        return fans.reference_power_w * ratio
