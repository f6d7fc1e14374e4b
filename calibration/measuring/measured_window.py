"""One window: run it between two synchronisations, read the sensor meanwhile, and say whether it may be used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from calibration.measuring.bench import Bench
from calibration.measuring.points import Point, work
from calibration.measuring.prepared import Prepared
from calibration.measuring.readings import Reading, reasons
from calibration.measuring.window_figures import WindowFigures, window_figures
from calibration.windows import Window

HARMLESS: Final = frozenset({"gpu_idle", "sw_power_cap", "clock_setting"})
"""Reasons of a low clock that leave a window valid: nothing to do, the power cap, and what somebody had set before."""


def measure_window(
    bench: Bench, prepared: Prepared, point: Point, replicate: int, window_s: float, number: int
) -> tuple[Window, list[Reading]]:
    """Return a window and its readings, their instants counted from its beginning.

    Args:
        bench: device and sensor.
        prepared: the point, warmed up and synchronised.
        point: what it is.
        replicate: which window of the point.
        window_s: shortest time.
        number: place in the order of the plan, which becomes the window's name.
    """
    counted = [0]
    started = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    bench.watch.begin()

    def run() -> None:
        counted[0] = prepared.run(window_s)

    began_s, ended_s, readings = bench.sampler.around(run)
    figures = window_figures(readings, began_s, ended_s, bench.sensor.energy_from)
    throttle = reasons(readings)
    invalid = _invalid_reason(bench, figures, throttle)
    done = work(point)
    window = Window(
        window_id=f"{number:04d}",
        family=point.family,
        point=point.name,
        replicate=replicate,
        number_format=point.number_format,
        duration_s=ended_s - began_s,
        repetitions=counted[0],
        flop=done.flop,
        traffic_bytes=done.traffic_bytes,
        energy_j=figures.energy_j,
        inputs=point.inputs,
        m=point.m,
        n=point.n,
        k=point.k,
        batch=point.batch,
        query_heads=point.query_heads,
        kv_heads=point.kv_heads,
        head_size=point.head_size,
        context_tokens=point.context_tokens,
        weight_bytes=done.weight_bytes,
        elementwise_bytes=done.elementwise_bytes,
        launches=done.launches,
        cached=point.cached,
        mean_power_w=figures.mean_power_w,
        temperature_c=figures.temperature_c,
        clock_mhz=figures.clock_mhz,
        throttle_reasons="+".join(throttle),
        valid=not invalid,
        invalid_reason=invalid,
        started_utc=started,
    )
    return window, [replace(reading, t_s=reading.t_s - began_s) for reading in readings]


def _invalid_reason(bench: Bench, figures: WindowFigures, throttle: tuple[str, ...]) -> str:
    """Return why a window may not be used, in words; empty if it may."""
    found = []
    harmful = [name for name in throttle if name not in HARMLESS]
    if harmful:
        found.append(f"its clock was held down ({', '.join(harmful)})")
    others = bench.watch.verdict()
    if others:
        found.append(others)
    if bench.sensor.energy_from != "none":
        if figures.energy_j is None:
            found.append("the sensor gave no energy")
        elif figures.energy_j <= 0.0:
            found.append("the energy counter stood still")
    return "; ".join(found)
