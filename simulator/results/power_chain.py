"""The electrical chain of a run: what each stage passed on and lost, and in which room that became heat."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.records import RunRecords, SiteRecords
from simulator.results.tables import SERVER_PARTS, hall_sum
from simulator.units import JOULES_PER_KWH, WATTS_PER_KW

Array = NDArray[np.float64]

COLUMNS = (
    "site",
    "stage",
    "room",
    "units",
    "unit_rated_kw",
    "output_kwh",
    "loss_kwh",
    "efficiency",
    "mean_load_fraction",
    "peak_load_fraction",
)


def power_chain_table(records: RunRecords) -> pd.DataFrame:
    """Return a row per site and stage, from the servers' supplies to the transformers.

    Each stage's output and loss are the output of the stage after it; cooling that hangs on the UPS joins at its
    output, all other cooling and lighting at that of the transformers. Units are active ones, redundancy included, and
    share the load. A building of which only the PUE is known has no stages but the supplies.
    """
    rows = [row for site in records.sites for row in _rows(site)]
    numbers = dict.fromkeys(COLUMNS[3:], "float64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(numbers)


def _rows(site: SiteRecords) -> Iterator[dict[str, object]]:
    columns = site.steps.columns
    servers_w = sum((hall_sum(site, part) for part in SERVER_PARTS), np.zeros(len(site.steps.ends_s)))
    yield _row(site, "server_supplies", servers_w - hall_sum(site, "psu_loss_w"), hall_sum(site, "psu_loss_w"))
    if not site.facts.chain:
        return
    racks_w = columns["power.it_power_w"]
    busways_w = racks_w + columns["power.rack_loss_w"]
    pdus_w = busways_w + columns["power.busway_loss_w"]
    transformers_w = columns["power.facility_power_w"] - columns["power.transformer_loss_w"]
    outputs = {
        "rack": racks_w,
        "busway": busways_w,
        "pdu": pdus_w,
        "ups": columns["power.ups_output_w"],
        "transformer": transformers_w,
    }
    for stage, output_w in outputs.items():
        yield _row(site, stage, output_w, columns[f"power.{stage}_loss_w"])


def _row(site: SiteRecords, stage: str, output_w: Array, loss_w: Array) -> dict[str, object]:
    durations_s = site.steps.durations_s
    output_j, loss_j = float(output_w @ durations_s), float(loss_w @ durations_s)
    row: dict[str, object] = {
        "site": site.name,
        "stage": stage,
        "room": "servers",
        "output_kwh": output_j / JOULES_PER_KWH,
        "loss_kwh": loss_j / JOULES_PER_KWH,
        "efficiency": output_j / (output_j + loss_j) if output_j + loss_j > 0.0 else np.nan,
    }
    for facts in site.facts.chain:
        if facts.stage == stage:
            rated_w = facts.units * facts.unit_rated_w
            row |= {
                "room": facts.room,
                "units": facts.units,
                "unit_rated_kw": facts.unit_rated_w / WATTS_PER_KW,
                "mean_load_fraction": output_j / float(durations_s.sum()) / rated_w,
                "peak_load_fraction": float(output_w.max()) / rated_w,
            }
    return row
