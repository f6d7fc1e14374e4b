"""One site: halls, storage and switches, the facility around them, and the meters that every plant step reads."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import is_

from simulator.engine.compute.hall import Hall
from simulator.engine.compute.heat_guard import HeatGuard, HeatReading
from simulator.engine.compute.server_power import HallPower
from simulator.engine.facility.coupling import Facility, FacilityStep
from simulator.engine.facility.supply import SiteSupply
from simulator.engine.facility.supply_step import SupplyStep
from simulator.engine.facility.supply_watch import SupplyWatch
from simulator.engine.recorder import Recorder
from simulator.engine.storage import Storage
from simulator.errors import InvariantError
from simulator.records import Chapter, SiteFacts, SiteRecords
from simulator.signals.weather import OutdoorMeans, Weather
from simulator.units import WATTS_PER_KW

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
        guards: watch the temperatures of the halls, in their order; none where rooms have no heat capacities.
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
        guards: Sequence[HeatGuard] = (),
    ) -> None:
        self.halls = halls
        self.storage = storage
        self._facts = facts
        self._facility = facility
        self._outdoors = OutdoorMeans(weather)
        self._network = network
        self._guards = guards
        self._recorder = Recorder([hall.name for hall in halls], on_chapter, has_rooms=bool(guards))
        self._overloaded: set[str] = set()
        self._is_beyond_capacity = False
        self.supply: SiteSupply | None = None
        """Where the power comes from; None for a grid without limits."""
        self.last_facility_w = 0.0
        self.last_it_w = 0.0
        self.last_boards_w: dict[str, float] = {}
        """Mean power of the last plant step: of the building, of IT, and of accelerators by workload where watched."""
        self._is_watched = False
        self._warm_step: FacilityStep | None = None
        self._warm_readings: Sequence[HallPower] = ()
        self._temperatures: list[HeatReading] = []
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
        self._watch_capacity(it_power_w, note)
        dry_bulb_c, wet_bulb_c, pressure_pa = self._outdoors.over(start_s, now_s)
        hall_w, liquid_w = [power.input_w for power in readings], sum(power.liquid_heat_w for power in readings)
        step = self._facility.step(duration_s, it_power_w, dry_bulb_c, wet_bulb_c, pressure_pa, liquid_w, hall_w)
        self.last_facility_w, self.last_it_w, self.last_boards_w = step.facility_power_w, it_power_w, boards_w
        temperatures = self._watch_heat(start_s, now_s, step, readings, note)
        outside = (network_w, storage_j / duration_s, dry_bulb_c, wet_bulb_c)
        flows: tuple[float, ...] = ()
        if self.supply is not None:
            flows = self.supply.step(start_s, now_s, step.facility_power_w)
            self._supply_watch.look(flows, duration_s, now_s, note)
        recorder.step(now_s, readings, step, outside, rooms=temperatures, more=flows)

    def _watch_heat(
        self, start_s: float, now_s: float, step: FacilityStep, readings: Sequence[HallPower], note: Note
    ) -> list[HeatReading]:
        """Note failures of the plant, and let the guards act on the temperatures of the step that ends now."""
        rooms = self._facility.rooms
        if rooms is None:
            return []
        same = step is self._warm_step and all(map(is_, readings, self._warm_readings))
        if same and not rooms.failures and all(guard.is_quiet for guard in self._guards):
            return self._temperatures
        for at_s, failure, begins in rooms.failures.changes(start_s, now_s):
            kind = "cooling_failure" if begins else "cooling_restored"
            left = f", {failure.capacity_fraction:.0%} of its capacity left" if begins else ""
            note(kind, self.name, f"plant at {at_s:,.0f} s{left}")
        self._warm_step, self._warm_readings = step, readings
        self._temperatures = [
            guard.watch(now_s, now_s - start_s, state, room.now, power, note)
            for guard, state, room, power in zip(self._guards, step.rooms, rooms.rooms, readings, strict=True)
        ]
        return self._temperatures

    def finish(self) -> SiteRecords:
        """Return what the meters have recorded."""
        steps, accounts = self._recorder.finish()
        return SiteRecords(self._facts, steps, accounts)

    def _watch_capacity(self, it_power_w: float, note: Note) -> None:
        """Say once that plant and power chain carry more than they were sized for: their figures then mislead."""
        if it_power_w > self._facts.it_capacity_w and not self._is_beyond_capacity:
            self._is_beyond_capacity = True
            capacity_kw = self._facts.it_capacity_w / WATTS_PER_KW
            note(
                "it_capacity_exceeded",
                self.name,
                f"{it_power_w / WATTS_PER_KW:,.4g} kW of IT power; the building was designed for {capacity_kw:,.4g} kW",
            )

    def _watch_load(self, hall: Hall, overloaded: int, highest_w: float, note: Note) -> None:
        if hall.name not in self._overloaded:
            self._overloaded.add(hall.name)
            note(
                "power_supply_overload",
                hall.name,
                f"{overloaded} servers draw more than their supplies are rated for, at most {highest_w:,.0f} W",
            )
