"""Command line of the validation."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.validation import (
    generation,
    hosts,
    kernels,
    ml_energy,
    ml_energy_v2,
    mlperf_inference,
    mlperf_logs,
    mlperf_traces,
    mlperf_training,
    physics_vectors,
    power_caps,
    silicon,
    supplies,
    training_runs,
    vllm_runs,
)
from benchmarks.validation.report import Report

KINDS: dict[str, Callable[[Path], Report]] = {
    "physics-vectors": physics_vectors.validate,
    "power-caps": power_caps.validate,
    "silicon": silicon.validate,
    "mlperf-training": mlperf_training.validate,
    "training-runs": training_runs.validate,
    "mlperf-traces": mlperf_traces.validate,
    "hosts": hosts.validate,
    "supplies": supplies.validate,
    "mlperf-logs": mlperf_logs.validate,
    "vllm-runs": vllm_runs.validate,
    "ml-energy": ml_energy.validate,
    "ml-energy-v2": ml_energy_v2.validate,
    "ml-energy-v1": generation.validate_v1,
    "token-sweep": generation.validate_sweep,
    "phase-power": generation.validate_phases,
    "mlperf-inference": mlperf_inference.validate,
    "kernels": kernels.validate,
}


_MANY = 10_000
"""Cases from which a report is written without line breaks."""


def main() -> None:
    """Validate against a file or folder, write the report and print what stands out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validation")
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("path", type=Path, help="file or folder in the published format")
    parser.add_argument("--json", type=Path, help="file for the report")
    parser.add_argument("--profiles", type=Path, help="folder of operator tables (vllm-runs only)")
    arguments = parser.parse_args()
    if arguments.profiles is not None and arguments.kind != "vllm-runs":
        parser.error("--profiles is for vllm-runs")
    validate = KINDS[arguments.kind]
    if arguments.profiles is not None:
        validate = partial(vllm_runs.validate, tables=arguments.profiles)
    report = validate(arguments.path)
    content = report.as_dict()
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(content, indent=2 if len(report.cases) < _MANY else None) + "\n")
    for case in sorted(report.cases, key=lambda case: -abs(case.relative_error))[:20]:
        fit = " (used in a fit)" if case.used_in_fit else ""
        print(
            f"{case.relative_error:+8.1%}  {case.metric:<12} {case.predicted:12,.4g} {case.measured:12,.4g} "
            f"{case.unit:<5} {case.case_id}{fit}"
        )
    for note in report.notes:
        print(note)
    for why in sorted({why for _, why in report.skipped}):
        print(f"skipped {sum(entry == why for _, entry in report.skipped):5,}: {why}")
    if report.cases:
        print(
            f"{len(report.cases):,} cases, mean absolute error {content['mape']:.1%}, "
            f"median {content['median_abs_error']:.1%}"
        )


if __name__ == "__main__":
    main()
