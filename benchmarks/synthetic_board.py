"""A GPU that is not there: kernels take the time and draw the power of known equations, and a sensor lags and ticks.

A whole measurement runs on it within seconds, on a virtual clock, through the same code as on a real board. What is
known of it are the figures of `benchmarks.synthetic_windows.Truth`; nothing is shared with the code that fits.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from benchmarks.synthetic_windows import BANDWIDTH, CAP_W, PEAKS, Truth
from calibration.measuring.bench import Bench
from calibration.measuring.clock import Clock, VirtualClock
from calibration.measuring.others import NobodyWatches, Watch
from calibration.measuring.points import Point, need, work
from calibration.measuring.prepared import Prepared
from calibration.measuring.readings import EnergyFrom, Reading
from calibration.measuring.record import DeviceIdentity, PowerLimits, SensorName
from calibration.measuring.work_counts import Work

IDENTITY: Final = DeviceIdentity(
    kind="cuda", vendor="NVIDIA", name="Synthetic H100", memory_bytes=80e9, cache_bytes=50e6, compute_units=132,
    architecture="9.0", uuid_hash="0123456789abcdef",
    power_limits=PowerLimits(default_w=CAP_W, enforced_w=CAP_W, minimum_w=200.0, maximum_w=CAP_W),
)  # fmt: skip
_FORMATS: Final = {"bf16": "bf16", "fp16": "bf16", "tf32": "bf16", "fp32": "bf16", "fp8": "fp8"}
_SLOWER: Final = {"tf32": 2.0, "fp32": 14.75}
"""Peak of bf16 over that of the format, as on the datasheet; energies per operation in the same proportion."""
_TOGGLING: Final = {"normal": 1.0, "low_entropy": 0.8, "zeros": 0.6}
"""Energy of an operation on other values, over that on random ones."""


@dataclass
class TruePower:
    """Power of the device: constant between changes, which come in order."""

    times_s: list[float] = field(default_factory=lambda: [0.0])
    watts: list[float] = field(default_factory=lambda: [0.0])
    joules: list[float] = field(default_factory=lambda: [0.0])

    def change(self, t_s: float, watts: float) -> None:
        """Draw another power from an instant on."""
        self.joules.append(self.energy_j(t_s))
        self.times_s.append(t_s)
        self.watts.append(watts)

    def energy_j(self, t_s: float) -> float:
        """Return the energy until an instant."""
        index = max(bisect.bisect_right(self.times_s, t_s) - 1, 0)
        return self.joules[index] + self.watts[index] * (t_s - self.times_s[index])


@dataclass
class SyntheticSensor:
    """A counter that moves every `tick_s`, and power that is the mean over `window_s`, updated every `update_s`."""

    power: TruePower
    clock: Clock
    tick_s: float = 0.1
    update_s: float = 0.02
    window_s: float = 0.1
    lag_s: float = 0.0
    gain: float = 1.0
    noise_w: float = 0.0
    step_w: float = 0.0
    phase_s: float = 0.0
    throttle: tuple[str, ...] = ()
    name: SensorName = "nvml"
    energy_from: EnergyFrom = "counter"
    boundary: str = "synthetic board"

    def at(self, t_s: float) -> Reading:
        """Return what it says at an instant."""
        ticked_s = math.floor((t_s - self.phase_s) / self.tick_s + 1e-9) * self.tick_s + self.phase_s
        update = math.floor((t_s - self.phase_s) / self.update_s + 1e-9)
        until_s = update * self.update_s + self.phase_s - self.lag_s
        width_s = max(self.window_s, 1e-6)
        mean_w = self.gain * (self.power.energy_j(until_s) - self.power.energy_j(until_s - width_s)) / width_s
        if self.noise_w:
            # Of the update, not of the reading: two readings of one update are equal.
            mean_w += self.noise_w * np.random.default_rng(update & 0xFFFFFFFF).standard_normal()
        if self.step_w:
            mean_w = round(mean_w / self.step_w) * self.step_w
        energy_j = self.gain * self.power.energy_j(max(ticked_s, 0.0))
        return Reading(t_s, energy_j, mean_w, None, 71.0, 1755.0, self.throttle)

    def read(self) -> Reading:
        """Return what it says now."""
        return self.at(self.clock.now_s())

    def power_limits(self) -> PowerLimits | None:
        """Return None: the identity has them."""
        return None

    def close(self) -> None:
        """Do nothing."""


class InstantSensor(Protocol):
    """A sensor that says what it reads at any instant."""

    def at(self, t_s: float) -> Reading:
        """Return what it says at an instant."""
        ...


class VirtualSampler:
    """Reads a model of a sensor over time that has already passed on a virtual clock.

    Args:
        sensor: what is read.
        clock: the virtual clock that `work` moves.
        period_s: time between two readings.
    """

    def __init__(self, sensor: InstantSensor, clock: Clock, period_s: float) -> None:
        self.sensor, self.clock, self.period_s = sensor, clock, period_s

    def around(self, work: Callable[[], None]) -> tuple[float, float, list[Reading]]:
        """Run `work`, then read what the sensor said meanwhile."""
        began_s = self.clock.now_s()
        work()
        ended_s = self.clock.now_s()
        count = int((ended_s - began_s) / self.period_s)
        instants = [began_s + index * self.period_s for index in range(count + 1)]
        return began_s, ended_s, [self.sensor.at(t_s) for t_s in (*instants, ended_s)]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a point costs: seconds of a repetition, and watts while it runs; no repetition for what only waits."""

    time_s: float | None
    watts: float | None


