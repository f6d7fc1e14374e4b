"""A user's own serving run against the simulator's model: what it should draw and deliver, for a stated workload.

The workload is a steady state: n sequences run at any time, each with a prompt and an answer of `a` tokens. Whenever a
sequence has its answer another takes its place, whose prompt joins an iteration in which the others decode. In a cycle
of `a` iterations each sequence is replaced once:

    T = (a - n / k) T_decode(n) + n / k T_mixed(n - k, k prompts),   k = ceil(n / a) prompts join an iteration
    power = E / T,   throughput = n a / T

with half an answer cached beside each prompt. Prompts are not cut into chunks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from calibration.checking.prediction import Interval, Iteration, iteration_cost, with_intervals
from simulator.errors import Fault, InputError, nearest_match
from simulator.physics.precision import PRECISIONS
from simulator.physics.transformer import Transformer
from simulator.profiles import catalogue
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.sourced import Profile

KEYS: Final = ("model", "batch", "prompt", "answer", "precision", "tensor")
_NUMBERS: Final = ("batch", "prompt", "answer", "tensor")


@dataclass(frozen=True, slots=True)
class Serving:
    """A steady serving workload.

    Args:
        model: name, for people.
        shape: the transformer.
        batch: sequences that run at any time.
        prompt: tokens of a prompt.
        answer: tokens of an answer.
        precision: format of weights and arithmetic.
        tensor: accelerators that share each layer; the log is of one of them.
    """

    model: str
    shape: Transformer
    batch: int
    prompt: int
    answer: int
    precision: str
    tensor: int

    def __str__(self) -> str:
        spread = f" on {self.tensor} boards" if self.tensor > 1 else ""
        return (
            f"{self.model} in {self.precision}{spread}, {self.batch} sequences of {self.prompt} + {self.answer} tokens"
        )


def parse(text: str, base: Path) -> Serving:
    """Return the workload of `model=NAME,batch=N,prompt=N,answer=N[,precision=bf16][,tensor=1]`.

    Args:
        text: as on the command line.
        base: folder to which a path of a model is relative.

    Raises:
        InputError: with every fault.
    """
    given: dict[str, str] = {"precision": "bf16", "tensor": "1"}
    faults: list[Fault] = []
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or key not in KEYS:
            faults.append(
                Fault(f"'{part.strip()}' is no KEY=VALUE of a workload{nearest_match(key, KEYS)}", "--workload")
            )
        given[key] = value
    faults += [Fault(f"{key} is missing", "--workload") for key in KEYS if key not in given]
    for key in _NUMBERS:
        if key in given and not (given[key].isdecimal() and int(given[key]) >= 1):
            faults.append(Fault(f"{key} must be a whole number >= 1, got '{given[key]}'", "--workload"))
    if given["precision"] not in PRECISIONS:
        known = nearest_match(given["precision"], list(PRECISIONS))
        faults.append(Fault(f"precision '{given['precision']}' is not known{known}", "--workload"))
    if faults:
        raise InputError(faults)
    numbers = {key: int(given[key]) for key in _NUMBERS}
    shape = catalogue.model(given["model"], base).record.transformer()
    return Serving(model=given["model"], shape=shape, precision=given["precision"], **numbers)


@dataclass(frozen=True, slots=True)
class ServingPrediction:
    """What a workload should draw and deliver.

    Args:
        power_w: mean power of one board.
        tokens_per_s: answer tokens of the whole batch.
    """

    power_w: Interval
    tokens_per_s: Interval


def predict_serving(
    profile: Profile[AcceleratorRecord], serving: Serving, batch: int | None = None
) -> ServingPrediction:
    """Return what a profile says of a workload.

    Args:
        profile: of the device.
        serving: the workload.
        batch: sequences that run, where they are not those of the workload.

    Raises:
        InputError: the device does not compute in the workload's precision.
    """
    count = serving.batch if batch is None else batch
    precision = PRECISIONS[serving.precision]
    if profile.record.format_for(precision) is None:
        formats = ", ".join(precision.compute)
        raise InputError(f"{profile.record.name} does not compute {serving.precision}: it has none of {formats}")

    def rates(record: AcceleratorRecord) -> tuple[float, float]:
        time_s, energy_j = _cycle(record, serving, count)
        return count * serving.answer / time_s, energy_j / time_s

    tokens_per_s, power_w = with_intervals(profile, rates)
    return ServingPrediction(power_w, tokens_per_s)


def _cycle(record: AcceleratorRecord, serving: Serving, count: int) -> tuple[float, float]:
    """Return time and board energy in which `count` sequences gain their answers and each is replaced once."""
    context = serving.prompt + serving.answer // 2
    precision = PRECISIONS[serving.precision]
    accelerator = record.rates(record.format_for(precision) or serving.precision)
    arguments = (accelerator, serving.shape, precision, serving.tensor)
    joining = math.ceil(count / serving.answer)
    mixed = count / joining
    decode_s, decode_j = iteration_cost(*arguments, Iteration(count, context))
    mixed_s, mixed_j = iteration_cost(*arguments, Iteration(count - joining, context, joining, serving.prompt))
    host_s = accelerator.host.step_s + accelerator.host.sequence_s * count
    time_s = (serving.answer - mixed) * decode_s + mixed * mixed_s + serving.answer * host_s
    energy_j = (serving.answer - mixed) * decode_j + mixed * mixed_j
    return time_s, energy_j + serving.answer * host_s * accelerator.power.idle_context_w
