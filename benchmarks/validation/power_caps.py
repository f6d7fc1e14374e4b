"""Kind `power-caps`: training jobs under power limits, from what each drew and took without one.

A row is a job, a power limit, its time per epoch and its mean power (Zeus, NSDI 2023). The row of a job with the
highest limit says what it does; its slowdown and its power at every lower limit are predicted by the law that serving
and training use, and compared.

Of a job only the mean power is known, and a mean hides phases: computing, loading data, validation. It is taken to
compute for a share of its time at a power between its mean and the limit, and to wait with its context for the rest.
How far between was fitted to ResNet-50 and BERT on V100, the floors of the voltage to the same on V100 and A40; all
other rows are held out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from benchmarks.validation.report import Case, Report
from benchmarks.validation.rows import Row, read_rows
from simulator.physics.accelerator_power import StepLoad, run_step
from simulator.profiles import catalogue

COLUMNS = {"network", "batch_size", "power_limit", "time_per_epoch", "average_power"}

PEAK_SHARE = 0.49
"""(power while computing - mean power) / (highest limit - mean power), of the fit."""
_FITTED_NETWORKS = {"resnet50", "bert_base_uncased"}
_FITTED_GPUS = {"V100", "A40"}
_GDDR = re.compile("A40|A10|A16|L4|T4|RTX|A6000|QUADRO|GTX|TITAN")
_PROFILES = {True: "l40s", False: "v100-sxm-32gb"}
"""Profile with GDDR memory and without, of which a board takes static and waiting power as shares of the limit,
exponent and floor: the boards of the table (V100 of 250 W, P100, A40) have no profile."""
_MOST_STATIC = 0.6
"""Static power is at most this share of a job's own, where it draws little at all."""
_LEAST_BUSY_W = 1e-6


@dataclass(frozen=True, slots=True)
class Job:
    """A job without a limit that binds.

    Args:
        gpu: name of the board.
        limit_w: highest limit of the board.
        time_s: duration of an epoch.
        power_w: mean power.
    """

    gpu: str
    limit_w: float
    time_s: float
    power_w: float

    def under(self, cap_w: float, peak_share: float = PEAK_SHARE) -> tuple[float, float]:
        """Return (duration, mean power) of an epoch under a limit."""
        power = catalogue.accelerator(_PROFILES[bool(_GDDR.search(self.gpu.upper()))], Path()).record.power
        waiting_w = min(self.limit_w * power.idle_context_w / power.cap_w, self.power_w)
        busy_w = max(self.power_w + peak_share * (self.limit_w - self.power_w), waiting_w + _LEAST_BUSY_W)
        busy_s = self.time_s * (self.power_w - waiting_w) / (busy_w - waiting_w)
        static_w = min(self.limit_w * power.static_w / power.cap_w, _MOST_STATIC * busy_w, _MOST_STATIC * cap_w)
        load = StepLoad(busy_s, 0.0, 1.0, 0.0, 0.0, core_energy_j=(busy_w - static_w) * busy_s, other_energy_j=0.0)
        step = run_step(load, static_w, power.clock_exponent, cap_w, power.voltage_floor_clock)
        waiting_s = self.time_s - busy_s
        total_s = step.time_s + waiting_s
        return total_s, (step.energy_j + min(waiting_w, cap_w) * waiting_s) / total_s


def validate(path: Path) -> Report:
    """Compare every job under every limit but its highest."""
    report = Report("power-caps")
    jobs: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in read_rows(path, COLUMNS):
        # Files of one device do not name it; their name does.
        jobs[
            (row.get("gpu") or path.stem.rpartition("_")[2].upper()).replace(" ", "-"),
            row["dataset"], row["network"], row["batch_size"], row["optimizer"],
        ].append(row)  # fmt: skip
    for key, rows in jobs.items():
        free = max(rows, key=_limit_w)
        if len(rows) == 1:
            report.skip(" ".join(key), "only one limit")
        job = Job(key[0], _limit_w(free), float(free["time_per_epoch"]), float(free["average_power"]))
        fitted = key[0] in _FITTED_GPUS and key[2] in _FITTED_NETWORKS
        for row in rows:
            if row is not free:
                report.cases += _cases(key, row, job, fitted)
    report.notes += _groups(report)
    return report


def _cases(key: tuple[str, ...], row: Row, job: Job, fitted: bool) -> list[Case]:
    limit_w = _limit_w(row)
    time_s, power_w = job.under(limit_w)
    name = f"{' '.join(key)} at {limit_w:g} W"
    measured_s, measured_w = float(row["time_per_epoch"]), float(row["average_power"])
    slowdown = Case(name, "slowdown", "1", time_s / job.time_s, measured_s / job.time_s, fitted)
    power = Case(name, "power", "W", power_w, measured_w, fitted)
    energy = Case(name, "energy", "J", time_s * power_w, measured_s * measured_w, fitted)
    return [slowdown, power, energy]


def _limit_w(row: Row) -> float:
    return float(row["power_limit"])


def _groups(report: Report) -> list[str]:
    """Return one line per device and network, and one per device and limit."""
    groups: dict[str, dict[str, list[Case]]] = defaultdict(lambda: defaultdict(list))
    for case in report.cases:
        device, _, network, *_ = case.case_id.split()
        fitted = " (fitted)" if case.used_in_fit else ""
        groups[f"{device} {network}{fitted}"][case.metric].append(case)
        groups[f"{device} at {case.case_id.split()[-2]:>3} W"][case.metric].append(case)
    return [
        f"{name}: " + ", ".join(f"{metric} {_errors(cases)}" for metric, cases in metrics.items())
        for name, metrics in sorted(groups.items())
    ]


def _errors(cases: list[Case]) -> str:
    errors = [case.relative_error for case in cases]
    return f"{sum(map(abs, errors)) / len(errors):.1%} ({sum(errors) / len(errors):+.1%})"
