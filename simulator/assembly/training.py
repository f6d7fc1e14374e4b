"""From training workloads to job plans."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from simulator.assembly.compatibility import accelerator_of, precision_faults, rates_in, tensor_faults
from simulator.assembly.faults import FaultCollector
from simulator.assembly.hardware import HallSpec, NetworkSpec
from simulator.engine.training.interruptions import Interruptions
from simulator.engine.training.job import JobPlan
from simulator.engine.training.job_meter import Pace, Rates
from simulator.errors import Fault, InputError
from simulator.physics import transformer as tf
from simulator.physics.accelerator import Accelerator
from simulator.physics.precision import PRECISIONS, Precision
from simulator.physics.training import evaluation_pass, training_step
from simulator.physics.training_energy import StepUse, step_use
from simulator.physics.training_plan import (
    ADAM_STATE_BYTES,
    Network,
    TrainingPlan,
    adapter_weights,
    memory_need_bytes,
)
from simulator.profiles import catalogue
from simulator.profiles.models import ModelRecord
from simulator.profiles.sourced import Profile
from simulator.scenario.training import (
    AchievedRate,
    FullTraining,
    Length,
    LoraTraining,
    ModelledRate,
    StepLength,
    TokenLength,
    TrainingWorkload,
)
from simulator.units import BYTES_PER_GB, SECONDS_PER_HOUR
from simulator.workload.synthesis import stream

_TERA = 1e12

_REMEMBERED_CAPS = 256
"""A controller that follows the grid tries the same few caps over and over."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A training workload with its plan.

    Args:
        workload: section of the scenario.
        model: profile of the model.
        hall: hall of the job.
        plan: what the job does and what its phases cost.
    """

    workload: TrainingWorkload
    model: Profile[ModelRecord]
    hall: HallSpec
    plan: JobPlan


def job_spec(
    workload: TrainingWorkload,
    halls: dict[str, HallSpec],
    network: NetworkSpec | None,
    has_storage: bool,
    seed: int,
    base: Path,
    faults: FaultCollector,
) -> JobSpec | None:
    """Return the job of a workload; what is wrong goes to `faults`."""
    hall = halls.get(workload.servers)
    if hall is None:
        return None
    place = ("workloads", workload.name)
    if workload.checkpoint is not None and not has_storage:
        faults.add((*place, "checkpoint"), "needs a section 'storage' to write to")
    if workload.interruptions is not None and workload.checkpoint is None:
        faults.add((*place, "interruptions"), "needs 'checkpoint': without it every failure starts the job anew")
    with faults.at(place):
        model = catalogue.model(workload.model, base)
        planner = _Planner(workload, model.record, hall, network, seed)
        return JobSpec(workload, model, hall, planner.plan())
    return None


class _Planner:
    """Turns one workload into a plan."""

    def __init__(
        self, workload: TrainingWorkload, model: ModelRecord, hall: HallSpec, network: NetworkSpec | None, seed: int
    ) -> None:
        record = accelerator_of(hall)
        self._seed = seed
        self._workload = workload
        self._model = model
        self._transformer = model.transformer()
        self._hall = hall
        self._precision: Precision = PRECISIONS[workload.precision]
        self._training = _training_plan(workload)
        problems = [*precision_faults(workload.precision, record), *self._parallelism_faults(network is not None)]
        if problems:
            raise InputError(problems)
        self._accelerator: Accelerator = rates_in(workload.precision, record)
        self._check_memory()
        self._network = self._links(network)

    def plan(self) -> JobPlan:
        """Return the plan of the job."""
        workload, training = self._workload, self._training
        step = training_step(self._transformer, training, self._accelerator, self._network, self._precision)
        stretched_s = self._published_step_s(step.model_flop)

        @lru_cache(maxsize=_REMEMBERED_CAPS)
        def pace_under(cap_w: float) -> Pace:
            use = step_use(step, self._accelerator, cap_w, stretched_s)
            evaluation = self._evaluation(stretched_s / step.time_s if stretched_s is not None else 1.0, cap_w)
            return Pace(use.time_s, Rates.of(use), evaluation.time_s, Rates.of(evaluation))

        pace = pace_under(self._hall.cap_w)
        every, first = 0, 0
        if workload.evaluation is not None:
            every = workload.evaluation.every_steps
            first = workload.evaluation.first_step or every
        checkpoint = workload.checkpoint
        power = self._accelerator.power
        return JobPlan(
            name=workload.name,
            accelerators=training.accelerators,
            unit=training.tensor,
            submit_s=workload.submit_h * SECONDS_PER_HOUR,
            startup_s=workload.startup_s,
            steps=_steps(workload.length, training),
            step_s=pace.step_s,
            step_tokens=float(training.batch_sequences * training.sequence_tokens),
            step_flop=step.model_flop,
            step_rates=pace.step_rates,
            hold_w=min(power.idle_context_w, self._hall.cap_w),
            evaluation_s=pace.evaluation_s,
            evaluation_rates=pace.evaluation_rates,
            evaluation_every=every,
            evaluation_first=first,
            checkpoint_every_s=checkpoint.every_h * SECONDS_PER_HOUR if checkpoint is not None else math.inf,
            checkpoint_bytes=self._checkpoint_bytes(),
            mfu=step.model_flop / (pace.step_s * training.accelerators * self._accelerator.peak_flop_per_s),
            peak_flop_per_s=self._accelerator.peak_flop_per_s,
            pace_under=pace_under,
            interruptions=self._interruptions(),
        )

    def _interruptions(self) -> Interruptions | None:
        """Return failures that come as a Poisson process, at a rate that grows with the accelerators."""
        section = self._workload.interruptions
        if section is None:
            return None
        mean_s = section.mean_accelerator_h * SECONDS_PER_HOUR / self._training.accelerators
        rng = stream(self._seed, f"{self._workload.name}/interruptions")
        return Interruptions(lambda: float(rng.exponential(mean_s)), section.restart_s)

    def _published_step_s(self, model_flop: float) -> float | None:
        """Return the duration of a step at the published rate, or None when speed is modelled."""
        rate = self._workload.rate
        if not isinstance(rate, AchievedRate):
            return None
        flop_per_s = rate.tflop_per_s_per_accelerator * _TERA
        if flop_per_s > self._accelerator.peak_flop_per_s:
            peak = self._accelerator.peak_flop_per_s / _TERA
            message = f"must be <= {peak:g}, the peak of the device, got {rate.tflop_per_s_per_accelerator:g}"
            raise InputError([Fault(message, path="rate.tflop_per_s_per_accelerator")])
        return model_flop / (self._training.accelerators * flop_per_s)

    def _evaluation(self, stretch: float, cap_w: float) -> StepUse:
        """Return the use of a whole evaluation: batches of data x microbatch sequences, the last one padded."""
        evaluation, training = self._workload.evaluation, self._training
        sequences = evaluation.sequences if evaluation is not None else 1
        one = evaluation_pass(self._transformer, training, self._accelerator, self._network, self._precision)
        use = step_use(one, self._accelerator, cap_w, stretch * one.time_s)
        passes = math.ceil(sequences / (training.data * training.microbatch_sequences))
        return StepUse(
            passes * use.time_s,
            passes * use.busy_s,
            passes * use.compute_j,
            passes * use.transfer_j,
            passes * use.wait_j,
            passes * use.network_bytes,
        )

    def _checkpoint_bytes(self) -> float:
        trained: float = tf.parameter_count(self._transformer)
        if self._training.lora_rank is not None:
            trained = self._transformer.layers * adapter_weights(self._transformer, self._training.lora_rank)
        return trained * (self._precision.weight_bytes + ADAM_STATE_BYTES)

    def _links(self, network: NetworkSpec | None) -> Network:
        server = self._hall.server.record
        group = min(server.link_group, server.accelerators)
        inside = self._accelerator.link
        if network is None or self._training.accelerators <= server.accelerators:
            return Network(inside, inside, group)
        return Network(inside, network.link(server), group)

    def _parallelism_faults(self, has_network: bool) -> Iterator[Fault]:
        training, model, hall = self._training, self._model, self._hall
        yield from tensor_faults(training.tensor, model, hall)
        stages = training.pipeline * training.interleave
        if stages > model.layers:
            message = f"pipeline x interleave must be <= {model.layers}, the layers of {model.name}, got {stages}"
            yield Fault(message, path="parallelism")
        replicas = training.data * training.context
        if training.expert > 1 and (replicas % training.expert or model.experts % training.expert):
            message = f"must divide data x context = {replicas} and the {model.experts} experts of {model.name}"
            yield Fault(f"{message}, got {training.expert}", path="parallelism.expert")
        share = training.data * training.microbatch_sequences
        if training.batch_sequences % share:
            yield Fault(
                f"must be a multiple of parallelism.data x microbatch_sequences = {share}, got "
                f"{training.batch_sequences}",
                path="batch_sequences",
            )
        needed = f"data x tensor x pipeline x context = {training.accelerators} accelerators"
        per_server = hall.server.record.accelerators
        if training.accelerators > hall.accelerators:
            yield Fault(f"{needed} are more than the {hall.accelerators} of '{hall.group.name}'", path="parallelism")
        elif training.accelerators > per_server and not has_network:
            message = f"{needed} are more than the {per_server} of one server, and section 'network' joins no servers"
            yield Fault(message, path="parallelism")

    def _check_memory(self) -> None:
        need = memory_need_bytes(self._transformer, self._training, self._precision)
        if need > self._accelerator.memory_bytes:
            raise InputError(
                f"weights, gradients, optimizer states and activations need {need / BYTES_PER_GB:,.1f} GB per "
                f"accelerator, which has {self._accelerator.memory_bytes / BYTES_PER_GB:,.1f} GB: raise "
                "parallelism.tensor or pipeline, lower microbatch_sequences, set recompute: full or "
                "method.shard_weights: true"
            )


def _training_plan(workload: TrainingWorkload) -> TrainingPlan:
    parallelism, method = workload.parallelism, workload.method
    rate = workload.rate if isinstance(workload.rate, ModelledRate) else ModelledRate(kind="modelled")
    return TrainingPlan(
        data=parallelism.data,
        tensor=parallelism.tensor,
        pipeline=parallelism.pipeline,
        context=parallelism.context,
        interleave=parallelism.interleave,
        sequence_tokens=workload.sequence_tokens,
        batch_sequences=workload.batch_sequences,
        microbatch_sequences=workload.microbatch_sequences,
        lora_rank=method.rank if isinstance(method, LoraTraining) else None,
        recompute=workload.recompute,
        shard_optimizer=method.shard_optimizer if isinstance(method, FullTraining) else False,
        tensor_overlap=rate.tensor_overlap,
        data_overlap=rate.data_overlap,
        sustained_fraction=rate.sustained_fraction,
        step_overhead_s=rate.step_overhead_s,
        shard_weights=isinstance(method, FullTraining) and method.shard_weights,
        host_layer_s=rate.host_layer_s,
        expert=parallelism.expert,
    )


def _steps(length: Length, training: TrainingPlan) -> float:
    """Return the optimizer steps of a length; the last step may be a part of one."""
    if isinstance(length, StepLength):
        return float(length.steps)
    if isinstance(length, TokenLength):
        return length.tokens / (training.batch_sequences * training.sequence_tokens)
    return length.sequences / training.batch_sequences
