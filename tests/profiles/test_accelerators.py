"""Shipped accelerators: datasheet figures, sources, ranges, and what their loader refuses."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from simulator.errors import InputError
from simulator.profiles import catalogue
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.sourced import Profile, load_profile

FOLDER = Path(__file__).resolve().parents[2] / "simulator" / "data" / "accelerators"
NAMES = catalogue.shipped_names("accelerators")
COLLECTED = [name for name in NAMES if name != "rtx-pro-6000"]
"""Boards of reference/hardware.csv; the other one's figures are what the board itself reports."""

COLUMNS = {
    "fp32": "fp32_tflops",
    "tf32": "tf32_tflops",
    "fp16": "fp16_bf16_tflops",
    "bf16": "fp16_bf16_tflops",
    "fp8": "fp8_tflops",
    "int8": "int8_tops",
    "fp4": "fp4_tflops",
}


def shipped(name: str) -> Profile[AcceleratorRecord]:
    return catalogue.accelerator(name, Path())


def collected(shared: Path, name: str) -> dict[str, str]:
    """Return the row of reference/hardware.csv, which spells names as vendors do."""
    spelled = name.replace("h100-sxm", "h100-sxm5").replace("v100-sxm", "v100-sxm2").replace("-", " ")
    with (shared / "reference" / "hardware.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["name"].lower().replace("-", " "): row for row in csv.DictReader(file)}
    return rows[spelled]


# --- against collected datasheets


@pytest.mark.parametrize("name", COLLECTED)
def test_datasheet_figures_are_those_of_the_collection(shared: Path, name: str) -> None:
    """2 %: datasheets round, and bandwidths differ by the clock of the memory that was shipped."""
    row, record = collected(shared, name), shipped(name).record
    for number_format, column in COLUMNS.items():
        published, peak = row[column], record.peak_flop_per_s.get(number_format)
        if peak is not None:
            assert peak / 1e12 == pytest.approx(float(published), rel=0.02), number_format
        elif number_format not in ("fp16", "bf16"):
            assert not published, number_format
    assert bool(row["fp16_bf16_tflops"]) == bool({"fp16", "bf16"} & record.peak_flop_per_s.keys())
    assert record.memory_bytes / 1e9 == pytest.approx(float(row["memory_gb"]), rel=0.02)
    assert record.memory_bandwidth_bytes_per_s / 1e9 == pytest.approx(float(row["memory_gbps"]), rel=0.02)
    assert record.power.cap_w == pytest.approx(float(row["tdp_w"]), rel=0.02)
    assert record.category == row["kind"]


@pytest.mark.parametrize("name", ["a100-sxm-40gb", "a100-sxm-80gb", "h100-sxm-80gb"])
def test_idle_power_lies_among_the_readings(shared: Path, name: str) -> None:
    low, high = map(float, collected(shared, name)["idle_w"].split("-"))
    assert low <= shipped(name).record.power.idle_w <= high


@pytest.mark.parametrize("name", COLLECTED)
def test_products_reach_no_more_than_the_best_that_was_measured(shared: Path, name: str) -> None:
    """stas00/ml-engineering measures the fastest product of any shape; a layer of a model cannot do better (2 %)."""
    row, record = collected(shared, name), shipped(name).record
    for number_format, column in (("bf16", "achievable_bf16_tflops"), ("fp8", "achievable_fp8_tflops")):
        if row[column] and number_format in record.peak_flop_per_s:
            peak, fraction = record.peak_flop_per_s[number_format], record.gemm.compute_fraction[number_format]
            assert peak * fraction <= 1.02e12 * float(row[column]), number_format


@pytest.mark.parametrize("name", COLLECTED)
def test_published_footprints_are_taken_over(shared: Path, name: str) -> None:
    published = collected(shared, name)["embodied_kgco2e"]
    profile = shipped(name)
    if published:
        assert profile.record.embodied_kg_co2e == pytest.approx(float(published), rel=0.02)
    else:
        assert profile.source_of("embodied_kg_co2e").kind == "estimated"


# --- every file


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_a_kind_and_a_source(name: str) -> None:
    profile = shipped(name)
    assert profile.record.name == name
    figures = profile.figures()
    assert {"power.static_w", "gemm.sharpness", "memory_bytes", "link.achieved_fraction"} <= figures.keys()
    assert len(figures) >= 28
    for path, source in figures.items():
        assert source.kind in ("measured", "datasheet", "estimated"), path
        assert source.source.strip(), path


@pytest.mark.parametrize("name", NAMES)
def test_ranges_hold_their_figures(name: str) -> None:
    profile = shipped(name)
    data, ranged = profile.record.model_dump(), 0
    for path, source in profile.sources.items():
        if source.low is None and source.high is None:
            continue
        assert source.low is not None, path
        assert source.high is not None, path
        value: Any = data
        for key in path.split("."):
            value = value[key]
        assert source.low <= value <= source.high, path
        ranged += 1
    assert ranged >= 5


@pytest.mark.parametrize("name", NAMES)
def test_datasheet_figures_are_marked_as_such(name: str) -> None:
    profile = shipped(name)
    for number_format in profile.record.peak_flop_per_s:
        assert profile.source_of(f"peak_flop_per_s.{number_format}").kind == "datasheet"
    for path in ("memory_bytes", "memory_bandwidth_bytes_per_s", "power.cap_w"):
        assert profile.source_of(path).kind == "datasheet"
    # What nobody measured on the device itself cannot claim the error of a fit.
    for path in ("gemm.memory_fraction", "attention.decode_memory_fraction", "power.joules_per_byte"):
        source = profile.source_of(path)
        assert (source.kind == "measured") == (source.error is not None), path


@pytest.mark.parametrize("name", NAMES)
def test_states_rise_from_idle_to_the_limit(name: str) -> None:
    power = shipped(name).record.power
    assert power.idle_w <= power.idle_context_w <= power.comm_wait_w <= power.cap_w
    # Kernels that do nothing cannot draw less than no kernels at all.
    assert power.idle_w <= power.static_w < power.minimum_cap_w < power.cap_w


@pytest.mark.parametrize("name", NAMES)
def test_narrower_operands_cost_no_more_energy_and_are_no_slower(name: str) -> None:
    record = shipped(name).record
    widths = {"fp32": 32, "tf32": 19, "fp16": 16, "bf16": 16, "fp8": 8, "int8": 8, "fp4": 4}
    ordered = sorted(record.peak_flop_per_s, key=lambda number_format: -widths[number_format])
    joules = [record.power.joules_per_flop[number_format] for number_format in ordered]
    assert joules == sorted(joules, reverse=True)
    if not name.startswith("v100"):  # Volta's tensor cores know fp16 alone; int8 runs on the other cores.
        peaks = [record.peak_flop_per_s[number_format] for number_format in ordered]
        assert peaks == sorted(peaks)


def test_links_carry_a_share_of_their_datasheet() -> None:
    """H100: 0.687 of 450 GB/s is the 309 GB/s at which vLLM's all-reduce was measured (docs/sources.md, links)."""
    assert shipped("h100-sxm-80gb").record.rates("bf16").link.bandwidth_bytes_per_s == pytest.approx(309e9, rel=1e-3)


# --- what is refused


def refused(tmp_path: Path, *changes: tuple[str, str]) -> str:
    text = (FOLDER / "h100-sxm-80gb.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file = tmp_path / "own.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_profile(AcceleratorRecord, file, "own.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("  memory_fraction: 0.956", "  memory_fraction: 1.2", "gemm.memory_fraction: must be > 0 and <= 1, got 1.2"),
        ("  sharpness: 1.327", "  sharpness: 0.5", "gemm.sharpness: must be >= 1, got 0.5"),
        ("category: gpu", "category: gpo", "category: 'gpo' is not known; did you mean 'gpu'?"),
        ("  fp8: 1.979e+15\n", "", "gemm.compute_fraction must be given for the formats of peak_flop_per_s (bf16"),
        ("  cap_w: {value: 700.0", "  cap_w: {value: 150.0", "power.minimum_cap_w must be <= cap_w = 150, got 200"),
        ("  idle_w: {value: 72.0", "  idle_w: {value: 130.0", "power.idle_w must be <= idle_context_w = 120, got 130"),
        ("  static_w: {value: 157.0", "  static_w: {value: 200.0", "power.static_w must be < minimum_cap_w = 200, got"),
        ("  comm_wait_w: {value: 300.0", "  comm_wait_w: {value: 701.0", "power.comm_wait_w must be <= cap_w = 700,"),
        ("  layer_overhead_s: 3.48e-05", "  layer_overheads: 1", "unknown key 'layer_overheads'; did you mean"),
        ("vendor: NVIDIA\n", "", "required key 'vendor' is missing"),
    ],
)
def test_figures_that_cannot_be_are_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert complaint in refused(tmp_path, (old, new))


def test_all_that_disagrees_is_said_at_once(tmp_path: Path) -> None:
    message = refused(tmp_path, ("  idle_w: {value: 72.0", "  idle_w: {value: 130.0"), ("  fp8: 1.979e+15\n", ""))
    assert "power.idle_w must be" in message
    assert "gemm.compute_fraction must be" in message
    assert "power.joules_per_flop must be" in message


def test_a_device_without_a_format_for_attention_is_refused(tmp_path: Path) -> None:
    peaks = {"fp32": "6.69e+13", "tf32": "4.945e+14", "fp16": "9.89e+14", "bf16": "9.89e+14", "fp8": "1.979e+15"}
    lines = "".join(f"  {name}: {peak}\n" for name, peak in peaks.items()) + "  int8: 1.979e+15\n"
    message = refused(tmp_path, (lines, "  fp4: 3.9e+15\n"))
    assert "peak_flop_per_s must hold one of bf16, fp16, tf32, fp32, int8, fp8, got fp4" in message
