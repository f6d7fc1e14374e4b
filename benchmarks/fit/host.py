"""Host time of a serving engine between iterations, from times per output token of whole runs.

What a run without host time lacks of the measured time per token is a constant, a part for each further accelerator and
a part for each sequence. A row is simulated once; the three enter its time per token as they are. Each model is left
out once.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.validation import ml_energy_v2
from benchmarks.validation.rows import read_rows
from benchmarks.validation.serving_point import serve
from calibration.fitting.least_squares import Array, Fit, Mask, Parameter, fit
from simulator.errors import InputError

_NONE = {"step_overhead_s": 0.0, "sequence_overhead_s": 0.0}


def fit_vllm_2024(table: Path) -> Fit:
    """Fit the figures of the profile `vllm-2024` to the text rows of ML.ENERGY v2.

    Args:
        table: the published table.
    """
    models, bare_s, ranks, sequences, measured_s = [], [], [], [], []
    for row in read_rows(table, ml_energy_v2.COLUMNS):
        if not row["TP"] or ml_energy_v2.refusal(row) is not None:
            continue
        point = ml_energy_v2.serving_point(row)
        try:
            bare_s.append(serve(replace(point, engine=_NONE)).tpot_s)
        except InputError:
            # What does not fit the device is skipped by the validation as well, with its reason.
            continue
        models.append(point.model)
        ranks.append(point.tensor - 1)
        sequences.append(point.clients)
        measured_s.append(float(row["Avg TPOT (s)"]))
    beside = np.column_stack([np.ones(len(ranks)), ranks, sequences])
    bare = np.array(bare_s)

    def time_s(p: Array, rows: Mask) -> Array:
        predicted: Array = bare[rows] + beside[rows] @ p
        return predicted

    _, groups = np.unique(models, return_inverse=True)
    parameters = [
        Parameter("step_s", 0.0, 1e-2, 1.0),
        Parameter("rank_s", 0.0, 1e-2, 1.0),
        Parameter("sequence_s", 0.0, 1e-4, 1e-2),
    ]
    return fit(time_s, np.array(measured_s), parameters, groups=groups.astype(np.float64))
