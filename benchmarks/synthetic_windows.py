"""Windows of a device whose parameters are known, as its sensor would report them.

The device follows the simulator's equations; the sensor has a gain that nobody knows, refreshes its counter of whole
millijoules every 100 ms with a lag, and the windows repeat to about a per cent, each point with an error of its own
beside. Nothing here is shared with the code that fits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from calibration.windows import Family, Window, window_table

PEAKS: Final = {"bf16": 989e12, "fp8": 1979e12}
BANDWIDTH: Final = 3.35e12
CAP_W: Final = 700.0
"""Datasheet of the device: H100 SXM."""
_WARM_UP_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Truth:
    """Parameters of the device, by path in a profile."""

    values: dict[str, float] = field(
        default_factory=lambda: {
            "gemm.compute_fraction.bf16": 0.70,
            "gemm.compute_fraction.fp8": 0.62,
            "gemm.memory_fraction": 0.88,
            "gemm.sharpness": 1.8,
            "gemm.elementwise_fraction": 0.75,
            "gemm.layer_overhead_s": 36e-6,
            "attention.call_overhead_s": 9e-6,
            "attention.decode_memory_fraction": 0.85,
            "attention.sequence_head_overhead_s": 4e-9,
            "attention.prefill_compute_fraction": 0.62,
            "attention.prefill_memory_fraction": 0.45,
            "power.idle_w": 72.0,
            "power.idle_context_w": 118.0,
            "power.comm_wait_w": 210.0,
            "power.static_w": 165.0,
            "power.joules_per_flop.bf16": 5.5e-13,
            "power.joules_per_flop.fp8": 2.8e-13,
            "power.joules_per_byte": 6.5e-11,
        }
    )

    def __getitem__(self, path: str) -> float:
        return self.values[path]

    def items(self) -> Iterable[tuple[str, float]]:
        """Return all parameters with their paths."""
        return self.values.items()

    def get(self, path: str) -> float | None:
        """Return a parameter, None where it is not one of them."""
        return self.values.get(path)


@dataclass(frozen=True, slots=True)
class Noise:
    """What stands between the device and its windows; relative figures are standard deviations.

    Args:
        gain: half width of the rectangular error of the sensor's gain, common to all windows.
        counter_period_s: refresh of the energy counter.
        lag_s: age of what the counter holds when it is refreshed.
        counter_step_j: step of the counter.
        point_time: error of a point's time, common to its replicates (kernel choice, clocks).
        point_power: the same of power (values of the operands).
        window_time: error of a window's time.
        window_power: error of a window's power (temperature, neighbours).
        synchronisation_s: error of the time at both ends.
    """

    gain: float = 0.05
    counter_period_s: float = 0.1
    lag_s: float = 0.04
    counter_step_j: float = 1e-3
    point_time: float = 0.01
    point_power: float = 0.01
    window_time: float = 0.002
    window_power: float = 0.008
    synchronisation_s: float = 20e-6


@dataclass(frozen=True, slots=True)
class _Point:
    family: Family
    name: str
    number_format: str
    time_s: float
    flop: float
    traffic_bytes: float
    power_w: float
    sizes: dict[str, int]


def windows(
    seed: int,
    truth: Truth,
    noise: Noise = Noise(),
    window_s: float = 15.0,
    replicates: int = 3,
) -> pd.DataFrame:
    """Return the windows of a full protocol in random order.

    Args:
        seed: seed of all errors.
        truth: the device.
        noise: the sensor and the repeatability.
        window_s: length of a window.
        replicates: windows of each point.
    """
    generator = np.random.default_rng(seed)
    gain = 1.0 + generator.uniform(-noise.gain, noise.gain)
    points = list(_points(truth))
    point_time = np.exp(generator.normal(0.0, noise.point_time, len(points)))
    point_power = np.exp(generator.normal(0.0, noise.point_power, len(points)))
    order = generator.permutation(np.repeat(np.arange(len(points)), replicates))
    seen = dict.fromkeys(range(len(points)), 0)
    found = []
    for number, place in enumerate(order):
        point = points[place]
        time_s = point.time_s * point_time[place] * math.exp(generator.normal(0.0, noise.window_time))
        repetitions = max(math.ceil(window_s / time_s), 1)
        duration_s = repetitions * time_s
        power_w = min(
            point.power_w * point_power[place] * math.exp(generator.normal(0.0, noise.window_power)), 0.985 * CAP_W
        )
        energy_j = _counted_j(gain * power_w, duration_s, noise, generator)
        found.append(
            Window(
                window_id=f"{number:04d}",
                family=point.family,
                point=point.name,
                replicate=seen[place],
                number_format=point.number_format,
                duration_s=duration_s + abs(generator.normal(0.0, noise.synchronisation_s)),
                repetitions=repetitions,
                flop=point.flop,
                traffic_bytes=point.traffic_bytes,
                energy_j=energy_j,
                mean_power_w=gain * power_w * math.exp(generator.normal(0.0, 0.01)),
                temperature_c=float(generator.normal(60.0, 3.0)),
                m=point.sizes.get("m"),
                n=point.sizes.get("n"),
                k=point.sizes.get("k"),
                batch=point.sizes.get("batch"),
                query_heads=point.sizes.get("query_heads"),
                kv_heads=point.sizes.get("kv_heads"),
                head_size=point.sizes.get("head_size"),
                context_tokens=point.sizes.get("context_tokens"),
            )
        )
        seen[place] += 1
    return window_table(found)


def _counted_j(power_w: float, duration_s: float, noise: Noise, generator: np.random.Generator) -> float:
    """Return the difference of two readings of a counter that holds the energy up to its last refresh, less its lag.

    The kernel has run for the warm-up before the window, longer than the counter is late.
    """
    offset_s = generator.uniform(0.0, noise.counter_period_s)

    def counter_j(time_s: float) -> float:
        refreshed_s = math.floor((time_s - offset_s) / noise.counter_period_s) * noise.counter_period_s + offset_s
        seen_j = power_w * max(refreshed_s - noise.lag_s + _WARM_UP_S, 0.0)
        return math.floor(seen_j / noise.counter_step_j) * noise.counter_step_j

    return counter_j(duration_s) - counter_j(0.0)


def _points(truth: Truth) -> Iterator[_Point]:
    yield from _products(truth)
    for size in (64e6, 256e6, 1e9, 4e9):
        yield _stream("copy", truth, 2.0 * size)
        yield _stream("triad", truth, 3.0 * size)
    for heads in (32, 64):
        for batch, context in itertools.product((1, 8, 32, 128), (512, 2048, 8192)):
            yield _decode(truth, heads, 8, batch, context)
        for batch, tokens in ((1, 512), (1, 2048), (1, 8192), (4, 512), (4, 2048), (16, 128), (16, 1024)):
            yield _prefill(truth, heads, 8, batch, tokens)
    states: dict[Family, str] = {"idle": "idle_w", "idle_context": "idle_context_w", "comm_wait": "comm_wait_w"}
    for family, name in states.items():
        for number in range(3):
            yield _Point(family, f"{family} {number}", "", 1.0, 0.0, 0.0, truth[f"power.{name}"], {})


def _products(truth: Truth) -> Iterator[_Point]:
    for number_format in PEAKS:
        for size in (1024, 2048, 4096, 8192, 16384):
            yield _product("gemm", truth, number_format, (size, size, size))
        for m, (n, k) in itertools.product((256, 1024, 4096), ((4096, 11008), (8192, 3584), (10240, 8192))):
            yield _product("gemm", truth, number_format, (m, n, k))
    for m, (n, k) in itertools.product((1, 4, 16, 64, 128), ((12288, 4096), (22016, 4096), (57344, 8192))):
        yield _product("decode_gemm", truth, "bf16", (m, n, k))


def _power(truth: Truth, number_format: str, flop: float, traffic: float, time_s: float) -> float:
    arithmetic_j = flop * truth[f"power.joules_per_flop.{number_format}"] if flop else 0.0
    return truth["power.static_w"] + (arithmetic_j + traffic * truth["power.joules_per_byte"]) / time_s


def _product(family: Family, truth: Truth, number_format: str, shape: tuple[int, int, int]) -> _Point:
    m, n, k = shape
    width = 2.0 if number_format == "bf16" else 1.0
    flop, traffic = 2.0 * m * n * k, width * (m * k + k * n) + 2.0 * m * n
    compute_s = flop / (truth[f"gemm.compute_fraction.{number_format}"] * PEAKS[number_format])
    memory_s = traffic / (truth["gemm.memory_fraction"] * BANDWIDTH)
    q = truth["gemm.sharpness"]
    # A ninth of a layer's launches: one of nine kernels.
    time_s = (compute_s**q + memory_s**q) ** (1.0 / q) + truth["gemm.layer_overhead_s"] / 9.0
    name = f"{family} {number_format} {m}x{n}x{k}"
    power_w = _power(truth, number_format, flop, traffic, time_s)
    return _Point(family, name, number_format, time_s, flop, traffic, power_w, {"m": m, "n": n, "k": k})


def _stream(family: Family, truth: Truth, traffic: float) -> _Point:
    time_s = traffic / (truth["gemm.elementwise_fraction"] * BANDWIDTH) + truth["gemm.layer_overhead_s"] / 9.0
    power_w = _power(truth, "bf16", 0.0, traffic, time_s)
    return _Point(family, f"{family} {traffic:g}", "", time_s, 0.0, traffic, power_w, {})


def _decode(truth: Truth, heads: int, kv_heads: int, batch: int, context: int) -> _Point:
    cached = float(batch * context)
    traffic, flop = cached * kv_heads * 128 * 2 * 2.0, 4.0 * cached * heads * 128
    time_s = truth["attention.call_overhead_s"] + traffic / (truth["attention.decode_memory_fraction"] * BANDWIDTH)
    time_s += truth["attention.sequence_head_overhead_s"] * batch * heads
    sizes = {"batch": batch, "query_heads": heads, "kv_heads": kv_heads, "head_size": 128, "context_tokens": context}
    power_w = _power(truth, "bf16", flop, traffic, time_s)
    return _Point("decode_attention", f"decode {sizes}", "bf16", time_s, flop, traffic, power_w, sizes)


def _prefill(truth: Truth, heads: int, kv_heads: int, batch: int, tokens: int) -> _Point:
    flop = 4.0 * batch * heads * 128 * tokens * (tokens + 1) / 2.0
    traffic = 2.0 * batch * tokens * 128 * 2.0 * (heads + kv_heads)
    time_s = truth["attention.call_overhead_s"]
    time_s += flop / (truth["attention.prefill_compute_fraction"] * PEAKS["bf16"])
    time_s += traffic / (truth["attention.prefill_memory_fraction"] * BANDWIDTH)
    sizes = {"m": tokens, "batch": batch, "query_heads": heads, "kv_heads": kv_heads, "head_size": 128}
    power_w = _power(truth, "bf16", flop, traffic, time_s)
    return _Point("prefill_attention", f"prefill {sizes}", "bf16", time_s, flop, traffic, power_w, sizes)
