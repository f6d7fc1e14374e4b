"""The control room: shows controllers what was metered and carries out what they ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from simulator.engine.compute.hall import Hall
from simulator.engine.control import Command, Controller, HallView, SiteView, View, WorkloadView
from simulator.engine.site import Site
from simulator.errors import Fault, InputError, nearest_match
from simulator.signals.base import Signal
from simulator.units import JOULES_PER_KWH

_CURVE_POINTS = 17
"""Caps at which the power of training is shown, evenly from the lowest to the highest."""

_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class WatchedWorkload:
    """A workload that controllers see.

    Args:
        name: name in the scenario.
        kind: training or inference.
        accelerators: accelerators that it holds, or will hold.
        power_under: power of its accelerators under a cap; None for inference.
    """

    name: str
    kind: Literal["training", "inference"]
    accelerators: int
    power_under: Callable[[float], float] | None


@dataclass(frozen=True, slots=True)
class WatchedSite:
    """A site that controllers see.

    Args:
        site: the site.
        carbon_g_per_kwh: carbon intensity of its grid.
        price_usd_per_kwh: price of energy.
        workloads: workloads of each hall, sorted by name.
    """

    site: Site
    carbon_g_per_kwh: Signal
    price_usd_per_kwh: Signal
    workloads: dict[str, tuple[WatchedWorkload, ...]]


class ControlRoom:
    """Runs controllers at plant steps.

    Args:
        sites: what they see, sorted by name.
        controllers: who decides, in this order.
        note: records an event of now: kind, subject, detail.
    """

    def __init__(
        self,
        sites: Sequence[WatchedSite],
        controllers: Sequence[Controller],
        note: Callable[[str, str, str], None],
    ) -> None:
        for controller in controllers:
            if not getattr(controller, "period_s", 0.0) > 0.0:
                raise InputError(f"controller {controller.name}: period_s must be > 0")
        self._sites = list(sites)
        self._controllers = list(controllers)
        self._due_s = [0.0 for _ in controllers]
        self._note = note
        self._halls = {hall.name: hall for watched in sites for hall in watched.site.halls}
        for watched in sites:
            watched.site.watch()

    def decide(self, now_s: float) -> None:
        """Let every controller decide that is due, at the end of a plant step."""
        due = [index for index, due_s in enumerate(self._due_s) if due_s <= now_s + _ROUNDING_S]
        if not due:
            return
        for index in due:
            controller = self._controllers[index]
            # A view each, since what one sets the next one sees.
            for command in controller.decide(self.view(now_s)):
                self._carry_out(controller, command)
            while self._due_s[index] <= now_s + _ROUNDING_S:
                self._due_s[index] += controller.period_s

    def view(self, now_s: float) -> View:
        """Return what controllers see now."""
        return View(now_s, tuple(self._site_view(watched, now_s) for watched in self._sites))

    def _site_view(self, watched: WatchedSite, now_s: float) -> SiteView:
        site, supply = watched.site, watched.site.supply
        flows = supply.last if supply is not None else None
        return SiteView(
            name=site.name,
            facility_power_w=site.last_facility_w,
            it_power_w=site.last_it_w,
            grid_import_w=flows.grid_import_w if flows is not None else site.last_facility_w,
            grid_cap_w=supply.cap_at(now_s) if supply is not None else None,
            generation_w=supply.generation_at(now_s) if supply is not None else 0.0,
            sustained_battery_w=supply.sustained_battery_w(now_s) if supply is not None else 0.0,
            battery_stored_kwh=flows.battery_stored_j / JOULES_PER_KWH if flows is not None else 0.0,
            carbon_intensity_g_per_kwh=watched.carbon_g_per_kwh.at(now_s),
            price_usd_per_kwh=watched.price_usd_per_kwh.at(now_s),
            halls=tuple(_hall_view(hall, watched.workloads.get(hall.name, ()), site) for hall in site.halls),
        )

    def _carry_out(self, controller: Controller, command: Command) -> None:
        hall = self._checked(controller, command)
        before = {name: hall.caps.of(name) for name in hall.caps.workloads}
        hall.caps.set(command.gpu_power_cap_w, command.workload, source=controller.name)
        for name, cap_w in before.items():
            if hall.caps.of(name) != cap_w:
                self._note("power_cap", name, f"{hall.caps.of(name):g} W each, by {controller.name}")

    def _checked(self, controller: Controller, command: Command) -> Hall:
        hall = self._halls.get(command.hall)
        if hall is None:
            raise _refused(
                controller, f"no hall is called '{command.hall}'{nearest_match(command.hall, sorted(self._halls))}"
            )
        known = hall.caps.workloads
        if command.workload is not None and command.workload not in known:
            match = nearest_match(command.workload, known)
            raise _refused(controller, f"no workload of '{hall.name}' is called '{command.workload}'{match}")
        low, high = hall.caps.lowest_w, hall.caps.highest_w
        if not low <= command.gpu_power_cap_w <= high:
            allowed = f">= {low:g} and <= {high:g} in '{hall.name}'"
            raise _refused(controller, f"gpu_power_cap_w must be {allowed}, got {command.gpu_power_cap_w:g}")
        return hall


def _refused(controller: Controller, message: str) -> InputError:
    return InputError([Fault(message, path=f"controller {controller.name}")])


def _hall_view(hall: Hall, workloads: Sequence[WatchedWorkload], site: Site) -> HallView:
    low, high = hall.caps.lowest_w, hall.caps.base_w
    steps = [low + (high - low) * place / (_CURVE_POINTS - 1) for place in range(_CURVE_POINTS)]
    views = [
        WorkloadView(
            name=workload.name,
            kind=workload.kind,
            accelerators=workload.accelerators,
            gpu_power_cap_w=hall.caps.of(workload.name),
            power_w=site.last_boards_w.get(workload.name, 0.0),
            power_under_w=_curve(workload.power_under, steps),
        )
        for workload in workloads
    ]
    return HallView(hall.name, low, high, tuple(views))


def _curve(power_under: Callable[[float], float] | None, caps_w: Sequence[float]) -> tuple[tuple[float, float], ...]:
    return tuple((cap_w, power_under(cap_w)) for cap_w in caps_w) if power_under is not None else ()
