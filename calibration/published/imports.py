"""Turn published tables into a calibrated profile: which windows of each kind make a device's figures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from calibration.fitting.operators import fit_operators
from calibration.fitting.profile import Measured, calibrated_profile
from calibration.fitting.window_fits import GAIN_U, NamedFit, Options, fit_windows, usable
from calibration.published import aiconfigurator, llmservingsim, vidur
from calibration.windows import COLUMNS, window_table
from simulator.errors import Fault, InputError, nearest_match
from simulator.profiles import catalogue
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.calibrated import CalibratedProfile, Device, Environment, Method, PowerLimit, Raw

Fitter = Callable[[pd.DataFrame, AcceleratorRecord, Options], list[NamedFit]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A published format.

    Args:
        read: windows of its tables.
        fit: fits of these windows.
        options: how they are fitted.
        sensor: what measured power.
        licence: terms of the tables.
        citation: whom to cite.
    """

    read: Callable[[Sequence[Path]], pd.DataFrame]
    fit: Fitter
    options: Options
    sensor: str
    licence: str
    citation: str


def import_tables(
    kind: str, paths: Sequence[Path], base: str, out: Path, created_utc: str, git: str = ""
) -> CalibratedProfile:
    """Return the profile of published tables; the windows are written beside `out`.

    Args:
        kind: one of `KINDS`.
        paths: files or folders.
        base: profile of the datasheet and of what the tables do not tell.
        out: where the profile will be written.
        created_utc: instant, ISO 8601.
        git: commit of the program.

    Raises:
        InputError: no such kind, table or profile; rows that cannot be; nothing to fit.
    """
    if kind not in KINDS:
        raise InputError(f"no published format is called '{kind}'{nearest_match(kind, list(KINDS))}")
    entry = KINDS[kind]
    profile = catalogue.accelerator(base, Path())
    table = entry.read(paths)
    rows, notes = usable(table, profile.record)
    fits = entry.fit(rows, profile.record, entry.options)
    raw = _write_windows(rows, out)
    device = sorted(set(rows.device)) if "device" in rows else []
    measured = Measured(
        id=out.stem,
        device=Device(
            vendor=profile.record.vendor,
            model=", ".join(device) or profile.record.title,
            form_factor="",
            memory_bytes=profile.record.memory_bytes,
            power_limit_w=PowerLimit(default=profile.record.power.cap_w, enforced=None, min=None, max=None),
            vbios="",
            driver="",
            runtime="",
            uuid_hash="",
        ),
        environment=Environment(host_hash="", cooling="", ambient_c=None, other_tenants=None),
        method=Method(
            sensor=entry.sensor,
            update_period_s=None,
            averaging_window_s=None,
            counter_period_s=None,
            warmup_s=None,
            window_s=None,
            replicates=None,
            inputs="",
        ),
        created_utc=created_utc,
        git=git,
        licence=entry.licence,
        citation=entry.citation,
        notes=tuple(notes),
    )
    return calibrated_profile(fits, rows, profile, measured, entry.options, raw)


def _write_windows(rows: pd.DataFrame, out: Path) -> Raw:
    path = out.with_name(f"{out.stem}.windows.parquet")
    try:
        rows[list(COLUMNS)].to_parquet(path, index=False)
    except OSError as error:
        raise InputError([Fault(f"cannot be written: {error.strerror or error}", str(path))]) from None
    return Raw(path=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), columns=COLUMNS)


def _common_kernels(paths: Sequence[Path]) -> pd.DataFrame:
    """Return products and attention in 16 bits, of grouped-query models without a window: what most models run.

    Products with block scales are left out, because their rows contain the kernels that quantise the activations.
    Power is that of products: attention kernels of equal shape differ by a quarter in it.
    """
    table = aiconfigurator.kernel_table(paths)
    heads = (table.query_heads / table.kv_heads).isin([4, 8])
    plain = heads & (table.head_size == 128) & (table.cache_format == "bf16") & (table.window_tokens == 0)
    product = (table.family == "gemm") & table.number_format.isin(["bf16", "fp16"])
    table.loc[table.family != "gemm", "energy_j"] = float("nan")
    return table[product | plain.fillna(False)].reset_index(drop=True)


def _operator_fits(table: pd.DataFrame, base: AcceleratorRecord, options: Options) -> list[NamedFit]:
    del options  # operator tables have their own uncertainty and no power
    fits = fit_operators(table, base)
    prefill = {name: name for name in fits.prefill.parameters if name != "call_overhead_s"}
    parts = (
        ("products and elementwise", fits.layer, "gemm", {name: name for name in fits.layer.parameters}, "octaves"),
        ("decode attention", fits.decode, "attention", {n: n for n in fits.decode.parameters}, "numbers of sequences"),
        ("prefill attention", fits.prefill, "attention", prefill, "lengths of chunks"),
        ("mixed attention", fits.mixed, "attention", {n: n for n in fits.mixed.parameters}, "numbers of sequences"),
    )
    return [
        NamedFit(
            name, "time", "linear", fitted, {key: (f"{block}.{path}", 1.0) for key, path in names.items()}, groups,
            {"linear": (fitted.mape, fitted.held_out_mape)}, None,
        )
        for name, fitted, block, names, groups in parts
    ]  # fmt: skip


_TABLES: Final = Options(sensor=None, samples=50, gaps=True, outlier=0.02, gain_u=GAIN_U)
KINDS: Final = {
    "aiconfigurator": Kind(
        _common_kernels, fit_windows, _TABLES, "NVML, averages of 100 ms, as published", "Apache-2.0",
        "AIConfigurator (github.com/ai-dynamo/aiconfigurator)",
    ),
    "vidur": Kind(
        lambda paths: window_table(vidur.read_windows(list(paths))), fit_windows, _TABLES, "none", "MIT",
        "Agrawal et al., Vidur, MLSys 2024",
    ),
    "llmservingsim": Kind(
        lambda paths: window_table(llmservingsim.read_windows(paths)), _operator_fits, _TABLES, "none", "MIT",
        "Cho et al., LLMServingSim, IISWC 2024",
    ),
}  # fmt: skip
"""Published formats, by the name that the command line takes."""
