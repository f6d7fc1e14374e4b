"""Input power of servers from what their accelerators and adapters drew on average over a plant step."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from simulator.engine.compute.boards import Boards
from simulator.physics.electrical import psu_loss_w
from simulator.physics.fans import server_fan_power_ratio
from simulator.profiles.servers import FanWall, ServerRecord

Array = NDArray[np.float64]

_LEAST_MARGIN_K = 1.0
_FELT_K = 0.01
"""Changes of temperature below it reach neither fans nor boards: it is worth 0.005 % of a node's power."""


@dataclass(frozen=True, slots=True)
class HallPower:
    """Mean power of the servers of a hall over a plant step, by component (W); `input_w` is the sum of the others.

    Args:
        accelerator_w: accelerator boards, in air or coolant as cool as where their power was measured.
        leakage_w: what busy boards draw beyond that for the temperature that it has.
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
        hottest_board_w: power of a board of the server whose boards draw most.
        hottest_flow_ratio: flow of that server's fans over their reference flow; 1 without fans.
        liquid_heat_w: part of the input that liquid takes away; air takes the rest.
    """

    accelerator_w: float
    leakage_w: float
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
    hottest_board_w: float
    hottest_flow_ratio: float
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
        boards: thermal side of their accelerators; None leaves leakage out.
    """

    def __init__(
        self, server: ServerRecord, inlet_c: float, liquid: LiquidSide | None = None, boards: Boards | None = None
    ) -> None:
        self._server = server
        self._liquid = liquid or LiquidSide(server.liquid_fraction or 0.0, False)
        self._boards = boards
        self._inlet_c = self._cool_c = inlet_c
        self._rated_w = server.power_supply.count * server.power_supply.rated_w
        self._highest_load = server.power_supply.efficiency_points[-1][0]
        self._last: tuple[Array, Array, Array, HallPower] | None = None

    def breathe(self, inlet_c: float, cool_c: float) -> bool:
        """Take temperatures from now on; return whether they are others, by more than sensors would tell.

        Args:
            inlet_c: air at the servers' inlet.
            cool_c: what cools the boards: the same air, or the supply of the coolant.
        """
        if max(abs(inlet_c - self._inlet_c), abs(cool_c - self._cool_c)) <= _FELT_K:
            return False
        self._inlet_c, self._cool_c, self._last = inlet_c, cool_c, None
        return True

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

    def boards_only(self, accelerator_w: Array, busy_share: Array, nic_share: Array) -> HallPower:
        """Return the power of servers that are off but for iterations that end as they began."""
        server = self._server
        total_w = float(accelerator_w.sum())
        values = {entry.name: 0.0 for entry in fields(HallPower) if entry.name != "overloaded_servers"}
        return HallPower(
            **{
                **values,
                "accelerator_w": total_w,
                "input_w": total_w,
                "highest_server_w": float(accelerator_w.max()),
                "busy_share": float(busy_share.mean()),
                "network_bytes_per_s": float(nic_share.sum()) * server.nics.count * server.nics.bandwidth_bytes_per_s,
                "hottest_board_w": float(accelerator_w.max()) / max(server.accelerators, 1),
                "hottest_flow_ratio": 1.0,
                "liquid_heat_w": self._liquid.fraction * total_w,
            },
            overloaded_servers=0,
        )

    def _solve(self, accelerator_w: Array, busy_share: Array, nic_share: Array) -> HallPower:
        server, servers = self._server, len(accelerator_w)
        host_w = server.host.idle_w + (server.host.busy_w - server.host.idle_w) * busy_share
        nic_w = server.nics.count * (server.nics.idle_w + (server.nics.busy_w - server.nics.idle_w) * nic_share)
        leakage_w = self._leakage_w(accelerator_w, busy_share)
        boards_w = accelerator_w + leakage_w
        heat_w = boards_w + host_w + nic_w + server.host.storage_w + server.fabric.power_w
        fan_w = self._fan_w(heat_w)
        hottest = int(boards_w.argmax())
        output_w = heat_w + fan_w
        load = output_w / self._rated_w
        overloaded = load > self._highest_load
        loss_w = psu_loss_w(np.minimum(load, self._highest_load), self._rated_w, server.power_supply.efficiency_points)
        input_w = output_w + loss_w
        return HallPower(
            accelerator_w=float(accelerator_w.sum()),
            leakage_w=float(leakage_w.sum()),
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
            hottest_board_w=float(boards_w[hottest]) / max(server.accelerators, 1),
            hottest_flow_ratio=self._flow_ratio(float(fan_w[hottest])),
        )

    def _leakage_w(self, accelerator_w: Array, busy_share: Array) -> Array:
        """Return the leakage of the busy boards; the limit as delivered holds for it too."""
        boards, count = self._boards, self._server.accelerators
        if boards is None or not count:
            return np.zeros_like(accelerator_w)
        wanted_w = boards.leakage_w(self._cool_c) * count * busy_share
        room_w = np.maximum(boards.delivered_limit_w * count - accelerator_w, 0.0)
        least_w: Array = np.maximum(np.minimum(wanted_w, room_w), -accelerator_w)
        return least_w

    def _flow_ratio(self, fan_w: float) -> float:
        fans = self._server.cooling
        if not isinstance(fans, FanWall):
            return 1.0
        return float((fan_w / fans.reference_power_w) ** (1.0 / fans.fan_exponent))

    def _fan_w(self, heat_w: Array) -> Array:
        fans = self._server.cooling
        if self._liquid.removes_fans or not isinstance(fans, FanWall):
            return np.zeros_like(heat_w)
        # Fans see the heat that air carries.
        heat_ratio: Array = (1.0 - self._liquid.fraction) * heat_w / fans.reference_heat_w
        # Air that hot finds the fans at full speed whatever the law says; servers trip long before.
        inlet_c = min(self._inlet_c, fans.component_limit_c - _LEAST_MARGIN_K)
        ratio = server_fan_power_ratio(
            heat_ratio,
            np.full_like(heat_w, inlet_c),
            reference_inlet_c=fans.reference_inlet_c,
            component_limit_c=fans.component_limit_c,
            heatsink_exponent=fans.heatsink_exponent,
            fan_exponent=fans.fan_exponent,
            minimum_flow_ratio=fans.minimum_flow_fraction,
            maximum_flow_ratio=fans.maximum_flow_fraction,
        )
        return fans.reference_power_w * ratio
