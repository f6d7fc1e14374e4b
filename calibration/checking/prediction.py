"""What the simulator's own model says of a phase, with the uncertainty that the profile states for its figures.

Host time between the steps of a serving engine is left out, because the transformer under check has no engine. Of
training, one device does everything: no network, no stragglers, nothing stored is recomputed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from calibration.checking.phases import Phase
from calibration.measuring.record import DeviceKind
from simulator.errors import InputError
from simulator.physics.accelerator import Accelerator
from simulator.physics.inference import inference_model
from simulator.physics.links import Link
from simulator.physics.precision import KV_BYTES, PRECISIONS
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


def predict(
    profile: Profile[AcceleratorRecord], shape: Transformer, phase: Phase, number_format: str, gain_rel: float = 0.0
) -> Prediction:
    """Return what a profile says of a phase.

    Each figure with a stated range is moved to both of its ends, the others kept; the half differences are summed in
    squares. Ranges are taken as 95 % intervals, as fits give them.

    Args:
        profile: of the device.
        shape: the transformer.
        phase: what it does.
        number_format: format of weights and activations.
        gain_rel: standard uncertainty of the power sensor's gain, common to all figures of power.
    """
    record = profile.record
    time_s, energy_j = _cost(record, shape, phase, number_format)
    time_square = energy_square = 0.0
    for path, source in profile.figures().items():
        if source.low is None or source.high is None or not path.startswith(_UNCERTAIN):
            continue
        moved = _moved(record, path, (source.low, source.high))
        ends = [_cost(end, shape, phase, number_format) for end in moved]
        if len(ends) == 2:
            time_square += (0.5 * (ends[1][0] - ends[0][0])) ** 2
            energy_square += (0.5 * (ends[1][1] - ends[0][1])) ** 2
    energy_square += (1.96 * gain_rel * energy_j) ** 2
    return Prediction(time_s, math.sqrt(time_square), energy_j, math.sqrt(energy_square))


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
    cost = _training_cost if phase.kind == "training" else _iteration_cost
    return cost(record.rates(number_format), shape, phase, number_format)


def _iteration_cost(accelerator: Accelerator, shape: Transformer, phase: Phase, name: str) -> tuple[float, float]:
    """Return time and energy of one iteration: static power x time + energies of operations and traffic, capped."""
    count = phase.sequences
    tokens = count * phase.tokens if phase.kind == "prefill" else count
    kv_bytes = KV_BYTES.get(name, PRECISIONS[name].activation_bytes)
    model = inference_model(shape, accelerator, 1, PRECISIONS[name], kv_bytes, tokens, count)
    attention, power = model.attention, accelerator.power
    flop, sixteen = float(model.tokens.flop[tokens]), float(model.head.flop[count])
    moved = float(model.tokens.traffic_bytes[tokens] + model.head.traffic_bytes[count])
    time_s = float(model.tokens.gemm_s[tokens] + model.tokens.other_s[tokens] + model.head.time_s[count])
    time_s += attention.call_s
    if phase.kind == "prefill":
        pairs = count * 0.5 * phase.tokens * (phase.tokens + 1)
        keys = count * phase.tokens
        fixed_s, arithmetic_s = attention.prefill_s(tokens, pairs, keys, phase.tokens)
        time_s += fixed_s + arithmetic_s
        sixteen += attention.pair_flop * pairs
        moved += attention.chunk_bytes * tokens + attention.context_bytes * keys
    else:
        cached = count * phase.tokens
        time_s += attention.sequence_s * count + attention.decode_s * cached
        sixteen += attention.decode_flop * cached
        moved += attention.decode_bytes * cached
    energy_j = power.static_w * time_s + power.joules_per_byte * moved
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
