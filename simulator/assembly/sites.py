"""From sections `site` and `sites` to the sites of the engine: surroundings, building, halls, switches, storage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from simpy import Environment

from simulator.assembly.accounting import AccountingSpec, accounting_spec
from simulator.assembly.cooling import LiquidCapture
from simulator.assembly.facility import FacilitySpec, facility_spec
from simulator.assembly.faults import FaultCollector
from simulator.assembly.generation import Surroundings
from simulator.assembly.hardware import HallSpec, NetworkSpec, hall_specs, network_spec
from simulator.assembly.site import SiteSignals, site_signals
from simulator.assembly.supply import SupplySpec, supply_spec
from simulator.assembly.thermal import ThermalSpec, thermal_spec
from simulator.assembly.window import Window
from simulator.engine.compute.hall import Hall
from simulator.engine.site import NetworkPower, Site
from simulator.engine.storage import Storage
from simulator.physics.psychrometrics import STANDARD_PRESSURE_PA
from simulator.records import Chapter, SiteFacts
from simulator.results.context import SiteContext
from simulator.scenario import hardware
from simulator.scenario.schema import LocatedSite, ScenarioRecord
from simulator.signals.weather import constant_weather
from simulator.units import BYTES_PER_GB, WATTS_PER_KW

FALLBACK_AIR_C = 24.0
"""Inlet of halls that are never run, because their building has faults."""


@dataclass(frozen=True, slots=True)
class SiteParts:
    """What was found of a site; a part that is wrong is None, and its faults are noted.

    Args:
        located: section of the scenario.
        halls: halls that stand there, by name.
        network: switches between their servers.
        signals: what surrounds it.
        facility: its building.
        supply: where its power comes from; None as well where the scenario says nothing of it.
        thermal: heat capacities and temperatures.
        accounting: how its energy, water and money are accounted for.
    """

    located: LocatedSite
    halls: dict[str, HallSpec]
    network: NetworkSpec | None
    signals: SiteSignals | None
    facility: FacilitySpec | None
    supply: SupplySpec | None
    thermal: ThermalSpec | None
    accounting: AccountingSpec


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """A site with everything that it needs; arguments as for `SiteParts`."""

    located: LocatedSite
    halls: dict[str, HallSpec]
    network: NetworkSpec | None
    signals: SiteSignals
    facility: FacilitySpec
    supply: SupplySpec | None
    thermal: ThermalSpec
    accounting: AccountingSpec

    @property
    def name(self) -> str:
        """Name of the site."""
        return self.located.name

    @classmethod
    def of(cls, parts: SiteParts) -> SiteSpec | None:
        """Return the site if nothing of it is wrong."""
        if parts.signals is None or parts.facility is None or parts.thermal is None:
            return None
        return cls(
            parts.located,
            parts.halls,
            parts.network,
            parts.signals,
            parts.facility,
            parts.supply,
            parts.thermal,
            parts.accounting,
        )

    def facts(self) -> SiteFacts:
        """Return what the results must know of what is installed."""
        halls = tuple(self.thermal.facts(spec) for spec in self.halls.values())
        network = self.network.facts() if self.network is not None else None
        supply = self.supply.facts if self.supply is not None else None
        return SiteFacts(self.name, halls, network, supply, self.facility.chain, self.facility.it_capacity_w)

    def context(self) -> SiteContext:
        """Return what the results must know of what surrounds it."""
        signals = self.signals
        origins = (*signals.origins, *self.accounting.origins)
        return SiteContext(signals.carbon_g_per_kwh, signals.price_usd_per_kwh, origins, self.accounting.accounting)


def site_parts(record: ScenarioRecord, base: Path, window: Window, faults: FaultCollector) -> list[SiteParts]:
    """Return the sites of a scenario, sorted by name; what is wrong goes to `faults`."""
    located_sites = record.located_sites()
    found = []
    for located in located_sites:
        groups = [group for group in record.servers if len(located_sites) == 1 or group.site == located.name]
        building = facility_spec(located.facility, base, faults, located.facility_place)
        # Halls of a building that cannot be built are looked at all the same, for their own faults.
        supply_air_c, capture = (
            (building.supply_air_c, building.capture) if building is not None else (FALLBACK_AIR_C, LiquidCapture())
        )
        halls = hall_specs(groups, supply_air_c, capture, base, faults)
        network = network_spec(record.network, halls, base, faults)
        signals = site_signals(located.surroundings, base, window, faults, located.place)
        reach = Reach(base, window, faults)
        supply = _supply(record, located, signals, reach)
        thermal = _thermal(located, signals, reach)
        # Weather that cannot be read is a fault of its own; contracts are looked at all the same.
        weather = signals.weather if signals is not None else constant_weather(15.0, 0.5, STANDARD_PRESSURE_PA)
        around = Surroundings(located.surroundings.weather, weather, base, window)
        accounting = accounting_spec(record, located, around, faults)
        found.append(SiteParts(located, halls, network, signals, building, supply, thermal, accounting))
    return found


@dataclass(frozen=True, slots=True)
class Reach:
    """Folder of relative file names, span of the run, and where faults go."""

    base: Path
    window: Window
    faults: FaultCollector


def _thermal(located: LocatedSite, signals: SiteSignals | None, reach: Reach) -> ThermalSpec | None:
    pressure_pa = STANDARD_PRESSURE_PA
    if signals is not None:
        pressure_pa = signals.weather.pressure_pa.mean(0.0, reach.window.duration_s)
    return thermal_spec(located.facility, pressure_pa, reach.base, reach.faults, located.facility_place)


def _supply(
    record: ScenarioRecord, located: LocatedSite, signals: SiteSignals | None, reach: Reach
) -> SupplySpec | None:
    described = located.surroundings.supply
    if described is None or signals is None:
        return None
    around = Surroundings(located.surroundings.weather, signals.weather, reach.base, reach.window)
    seed = (record.seed, located.name)
    return supply_spec(described, around, signals, seed, reach.faults, (*located.place, "supply"))


def build_site(
    spec: SiteSpec,
    env: Environment,
    storage: hardware.Storage | None,
    writers: list[str],
    on_chapter: Callable[[str, Chapter], None],
) -> Site:
    """Return a site for the engine.

    Args:
        spec: the site.
        env: the simulation environment.
        storage: section of the shared storage.
        writers: workloads at this site that may write to it.
        on_chapter: takes the name of the site and the readings of its accounts.
    """
    facts, building, thermal = spec.facts(), spec.facility.facility, spec.thermal
    halls: list[Hall] = [hall.hall(thermal.boards(hall)) for hall in spec.halls.values()]
    building.rooms = thermal.rooms(list(spec.halls.values()), building.plant_capacity_w) if halls else None
    for hall, room in zip(halls, building.rooms.rooms if building.rooms is not None else (), strict=True):
        hall.breathe(*room.setpoints_c)
    guards = [thermal.guard(*parts) for parts in zip(halls, spec.halls.values(), facts.halls, strict=True)]
    shared = None
    if storage is not None:
        shared = Storage(
            env,
            storage.write_gb_per_s * BYTES_PER_GB,
            storage.idle_kw * WATTS_PER_KW,
            storage.active_kw * WATTS_PER_KW,
            writers,
        )

    def take(chapter: Chapter) -> None:
        on_chapter(spec.name, chapter)

    network = spec.network.power if spec.network is not None else NetworkPower(0.0, 0.0)
    site = Site(facts, halls, building, spec.signals.weather, network, shared, take, guards)
    if spec.supply is not None:
        site.connect(spec.supply.supply)
    return site
