"""Which device a recorded run used, and its profile: fitted to operator tables where there are any, else shipped."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from calibration.fitting.operators import OperatorFits, fit_operators
from calibration.published.llmservingsim import read_windows
from calibration.windows import Window, window_table
from simulator.errors import InputError
from simulator.profiles import catalogue
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.sourced import Profile

TABLES: Final = Path("hardware/llmservingsim_profiles")
"""Where the operator tables lie beside the runs, from a folder above them."""

DEVICES: Final = {
    "rtxpro6000": ("rtx-pro-6000", "rtx-pro-6000-pcie-8"),
    "rtx4090": ("rtx-4090", "rtx-4090-pcie-4"),
    "h100pcie": ("h100-pcie-80gb", "h100-pcie-4"),
    "h200": ("h200-sxm-141gb", "dgx-h200"),
    "h100": ("h100-sxm-80gb", "dgx-h100"),
    "b200": ("b200-sxm-180gb", "dgx-b200"),
    "a100pcie": ("a100-pcie-80gb", "a100-pcie-8"),
    "a100sxm440gb": ("a100-sxm-40gb", "dgx-a100-40"),
    "a100": ("a100-sxm-80gb", "dgx-a100"),
    "l40s": ("l40s", "l40s-pcie-4"),
    "a10g": ("a10g", "a10g-4"),
    "mi300x": ("mi300x", "mi300x-8"),
}
"""Accelerator and server profile by what a device's name contains (letters and digits only), the first that fits."""


@dataclass(frozen=True, slots=True)
class Device:
    """The device of a run.

    Args:
        key: entry of `DEVICES`.
        profile: its accelerator profile.
        accelerator: name or path of that profile, for a scenario.
        server: name of a server profile that holds such devices.
        note: where its figures come from.
    """

    key: str
    profile: Profile[AcceleratorRecord]
    accelerator: str
    server: str
    note: str


def device_key(names: Sequence[str]) -> str | None:
    """Return the device that the first of the names to contain one names, or None.

    >>> device_key(["NVIDIA RTX PRO 6000 Blackwell Server Edition"]), device_key(["vllm", "Llama-3.1-8B", "RTX4090"])
    ('rtxpro6000', 'rtx4090')
    """
    for name in names:
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        for key in DEVICES:
            if key in plain:
                return key
    return None


def find_tables(path: Path, given: Path | None) -> Path | None:
    """Return the folder of operator tables: the one given, or the published layout at or above the runs, or None."""
    if given is not None:
        if not given.is_dir():
            raise SystemExit(f"{given}: no such folder")
        return given
    start = path.resolve()
    return next((folder / TABLES for folder in (start, *start.parents) if (folder / TABLES).is_dir()), None)


def device(key: str, tables: Path | None, scratch: Path) -> Device:
    """Return a device with its profile, fitted if the folder holds tables of it.

    Args:
        key: entry of `DEVICES`.
        tables: folder of operator tables, or None.
        scratch: folder for the fitted profile.
    """
    name, server = DEVICES[key]
    base = catalogue.accelerator(name, Path())
    windows, unread = _windows(key, tables)
    try:
        fits = fit_operators(window_table(windows), base.record)
    except InputError as error:
        why = (
            "no operator tables are given or beside the runs"
            if tables is None
            else f"{tables} {error.faults[0].message}"
        )
        return Device(key, base, name, server, "; ".join((f"shipped profile {name}: {why} for it", *unread)))
    file = scratch / f"{name}.yaml"
    source = f"LLMServingSim operator times in {tables}"
    file.write_text(json.dumps(_document(base, fits, source), indent=1), encoding="utf-8")
    note = "; ".join((f"{name} fitted to {len(windows):,} operator times of {tables}", *unread))
    return Device(key, catalogue.accelerator(str(file), Path()), str(file), server, note)


def _windows(key: str, tables: Path | None) -> tuple[list[Window], list[str]]:
    """Return the windows of all tables of a device, of whatever model, and why folders of it were left out."""
    windows: list[Window] = []
    unread: list[str] = []
    folders = sorted({file.parent for file in tables.rglob("attention.csv")}) if tables is not None else []
    for folder in folders:
        if device_key([part.name for part in (folder, *folder.parents)]) != key:
            continue
        try:
            windows += read_windows([folder])
        except InputError as error:
            unread.append(f"left out {folder.name} of {folder.parent.name}: {error.faults[0].message}")
    return windows, unread


def _document(base: Profile[AcceleratorRecord], fits: OperatorFits, source: str) -> dict[str, Any]:
    """Return a profile file: the base with its measured blocks replaced."""
    data = base.record.model_dump(mode="json", by_alias=True, exclude_none=True)
    fitted = fits.gemm()
    fractions = {name.removeprefix("compute_fraction."): fitted[name] for name in fitted if name.startswith("compute")}
    if "bf16" in fractions and "fp16" in data["peak_flop_per_s"]:
        fractions["fp16"] = fractions["bf16"]
    data["gemm"] |= {name: value for name, value in fitted.items() if not name.startswith("compute")}
    data["gemm"]["compute_fraction"] |= fractions
    data["gemm"]["provenance"] = {"kind": "measured", "source": source, "error": fits.layer.describe()}
    data["attention"] |= fits.attention()
    error = f"decode {fits.decode.describe()}; prefill {fits.prefill.describe()}; mixed {fits.mixed.describe()}"
    data["attention"]["provenance"] = {"kind": "measured", "source": source, "error": error}
    data["provenance"] = {"kind": "estimated", "source": f"profile {base.file}, sha256 {base.sha256}"}
    return data
