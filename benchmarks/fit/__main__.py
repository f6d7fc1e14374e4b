"""Prints every fitted parameter with its error: ``python -m benchmarks.fit --data ../shared [--json OUT]``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.fit import power, roofline
from benchmarks.fit.host import fit_vllm_2024
from benchmarks.fit.training import fit_training_rate
from calibration.fitting.least_squares import Fit


def all_fits(shared: Path) -> Iterator[tuple[str, Fit]]:
    """Yield (name, fit) of everything that the shipped profiles take from published tables.

    Args:
        shared: folder with `data` and `reference`.
    """
    data, reference = shared / "data", shared / "reference"
    for gpu in ("a100", "h100"):
        yield f"{gpu} layer", roofline.fit_layer(data, gpu)
        yield f"{gpu} all-reduce", roofline.fit_all_reduce(data, gpu)
    yield "h200 decode attention", roofline.fit_decode_attention(data)
    yield "h200 prefill attention", roofline.fit_prefill_attention(data)
    yield "a100 power", power.fit_serving(power.mlenergy_v2(data), "a100-sxm-40gb")
    yield "h100 power", power.fit_serving(power.mlenergy_v3(reference, "H100"), "h100-sxm-80gb")
    yield "b200 power", power.fit_serving(power.mlenergy_v3(reference, "B200"), "b200-sxm-180gb")
    yield "h200 power", power.fit_kernels(data)
    yield "vllm-2024 host", fit_vllm_2024(reference / "mlenergy_v2_open.csv")
    yield "training", fit_training_rate()


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the published tables (data, reference)")
    parser.add_argument("--json", type=Path, help="file for the parameters")
    arguments = parser.parse_args()
    found = {}
    for name, fitted in all_fits(arguments.data):
        values = ", ".join(f"{key} {value:.4g}" for key, value in fitted.parameters.items())
        print(f"{name}: {values}\n    {fitted.describe()}")
        found[name] = {**fitted.parameters, "mape": fitted.mape, "p90": fitted.p90, "rows": fitted.rows}
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
