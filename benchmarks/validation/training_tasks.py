"""From a row of published training runs to what Wattline is asked: model, accelerators, tokens, sequence, batch.

Rows say little. What they leave out follows from rules that look at nothing that is compared:

* a model that is shipped is used; any other dense one is a decoder of its number of parameters;
* tokens, where only operations are given, are operations / (6 parameters);
* sequences have 2,048 tokens until 2022, 4,096 in 2023, 8,192 later, or the model's context where that is shorter;
* a batch has half a million tokens below 1 billion parameters, 1 million below 4, 2 million below 60, 3.2 million below
  200 and 4 million above, as those of GPT-3's family (arXiv:2005.14165, Table 2.1) until 2022; 4 million later, and
  16 million above 200 billion parameters (Llama 3, arXiv:2407.21783); those of Pythia, BLOOM and Megatron-Turing are
  published;
* accelerators, where they are not given, are the power of two that needs about 30 days at 40 % of peak.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.validation.fastest_plan import Hardware, Software, fastest_plan
from benchmarks.validation.rows import Row, number
from simulator.errors import InputError
from simulator.physics import transformer as tf
from simulator.physics.links import Link
from simulator.physics.precision import PRECISIONS
from simulator.physics.training_plan import Network, TrainingPlan
from simulator.profiles import catalogue

_SERVERS = (
    (r"V100", "dgx-v100"),
    (r"A100.*PCI", "a100-pcie-8"),
    (r"H100.*PCI", "h100-pcie-4"),
    (r"L40S", "l40s-pcie-4"),
    (r"A10G", "a10g-4"),
    (r"4090", "rtx-4090-pcie-4"),
    (r"A100.*40", "dgx-a100-40"),
    (r"A100", "dgx-a100"),
    # H800 is an H100 whose link inside the server has 400 of 900 GB/s (reference/hardware.csv): a little optimistic.
    (r"H100|H800", "dgx-h100"),
    (r"H200", "dgx-h200"),
    (r"B200", "dgx-b200"),
    (r"MI300X", "mi300x-8"),
    (r"TPU ?v3", "tpu-v3-host"),
    (r"TPU ?v4(?!i)", "tpu-v4-host"),
    (r"TPU ?v5e", "tpu-v5e-host"),
    (r"TPU ?v5p", "tpu-v5p-host"),
)
"""Server profile by pattern of the accelerator's name."""

_MILLION = 2.0**20
_BATCHES = ((1e9, 0.5), (4e9, 1.0), (60e9, 2.0), (200e9, 3.2), (math.inf, 4.0))
_RECENT_BATCHES = ((200e9, 4.0), (math.inf, 16.0))
_RECENT = 2023
_USUAL_DAYS, _USUAL_MFU = 30.0, 0.4
_MOST_ACCELERATORS = 16_384
_DENSE_SHARE = 0.9
"""Active / all parameters below which a model is one of experts."""


@dataclass(frozen=True, slots=True)
class Published:
    """What is published of the runs of a family of models.

    Args:
        batch_tokens: tokens per step.
        software: what the software did.
    """

    batch_tokens: float
    software: Software


_PUBLISHED = {
    # EleutherAI/pythia, models/*.yml: 1,024 sequences of 2,048 tokens, layers recomputed, GPT-NeoX with ZeRO stage 1.
    "pythia": Published(1024 * 2048, Software(False, False, True, must_recompute=True)),
    # BLOOM paper (arXiv:2211.05100), as summarised: 2,048 sequences of 2,048 tokens.
    "bloom": Published(2048 * 2048, Software.of(2022, tpu=False)),
    # Smith et al. 2022: 1,920 sequences of 2,048 tokens, 35 stages without chunks.
    "mtnlg": Published(1920 * 2048, Software(False, False, True, must_recompute=True)),
}


@dataclass(frozen=True, slots=True)
class Task:
    """What Wattline is asked.

    Args:
        model: name of the model.
        server: server profile.
        precision: format of the products.
        plan: how the run is spread.
        tokens: tokens in all; None where the row does not say.
        parameters: parameters that a token uses.
        peak_flop_per_s: datasheet peak of one accelerator.
    """

    model: str
    server: str
    precision: str
    plan: TrainingPlan
    tokens: float | None
    parameters: float
    peak_flop_per_s: float


