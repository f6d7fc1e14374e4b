"""Put a scenario together: read everything that it names, check that it can work, wire the engine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simpy import Environment

from simulator.assembly.facility import FacilitySpec, facility_spec
from simulator.assembly.faults import FaultCollector
from simulator.assembly.hardware import HallSpec, NetworkSpec, hall_specs, network_spec
from simulator.assembly.serving import ServiceSpec, ServingEngine, build_service, service_spec
from simulator.assembly.site import SiteSignals, site_signals
from simulator.assembly.training import JobSpec, job_spec
from simulator.assembly.window import Window
from simulator.engine.compute.hall import Hall
from simulator.engine.datacenter import Datacenter, NetworkPower
from simulator.engine.scheduling.placement import Pack, PlacementPolicy, Spread
from simulator.engine.scheduling.queue import FifoQueue
from simulator.engine.storage import Storage
from simulator.engine.training.job import Job
from simulator.errors import InvariantError
from simulator.profiles.sourced import Profile
from simulator.records import SiteFacts
from simulator.results.context import Figure, RunContext, ServiceLevel
from simulator.scenario.facility import ModelledFacility
from simulator.scenario.inference import InferenceWorkload
from simulator.scenario.loader import Scenario
from simulator.scenario.references import values_below
from simulator.scenario.schema import WorkDone
from simulator.units import BYTES_PER_GB, WATTS_PER_KW

_PLACEMENT: dict[str, type[PlacementPolicy]] = {"pack": Pack, "spread": Spread}


@dataclass(frozen=True, slots=True)
class Assembly:
    """A datacenter ready to run.

    Args:
        datacenter: the wired engine.
        facts: what is installed.
        context: what the results must know.
        horizon_s: latest end of the run.
    """

    datacenter: Datacenter
    facts: SiteFacts
    context: RunContext
    horizon_s: float


@dataclass(frozen=True, slots=True)
class _Parts:
    window: Window
    site: SiteSignals
    halls: dict[str, HallSpec]
    network: NetworkSpec | None
    facility: FacilitySpec
    services: tuple[ServiceSpec, ...]
    jobs: tuple[JobSpec, ...]
    notes: tuple[str, ...]


def assemble(scenario: Scenario, engine: ServingEngine = "stretch") -> Assembly:
    """Return a datacenter that is ready to run.

    Args:
        scenario: a valid scenario.
        engine: how serving replicas advance; ``iteration`` is the slow reference.

    Raises:
        InputError: with everything that keeps the scenario from working.
    """
    faults = FaultCollector(scenario.document)
    parts = _resolve(scenario, faults)
    faults.raise_if_any()
    if parts is None:
        raise InvariantError("a scenario without faults has missing parts")
    assembly = _wire(scenario, parts, engine, faults)
    faults.raise_if_any()
    return assembly


def _resolve(scenario: Scenario, faults: FaultCollector) -> _Parts | None:
    record, base, window = scenario.record, scenario.base, Window.of(scenario.record)
    facility = facility_spec(record.facility, base, faults)
    supply_air_c = (
        record.facility.cooling.supply_air_c
        if isinstance(record.facility, ModelledFacility)
        else record.facility.supply_air_c
    )
    halls = hall_specs(record.servers, supply_air_c, base, faults)
    network = network_spec(record.network, halls, base, faults)
    site = site_signals(record.site, base, window, faults)
    services, jobs, notes = [], [], list(site.notes if site is not None else ())
    for workload in record.workloads:
        if isinstance(workload, InferenceWorkload):
            service, said = service_spec(workload, halls, record.seed, base, window, faults)
            notes += said
            services += [service] if service is not None else []
        else:
            job = job_spec(workload, halls, network, record.storage is not None, base, faults)
            jobs += [job] if job is not None else []
    if facility is None or site is None:
        return None
    return _Parts(window, site, halls, network, facility, tuple(services), tuple(jobs), tuple(notes))


def _wire(scenario: Scenario, parts: _Parts, engine: ServingEngine, faults: FaultCollector) -> Assembly:
    record, env = scenario.record, Environment()
    datacenter = Datacenter(
        env,
        parts.facility.facility,
        parts.site.weather,
        parts.network.power if parts.network is not None else NetworkPower(0.0, 0.0),
        parts.window.duration_s,
        record.facility.plant_step_s,
        ends_with_work=isinstance(record.end, WorkDone),
    )
    halls = {name: spec.hall() for name, spec in parts.halls.items()}
    datacenter.halls = list(halls.values())
    placement = _PLACEMENT[record.policies.placement]()
    for service in parts.services:
        with faults.at(("workloads", service.workload.name)):
            on_end = datacenter.expect_work()
            router = record.policies.router
            datacenter.services.append(build_service(service, env, halls, placement, router, engine, on_end))
    if record.storage is not None:
        storage = record.storage
        datacenter.storage = Storage(
            env,
            storage.write_gb_per_s * BYTES_PER_GB,
            storage.idle_kw * WATTS_PER_KW,
            storage.active_kw * WATTS_PER_KW,
            [job.workload.name for job in parts.jobs],
        )
    queue, all_placed = FifoQueue(env, placement), len(datacenter.services) == len(parts.services)
    for spec in parts.jobs:
        hall, plan = halls[spec.workload.servers], spec.plan
        # Replicas, which are all placed by now, never give their accelerators back.
        if all_placed and placement.place(hall, plan.accelerators, plan.unit) is None:
            faults.add(("workloads", plan.name, "parallelism"), _no_room(spec, hall))
        datacenter.jobs.append(_job(spec, datacenter, halls, queue))
    facts = SiteFacts(
        tuple(spec.facts() for spec in parts.halls.values()),
        parts.network.facts() if parts.network is not None else None,
    )
    return Assembly(datacenter, facts, _context(scenario, parts), parts.window.duration_s)


def _no_room(spec: JobSpec, hall: Hall) -> str:
    plan = spec.plan
    groups = f" in groups of {plan.unit} that share a server" if plan.unit > 1 else ""
    return (
        f"needs {plan.accelerators} accelerators{groups}, which '{hall.name}' never has free: replicas leave "
        f"{sum(hall.free)} of {spec.hall.accelerators}"
    )


def _job(spec: JobSpec, datacenter: Datacenter, halls: dict[str, Any], queue: FifoQueue) -> Job:
    name = spec.workload.name

    def report(kind: str, detail: str) -> None:
        datacenter.note(kind, name, detail)

    hall, done = halls[spec.workload.servers], datacenter.expect_work()
    job = Job(datacenter.env, spec.plan, hall, queue, datacenter.storage, report, done)
    datacenter.env.process(job.run())
    return job


def _context(scenario: Scenario, parts: _Parts) -> RunContext:
    record = scenario.record
    profiles = list(_profiles(parts))
    return RunContext(
        scenario=record.name,
        scenario_yaml=scenario.to_yaml(),
        seed=record.seed,
        start_utc=record.start.isoformat(),
        carbon_g_per_kwh=parts.site.carbon_g_per_kwh,
        price_usd_per_kwh=parts.site.price_usd_per_kwh,
        service_levels={
            service.workload.name: ServiceLevel(
                service.workload.slo.ttft_s,
                service.workload.slo.tpot_s,
                service.workload.slo.e2e_s,
                service.workload.ramp_fraction,
            )
            for service in parts.services
        },
        figures=tuple(_figures(profiles)),
        checksums={
            **{f"profile {profile.file}": profile.sha256 for profile in profiles},
            **dict(_file_checksums(scenario)),
        },
        notes=parts.notes,
        origins=parts.site.origins,
    )


def _profiles(parts: _Parts) -> Iterator[Profile[Any]]:
    """Yield each profile that the run rests on, once, in a fixed order."""
    found: dict[str, Profile[Any]] = {}
    for hall in parts.halls.values():
        found[hall.server.file] = hall.server
        if hall.accelerator is not None:
            found[hall.accelerator.file] = hall.accelerator
    models = [service.model for service in parts.services] + [job.model for job in parts.jobs]
    for model in models:
        found[model.file] = model
    if parts.network is not None:
        found[parts.network.profile.file] = parts.network.profile
    for profile in parts.facility.profiles:
        found[profile.file] = profile
    yield from (found[name] for name in sorted(found))


def _figures(profiles: list[Profile[Any]]) -> Iterator[Figure]:
    for profile in profiles:
        for name, source in profile.figures().items():
            yield Figure(profile.record.name, name, source.kind, source.source)


def _file_checksums(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield (dotted path and file name, SHA-256) of each file that the scenario names."""
    document = scenario.document
    for path, value in values_below(document.data):
        if path[-1] == "file" and isinstance(value, str):
            yield f"{document.dotted(path)} {Path(value).name}", _sha256(scenario.base / value)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
