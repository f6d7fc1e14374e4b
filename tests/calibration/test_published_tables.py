"""Published tables as windows: amounts by hand, formats by their columns, rows that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from calibration.amounts import visible_pairs
from calibration.cli import PUBLISHED
from calibration.fitting.bases import base_for
from calibration.published import aiconfigurator, vidur
from calibration.published.imports import KINDS, import_tables
from calibration.windows import COLUMNS
from simulator.errors import InputError
from simulator.profiles import catalogue

GEMM: dict[str, Any] = {
    "framework": "VLLM", "version": "0.22.0", "device": "NVIDIA H200", "op_name": "gemm", "kernel_source": "k",
    "gemm_dtype": "bfloat16", "m": 64, "n": 4096, "k": 8192, "latency": 0.05, "power": 500.0, "power_limit": 700.0,
}  # fmt: skip
DECODE: dict[str, Any] = {
    "framework": "VLLM", "version": "0.22.0", "device": "NVIDIA H200", "op_name": "generation_attention",
    "kernel_source": "k", "batch_size": 8, "isl": 1, "num_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
    "beam_width": 1, "attn_dtype": "bfloat16", "kv_cache_dtype": "fp8", "step": 1023, "window_size": 0,
    "latency": 0.02, "power": 300.0, "power_limit": 700.0,
}  # fmt: skip
PREFILL = DECODE | {"op_name": "context_attention", "isl": 512, "step": 0, "kv_cache_dtype": "bfloat16"}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    table = pd.DataFrame(list(rows))
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    return path


def test_amounts_of_a_product_and_of_attention_by_hand(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "a.parquet", GEMM, GEMM | {"gemm_dtype": "fp8_block", "power": 0.0}),
        write(tmp_path / "b.csv", DECODE, DECODE | {"window_size": 128}, PREFILL),
    ]
    table = aiconfigurator.kernel_table(paths)
    assert list(table.columns[: len(COLUMNS)]) == list(COLUMNS)
    product, eight_bits, decode, windowed, prefill = (row for _, row in table.iterrows())
    assert product.flop == 2 * 64 * 4096 * 8192
    assert product.traffic_bytes == 2 * (64 * 8192 + 4096 * 8192 + 64 * 4096)
    assert product.energy_j == pytest.approx(500.0 * 50e-6)
    assert (eight_bits.number_format, eight_bits.traffic_bytes) == ("fp8", 64 * 8192 + 4096 * 8192 + 2 * 64 * 4096)
    assert np.isnan(eight_bits.energy_j)  # a power of zero is none
    # 1,024 cached tokens of 8 sequences, keys and values of 8 heads of 128 channels, a byte each.
    assert decode.traffic_bytes == 8 * 1024 * 2 * 8 * 128
    assert decode.flop == 4 * 8 * 1024 * 32 * 128
    assert windowed.traffic_bytes == decode.traffic_bytes / 8
    assert prefill.flop == 4 * 8 * 32 * 128 * (512 * 513 / 2)
    assert prefill.traffic_bytes == 8 * 128 * 512 * 2 * (2 * 32 + 2 * 8)


@pytest.mark.parametrize("new", [1, 5, 200])
@pytest.mark.parametrize("cached", [0, 3, 300])
@pytest.mark.parametrize("window", [1, 4, 128, 10_000])
def test_pairs_under_a_window_are_those_counted_one_by_one(new: int, cached: int, window: int) -> None:
    counted = sum(min(cached + query, window) for query in range(1, new + 1))
    assert float(visible_pairs(float(new), float(cached), float(window))) == counted


def test_a_format_is_told_by_its_columns(tmp_path: Path) -> None:
    write(tmp_path / "anything.csv", GEMM)
    pd.DataFrame({"other": [1]}).to_csv(tmp_path / "other.csv")
    assert len(aiconfigurator.kernel_table([tmp_path])) == 1
    with pytest.raises(InputError, match=r"other\.csv: is no table of a known format .* lacks the columns"):
        aiconfigurator.kernel_table([tmp_path / "other.csv"])
    with pytest.raises(InputError, match="no such file"):
        aiconfigurator.kernel_table([tmp_path / "absent.csv"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no table of a known format"):
        aiconfigurator.kernel_table([tmp_path / "empty"])


@pytest.mark.parametrize("change", [{"latency": 0.0}, {"latency": float("nan")}, {"m": -1}, {"k": "many"}])
def test_rows_that_cannot_be_are_refused_with_their_line(tmp_path: Path, change: dict[str, Any]) -> None:
    path = write(tmp_path / "a.csv", GEMM, GEMM | change)
    with pytest.raises(InputError) as raised:
        aiconfigurator.kernel_table([path])
    assert raised.value.faults[0].line == 3
    assert "must be a number > 0" in raised.value.faults[0].message


def test_layers_of_published_operators_are_those_of_the_model(shared: Path) -> None:
    folder = shared / "data/hardware/vidur_profiling"
    windows = vidur.read_windows([folder / "compute/a100/meta-llama/Llama-2-7b-hf/mlp.csv"])
    assert len(windows) == 1044
    whole = next(window for window in windows if window.ranks == 1 and window.m == 4096)
    # Four projections of 4,096 x 4,096 and three of 4,096 x 11,008, in 16 bits.
    weights = 4 * 4096**2 + 3 * 4096 * 11008
    assert whole.weight_bytes == 2 * weights
    assert whole.flop == 2 * weights * 4096
    eighth = next(window for window in windows if window.ranks == 8 and window.m == 4096)
    assert eighth.flop == whole.flop / 8
    reduce = vidur.read_windows([folder / "network/h100_dgx/all_reduce.csv"])
    assert {window.ranks for window in reduce} == {2, 4, 8}


def test_names_of_devices_find_their_datasheet() -> None:
    assert base_for("NVIDIA A100-SXM4-80GB") == "a100-sxm-80gb"
    assert base_for("NVIDIA H100 PCIe") == "h100-pcie-80gb"
    assert base_for("NVIDIA B200") == "b200-sxm-180gb"
    assert base_for("NVIDIA GeForce RTX 4090") == "rtx-4090"
    assert base_for("NVIDIA GB200") is None
    assert base_for("Graphcore IPU") is None


def test_an_imported_profile_is_the_fit_of_its_table(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data/hardware/vidur_profiling/compute/a100"
    profile = import_tables("vidur", [folder], "a100-sxm-80gb", tmp_path / "a100.json", "2026-01-31T12:00:00Z")
    shipped = catalogue.accelerator("a100-sxm-80gb", Path()).record
    assert profile.accelerator.gemm.memory_fraction == pytest.approx(shipped.gemm.memory_fraction, abs=1e-3)
    assert profile.accelerator.power == shipped.power
    assert (tmp_path / "a100.windows.parquet").is_file()
    assert not any(report.quantity == "energy" for report in profile.fit)
    assert profile.licence == "MIT"


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no published format is called 'vidr'; did you mean 'vidur'"):
        import_tables("vidr", [tmp_path], "a100-sxm-80gb", tmp_path / "a.json", "2026-01-31T12:00:00Z")


def test_the_command_line_names_every_kind() -> None:
    assert set(PUBLISHED) == set(KINDS)
