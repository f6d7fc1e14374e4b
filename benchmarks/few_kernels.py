"""How far twelve kernels carry: ``python -m benchmarks.few_kernels --data ../shared [--json OUT]``.

Six layer times of each of two shapes of Vidur's tables, spread evenly over the logarithm of the number of tokens, fit
the five numbers of a layer; every other row, of both models and all tensor-parallel degrees, is predicted. One shape
alone cannot tell arithmetic, reading and launches apart; these two differ in the ratio of weights to activations.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.fit.roofline import base
from calibration.fitting.rates import fit_rates, rate_model, seconds
from calibration.published import vidur
from calibration.windows import window_table

KERNELS_PER_SHAPE = 6
SHAPES = ((4096, 1), (8192, 8))
"""Width of the model and tensor-parallel degree of the two shapes: Llama 2 7B whole, Llama 2 70B in eighths."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Error of a fit of a few kernels on all other rows.

    Args:
        parameters: fitted values.
        kernels: rows of the fit.
        rows: other rows.
        mape: mean absolute relative error on the other rows.
        p90: its 90th percentile.
        other_shapes_mape: the mean on rows of shapes that the fit did not see at all.
    """

    parameters: dict[str, float]
    kernels: int
    rows: int
    mape: float
    p90: float
    other_shapes_mape: float


def transfer(data: Path, gpu: str, shapes: tuple[tuple[int, int], ...] = SHAPES) -> Transfer:
    """Fit a few kernels of a device and predict all others.

    Args:
        data: folder of the published tables.
        gpu: `a100` or `h100`.
        shapes: (width, tensor-parallel degree) of the shapes whose kernels are fitted.
    """
    folder = data / "hardware/vidur_profiling/compute" / gpu / "meta-llama"
    table = window_table(vidur.read_windows([folder / f"Llama-2-{size}-hf/mlp.csv" for size in ("7b", "70b")]))
    chosen = np.concatenate([spread(table, width, ranks) for width, ranks in shapes])
    fitted = fit_rates(table.loc[chosen].reset_index(drop=True), base(gpu))
    rest = table[~table.index.isin(chosen)].reset_index(drop=True)
    model = rate_model(rest, base(gpu))
    error = np.abs(model(fitted.values(), np.ones(len(rest), dtype=bool)) / seconds(rest) - 1.0)
    seen = np.zeros(len(rest), dtype=bool)
    for width, ranks in shapes:
        seen |= ((rest.k == width) & (rest.ranks == ranks)).to_numpy(bool)
    return Transfer(
        parameters=fitted.parameters,
        kernels=len(chosen),
        rows=len(rest),
        mape=float(error.mean()),
        p90=float(np.quantile(error, 0.9)),
        other_shapes_mape=float(error[~seen].mean()),
    )


def spread(table: pd.DataFrame, width: int, ranks: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the rows of a shape whose numbers of tokens lie nearest to evenly spaced logarithms."""
    rows = table[(table.k == width) & (table.ranks == ranks)].drop_duplicates("m")
    tokens = rows.m.to_numpy(float)
    wanted = np.geomspace(tokens.min(), tokens.max(), KERNELS_PER_SHAPE)
    places = [int(np.abs(np.log(tokens / target)).argmin()) for target in wanted]
    return rows.index.to_numpy()[places]


def main() -> None:
    """Fit, predict and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.few_kernels", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the published tables (data, reference)")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    found = {}
    for gpu in ("a100", "h100"):
        result = transfer(arguments.data / "data", gpu)
        values = ", ".join(f"{name} {value:.3g}" for name, value in result.parameters.items())
        print(f"{gpu}: {result.kernels} kernels; {values}")
        print(
            f"    {result.mape:.1%} (p90 {result.p90:.1%}) on {result.rows:,} other rows, "
            f"{result.other_shapes_mape:.1%} on shapes that were not among them"
        )
        found[gpu] = {
            "kernels": result.kernels, "rows": result.rows, "mape": result.mape, "p90": result.p90,
            "other_shapes_mape": result.other_shapes_mape, **result.parameters,
        }  # fmt: skip
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
