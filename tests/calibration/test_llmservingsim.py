"""LLMServingSim's operator tables: what a row becomes, what is refused, and what the fits make of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.fitting.mixed_attention import fit_mixed_call
from calibration.fitting.operators import MIXED_TOKENS, OperatorFits, fit_operators
from calibration.fitting.rates import seconds
from calibration.published.llmservingsim import read_windows
from calibration.windows import Window, window_table
from simulator.errors import InputError
from simulator.profiles import catalogue
from simulator.profiles.accelerators import AcceleratorRecord

BOARDS = {"RTX4090": "rtx-4090", "RTXPRO6000": "rtx-pro-6000"}
OPERATORS = {
    "qkv_proj": 60.0, "o_proj": 40.0, "gate_up_proj": 250.0, "down_proj": 130.0, "layernorm": 2.0, "rotary_emb": 3.0,
    "act_fn": 5.0, "embedding": 7.0, "final_layernorm": 2.0,
}  # fmt: skip


def folder(root: Path, *, model: str = "Llama-3.1-8B", ranks: str = "tp1") -> Path:
    place = root / "SOMEGPU" / model / ranks
    place.mkdir(parents=True)
    return place


def write(file: Path, header: str, *rows: str) -> Path:
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def dense(place: Path, factor: float = 1.0, names: dict[str, float] = OPERATORS) -> Path:
    rows = [f"{name},{tokens},{factor * time_us}" for name, time_us in names.items() for tokens in (1, 64)]
    return write(place / "dense.csv", "layer,tokens,time_us", *rows)


def attention(place: Path, *rows: str) -> Path:
    return write(place / "attention.csv", "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us", *rows)


# --- rows


def test_a_layer_is_the_sum_of_its_operators(tmp_path: Path) -> None:
    """Two norms in a layer; embedding and last norm stand outside. 218,103,808 weights (Llama 3.1 8B), 2 bytes each."""
    dense(folder(tmp_path))
    one, many = read_windows([tmp_path])
    assert one.duration_s == pytest.approx((60 + 40 + 250 + 130 + 2 * 2 + 3 + 5) * 1e-6)
    assert (one.family, one.m, many.m, one.ranks) == ("layer", 1, 64, 1)
    assert one.weight_bytes == 2 * 218_103_808
    assert many.flop == 64 * 2 * 218_103_808
    assert many.elementwise_bytes == 64 * 2 * (8 * 4096 + 6144 + 4096 + 3 * 14336)


def test_ranks_share_a_layer_but_not_its_norms(tmp_path: Path) -> None:
    dense(folder(tmp_path, ranks="tp2"))
    window = read_windows([tmp_path])[0]
    assert window.ranks == 2
    assert window.weight_bytes == 218_103_808
    assert window.elementwise_bytes == 2 * (8 * 4096 + (6144 + 4096 + 3 * 14336) / 2)


def test_norms_of_heads_count_where_a_model_has_them(tmp_path: Path) -> None:
    dense(folder(tmp_path, model="Qwen3-32B"), names=OPERATORS | {"qk_norm": 11.0})
    assert read_windows([tmp_path])[0].duration_s == pytest.approx(503e-6)


def test_layers_with_experts_have_no_such_sum(tmp_path: Path) -> None:
    place = folder(tmp_path, model="qwen3-30b-a3b")
    dense(place, names={name: time for name, time in OPERATORS.items() if name not in ("gate_up_proj", "down_proj")})
    assert read_windows([place / "dense.csv"]) == []


def test_attention_calls_by_hand(tmp_path: Path) -> None:
    """4 x 32 heads x 128 channels per pair; keys and values of 8 heads in 2 bytes: 4,096 bytes per cached token."""
    attention(folder(tmp_path), "0,0,8,512,20", "64,128,0,0,30", "64,128,8,512,60")
    decode, prefill, mixed = read_windows([tmp_path])
    assert [window.family for window in (decode, prefill, mixed)] == [
        "decode_attention", "prefill_attention", "mixed_attention",
    ]  # fmt: skip
    assert (decode.traffic_bytes, decode.flop) == (8 * 512 * 4096, 8 * 512 * 16384)
    assert prefill.flop == 16384 * (64 * 128 + 64 * 65 / 2)
    assert prefill.traffic_bytes == 2 * 64 * 4096 * 2 + 192 * 4096
    assert mixed.flop == decode.flop + prefill.flop
    assert (mixed.m, mixed.k, mixed.batch, mixed.context_tokens) == (64, 128, 8, 512)
    assert (prefill.m, prefill.context_tokens, decode.batch) == (64, 128, 8)
    assert mixed.duration_s == pytest.approx(60e-6)


def test_output_matrix_and_sampler_are_steps_of_an_engine(tmp_path: Path) -> None:
    write(folder(tmp_path) / "per_sequence.csv", "layer,sequences,time_us", "lm_head,4,1100", "sampler,4,27")
    head, sampler = read_windows([tmp_path])
    assert (head.family, sampler.family) == ("step", "step")
    assert (head.flop, head.weight_bytes) == (8 * 4096 * 128256, 2 * 4096 * 128256)
    assert (sampler.flop, sampler.traffic_bytes) == (0.0, 8 * 128256)


# --- refusals


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("0,0,0,0,10", "attention.csv:3: has neither prompt nor decoding sequences"),
        ("16,0,-1,0,10", "attention.csv:3: n_decode: must be a whole number >= 0, got -1"),
        ("16,0.5,0,0,10", "attention.csv:3: kv_prefill: must be a whole number >= 0, got 0.5"),
        ("16,0,0,0,0", "attention.csv:3: time_us: must be a number > 0, got 0"),
        ("16,0,0,0,nan", "attention.csv:3: time_us: must be a number > 0, got nan"),
    ],
)
def test_rows_that_cannot_be_are_refused(tmp_path: Path, row: str, complaint: str) -> None:
    attention(folder(tmp_path), "16,0,0,0,10", row)
    with pytest.raises(InputError) as caught:
        read_windows([tmp_path])
    assert complaint in str(caught.value)


def test_a_folder_must_name_model_and_ranks(tmp_path: Path) -> None:
    stray = tmp_path / "Llama-3.1-8B"
    stray.mkdir()
    dense(stray)
    with pytest.raises(InputError, match=r"must lie in a folder 'tp<n>', got 'Llama-3\.1-8B'"):
        read_windows([stray])
    dense(folder(tmp_path / "other", model="Unheard-Of-7B"))
    with pytest.raises(InputError, match="no folder above names a model of the catalogue"):
        read_windows([tmp_path / "other"])


# --- fits


def base(name: str = "rtx-4090") -> AcceleratorRecord:
    return catalogue.accelerator(name, Path()).record


TRUTH = {
    "call_overhead_s": 8e-6, "decode_memory_fraction": 0.9, "sequence_head_overhead_s": 4e-9,
    "prefill_compute_fraction": 0.6, "prefill_memory_fraction": 0.8, "prefill_key_s": 2e-8,
    "mixed_decode_memory_fraction": 0.5, "mixed_sequence_head_overhead_s": 2e-8, "mixed_chunk_head_overhead_s": 3e-11,
}  # fmt: skip


def synthetic(place: Path) -> list[Window]:
    """Write a table whose times follow the equations exactly, and return its windows."""
    record, rows = base(), []
    bandwidth, peak, t = record.memory_bandwidth_bytes_per_s, record.peak_flop_per_s["bf16"], TRUTH
    chunks, contexts, counts = (0, 64, 256, 1024, 2048), (0, 128, 1024, 4096), (0, 1, 8, 32, 64)
    for chunk, before, count, context in np.stack(np.meshgrid(chunks, contexts, counts, contexts), -1).reshape(-1, 4):
        if bool(count) != bool(context) or not (chunk or (count and not before)):
            continue
        time_s = t["call_overhead_s"]
        if chunk:
            flop, keys = 16384 * (chunk * before + chunk * (chunk + 1) / 2), chunk + before
            moved = 2 * chunk * 4096 * 2 + keys * 4096
            time_s += flop / (t["prefill_compute_fraction"] * peak) + t["prefill_key_s"] * keys
            time_s += moved / (t["prefill_memory_fraction"] * bandwidth)
        if count:
            kind = "mixed_" if chunk else ""
            time_s += count * context * 4096 / (t[f"{kind}decode_memory_fraction"] * bandwidth)
            time_s += 32 * count * t[f"{kind}sequence_head_overhead_s"]
            time_s += 32 * count * chunk * t["mixed_chunk_head_overhead_s"]
        rows.append(f"{chunk},{before},{count},{context},{float(time_s) * 1e6!r}")
    attention(place, *rows)
    dense(place)
    return read_windows([place])


def test_exact_times_give_back_what_made_them(tmp_path: Path) -> None:
    fits = fit_operators(window_table(synthetic(folder(tmp_path))), base())
    assert fits.attention() == pytest.approx(TRUTH | {"mixed_batch_factor": 1.0}, rel=0.02)
    assert max(part.mape for part in (fits.decode, fits.prefill, fits.mixed)) < 1e-3


def test_the_plainer_form_of_prefill_wins_where_keys_cost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TRUTH, "prefill_key_s", 0.0)
    fits = fit_operators(window_table(synthetic(folder(tmp_path))), base())
    assert fits.prefill.parameters.get("prefill_key_s", 0.0) < 1e-10


def test_every_family_is_needed(tmp_path: Path) -> None:
    dense(folder(tmp_path))
    with pytest.raises(InputError, match="no rows of decode_attention, prefill_attention, mixed_attention"):
        fit_operators(window_table(read_windows([tmp_path])), base())


@pytest.fixture(scope="module")
def published(shared: Path) -> dict[str, tuple[list[Window], OperatorFits]]:
    tables = shared / "data/hardware/llmservingsim_profiles"
    windows = {device: read_windows([tables / device]) for device in BOARDS}
    return {
        device: (found, fit_operators(window_table(found), base(BOARDS[device]))) for device, found in windows.items()
    }


@pytest.mark.parametrize("device", BOARDS)
def test_shipped_figures_are_those_of_the_fit(
    published: dict[str, tuple[list[Window], OperatorFits]], device: str
) -> None:
    fits, record = published[device][1], base(BOARDS[device])
    shipped = record.attention.model_dump()
    assert {name: shipped[name] for name in fits.attention()} == pytest.approx(fits.attention(), rel=1e-3)
    gemm = {f"compute_fraction.{name}": value for name, value in record.gemm.compute_fraction.items()}
    gemm |= record.gemm.model_dump(exclude={"compute_fraction"})
    assert {name: gemm[name] for name in fits.gemm()} == pytest.approx(fits.gemm(), rel=1e-3)


@pytest.mark.parametrize("device", BOARDS)
def test_rates_of_their_own_describe_mixed_calls_better_than_one_factor(
    published: dict[str, tuple[list[Window], OperatorFits]], device: str
) -> None:
    windows, fits = published[device]
    record, decode, prefill = base(BOARDS[device]), fits.decode.parameters, fits.prefill.parameters
    table = window_table([window for window in windows if window.family == "mixed_attention"])
    table = table[table.batch * table.context_tokens <= MIXED_TOKENS].reset_index(drop=True)
    chunk, before, count = (table[name].to_numpy(float) for name in ("m", "k", "batch"))
    bandwidth, peak = record.memory_bandwidth_bytes_per_s, record.peak_flop_per_s["bf16"]
    parts_s = prefill["call_overhead_s"] + prefill["prefill_key_s"] * (chunk + before)
    parts_s += 16384 * (chunk * before + chunk * (chunk + 1) / 2) / (prefill["prefill_compute_fraction"] * peak)
    parts_s += (2 * chunk * 4096 * 2 + (chunk + before) * 4096) / (prefill["prefill_memory_fraction"] * bandwidth)
    parts_s += count * table.context_tokens.to_numpy(float) * 4096 / (decode["decode_memory_fraction"] * bandwidth)
    parts_s += 32 * count * decode["sequence_head_overhead_s"]
    # One factor, the best for the mean absolute error of log(time / parts).
    ratios = seconds(table) / parts_s
    one_factor = float(np.mean(np.abs(np.median(ratios) / ratios - 1.0)))
    assert fits.mixed.mape < 0.15
    assert one_factor > 1.5 * fits.mixed.mape


@pytest.mark.parametrize("device", BOARDS)
def test_errors_of_layers_and_attention(published: dict[str, tuple[list[Window], OperatorFits]], device: str) -> None:
    """Layers within 5 % on bands of tokens left out of the fit; attention worse, since tiles and waves make steps."""
    fits = published[device][1]
    assert fits.layer.held_out_mape is not None
    assert fits.layer.held_out_mape < 0.05
    assert fits.decode.mape < 0.12
    assert fits.prefill.mape < 0.16


@pytest.mark.parametrize("device", BOARDS)
def test_what_mixed_calls_cost_carries_over_to_other_batches(
    published: dict[str, tuple[list[Window], OperatorFits]], device: str
) -> None:
    """Fitted to batches of up to 16 sequences, it holds for 32 and 64 of up to 1,024 cached tokens."""
    windows, fits = published[device]
    table = window_table([window for window in windows if window.family == "mixed_attention"])
    few = table[table.batch <= 16].reset_index(drop=True)
    fitted = fit_mixed_call(few, base(BOARDS[device]), fits.prefill)
    for name, value in fits.mixed.parameters.items():
        assert fitted.parameters[name] == pytest.approx(value, rel=0.5), name
