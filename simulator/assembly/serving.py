"""From inference workloads to services."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from simpy import Environment

from simulator.assembly.compatibility import accelerator_of, expert_faults, precision_faults, rates_in, tensor_faults
from simulator.assembly.faults import FaultCollector
from simulator.assembly.hardware import HallSpec
from simulator.assembly.requests import request_table
from simulator.assembly.window import Window
from simulator.engine.compute.hall import Hall
from simulator.engine.scheduling.placement import PlacementPolicy
from simulator.engine.serving.batch import BatchLimits
from simulator.engine.serving.encoder import EncoderReplica
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.engine.serving.reference import ReferenceReplica
from simulator.engine.serving.replica import Replica
from simulator.engine.serving.replica_meter import ReplicaMeter
from simulator.engine.serving.request_state import RequestState
from simulator.engine.serving.service import Service
from simulator.errors import Fault, InputError
from simulator.physics.accelerator import Accelerator, HostOverhead
from simulator.physics.inference import InferenceModel, inference_model, peak_activation_bytes
from simulator.physics.precision import KV_BYTES, PRECISIONS
from simulator.physics.serving_plan import ServingPlan
from simulator.physics.serving_software import ServingSoftware
from simulator.profiles import catalogue
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.models import ModelRecord
from simulator.profiles.serving_software import ServingSoftwareRecord
from simulator.profiles.sourced import Profile
from simulator.records import RequestLog
from simulator.scenario.inference import LEAN, ClosedLoopRequests, InferenceWorkload
from simulator.units import BYTES_PER_GB
from simulator.workload.requests import RequestTable

ServingEngine = Literal["stretch", "iteration"]
"""How replicas advance: in closed-form stretches, or iteration by iteration as the reference does."""

_UNLIMITED_BLOCKS = 1 << 40
"""An encoder caches nothing, so its cache is never full."""

_REMEMBERED_CAPS = 16
"""Each holds tables of the largest batch and what has been solved under that cap."""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """An inference workload with everything that it needs.

    Args:
        workload: section of the scenario.
        model: profile of the model.
        hall: hall of the replicas.
        inference: iteration model of a replica.
        limits: limits of a replica.
        requests: what is asked.
        software: profile of the serving software; None is that of the accelerator's profile.
    """

    workload: InferenceWorkload
    model: Profile[ModelRecord]
    hall: HallSpec
    inference: InferenceModel
    limits: BatchLimits
    requests: RequestTable
    software: Profile[ServingSoftwareRecord] | None


def service_spec(
    workload: InferenceWorkload,
    halls: dict[str, HallSpec],
    seed: int,
    base: Path,
    window: Window,
    faults: FaultCollector,
) -> tuple[ServiceSpec | None, list[str]]:
    """Return the service of a workload and notes on its requests; what is wrong goes to `faults`."""
    place = ("workloads", workload.name)
    hall = halls.get(workload.servers)
    requests: RequestTable | None = None
    notes: list[str] = []
    with faults.at((*place, "requests")):
        requests, notes = request_table(workload, seed, base, window)
    software: Profile[ServingSoftwareRecord] | None = None
    if workload.engine.software != LEAN:
        with faults.at((*place, "engine", "software")):
            software = catalogue.serving_software(workload.engine.software, base)
    if hall is None:
        return None, notes
    with faults.at(place):
        model = catalogue.model(workload.model, base)
        accelerator = accelerator_of(hall)
        problems = list(_problems(workload, model.record, hall, accelerator))
        if problems:
            raise InputError(problems)
        inference = _inference(workload, model.record, accelerator, requests, software)
        limits = _limits(workload, model.record, accelerator, inference)
        if requests is not None:
            return ServiceSpec(workload, model, hall, inference, limits, requests, software), notes
    return None, notes


def build_service(
    spec: ServiceSpec,
    env: Environment,
    halls: dict[str, Hall],
    placement: PlacementPolicy,
    router: str,
    engine: ServingEngine,
    on_end: Callable[[], None],
) -> Service:
    """Return a running service, its replicas placed and its clients started.

    Raises:
        InputError: the hall has no room for the replicas.
    """
    workload, hall = spec.workload, halls[spec.workload.servers]
    table = spec.requests
    log = RequestLog(table.prompt_tokens, table.output_tokens)
    state = RequestState(log)
    service = Service(env, workload.name, log, spec.limits, router, on_end)

    @lru_cache(maxsize=_REMEMBERED_CAPS)
    def cost_under(cap_w: float) -> IterationCost:
        return IterationCost(spec.inference, cap_w)

    cost = cost_under(hall.caps.of(workload.name))
    hall.switch.listen(workload.name, service.switch)
    hall.caps.listen(workload.name, lambda cap_w: service.recost(cost_under(cap_w)))
    kind: Any = ReferenceReplica if engine == "iteration" else Replica
    if spec.model.record.kind == "encoder":
        kind = EncoderReplica
    replicas = []
    for index in range(workload.replicas):
        meter = _placed(workload, hall, placement, index)
        replicas.append(kind(env, cost, spec.limits, state, meter, service.listener(index)))
    service.attach(replicas)
    if isinstance(workload.requests, ClosedLoopRequests):
        service.serve_clients(workload.requests.clients, workload.requests.think_time_s)
    else:
        env.process(service.replay(array("d", table.arrival_s.tolist())))
    if not len(log):
        on_end()
    return service


def _placed(workload: InferenceWorkload, hall: Hall, placement: PlacementPolicy, index: int) -> ReplicaMeter:
    group = serving_plan(workload).accelerators
    placed = placement.place(hall, group, group)
    if placed is None or hall.accelerator is None:
        message = f"must be <= {index}, the replicas of {group} accelerators that fit into '{hall.name}'"
        raise InputError([Fault(f"{message}, got {workload.replicas}", path="replicas")])
    hall.occupy(placed, 0.0)
    return ReplicaMeter(
        hall=hall,
        server=placed.servers[0],
        accelerators=group,
        idle_w=min(hall.accelerator.power.idle_context_w, hall.cap_w),
        active=hall.account(workload.name, "inference"),
        idle=hall.account(workload.name, "idle"),
    )


def serving_plan(workload: InferenceWorkload) -> ServingPlan:
    """Return how the accelerators of a replica share its model."""
    parallelism = workload.parallelism
    return ServingPlan(parallelism.tensor, parallelism.attention_data, parallelism.expert)


def _problems(
    workload: InferenceWorkload, model: ModelRecord, hall: HallSpec, accelerator: AcceleratorRecord
) -> Iterator[Fault]:
    yield from precision_faults(workload.precision, accelerator)
    yield from tensor_faults(workload.parallelism.tensor, model, hall)
    yield from expert_faults(serving_plan(workload), model, hall)
    if PRECISIONS[workload.precision].expert_weight_bytes is not None and model.experts == 1:
        yield Fault(f"'{workload.precision}' is a format of experts, and {model.name} has none", path="precision")
    engine = workload.engine
    if engine.max_sequences > engine.max_batch_tokens:
        limit = f"engine.max_batch_tokens = {engine.max_batch_tokens}, since each takes a token per iteration"
        yield Fault(f"must be <= {limit}, got {engine.max_sequences}", path="engine.max_sequences")
    if model.kind == "encoder":
        output = getattr(workload.requests, "output_tokens", None)
        if getattr(output, "tokens", None) != 1:
            message = f"must be {{kind: constant, tokens: 1}}, since {model.name} is an encoder"
            yield Fault(message, path="requests.output_tokens")


def _inference(
    workload: InferenceWorkload,
    model: ModelRecord,
    record: AcceleratorRecord,
    requests: RequestTable | None,
    profile: Profile[ServingSoftwareRecord] | None,
) -> InferenceModel:
    engine, plan = workload.engine, serving_plan(workload)
    software = profile.record.software() if profile is not None else None
    accelerator = _with_overheads(rates_in(workload.precision, record), workload, model.transformer().layers, software)
    longest = int(requests.prompt_tokens.max()) if requests is not None and len(requests) else 1
    tokens = max(engine.max_batch_tokens, longest) if model.kind == "encoder" else engine.max_batch_tokens
    inference = inference_model(
        model.transformer(),
        accelerator,
        plan,
        PRECISIONS[workload.precision],
        KV_BYTES[workload.kv_precision],
        tokens * plan.data,
        engine.max_sequences * plan.data,
    )
    if software is None:
        return inference
    reads, attention = software.cache_reads, inference.attention
    more = {name: getattr(attention, name) * reads for name in ("decode_s", "mixed_decode_s", "decode_bytes")}
    return replace(inference, attention=replace(attention, **more))


def _with_overheads(
    accelerator: Accelerator, workload: InferenceWorkload, layers: int, software: ServingSoftware | None
) -> Accelerator:
    engine, host = workload.engine, accelerator.host
    if software is not None:
        step_s = software.overhead_s(workload.parallelism.tensor)
        host = HostOverhead(step_s, software.sequence_s, software.layer_s * layers)
    step_s = host.step_s if engine.step_overhead_s is None else engine.step_overhead_s
    sequence_s = host.sequence_s if engine.sequence_overhead_s is None else engine.sequence_overhead_s
    return replace(accelerator, host=HostOverhead(step_s, sequence_s, host.launch_s))


def _limits(
    workload: InferenceWorkload, model: ModelRecord, record: AcceleratorRecord, inference: InferenceModel
) -> BatchLimits:
    engine, groups, span = workload.engine, inference.plan.data, inference.span
    blocks = _blocks_that_fit(workload, model, record, inference)
    units = 1 if span is None else span.units_per_token
    if engine.kv_blocks is not None and model.kind != "encoder":
        if engine.kv_blocks * units > blocks:
            most = blocks // units
            message = f"must be <= {most}, what memory leaves beside weights and activations, got {engine.kv_blocks}"
            raise InputError([Fault(message, path="engine.kv_blocks")])
        blocks = engine.kv_blocks * units
    return BatchLimits(
        batch_tokens=engine.max_batch_tokens * groups,
        sequences=engine.max_sequences * groups,
        block_tokens=engine.block_tokens,
        blocks=blocks * groups,
        context_tokens=model.context_tokens,
        whole_prompts=engine.whole_prompts,
        span=span,
        ranks=groups,
    )


def _blocks_that_fit(
    workload: InferenceWorkload, model: ModelRecord, record: AcceleratorRecord, inference: InferenceModel
) -> int:
    """Return the blocks that memory leaves beside weights and activations, in one group of a replica.

    Where layers have windows these are blocks of one unit of the model's span.
    """
    engine, tensor = workload.engine, workload.parallelism.tensor
    budget = record.memory_bytes * engine.memory_fraction
    weights = inference.weight_bytes
    activations = peak_activation_bytes(model.transformer(), tensor, engine.max_batch_tokens, engine.max_sequences)
    free = budget - weights - activations
    is_encoder = model.kind == "encoder"
    block_bytes = 0.0 if is_encoder else inference.cached_bytes * engine.block_tokens
    if free < block_bytes:
        gb = [value / BYTES_PER_GB for value in (weights, activations, budget)]
        raise InputError(
            f"{model.name} in {workload.precision} needs {gb[0]:,.1f} GB for weights and {gb[1]:,.1f} GB for "
            f"activations per accelerator; {record.name} has {gb[2]:,.1f} GB of that share: raise parallelism.tensor "
            f"{'or parallelism.attention_data ' if model.experts > 1 else ''}or lower the precision"
        )
    return _UNLIMITED_BLOCKS if is_encoder else int(free // block_bytes)
