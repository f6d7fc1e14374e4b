"""Controllers: policies that look at a run while it goes on and set power caps.

A controller sees a frozen `View` of what was metered and answers with frozen commands; it changes nothing itself, and
every command that changes something is an event of the result.

>>> class CarbonCap(Controller):
...     period_s = 300.0
...
...     def decide(self, view):
...         dirty = view.carbon_intensity_g_per_kwh > 350.0
...         return [SetPowerCap("hall-a", gpu_power_cap_w=400.0 if dirty else 700.0)]
>>> CarbonCap().name
'CarbonCap'
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SetPowerCap:
    """Cap accelerators from now on. A lower cap, of the scenario or of another controller, stays in force.

    Args:
        hall: name of the hall.
        gpu_power_cap_w: cap of each accelerator, inside what the boards accept.
        workload: whose accelerators; None for all of the hall.
    """

    hall: str
    gpu_power_cap_w: float
    workload: str | None = None


Command = SetPowerCap
"""What a controller may ask for."""


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """A workload of a hall.

    Args:
        name: name in the scenario.
        kind: training or inference.
        accelerators: accelerators that it holds, or will hold.
        gpu_power_cap_w: cap of each of them.
        power_w: mean power of its accelerators over the last plant step.
        power_under_w: (cap, power) by rising cap: what training would draw under other caps, going on as now; empty for
            inference, whose power follows its requests.
    """

    name: str
    kind: Literal["training", "inference"]
    accelerators: int
    gpu_power_cap_w: float
    power_w: float
    power_under_w: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class HallView:
    """A hall.

    Args:
        name: name in the scenario.
        lowest_cap_w: lowest cap that its boards accept.
        highest_cap_w: highest cap in force without any controller.
        workloads: what runs or will run in it, sorted by name.
    """

    name: str
    lowest_cap_w: float
    highest_cap_w: float
    workloads: tuple[WorkloadView, ...]


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site; powers are means over the last plant step unless they say otherwise.

    Args:
        name: name of the site.
        facility_power_w: power of the building.
        it_power_w: power of the IT equipment.
        grid_import_w: power from the grid.
        grid_cap_w: highest import that the grid asks for from now on; None for none.
        generation_w: power of sun and wind now.
        sustained_battery_w: power that the battery can give until the grid's cap ends; 0 without a cap.
        battery_stored_kwh: energy in the battery now.
        carbon_intensity_g_per_kwh: of the grid now.
        price_usd_per_kwh: of energy now.
        halls: its halls, sorted by name.
    """

    name: str
    facility_power_w: float
    it_power_w: float
    grid_import_w: float
    grid_cap_w: float | None
    generation_w: float
    sustained_battery_w: float
    battery_stored_kwh: float
    carbon_intensity_g_per_kwh: float
    price_usd_per_kwh: float
    halls: tuple[HallView, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A run at the end of a plant step.

    Args:
        t_s: seconds since the start of the scenario.
        sites: its sites, sorted by name.
    """

    t_s: float
    sites: tuple[SiteView, ...]

    @property
    def site(self) -> SiteView:
        """The only site; ValueError when there are several."""
        if len(self.sites) > 1:
            raise ValueError(f"there are {len(self.sites)} sites: {', '.join(site.name for site in self.sites)}")
        return self.sites[0]

    @property
    def carbon_intensity_g_per_kwh(self) -> float:
        """Carbon intensity at the only site."""
        return self.site.carbon_intensity_g_per_kwh

    @property
    def price_usd_per_kwh(self) -> float:
        """Price of energy at the only site."""
        return self.site.price_usd_per_kwh


class Controller(ABC):
    """Decides about power caps, again and again. Open to subclassing.

    Decisions fall on the first plant step at or after each multiple of `period_s`; what they set acts from that
    instant.
    """

    period_s: float
    """Time between decisions, above 0."""

    @abstractmethod
    def decide(self, view: View) -> Sequence[Command]:
        """Return what to change, nothing to leave all as it is."""

    @property
    def name(self) -> str:
        """Name in events."""
        return type(self).__name__
