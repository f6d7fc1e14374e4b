"""What the simulator's own model says of a phase, with the uncertainty that the profile states for its figures.

Host time between the steps of a serving engine is left out, because the transformer under check has no engine. Of
training, one device does everything: no network, no stragglers, nothing stored is recomputed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from calibration.checking.phases import Phase
from calibration.measuring.record import DeviceKind
from simulator.errors import InputError
from simulator.physics.accelerator import Accelerator
from simulator.physics.inference import inference_model
from simulator.physics.links import Link
from simulator.physics.precision import PRECISIONS, Precision
from simulator.physics.training import training_step
from simulator.physics.training_energy import step_use
from simulator.physics.training_plan import Network, TrainingPlan
from simulator.physics.transformer import Transformer
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.sourced import Profile

FORMATS: Final = {"cuda": ("bf16", "fp16", "fp32"), "cpu": ("fp32", "bf16")}
"""Formats in which the transformer is run by kind of device, the first that a profile has: processors seldom multiply
16 bits quickly."""

_UNCERTAIN: Final = ("gemm.", "attention.", "power.")
"""Figures whose stated range moves a prediction."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Time and board energy of one repetition, each with the half width of its 95 % interval.

    Args:
        time_s: duration.
        time_u_s: half width.
        energy_j: of the board.
        energy_u_j: half width.
    """

    time_s: float
    time_u_s: float
    energy_j: float
    energy_u_j: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the half width of its 95 % interval."""

    value: float
    half_width: float


def number_format(record: AcceleratorRecord, kind: DeviceKind) -> str:
    """Return the format in which a device runs the transformer.

    Raises:
        InputError: the profile has none of them.
    """
    wanted = FORMATS[kind]
    for name in wanted:
        if name in record.peak_flop_per_s:
            return name
    raise InputError(f"{record.name} has none of the formats {', '.join(wanted)} in which the transformer is run")


def predict(profile: Profile[AcceleratorRecord], shape: Transformer, phase: Phase, number_format: str) -> Prediction:
    """Return what a profile says of a phase.

    Args:
        profile: of the device.
        shape: the transformer.
        phase: what it does.
        number_format: format of weights and activations.
    """
    time, energy = with_intervals(profile, lambda record: _cost(record, shape, phase, number_format))
    return Prediction(time.value, time.half_width, energy.value, energy.half_width)


def with_intervals(
    profile: Profile[AcceleratorRecord],
    cost: Callable[[AcceleratorRecord], tuple[float, float]],
) -> tuple[Interval, Interval]:
    """Return two figures of a profile with their intervals; the second is one of power or energy.

    Each figure with a stated range is moved to both of its ends, the others kept; the half differences are summed in
    squares. Ranges are taken as 95 % intervals, as fits give them.

    Args:
        profile: of the device.
        cost: gives both figures of a record.
    """
    record = profile.record
    first, second = cost(record)
    first_square = second_square = 0.0
    for path, source in profile.figures().items():
        if source.low is None or source.high is None or not path.startswith(_UNCERTAIN):
            continue
        moved = _moved(record, path, (source.low, source.high))
        ends = [cost(end) for end in moved]
        if len(ends) == 2:
            first_square += (0.5 * (ends[1][0] - ends[0][0])) ** 2
            second_square += (0.5 * (ends[1][1] - ends[0][1])) ** 2
    return Interval(first, math.sqrt(first_square)), Interval(second, math.sqrt(second_square))


def _moved(record: AcceleratorRecord, path: str, values: tuple[float, float]) -> list[AcceleratorRecord]:
    """Return the record with a figure at each end of its range; ends that make no record are left out."""
    moved = []
    for value in values:
        data = record.model_dump(by_alias=True)
        node: Any = data
        *parents, last = path.split(".")
        for name in parents:
            node = node[name]
        node[last] = value
        try:
            moved.append(AcceleratorRecord.model_validate(data))
        except ValueError:
            return []
    return moved


