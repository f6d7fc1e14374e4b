"""Who decides while a run goes on: the scenario's demand response and controllers of the caller's own."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.assembly.serving import ServiceSpec
from simulator.assembly.sites import SiteSpec
from simulator.engine.control import Controller
from simulator.engine.control_room import ControlRoom, WatchedSite, WatchedWorkload
from simulator.engine.datacenter import Datacenter
from simulator.engine.demand_response import DemandResponse
from simulator.scenario.schema import CapDemandResponse, ScenarioRecord


def control_room(
    record: ScenarioRecord,
    sites: Sequence[SiteSpec],
    services: Sequence[ServiceSpec],
    datacenter: Datacenter,
    controllers: Sequence[Controller],
) -> ControlRoom | None:
    """Return the control room of a run, None where nobody decides anything.

    Args:
        record: the scenario.
        sites: its sites.
        services: its services.
        datacenter: the wired engine.
        controllers: controllers of the caller's own; they decide after the scenario's.
    """
    deciders = [*_demand_response(record, sites), *controllers]
    if not deciders:
        return None
    watched = {
        (service.workload.servers, service.workload.name): WatchedWorkload(
            service.workload.name, "inference", service.workload.replicas * service.workload.parallelism.tensor, None
        )
        for service in services
    }
    for job in datacenter.jobs:
        seen = WatchedWorkload(job.record.name, "training", job.record.accelerators, job.power_under)
        watched[job.record.hall, job.record.name] = seen
    by_site = [
        WatchedSite(
            site=site,
            carbon_g_per_kwh=spec.signals.carbon_g_per_kwh,
            price_usd_per_kwh=spec.signals.price_usd_per_kwh,
            workloads={
                hall.name: tuple(seen for (place, _), seen in sorted(watched.items()) if place == hall.name)
                for hall in site.halls
            },
        )
        for site, spec in zip(datacenter.sites, sites, strict=True)
    ]
    return ControlRoom(by_site, deciders, datacenter.note)


def _demand_response(record: ScenarioRecord, sites: Sequence[SiteSpec]) -> list[Controller]:
    policy = record.policies.demand_response
    asked = any(spec.supply is not None and spec.supply.supply.parts.caps for spec in sites)
    if not asked or not isinstance(policy, CapDemandResponse):
        return []
    return [DemandResponse(sites[0].located.facility.plant_step_s, policy.margin_fraction)]
