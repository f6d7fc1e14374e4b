"""Put a scenario together: read everything that it names, check that it can work, wire the engine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simpy import Environment

from simulator.assembly.accounting import money_of
from simulator.assembly.controllers import control_room
from simulator.assembly.faults import FaultCollector
from simulator.assembly.power_policy import start_power_policy
from simulator.assembly.serving import ServiceSpec, ServingEngine, build_service, service_spec
from simulator.assembly.sites import SiteParts, SiteSpec, build_site, site_parts
from simulator.assembly.training import JobSpec, job_spec
from simulator.assembly.window import Window
from simulator.engine.compute.hall import Hall
from simulator.engine.control import Controller
from simulator.engine.datacenter import Datacenter
from simulator.engine.scheduling.placement import Pack, PlacementPolicy, Spread
from simulator.engine.scheduling.queue import FifoQueue
from simulator.engine.storage import Storage
from simulator.engine.training.job import Job
from simulator.errors import InvariantError
from simulator.profiles.sourced import Profile
from simulator.records import Chapter
from simulator.results.context import Figure, RunContext, ServiceLevel
from simulator.scenario.inference import InferenceWorkload
from simulator.scenario.loader import Scenario
from simulator.scenario.references import values_below
from simulator.scenario.schema import WorkDone

OnChapter = Callable[[str, Chapter], None]

_PLACEMENT: dict[str, type[PlacementPolicy]] = {"pack": Pack, "spread": Spread}


@dataclass(frozen=True, slots=True)
class Assembly:
    """A datacenter ready to run.

    Args:
        datacenter: the wired engine.
        context: what the results must know.
        horizon_s: latest end of the run.
    """

    datacenter: Datacenter
    context: RunContext
    horizon_s: float


@dataclass(frozen=True, slots=True)
class _Parts:
    window: Window
    sites: tuple[SiteSpec, ...]
    services: tuple[ServiceSpec, ...]
    jobs: tuple[JobSpec, ...]
    notes: tuple[str, ...]


def assemble(
    scenario: Scenario,
    engine: ServingEngine = "stretch",
    on_chapter: OnChapter | None = None,
    controllers: Sequence[Controller] = (),
) -> Assembly:
    """Return a datacenter that is ready to run.

    Args:
        scenario: a valid scenario.
        engine: how serving replicas advance; ``iteration`` is the slow reference.
        on_chapter: takes the name of a site and the readings of its accounts by plant step, chapter by chapter.
        controllers: policies of the caller's own, which see the run and set power caps.

    Raises:
        InputError: with everything that keeps the scenario from working.
    """
    faults = FaultCollector(scenario.document)
    parts = _resolve(scenario, faults)
    faults.raise_if_any()
    if parts is None:
        raise InvariantError("a scenario without faults has missing parts")
    assembly = _wire(scenario, parts, engine, faults, on_chapter or (lambda _site, _chapter: None), controllers)
    faults.raise_if_any()
    return assembly


def _resolve(scenario: Scenario, faults: FaultCollector) -> _Parts | None:
    record, base, window = scenario.record, scenario.base, Window.of(scenario.record)
    sites = site_parts(record, base, window, faults)
    halls = {name: hall for site in sites for name, hall in site.halls.items()}
    networks = {name: site.network for site in sites for name in site.halls}
    services, jobs, notes = [], [], list(_site_notes(sites))
    for workload in record.workloads:
        if isinstance(workload, InferenceWorkload):
            service, said = service_spec(workload, halls, record.seed, base, window, faults)
            notes += said
            services += [service] if service is not None else []
        else:
            network = networks.get(workload.servers)
            job = job_spec(workload, halls, network, record.storage is not None, record.seed, base, faults)
            jobs += [job] if job is not None else []
    specs = [SiteSpec.of(parts) for parts in sites]
    complete = tuple(spec for spec in specs if spec is not None)
    if len(complete) < len(specs):
        return None
    return _Parts(window, complete, tuple(services), tuple(jobs), tuple(notes))


def _site_notes(sites: list[SiteParts]) -> Iterator[str]:
    for site in sites:
        signals = site.signals.notes if site.signals is not None else ()
        supply = site.supply.notes if site.supply is not None else ()
        for note in dict.fromkeys((*signals, *supply, *site.accounting.notes)):
            yield note if len(sites) == 1 else f"{site.located.name}: {note}"


def _wire(
    scenario: Scenario,
    parts: _Parts,
    engine: ServingEngine,
    faults: FaultCollector,
    on_chapter: OnChapter,
    controllers: Sequence[Controller],
) -> Assembly:
    record, env = scenario.record, Environment()
    step_s = parts.sites[0].located.facility.plant_step_s
    datacenter = Datacenter(env, parts.window.duration_s, step_s, ends_with_work=isinstance(record.end, WorkDone))
    for spec in parts.sites:
        writers = [job.workload.name for job in parts.jobs if job.workload.servers in spec.halls]
        datacenter.sites.append(build_site(spec, env, record.storage, writers, on_chapter))
    halls = {hall.name: hall for site in datacenter.sites for hall in site.halls}
    storages = {hall.name: site.storage for site in datacenter.sites for hall in site.halls}
    placement = _PLACEMENT[record.policies.placement]()
    for service in parts.services:
        with faults.at(("workloads", service.workload.name)):
            on_end = datacenter.expect_work()
            router = record.policies.router
            datacenter.services.append(build_service(service, env, halls, placement, router, engine, on_end))
    queue, all_placed = FifoQueue(env, placement), len(datacenter.services) == len(parts.services)
    for job in parts.jobs:
        hall, plan = halls[job.workload.servers], job.plan
        # Replicas, which are all placed by now, never give their accelerators back.
        if all_placed and placement.place(hall, plan.accelerators, plan.unit) is None:
            faults.add(("workloads", plan.name, "parallelism"), _no_room(job, hall))
        datacenter.jobs.append(_job(job, datacenter, hall, queue, storages[hall.name]))
    start_power_policy(record, parts.sites, datacenter, faults)
    datacenter.control_room = control_room(record, parts.sites, parts.services, datacenter, controllers)
    return Assembly(datacenter, _context(scenario, parts), parts.window.duration_s)


def _no_room(spec: JobSpec, hall: Hall) -> str:
    plan = spec.plan
    groups = f" in groups of {plan.unit} that share a server" if plan.unit > 1 else ""
    return (
        f"needs {plan.accelerators} accelerators{groups}, which '{hall.name}' never has free: replicas leave "
        f"{sum(hall.free)} of {spec.hall.accelerators}"
    )


def _job(spec: JobSpec, datacenter: Datacenter, hall: Hall, queue: FifoQueue, storage: Storage | None) -> Job:
    name = spec.workload.name

    def report(kind: str, detail: str) -> None:
        datacenter.note(kind, name, detail)

    job = Job(datacenter.env, spec.plan, hall, queue, storage, report, datacenter.expect_work())
    datacenter.env.process(job.run())
    return job


def _context(scenario: Scenario, parts: _Parts) -> RunContext:
    record = scenario.record
    profiles = list(_profiles(parts))
    return RunContext(
        scenario=record.name,
        resolved=scenario.resolved(),
        seed=record.seed,
        start_utc=record.start.isoformat(),
        sites={spec.name: spec.context() for spec in parts.sites},
        money=money_of(record.money),
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
        notes=(*parts.notes, *(note for profile in profiles for note in profile.notes)),
    )


def _profiles(parts: _Parts) -> Iterator[Profile[Any]]:
    """Yield each profile that the run rests on, once, in a fixed order."""
    found: dict[str, Profile[Any]] = {}
    for site in parts.sites:
        for hall in site.halls.values():
            found[hall.server.file] = hall.server
            if hall.accelerator is not None:
                found[hall.accelerator.file] = hall.accelerator
        if site.network is not None:
            found[site.network.profile.file] = site.network.profile
        found.update({profile.file: profile for profile in (*site.facility.profiles, *site.thermal.profiles)})
        found.update({profile.file: profile for profile in site.accounting.profiles})
        if site.supply is not None:
            found.update({profile.file: profile for profile in site.supply.profiles})
    for service in parts.services:
        if service.software is not None:
            found[service.software.file] = service.software
    models = [service.model for service in parts.services] + [job.model for job in parts.jobs]
    for model in models:
        found[model.file] = model
    yield from (found[name] for name in sorted(found))


def _figures(profiles: list[Profile[Any]]) -> Iterator[Figure]:
    for profile in profiles:
        values = profile.values()
        for name, source in profile.figures().items():
            yield Figure(profile.record.name, name, values[name], source.kind, source.source, source.low, source.high)


def _file_checksums(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield (dotted path and file name, SHA-256) of each file that the scenario names."""
    document = scenario.document
    for path, value in values_below(document.data):
        if path[-1] == "file" and isinstance(value, str):
            yield f"{document.dotted(path)} {Path(value).name}", _sha256(scenario.base / value)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
