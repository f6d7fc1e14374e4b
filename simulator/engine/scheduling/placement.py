"""Where a workload's accelerators come from: which servers of a hall."""

from __future__ import annotations

from abc import ABC, abstractmethod

from simulator.engine.compute.hall import Hall, Placement


class PlacementPolicy(ABC):
    """Chooses servers. Subclasses order the candidates; the rules of a gang are the same for all."""

    def place(self, hall: Hall, accelerators: int, unit: int) -> Placement | None:
        """Return servers for a gang, or None when it does not fit now.

        A gang that fits into one server gets one. A larger one takes whole units (groups that must share a server) from
        as many servers as it needs.

        Args:
            hall: the hall.
            accelerators: accelerators of the gang.
            unit: accelerators that must share a server.
        """
        if accelerators <= hall.server.accelerators:
            roomy = [server for server in range(hall.servers) if hall.free[server] >= accelerators]
            if not roomy:
                return None
            return Placement((self.choose(hall, roomy),), (accelerators,))
        return self._over_servers(hall, accelerators, unit)

    def _over_servers(self, hall: Hall, accelerators: int, unit: int) -> Placement | None:
        # Emptiest first whatever the policy: a gang over several servers is fastest and least in the way on whole ones.
        order = sorted(range(hall.servers), key=lambda server: (-hall.free[server], server))
        servers: list[int] = []
        counts: list[int] = []
        missing = accelerators
        for server in order:
            taken = min(hall.free[server] // unit * unit, missing)
            if taken <= 0:
                break
            servers.append(server)
            counts.append(taken)
            missing -= taken
            if not missing:
                by_server = sorted(zip(servers, counts, strict=True))
                return Placement(tuple(s for s, _ in by_server), tuple(c for _, c in by_server))
        return None

    @abstractmethod
    def choose(self, hall: Hall, servers: list[int]) -> int:
        """Return the server, among those with room, that a gang within one server gets."""
        ...


class Pack(PlacementPolicy):
    """The fullest server that has room, so that whole servers stay free."""

    def choose(self, hall: Hall, servers: list[int]) -> int:
        """Return the server with fewest free accelerators; the first of equals."""
        return min(servers, key=lambda server: (hall.free[server], server))


class Spread(PlacementPolicy):
    """The emptiest server, so that load and heat are even."""

    def choose(self, hall: Hall, servers: list[int]) -> int:
        """Return the server with most free accelerators; the first of equals."""
        return min(servers, key=lambda server: (-hall.free[server], server))
