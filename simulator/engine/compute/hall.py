"""A hall: servers of one kind, their accelerators, and the meter that integrates what they use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.engine.compute.account import Account, Phase
from simulator.engine.compute.boards import Boards
from simulator.engine.compute.power_caps import PowerCaps
from simulator.engine.compute.power_switch import PowerSwitch
from simulator.engine.compute.server_power import HallPower, LiquidSide, ServerPower
from simulator.errors import InvariantError
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.servers import ServerRecord


@dataclass(frozen=True, slots=True)
class Placement:
    """Accelerators given to a workload: `counts[i]` of server `servers[i]`."""

    servers: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def accelerators(self) -> int:
        """Accelerators in all."""
        return sum(self.counts)


class Meter(Protocol):
    """What a hall settles before it is read."""

    def settle(self, now_s: float) -> None:
        """Book up to now."""
        ...


class Hall:
    """Servers of one kind.

    Energy is booked as it is used: by replicas at the end of each of their steps, by gang jobs and for free
    accelerators when the hall is read. Nothing is sampled.

    Args:
        name: name in the scenario.
        server: profile of the servers.
        accelerator: profile of their accelerators; None for servers with processors only.
        servers: number of servers.
        cap_w: power cap of each accelerator at the start.
        inlet_c: air temperature at the servers' inlet, at the start.
        liquid: what liquid does for the servers; absent: what their profile says.
        boards: thermal side of the accelerators; None for one that temperatures do not touch.
    """

    def __init__(
        self,
        name: str,
        server: ServerRecord,
        accelerator: AcceleratorRecord | None,
        servers: int,
        cap_w: float,
        inlet_c: float,
        liquid: LiquidSide | None = None,
        boards: Boards | None = None,
    ) -> None:
        self.name = name
        self.server = server
        self.accelerator = accelerator
        self.servers = servers
        self.cap_w = cap_w
        power = accelerator.power if accelerator is not None else None
        self.caps = PowerCaps(cap_w, *((power.minimum_cap_w, power.cap_w) if power is not None else (0.0, 0.0)))
        self.free = [server.accelerators] * servers
        """Free accelerators of each server."""
        self._free_counts = np.full(servers, float(server.accelerators))
        """`free` as an array."""
        self._free_accelerators = servers * server.accelerators
        self.energy_j = [0.0] * servers
        """Accelerator energy of each server since the last reading, booked by replicas."""
        self.busy_s = [0.0] * servers
        """Busy accelerator-seconds of each server since the last reading, booked by replicas."""
        self.serves = False
        """Whether replicas book here at all."""
        self._use = np.zeros((3, servers))
        """Accelerator energy, busy accelerator-seconds and bytes sent of each server since the last reading."""
        self._last: tuple[float, NDArray[np.float64], HallPower] | None = None
        self._accounts: dict[tuple[str, Phase], Account] = {}
        self._closed: list[tuple[str, Phase]] = []
        self._meters: list[Meter] = []
        self._idle = self.account("", "idle")
        self.boards = boards
        self.switch = PowerSwitch()
        self._power = ServerPower(server, inlet_c, liquid, boards)
        self._read_s = 0.0
        self._idle_booked_s = 0.0

    def breathe(self, inlet_c: float, cool_c: float) -> None:
        """Take other temperatures of inlet air and of what cools the boards, from the next reading on."""
        if self._power.breathe(inlet_c, cool_c):
            self._last = None

    def turn(self, on: bool, now_s: float) -> None:
        """Switch the servers on or off, at a reading: they draw nothing while they are off."""
        self._book_free(now_s)
        self._last = None
        self.switch.set(on)

    def account(self, workload: str, phase: Phase) -> Account:
        """Return the account of a workload and phase, opened at first use."""
        return self._accounts.setdefault((workload, phase), Account(workload, phase))

    def close_account(self, workload: str, phase: Phase) -> None:
        """Read an account once more, at the next reading, and then no longer."""
        self._closed.append((workload, phase))

    def take_accounts(self) -> Iterator[tuple[tuple[str, Phase], tuple[float, ...]]]:
        """Yield what each account has gained since the last reading, by (workload, phase)."""
        for key, account in self._accounts.items():
            yield key, account.take()
        for key in self._closed:
            del self._accounts[key]
        self._closed.clear()

    def attach(self, meter: Meter) -> None:
        """Settle a meter at every reading until it is detached."""
        self._meters.append(meter)

    def detach(self, meter: Meter) -> None:
        """Settle a meter no longer."""
        self._meters.remove(meter)

    def occupy(self, placement: Placement, now_s: float) -> None:
        """Hand accelerators to a workload."""
        self._book_free(now_s)
        for server, count in zip(placement.servers, placement.counts, strict=True):
            if not 0 < count <= self.free[server]:
                raise InvariantError(f"{count} accelerators asked of {self.free[server]} free ones in {self.name}")
            self.free[server] -= count
            self._free_counts[server] = self.free[server]
            self._free_accelerators -= count

    def release(self, placement: Placement, now_s: float) -> None:
        """Take accelerators back."""
        self._book_free(now_s)
        for server, count in zip(placement.servers, placement.counts, strict=True):
            self.free[server] += count
            self._free_counts[server] = self.free[server]
            self._free_accelerators += count

    def book_gang(self, servers: slice | NDArray[np.int64], use: NDArray[np.float64]) -> None:
        """Book the use of a gang job.

        Args:
            servers: indices of its servers, each once, or the slice that they are.
            use: accelerator energy (J), busy accelerator-seconds and bytes sent to other servers, shape (3, servers).
        """
        self._use[:, servers] += use

    def read(self, now_s: float) -> HallPower:
        """Return the mean power since the last reading and start the next; accounts are read by their owner."""
        for meter in self._meters:
            meter.settle(now_s)
        self._book_free(now_s)
        duration_s = now_s - self._read_s
        if duration_s <= 0.0:
            raise InvariantError(f"hall {self.name} read twice at {now_s} s")
        use, last = self._use, self._last
        if self.serves:
            use[0] += self.energy_j
            use[1] += self.busy_s
            self.energy_j[:] = self.busy_s[:] = [0.0] * self.servers
        # A constant load books the same again and again; what it gave stays as it is, down to its identity.
        if last is not None and last[0] == duration_s and (last[1] == use).all():
            power = last[2]
        else:
            server = self.server
            power = (self._power.mean_power if self.switch.on else self._power.boards_only)(
                use[0] / duration_s,
                use[1] / (max(server.accelerators, 1) * duration_s),
                use[2] / (max(server.nics.count, 1) * server.nics.bandwidth_bytes_per_s * duration_s),
            )
            self._last = (duration_s, use.copy(), power)
        use.fill(0.0)
        self._read_s = now_s
        return power

    def _book_free(self, now_s: float) -> None:
        """Book the accelerators that no workload holds, up to now."""
        duration_s, self._idle_booked_s = now_s - self._idle_booked_s, now_s
        if self.accelerator is None or duration_s <= 0.0:
            return
        if not self._free_accelerators:
            return
        idle_w = self.accelerator.power.idle_w if self.switch.on else 0.0
        self._use[0] += self._free_counts * (idle_w * duration_s)
        accelerator_s = self._free_accelerators * duration_s
        self._idle.compute_j += accelerator_s * idle_w
        self._idle.accelerator_s += accelerator_s
