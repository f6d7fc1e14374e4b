"""Kind `physics-vectors`: equations against worked examples of handbooks, standards and reference implementations."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.physics_vectors import MODELS, evaluate
from benchmarks.validation.report import Case, Report
from benchmarks.validation.rows import Row, read_rows

COLUMNS = {"id", "model", "inputs_json", "expected", "tolerance", "unit"}


def validate(path: Path) -> Report:
    """Evaluate every vector whose model the project implements."""
    report = Report("physics-vectors")
    outside = []
    for row in read_rows(path, COLUMNS):
        if row["model"] not in MODELS:
            report.skip(row["id"], f"model '{row['model']}' is not implemented")
            continue
        case = evaluated(row)
        report.cases.append(case)
        if abs(case.predicted - case.measured) > float(row["tolerance"]):
            outside.append(case.case_id)
    if outside:
        raise SystemExit(f"outside their tolerance: {', '.join(outside)}")
    return report


def evaluated(row: Row) -> Case:
    """Return one vector with its value here."""
    value = evaluate(row["model"], json.loads(row["inputs_json"]))
    return Case(row["id"], row["model"], row["unit"], value, float(row["expected"]))
