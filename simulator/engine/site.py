"""One site: halls, storage and switches, the facility around them, and the meters that every plant step reads."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from simulator.engine.compute.hall import Hall
from simulator.engine.facility.coupling import Facility
from simulator.engine.facility.supply import SiteSupply
from simulator.engine.facility.supply_step import SupplyStep
from simulator.engine.facility.supply_watch import SupplyWatch
from simulator.engine.recorder import Recorder
from simulator.engine.storage import Storage
from simulator.errors import InvariantError
from simulator.records import Chapter, SiteFacts, SiteRecords
from simulator.signals.weather import OutdoorMeans, Weather

Note = Callable[[str, str, str], None]
"""Records an event of now: kind, subject, detail."""


@dataclass(frozen=True, slots=True)
class NetworkPower:
    """Power of the switches between servers: what is on whenever ports are up, and a little for traffic.

    Args:
        idle_w: all switches with their ports up, without traffic.
        joules_per_byte: energy of a byte on its way from server to server.
    """

    idle_w: float
    joules_per_byte: float

    def power_w(self, traffic_bytes_per_s: float) -> float:
        """Return the power while the servers send `traffic_bytes_per_s` in all."""
        return self.idle_w + self.joules_per_byte * traffic_bytes_per_s


class Site:
    """A building with all that is in it.

    Args:
        facts: what is installed, for the results.
        halls: servers, sorted by name.
        facility: power chain and cooling.
        weather: outdoor air.
        network: power of the switches between servers.
        storage: shared storage; None when there is none.
        on_chapter: takes the readings of the accounts by plant step, chapter by chapter.
    """

    def __init__(
        self,
        facts: SiteFacts,
        halls: list[Hall],
        facility: Facility,
        weather: Weather,
        network: NetworkPower,
        storage: Storage | None,
        on_chapter: Callable[[Chapter], None],
    ) -> None:
        self.halls = halls
        self.storage = storage
        self._facts = facts
        self._facility = facility
        self._outdoors = OutdoorMeans(weather)
        self._network = network
        self._recorder = Recorder([hall.name for hall in halls], on_chapter)
        self._overloaded: set[str] = set()
        self.supply: SiteSupply | None = None
        """Where the power comes from; None for a grid without limits."""
        self.last_facility_w = 0.0
        self.last_it_w = 0.0
        self.last_boards_w: dict[str, float] = {}
        """Mean power of the last plant step: of the building, of IT, and of accelerators by workload where watched."""
        self._is_watched = False
        self._supply_watch = SupplyWatch(facts.name)

    @property
    def name(self) -> str:
        """Name of the site."""
        return self._facts.name

    def connect(self, supply: SiteSupply) -> None:
        """Feed the site from a supply in place of a grid without limits; before the first step."""
        self.supply = supply
        self._recorder.add_columns(f"supply.{name}" for name in SupplyStep._fields)

    def watch(self) -> None:
        """Keep the power of accelerators by workload of each last step."""
        self._is_watched = True

    def close_step(self, now_s: float, note: Note) -> None:
        """Close a plant step: servers, network, storage, then the facility around them."""
        recorder = self._recorder
        start_s = recorder.last_end_s
        duration_s = now_s - start_s
        if duration_s <= 0.0:
            return
        readings = []
        boards_w: dict[str, float] = {}
        for hall in self.halls:
            power = hall.read(now_s)
            readings.append(power)
            if power.overloaded_servers:
                self._watch_load(hall, power.overloaded_servers, power.highest_server_w, note)
            for (workload, phase), reading in hall.take_accounts():
                recorder.account((hall.name, workload, phase), reading)
                if self._is_watched:
                    boards_w[workload] = boards_w.get(workload, 0.0) + sum(reading[:3]) / duration_s
        storage_j = 0.0
        if self.storage is not None:
            for workload, energy_j in self.storage.read(now_s).items():
                recorder.storage(workload, energy_j)
                storage_j += energy_j
        network_w = self._network.power_w(sum(power.network_bytes_per_s for power in readings))
        it_power_w = sum(power.input_w for power in readings) + network_w + storage_j / duration_s
        if not math.isfinite(it_power_w):
            raise InvariantError(f"IT power is {it_power_w} at {now_s} s")
        dry_bulb_c, wet_bulb_c, pressure_pa = self._outdoors.over(start_s, now_s)
        liquid_w = sum(power.liquid_heat_w for power in readings)
        step = self._facility.step(duration_s, it_power_w, dry_bulb_c, wet_bulb_c, pressure_pa, liquid_w)
        self.last_facility_w, self.last_it_w, self.last_boards_w = step.facility_power_w, it_power_w, boards_w
        outside = (network_w, storage_j / duration_s, dry_bulb_c, wet_bulb_c)
        if self.supply is None:
            recorder.step(now_s, readings, step, outside)
            return
        flows = self.supply.step(start_s, now_s, step.facility_power_w)
        self._supply_watch.look(flows, duration_s, now_s, note)
        recorder.step(now_s, readings, step, outside, flows)

    def finish(self) -> SiteRecords:
        """Return what the meters have recorded."""
        steps, accounts = self._recorder.finish()
        return SiteRecords(self._facts, steps, accounts)

    def _watch_load(self, hall: Hall, overloaded: int, highest_w: float, note: Note) -> None:
        if hall.name not in self._overloaded:
            self._overloaded.add(hall.name)
            note(
                "power_supply_overload",
                hall.name,
                f"{overloaded} servers draw more than their supplies are rated for, at most {highest_w:,.0f} W",
            )