@dataclass
class SyntheticLoop:
    """A point made ready: time passes and power is drawn."""

    clock: Clock
    power: TruePower
    cost: Cost

    def warm_up(self, duration_s: float) -> None:
        """Run."""
        self.run(duration_s)

    def run(self, duration_s: float) -> int:
        """Run for a time or up to a repetition longer."""
        repetitions = 1 if self.cost.time_s is None else max(math.ceil(duration_s / self.cost.time_s), 1)
        lasting_s = duration_s if self.cost.time_s is None else repetitions * self.cost.time_s
        before_w = self.power.watts[-1]
        if self.cost.watts is not None:
            self.power.change(self.clock.now_s(), self.cost.watts)
        self.clock.wait(lasting_s)
        if self.cost.watts is not None:
            self.power.change(self.clock.now_s(), before_w)
        return repetitions


@dataclass
class SyntheticDevice:
    """A device whose points cost what a function says."""

    identity: DeviceIdentity
    clock: Clock
    power: TruePower
    cost: Callable[[Point, int], Cost]
    context_w: float
    overhead_s: float = 0.0
    prepared: list[str] = field(default_factory=list)

    def open(self) -> None:
        """Make a context, which draws."""
        self.power.change(self.clock.now_s(), self.context_w)

    def prepare(self, point: Point, seed: int) -> Prepared:
        """Return a point ready to run, after the time that making its operands takes."""
        self.prepared.append(point.name)
        self.clock.wait(self.overhead_s)
        return SyntheticLoop(self.clock, self.power, self.cost(point, seed))

    def release(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Scatter:
    """Relative errors of points and of windows, in time and in power."""

    point_time: float = 0.01
    point_power: float = 0.01
    window_time: float = 0.002
    window_power: float = 0.008


def synthetic_board(
    seed: int, truth: Truth, scatter: Scatter = Scatter(), watch: Watch | None = None, gain: float = 1.0
) -> Bench:
    """Return a bench of a board whose figures are known.

    Args:
        seed: of the errors of its points and windows.
        truth: its figures.
        scatter: size of those errors.
        watch: who else uses it.
        gain: of its sensor.
    """
    clock, power = VirtualClock(), TruePower()
    power.watts[0] = truth["power.idle_w"]

    def cost(point: Point, window_seed: int) -> Cost:
        exact = board_cost(point, truth)
        own = np.random.default_rng([seed, *point.name.encode()])
        each = np.random.default_rng([seed, window_seed])
        slower = math.exp(own.normal(0.0, scatter.point_time) + each.normal(0.0, scatter.window_time))
        hungrier = math.exp(own.normal(0.0, scatter.point_power) + each.normal(0.0, scatter.window_power))
        time_s = None if exact.time_s is None else exact.time_s * slower
        return Cost(time_s, None if exact.watts is None else min(exact.watts * hungrier, 0.985 * CAP_W))

    sensor = SyntheticSensor(power, clock, lag_s=0.02, gain=gain, noise_w=2.0, step_w=0.001)
    device = SyntheticDevice(IDENTITY, clock, power, cost, truth["power.idle_context_w"], 0.3)
    sampler, probe = VirtualSampler(sensor, clock, 0.02), VirtualSampler(sensor, clock, 0.004)
    return Bench(device, sensor, sampler, probe, clock, watch or NobodyWatches())


def board_cost(point: Point, truth: Truth) -> Cost:
    """Return what a point costs on the board, by the equations that its figures belong to."""
    if point.family in {"idle", "idle_context"}:
        return Cost(None, None)
    if point.family == "comm_wait":
        return Cost(None, truth["power.comm_wait_w"])
    done = work(point)
    time_s = _time_s(point, done, truth)
    arithmetic_j = done.flop * _joules_per_flop(point, truth) if point.number_format else 0.0
    watts = truth["power.static_w"] + (arithmetic_j + done.traffic_bytes * truth["power.joules_per_byte"]) / time_s
    if point.duty is not None:
        return Cost(time_s / point.duty, point.duty * watts + (1.0 - point.duty) * truth["power.idle_context_w"])
    return Cost(time_s, watts)


def _time_s(point: Point, done: Work, truth: Truth) -> float:
    launching_s = done.launches * truth["gemm.layer_overhead_s"] / 9.0
    stream = truth["gemm.elementwise_fraction"] * BANDWIDTH
    if point.family in {"copy", "triad", "elementwise"}:
        # What stays in the cache is read five times as fast.
        return done.traffic_bytes / (stream * (5.0 if point.cached else 1.0)) + launching_s
    peak = PEAKS[_FORMATS[point.number_format]] / _SLOWER.get(point.number_format, 1.0)
    if point.family in {"decode_attention", "prefill_attention"}:
        return _attention_s(point, done, truth, peak)
    copied = 2.0 * need(point.values) * 4.0 if point.family == "mixed" else 0.0
    operands = done.weight_bytes if point.family == "layer" else done.traffic_bytes - copied
    compute_s = done.flop / (truth[f"gemm.compute_fraction.{_FORMATS[point.number_format]}"] * peak)
    memory_s = operands / (truth["gemm.memory_fraction"] * BANDWIDTH)
    q = truth["gemm.sharpness"]
    product_s: float = (compute_s**q + memory_s**q) ** (1.0 / q)
    return product_s + (done.elementwise_bytes + copied) / stream + launching_s


def _attention_s(point: Point, done: Work, truth: Truth, peak: float) -> float:
    time_s = truth["attention.call_overhead_s"]
    if point.family == "decode_attention":
        pairs = need(point.batch) * need(point.query_heads)
        time_s += done.traffic_bytes / (truth["attention.decode_memory_fraction"] * BANDWIDTH)
        return time_s + truth["attention.sequence_head_overhead_s"] * pairs
    time_s += done.flop / (truth["attention.prefill_compute_fraction"] * peak)
    return time_s + done.traffic_bytes / (truth["attention.prefill_memory_fraction"] * BANDWIDTH)


def _joules_per_flop(point: Point, truth: Truth) -> float:
    own = truth[f"power.joules_per_flop.{_FORMATS[point.number_format]}"] * _SLOWER.get(point.number_format, 1.0)
    return own * _TOGGLING[point.inputs]