def _cost(record: AcceleratorRecord, shape: Transformer, phase: Phase, number_format: str) -> tuple[float, float]:
    rates = record.rates(number_format)
    if phase.kind == "training":
        return _training_cost(rates, shape, phase, number_format)
    count, tokens = phase.sequences, phase.tokens
    prefill = phase.kind == "prefill"
    iteration = Iteration(prompts=count, prompt_tokens=tokens) if prefill else Iteration(count, tokens)
    return iteration_cost(rates, shape, PRECISIONS[number_format], 1, iteration)


@dataclass(frozen=True, slots=True)
class Iteration:
    """What one forward pass does: decode, prefill, or both.

    Args:
        decoding: sequences that gain a token.
        context: cached tokens of each.
        prompts: sequences whose whole prompt is processed.
        prompt_tokens: of each.
    """

    decoding: int = 0
    context: int = 0
    prompts: int = 0
    prompt_tokens: int = 0


def iteration_cost(
    accelerator: Accelerator, shape: Transformer, precision: Precision, tensor: int, iteration: Iteration
) -> tuple[float, float]:
    """Return time and board energy of one iteration: static power x time + operations and traffic, capped.

    Args:
        accelerator: rates for the precision.
        shape: the transformer.
        precision: format of weights and arithmetic.
        tensor: accelerators that share each layer; the energy is that of one.
        iteration: what it does.
    """
    count, prompts, prompt = iteration.decoding, iteration.prompts, iteration.prompt_tokens
    tokens, logits, cached = count + prompts * prompt, count + prompts, count * iteration.context
    # Keys and values stay in the format of activations, as engines keep them unless told otherwise.
    model = inference_model(shape, accelerator, tensor, precision, precision.activation_bytes, tokens, logits)
    attention, power = model.attention, accelerator.power
    pairs, keys = prompts * 0.5 * prompt * (prompt + 1), prompts * prompt
    flop = float(model.tokens.flop[tokens])
    sixteen = float(model.head.flop[logits]) + attention.pair_flop * pairs + attention.decode_flop * cached
    moved = float(model.tokens.traffic_bytes[tokens] + model.head.traffic_bytes[logits])
    moved += (attention.chunk_bytes + attention.context_bytes) * keys + attention.decode_bytes * cached
    time_s = float(model.tokens.gemm_s[tokens] + model.tokens.other_s[tokens] + model.head.time_s[logits])
    attention_s = attention.call_s
    if prompts:
        attention_s += sum(attention.prefill_s(keys, pairs, keys, prompt))
        if count:
            attention_s = attention.mixed_factor * (attention_s + attention.mixed_part_s(count, cached, prompt))
    else:
        attention_s += attention.sequence_s * count + attention.decode_s * cached
    time_s += attention_s
    energy_j = power.static_w * time_s + power.joules_per_byte * moved
    energy_j += power.joules_per_link_byte * float(model.tokens.link_bytes[tokens])
    energy_j += accelerator.joules_per_flop * flop + accelerator.sixteen_bit_joules_per_flop * sixteen
    return time_s, min(energy_j, power.cap_w * time_s)


def _training_cost(accelerator: Accelerator, shape: Transformer, phase: Phase, name: str) -> tuple[float, float]:
    plan = TrainingPlan(
        data=1,
        tensor=1,
        pipeline=1,
        context=1,
        interleave=1,
        sequence_tokens=phase.tokens,
        batch_sequences=phase.sequences,
        microbatch_sequences=phase.sequences,
        lora_rank=None,
        recompute="none",
        shard_optimizer=False,
        tensor_overlap=0.0,
        data_overlap=0.0,
        sustained_fraction=1.0,
        step_overhead_s=0.0,
    )
    nowhere = Link(0.0, 0.0, 1.0)
    step = training_step(shape, plan, accelerator, Network(nowhere, nowhere, 1), PRECISIONS[name])
    use = step_use(step, accelerator, accelerator.power.cap_w)
    return use.time_s, use.energy_j
