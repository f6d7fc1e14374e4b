"""Slowdown under power limits, against training runs on V100 whose limit was set and whose power was read."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from statistics import median

import pytest

from simulator.physics.accelerator_power import StepLoad, run_step
from simulator.profiles import catalogue

Rows = list[tuple[float, float]]


def slowdowns(shared: Path, network: str | None) -> dict[float, Rows]:
    """Return (measured, modelled) slowdown of runs that a limit reaches, by limit, as if only arithmetic took time."""
    power = catalogue.accelerator("v100-sxm-32gb", Path()).record.power
    runs: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    with (shared / "reference" / "gpu_power_limit_curves_open.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["gpu"] == "V100" and network in (None, row["network"]):
                runs[row["dataset"], row["network"], row["batch_size"], row["optimizer"]].append(row)
    found: dict[float, Rows] = defaultdict(list)
    for rows in runs.values():
        free = max(rows, key=lambda row: float(row["power_limit"]))
        free_s, free_w = float(free["time_per_epoch"]), float(free["average_power"])
        load = StepLoad(free_s, 0.0, 1.0, 0.0, 0.0, (free_w - power.static_w) * free_s, 0.0)
        for row in rows:
            limit_w = float(row["power_limit"])
            if limit_w < free_w:
                modelled_s = run_step(load, power.static_w, power.clock_exponent, limit_w).time_s
                found[limit_w].append((float(row["time_per_epoch"]) / free_s, modelled_s / free_s))
    return found


def test_convolutional_training_slows_as_modelled(shared: Path) -> None:
    """ResNet-50 keeps the arithmetic busy, so the closed form should hold; Zeus traces (Apache-2.0).

    Eight runs per limit. The exponent of 2.5 was not fitted to them; 2 would miss by 17 %. What is left is that boards
    hold their mean a little below the limit, and whatever of a step waits for memory.
    """
    curves = slowdowns(shared, "resnet50")
    assert sum(map(len, curves.values())) >= 40
    for limit_w, rows in curves.items():
        measured, modelled = (median(column) for column in zip(*rows, strict=True))
        assert modelled / measured == pytest.approx(1.0, abs=0.11), limit_w


def test_arithmetic_bounds_the_slowdown_of_all_runs(shared: Path) -> None:
    """Speech, recommendation and language models partly wait for memory and host, so most slow less than arithmetic.

    Boards throttle in steps and hold their mean a little below the limit, so some run up to 12 % slower.
    """
    rows = [row for column in slowdowns(shared, None).values() for row in column]
    assert len(rows) >= 200
    assert min(modelled / measured for measured, modelled in rows) > 0.88
    assert sum(modelled >= measured for measured, modelled in rows) > 0.7 * len(rows)