def task_of(row: Row) -> Task:
    """Return the task of a row.

    Raises:
        InputError: the row lacks what no rule can give, or names what is not modelled.
    """
    server_name = next((server for pattern, server in _SERVERS if re.search(pattern, row["accelerator"])), None)
    if server_name is None:
        raise InputError(f"no server profile for '{row['accelerator']}'")
    name = _model(row)
    record = catalogue.model(name, Path()).record
    stated = number(row, "active_params_b", number(row, "params_b")) * 1e9
    parameters = stated or float(tf.active_parameter_count(record.transformer()))
    tokens = _tokens(row, parameters)
    server = catalogue.server(server_name, Path()).record
    assert server.accelerator is not None
    accelerator = catalogue.accelerator(server.accelerator, Path()).record
    precision = "fp8" if "FP8" in row.get("notes", "") and "fp8" in accelerator.peak_flop_per_s else "bf16"
    if accelerator.format_for(PRECISIONS[precision]) is None:
        precision = "fp16"
    number_format = accelerator.format_for(PRECISIONS[precision])
    assert number_format is not None
    rates = accelerator.rates(number_format)
    count = _count(row, parameters, tokens, rates.peak_flop_per_s)
    nics = server.nics
    share = nics.achieved_fraction * nics.bandwidth_bytes_per_s * nics.count / server.accelerators
    across = Link(nics.startup_s, nics.rank_s, share) if count > server.accelerators else rates.link
    network = Network(rates.link, across, min(server.link_group, server.accelerators))
    year = int(number(row, "year"))
    if not year:
        raise InputError("the row does not say when the model was trained")
    sequence = min(2048 if year < _RECENT else 4096 if year == _RECENT else 8192, record.context_tokens)
    published = next((entry for key, entry in _PUBLISHED.items() if _plain(row["case_id"]).startswith(key)), None)
    software = published.software if published is not None else Software.of(year, accelerator.category == "tpu")
    if published is not None:
        sequence = min(sequence, 2048)
    batch_tokens = (
        published.batch_tokens
        if published is not None
        else _batch_tokens(year, tf.parameter_count(record.transformer()))
    )
    hardware = Hardware(rates, count, server.accelerators, network)
    batch = max(round(batch_tokens / sequence), 1)
    plan = fastest_plan(record.transformer(), precision, sequence, batch, hardware, software)
    return Task(name, server_name, precision, plan, tokens, parameters, rates.peak_flop_per_s)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _model(row: Row) -> str:
    known = {_plain(name): name for name in catalogue.shipped_names("models")}
    for name in (row["model"], row["case_id"]):
        if _plain(name) in known:
            return known[_plain(name)]
    parameters_b = number(row, "params_b", 0.0)
    if parameters_b <= 0.0:
        raise InputError("the row names no model of the catalogue and no number of parameters")
    if number(row, "active_params_b", parameters_b) < _DENSE_SHARE * parameters_b:
        raise InputError("a model of experts that is not in the catalogue: their number and size are not in the row")
    return f"decoder-{parameters_b:g}b"


def _tokens(row: Row, parameters: float) -> float | None:
    if tokens_b := number(row, "tokens_b"):
        return tokens_b * 1e9
    flop = number(row, "flops_total")
    return flop / (6.0 * parameters) if flop and parameters > 0.0 else None


def _batch_tokens(year: int, parameters: float) -> float:
    table = _RECENT_BATCHES if year >= _RECENT else _BATCHES
    return _MILLION * next(millions for limit, millions in table if parameters < limit)


def _count(row: Row, parameters: float, tokens: float | None, peak_flop_per_s: float) -> int:
    if given := number(row, "n_accel"):
        return int(given)
    if tokens is None or parameters <= 0.0:
        raise InputError("the row gives neither accelerators nor tokens")
    needed = 6.0 * parameters * tokens / (_USUAL_MFU * peak_flop_per_s * _USUAL_DAYS * 86_400.0)
    return int(min(max(2.0 ** round(math.log2(max(needed, 8.0))), 8.0), _MOST_ACCELERATORS))
