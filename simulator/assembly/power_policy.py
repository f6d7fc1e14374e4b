"""From section `policies.power` to the processes that change caps."""

from __future__ import annotations

from simulator.assembly.faults import FaultCollector
from simulator.assembly.sites import SiteSpec
from simulator.engine.compute.hall import Hall
from simulator.engine.datacenter import Datacenter
from simulator.engine.scheduling.carbon_cap import CappedWorkload, CarbonCap
from simulator.scenario.schema import CarbonCapPolicy, ScenarioRecord
from simulator.scenario.training import TrainingWorkload


def start_power_policy(
    record: ScenarioRecord, sites: tuple[SiteSpec, ...], datacenter: Datacenter, faults: FaultCollector
) -> None:
    """Start the power policy of a scenario, one process a site; what is wrong goes to `faults`."""
    policy = record.policies.power
    if not isinstance(policy, CarbonCapPolicy):
        return
    halls = {hall.name: hall for site in datacenter.sites for hall in site.halls}
    for spec in sites:
        capped = []
        for workload in record.workloads:
            chosen = (
                isinstance(workload, TrainingWorkload)
                if policy.workloads is None
                else workload.name in policy.workloads
            )
            if chosen and workload.servers in spec.halls:
                capped += _capped(workload.name, halls[workload.servers], policy, faults)
        if capped:
            carbon = spec.signals.carbon_g_per_kwh
            process = CarbonCap(datacenter.env, carbon, policy.above_g_per_kwh, capped, datacenter.note)
            datacenter.env.process(process.run())


def _capped(name: str, hall: Hall, policy: CarbonCapPolicy, faults: FaultCollector) -> list[CappedWorkload]:
    cap_w, lowest_w, highest_w = policy.gpu_power_cap_w, hall.caps.lowest_w, hall.cap_w
    if not lowest_w <= cap_w <= highest_w:
        message = f"must be >= {lowest_w:g} and <= {highest_w:g} for '{name}' in '{hall.name}', got {cap_w:g}"
        faults.add(("policies", "power", "gpu_power_cap_w"), message)
        return []
    return [CappedWorkload(name, hall.caps, highest_w, cap_w)]
