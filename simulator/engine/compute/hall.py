"""A hall: servers of one kind, their accelerators, and the meter that integrates what they use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.engine.compute.account import Account, Phase
from simulator.engine.compute.server_power import HallPower, ServerPower
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


class Hall:
    """Servers of one kind.

    Energy is booked as it is used: by replicas at the end of each of their steps, by gang jobs and for free
    accelerators when the hall is read. Nothing is sampled.

    Args:
        name: name in the scenario.
        server: profile of the servers.
        accelerator: profile of their accelerators; None for servers with processors only.
        servers: number of servers.
        cap_w: power cap of each accelerator.
        inlet_c: air temperature at the servers' inlet.
    """

    def __init__(
        self,
        name: str,
        server: ServerRecord,
        accelerator: AcceleratorRecord | None,
        servers: int,
        cap_w: float,
        inlet_c: float,
    ) -> None:
        self.name = name
        self.server = server
        self.accelerator = accelerator
        self.servers = servers
        self.cap_w = cap_w
        self.free = [server.accelerators] * servers
        """Free accelerators of each server."""
        self.energy_j = [0.0] * servers
        """Accelerator energy of each server since the last reading, booked by replicas."""
        self.busy_s = [0.0] * servers
        """Busy accelerator-seconds of each server since the last reading, booked by replicas."""
        self._gang_energy_j = np.zeros(servers)
        self._gang_busy_s = np.zeros(servers)
        self._nic_bytes = np.zeros(servers)
        self._accounts: dict[tuple[str, Phase], Account] = {}
        self._idle = self.account("", "idle")
        self._power = ServerPower(server, inlet_c)
        self._read_s = 0.0
        self._idle_booked_s = 0.0

    def account(self, workload: str, phase: Phase) -> Account:
        """Return the account of a workload and phase, opened at first use."""
        return self._accounts.setdefault((workload, phase), Account(workload, phase))

    @property
    def accounts(self) -> dict[tuple[str, Phase], Account]:
        """All accounts by (workload, phase)."""
        return self._accounts

    def occupy(self, placement: Placement, now_s: float) -> None:
        """Hand accelerators to a workload."""
        self._book_free(now_s)
        for server, count in zip(placement.servers, placement.counts, strict=True):
            if not 0 < count <= self.free[server]:
                raise InvariantError(f"{count} accelerators asked of {self.free[server]} free ones in {self.name}")
            self.free[server] -= count

    def release(self, placement: Placement, now_s: float) -> None:
        """Take accelerators back."""
        self._book_free(now_s)
        for server, count in zip(placement.servers, placement.counts, strict=True):
            self.free[server] += count

    def book_gang(
        self,
        servers: NDArray[np.int64],
        energy_j: NDArray[np.float64],
        busy_s: NDArray[np.float64],
        nic_bytes: NDArray[np.float64],
    ) -> None:
        """Book the use of a gang job.

        Args:
            servers: indices of its servers, each once.
            energy_j: accelerator energy by server, same shape.
            busy_s: busy accelerator-seconds by server, same shape.
            nic_bytes: bytes sent to other servers, same shape.
        """
        self._gang_energy_j[servers] += energy_j
        self._gang_busy_s[servers] += busy_s
        self._nic_bytes[servers] += nic_bytes

    def read(self, now_s: float) -> HallPower:
        """Return the mean power since the last reading and start the next; accounts are read by their owner."""
        self._book_free(now_s)
        duration_s = now_s - self._read_s
        if duration_s <= 0.0:
            raise InvariantError(f"hall {self.name} read twice at {now_s} s")
        server = self.server
        energy_j = np.array(self.energy_j) + self._gang_energy_j
        busy_s = np.array(self.busy_s) + self._gang_busy_s
        power = self._power.mean_power(
            energy_j / duration_s,
            busy_s / (max(server.accelerators, 1) * duration_s),
            self._nic_bytes / (max(server.nics.count, 1) * server.nics.bandwidth_bytes_per_s * duration_s),
        )
        self.energy_j[:] = [0.0] * self.servers
        self.busy_s[:] = [0.0] * self.servers
        self._gang_energy_j[:] = 0.0
        self._gang_busy_s[:] = 0.0
        self._nic_bytes[:] = 0.0
        self._read_s = now_s
        return power

    def _book_free(self, now_s: float) -> None:
        """Book the accelerators that no workload holds, up to now."""
        duration_s, self._idle_booked_s = now_s - self._idle_booked_s, now_s
        if self.accelerator is None or duration_s <= 0.0:
            return
        idle_w = self.accelerator.power.idle_w
        free = np.array(self.free, dtype=np.float64)
        self._gang_energy_j += free * (idle_w * duration_s)
        accelerator_s = float(free.sum()) * duration_s
        self._idle.compute_j += accelerator_s * idle_w
        self._idle.accelerator_s += accelerator_s
