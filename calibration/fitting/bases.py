"""Base profiles: which shipped datasheet a device's name means, and peaks for devices that have none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from calibration.fitting import rates
from simulator.errors import InputError
from simulator.profiles import catalogue
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.sourced import Profile, Provenance

_NAMES: Final = (
    (r"H200", "h200-sxm-141gb"),
    (r"H100.*PCIE|H100_PCIE", "h100-pcie-80gb"),
    (r"H100", "h100-sxm-80gb"),
    (r"(?<!G)B200", "b200-sxm-180gb"),
    (r"A100.*PCIE.*80", "a100-pcie-80gb"),
    (r"A100.*40", "a100-sxm-40gb"),
    (r"A100", "a100-sxm-80gb"),
    (r"V100.*32", "v100-sxm-32gb"),
    (r"V100", "v100-sxm-16gb"),
    (r"L40S", "l40s"),
    (r"A10G", "a10g"),
    (r"RTX.*4090", "rtx-4090"),
    (r"RTX.*PRO.*6000", "rtx-pro-6000"),
    (r"MI300X", "mi300x"),
)
"""Pattern in a device's own name, and the shipped profile; the first that fits counts."""


def base_for(device: str) -> str | None:
    """Return the shipped profile whose datasheet is that of a device, by the name that it gives itself.

    >>> base_for("NVIDIA H100 80GB HBM3"), base_for("NVIDIA GB200")
    ('h100-sxm-80gb', None)
    """
    shipped = set(catalogue.shipped_names("accelerators"))
    for pattern, profile in _NAMES:
        if re.search(pattern, device.upper()) and profile in shipped:
            return profile
    return None


def base_profile(name: str | None, device: str) -> Profile[AcceleratorRecord]:
    """Return the base profile that the user names, or that of the device.

    Raises:
        InputError: no name was given and none is known for the device.
    """
    chosen = name or base_for(device)
    if chosen is None:
        raise InputError(f"no shipped profile is known for '{device}': name one whose datasheet fits with --base")
    return catalogue.accelerator(chosen, Path())


def measured_peaks(
    table: pd.DataFrame, base: Profile[AcceleratorRecord]
) -> tuple[AcceleratorRecord, dict[str, tuple[float, Provenance]]]:
    """Return the base record with the highest rates of any window as its peaks, and these figures by path.

    For devices without a datasheet, such as processors: fractions are then of what the device was seen to do.

    Args:
        table: valid windows.
        base: profile of everything else.

    Raises:
        InputError: no window computes, or none moves memory.
    """
    time_s = rates.seconds(table)
    source = Provenance(kind="measured", source="highest rate of any window; no datasheet was used")
    found: dict[str, tuple[float, Provenance]] = {}
    computing = table.flop.to_numpy(float) / time_s
    formats = table.number_format.to_numpy(str)
    for name in base.record.peak_flop_per_s:
        own = computing[(formats == name) & (computing > 0.0)]
        if len(own):
            found[f"peak_flop_per_s.{name}"] = (float(own.max()), source)
    streams = table.family.isin(rates.STREAMS).to_numpy()
    moving = (table.traffic_bytes.to_numpy(float) / time_s)[streams]
    if not found or not len(moving):
        raise InputError("measured peaks need windows of products and of copies")
    found["memory_bandwidth_bytes_per_s"] = (float(np.max(moving)), source)
    peaks = {str(name): value for name, value in base.record.peak_flop_per_s.items()}
    peaks |= {path.removeprefix("peak_flop_per_s."): value for path, (value, _) in found.items() if "flop" in path}
    record = base.record.model_copy(
        update={
            "peak_flop_per_s": peaks,
            "memory_bandwidth_bytes_per_s": found["memory_bandwidth_bytes_per_s"][0],
        }
    )
    return record, found
