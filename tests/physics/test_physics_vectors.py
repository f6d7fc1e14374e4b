"""Every row of the reference vectors, through the adapter that turns their words into the project's."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from benchmarks.physics_vectors import MODELS, evaluate


def test_every_reference_vector_is_reproduced(shared: Path) -> None:
    with (shared / "reference" / "physics_vectors.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 57, "the reference file has shrunk"
    assert {row["model"] for row in rows} <= set(MODELS), "an adapter has lost its name"
    wrong = []
    for row in rows:
        value = evaluate(row["model"], json.loads(row["inputs_json"]))
        if abs(value - float(row["expected"])) > float(row["tolerance"]):
            wrong.append(f"{row['id']} {row['model']}: {value!r}, expected {row['expected']} +- {row['tolerance']}")
    assert not wrong, "\n".join(wrong)


def test_a_model_that_is_not_built_is_refused() -> None:
    with pytest.raises(KeyError):
        evaluate("perpetual_motion", {})


@pytest.mark.parametrize("operation", ["all_gather", "reduce_scatter", "all_to_all", "broadcast", "reduce"])
def test_adapter_knows_every_collective(operation: str) -> None:
    bound = evaluate("collective_time_bandwidth_bound", {"op": operation, "n": 4, "size_b": 8e9, "bus_bw_b_s": 1e9})
    assert bound == pytest.approx(8.0 if operation in ("broadcast", "reduce") else 6.0)
