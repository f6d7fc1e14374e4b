"""Where a replica books the energy and time of its accelerators."""

from __future__ import annotations

from simulator.engine.compute.account import Account
from simulator.engine.compute.hall import Hall


class ReplicaMeter:
    """Books work and idleness of one replica to its workload's accounts and to its server.

    Args:
        hall: hall of the replica's server.
        server: index of the server in the hall.
        accelerators: accelerators of the replica.
        idle_w: power of one accelerator with weights loaded and nothing to do.
        active: account of inference.
        idle: account of loaded but idle accelerators.
    """

    __slots__ = ("_active", "_hall", "_idle", "_idle_w", "_server", "accelerators")

    def __init__(
        self, hall: Hall, server: int, accelerators: int, idle_w: float, active: Account, idle: Account
    ) -> None:
        self._hall = hall
        hall.serves = True
        self._server = server
        self.accelerators = accelerators
        self._idle_w = idle_w
        self._active = active
        self._idle = idle

    def work(self, duration_s: float, energy_j: float, link_j: float) -> None:
        """Book busy accelerators.

        Args:
            duration_s: time that the replica was busy.
            energy_j: energy of all its accelerators, link included.
            link_j: part of it that moved data between accelerators.
        """
        active, hall, server = self._active, self._hall, self._server
        accelerator_s = duration_s * self.accelerators
        active.compute_j += energy_j - link_j
        active.transfer_j += link_j
        active.accelerator_s += accelerator_s
        hall.energy_j[server] += energy_j
        hall.busy_s[server] += accelerator_s

    def stand(self, duration_s: float) -> None:
        """Book accelerators of a server that is off."""
        self._idle.accelerator_s += duration_s * self.accelerators

    def rest(self, duration_s: float) -> None:
        """Book idle accelerators that hold weights."""
        accelerator_s = duration_s * self.accelerators
        energy_j = accelerator_s * self._idle_w
        self._idle.compute_j += energy_j
        self._idle.accelerator_s += accelerator_s
        self._hall.energy_j[self._server] += energy_j
