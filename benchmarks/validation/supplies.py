"""Kind `supplies`: measured and published efficiencies of power supplies and UPS, against the laws of losses.

A row is an efficiency, at a load or the best of a curve. Rows from memory are no test, and are skipped; so are parts
that Wattline does not have. Power supplies are compared in the server that they were measured in.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.validation.report import Case, Report
from benchmarks.validation.rows import Row, read_rows
from simulator.physics.electrical import psu_loss_w, three_term_loss_w
from simulator.profiles import catalogue

COLUMNS = {"component", "item", "load_pct", "value", "unit", "seen_status"}

_SMC = "smc-h100-immersion"
_SMC_LOADS_W = {"bert": 6694.0, "llama2_70b_lora": 6956.0, "resnet": 6843.0, "8 nodes llama2_70b_lora": 5710.0,
                "8 nodes ssd": 6062.0, "9 nodes unet3d": 6279.0}  # fmt: skip
"""Mean power behind the supplies of the runs whose ratio is given (reference/mlperf_training_power_open.csv)."""
_SMC_IN_FIT = {"bert", "llama2_70b_lora"}
_DECLARED = "Lenovo SR780a V3 8x B200"
_LARGE_UPS = ("9395", "SiC", ">=500 kVA")
"""UPS of the class that the chain of a data centre has; smaller ones lose more."""


def validate(path: Path) -> Report:
    """Compare the efficiencies of a table."""
    report = Report("supplies")
    for row in read_rows(path, COLUMNS):
        item = f"{row['component']} {row['item']}"
        if not row["unit"].startswith("% efficiency"):
            report.skip(item, "no efficiency")
        elif not row["seen_status"].startswith("seen"):
            report.skip(item, "from memory")
        elif (predicted := _predicted(row)) is None:
            report.skip(item, "no part of Wattline's power chain")
        else:
            measured = float(row["value"].lstrip("<>")) / 100.0
            fitted = any(row["item"].endswith(f"energy ratio, {name}") for name in _SMC_IN_FIT)
            report.cases.append(Case(item, "efficiency", "1", predicted, measured, fitted))
            # A tenth of the loss is a thousandth of the efficiency: compare what is lost as well.
            report.cases.append(Case(item, "loss", "1", 1.0 - predicted, 1.0 - measured, fitted))
    return report


def _predicted(row: Row) -> float | None:
    if row["component"] == "PSU" and "SMC" in row["item"]:
        run = row["item"].rpartition(", ")[2]
        return _supply(_SMC, _SMC_LOADS_W[run]) if run in _SMC_LOADS_W else None
    if row["component"] == "PSU" and _DECLARED in row["item"]:
        return _supply("hgx-b200-water", 9749.0 * float(row["value"]) / 100.0)
    if row["component"] == "UPS" and any(name in row["item"] for name in _LARGE_UPS):
        eco = "ESS" in row["item"] or "eco" in row["item"]
        parameters = catalogue.power_chain("power-chain", Path()).record.parameters
        loss = parameters.ups_eco_loss if eco else parameters.ups_double_conversion_loss
        if row["load_pct"]:
            return _ups(float(row["load_pct"]) / 100.0, loss)
        return max(_ups(float(load), loss) for load in np.linspace(0.05, 1.0, 96))
    return None


def _supply(profile: str, output_w: float) -> float:
    supply = catalogue.server(profile, Path()).record.power_supply
    rated_w = supply.count * supply.rated_w
    return output_w / (output_w + psu_loss_w(output_w / rated_w, rated_w, supply.efficiency_points))


def _ups(load: float, loss: tuple[float, float, float]) -> float:
    return load / (load + three_term_loss_w(load, 1.0, loss))
