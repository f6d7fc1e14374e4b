"""The scenario: one frozen record of everything that a run depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.documents.yaml_source import KeyPath
from simulator.errors import InvariantError
from simulator.scenario.facility import Facility
from simulator.scenario.footprint import Embodied
from simulator.scenario.hardware import Network, ServerGroup, Storage
from simulator.scenario.inference import InferenceWorkload
from simulator.scenario.money import Money
from simulator.scenario.names import Instant, Name, NonNegative, Positive
from simulator.scenario.site import NamedSite, Site
from simulator.scenario.training import TrainingWorkload

SCHEMA_VERSION = 1

ONLY_SITE = "site"
"""Name of the site of a scenario that has one."""


Workload = Annotated[InferenceWorkload | TrainingWorkload, Field(discriminator="kind")]


class Horizon(Section):
    """The run ends when its duration is over."""

    kind: Literal["horizon"]


class WorkDone(Section):
    """The run ends when every request is answered and every job has ended, at the latest after its duration."""

    kind: Literal["work_done"]


class NoPowerPolicy(Section):
    """Power caps stay as the halls have them."""

    kind: Literal["none"]


class CarbonCapPolicy(Section):
    """Workloads are capped while the carbon intensity of their site's grid is high: they emit less and take longer."""

    kind: Literal["carbon_cap"]
    above_g_per_kwh: NonNegative
    """Carbon intensity above which the cap holds."""
    gpu_power_cap_w: Positive
    """Cap of each accelerator of these workloads meanwhile."""
    workloads: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """Which workloads are capped; absent: all training."""


class NoDemandResponse(Section):
    """What the grid asks for is left to batteries."""

    kind: Literal["none"]


class CapDemandResponse(Section):
    """While the grid caps a site, power caps slow training first, then serving, so that import stays below it."""

    kind: Literal["power_caps"]
    margin_fraction: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    """Share of the grid's cap kept free for load that comes within a plant step."""


class Policies(Section):
    """How work is distributed."""

    router: Literal["round_robin", "least_loaded"] = "least_loaded"
    """Which replica takes a request: in turn, or the one with fewest requests outstanding."""
    queue: Literal["fifo"] = "fifo"
    """Order in which waiting jobs start: first come, first served, none overtakes."""
    placement: Literal["pack", "spread"] = "pack"
    """Which servers a workload gets: the fullest that have room, or the emptiest."""
    power: Annotated[NoPowerPolicy | CarbonCapPolicy, Field(discriminator="kind")] = NoPowerPolicy(kind="none")
    """Power caps that change while the run goes on."""
    demand_response: Annotated[NoDemandResponse | CapDemandResponse, Field(discriminator="kind")] = CapDemandResponse(
        kind="power_caps"
    )
    """What the site does when its grid asks it to draw less (`supply.grid.caps`)."""


@dataclass(frozen=True, slots=True)
class LocatedSite:
    """A site with its building, in whichever form it was written.

    Args:
        name: name of the site.
        surroundings: weather, carbon intensity, price.
        facility: cooling and power distribution.
        place: where the surroundings stand in the scenario.
        facility_place: where the facility stands.
    """

    name: str
    surroundings: Site
    facility: Facility
    place: KeyPath
    facility_place: KeyPath


class ScenarioRecord(Section):
    """A datacenter, what it does, where it stands, and for how long."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the scenario format."""
    name: Name
    """Name of the scenario."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Seed of all random numbers."""
    start: Instant
    """First instant of the run, in UTC."""
    duration_h: Annotated[float, Field(gt=0, le=87_600)]
    """Length of the run."""
    end: Annotated[Horizon | WorkDone, Field(discriminator="kind")] = Horizon(kind="horizon")
    """When the run ends."""
    site: Site | None = None
    """Weather, carbon intensity, price, where there is one site."""
    facility: Facility | None = None
    """Cooling and power distribution, where there is one site."""
    sites: Annotated[tuple[NamedSite, ...], Field(min_length=1)] | None = None
    """Several sites, in place of `site` and `facility`; `servers` then say where they stand."""
    servers: Annotated[tuple[ServerGroup, ...], Field(min_length=1)]
    """Halls of servers."""
    network: Network
    """Switches between servers."""
    storage: Storage | None = None
    """Shared storage."""
    workloads: Annotated[tuple[Workload, ...], Field(min_length=1)]
    """What runs."""
    policies: Policies = Policies()
    """How work is distributed."""
    embodied: Embodied = Embodied()
    """How sure embodied emissions are."""
    money: Money | None = None
    """Prices of what stands there, interest and carbon; absent: only the bills for energy are known."""

    def canonical(self) -> ScenarioRecord:
        """Return the scenario with entities sorted by name, so that their order in the file cannot matter."""
        return self.model_copy(
            update={
                "sites": None if self.sites is None else tuple(sorted(self.sites, key=lambda site: site.name)),
                "servers": tuple(sorted(self.servers, key=lambda group: group.name)),
                "workloads": tuple(sorted(self.workloads, key=lambda workload: workload.name)),
            }
        )

    def located_sites(self) -> tuple[LocatedSite, ...]:
        """Return the sites, sorted by name; a scenario with one calls it `ONLY_SITE`."""
        if self.sites is not None:
            return tuple(
                LocatedSite(site.name, site, site.facility, ("sites", site.name), ("sites", site.name, "facility"))
                for site in self.sites
            )
        if self.site is None or self.facility is None:
            raise InvariantError("a scenario without sites has passed validation")
        return (LocatedSite(ONLY_SITE, self.site, self.facility, ("site",), ("facility",)),)
