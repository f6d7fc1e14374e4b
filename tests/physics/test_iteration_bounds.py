"""Serving iterations of every shipped accelerator: never faster than its datasheet, never stronger than its limit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.serving.batch import Prefill
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.physics import transformer as tf
from simulator.physics.attention_span import attention_span
from simulator.physics.inference import inference_model
from simulator.physics.precision import KV_BYTES, PRECISIONS
from simulator.profiles import catalogue
from simulator.profiles.accelerators import AcceleratorRecord

ACCELERATORS = catalogue.shipped_names("accelerators")
MODELS = ("llama-3-8b", "mixtral-8x7b", "gemma-2-2b", "gpt2-xl", "gpt-oss-20b")
MAX_TOKENS, MAX_SEQUENCES = 1024, 128


@dataclass(frozen=True)
class Case:
    accelerator: str
    precision: str
    model: str
    tensor: int
    kv: str

    @property
    def record(self) -> AcceleratorRecord:
        return catalogue.accelerator(self.accelerator, Path()).record

    @property
    def transformer(self) -> tf.Transformer:
        return catalogue.model(self.model, Path()).record.transformer()


@cache
def cost(case: Case, cap_w: float | None = None) -> IterationCost:
    record, precision = case.record, PRECISIONS[case.precision]
    rates = record.rates(record.format_for(precision) or "")
    model = inference_model(
        case.transformer, rates, case.tensor, precision, KV_BYTES[case.kv], MAX_TOKENS, MAX_SEQUENCES
    )
    return IterationCost(model, cap_w or record.power.cap_w)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    name, model = draw(st.sampled_from(ACCELERATORS)), draw(st.sampled_from(MODELS))
    record = catalogue.accelerator(name, Path()).record
    able = [key for key, entry in PRECISIONS.items() if record.format_for(entry) is not None]
    heads = catalogue.model(model, Path()).record.heads
    tensor = draw(st.sampled_from([size for size in (1, 2, 4, 8) if heads % size == 0]))
    return Case(name, draw(st.sampled_from(able)), model, tensor, draw(st.sampled_from(sorted(KV_BYTES))))


def datasheet_s(case: Case, rows: int, pairs: float, keys: float, logits: int) -> float:
    """Return the least time that peak rate and bandwidth of one accelerator of the group allow an iteration.

    Args:
        case: device, precision, model.
        rows: tokens whose activations pass the layers.
        pairs: query-key pairs of attention, in units of the model's span.
        keys: cached tokens that are read, in units of the model's span.
        logits: tokens whose logits are computed.
    """
    model, record, precision = case.transformer, case.record, PRECISIONS[case.precision]
    peak = record.peak_flop_per_s[record.format_for(precision)]  # type: ignore[index]
    # 16 bits serve attention and output matrix beside narrow products; 32 bits and what has no 16 are kept.
    sixteen = [record.peak_flop_per_s.get(name, 0.0) for name in ("bf16", "fp16")]
    wide = case.precision in ("fp32", "tf32") or not any(sixteen)
    beside = peak if wide else max(sixteen)
    span = attention_span(model.layers, model.windowed_layers, model.window_tokens)
    units = span.units_per_token if span else 1
    pairs, keys = pairs / units, keys / units
    weights = tf.attention_weights(model) * precision.weight_bytes
    weights += model.experts_per_token * tf.expert_weights(model) * precision.expert_bytes
    head = logits * tf.head_flop_per_token(model)
    flop_s = rows * tf.matmul_flop_per_token(model) / peak + (tf.attention_flop(model, pairs) + head) / beside
    moved = model.layers * weights + 2.0 * bool(logits) * tf.head_weights(model)
    moved += keys * tf.kv_bytes_per_token(model, KV_BYTES[case.kv])
    return max(flop_s, moved / record.memory_bandwidth_bytes_per_s) / case.tensor


batches = st.integers(1, MAX_SEQUENCES)
contexts = st.integers(1, 4_000_000)
rounding = 1.0 + 1e-12


@given(cases(), batches, contexts)
def test_decode_is_never_faster_than_the_datasheet(case: Case, count: int, cached: int) -> None:
    time_s, _ = cost(case).decode(count, cached)
    assert time_s >= datasheet_s(case, count, float(cached), float(cached), count)


def chunk(tokens: int, before: int, logits: int) -> Prefill:
    """A chunk of one prompt, of which `before` tokens are cached."""
    return Prefill(
        tokens, tokens * before + tokens * (tokens + 1) / 2.0, tokens + before, 1, logits, tokens, tokens + before
    )


@given(cases(), st.integers(1, MAX_TOKENS), st.integers(0, 100_000), st.integers(0, 1))
def test_prefill_is_never_faster_than_the_datasheet(case: Case, tokens: int, before: int, logits: int) -> None:
    prefill = chunk(tokens, before, logits)
    time_s, _ = cost(case).mixed(0, 0, prefill)
    assert time_s >= datasheet_s(case, tokens, prefill.pairs, float(prefill.keys), logits)


@given(cases(), st.integers(1, MAX_SEQUENCES - 1), contexts, st.integers(1, 100_000))
def test_decode_never_gets_faster_with_sequences_or_context(case: Case, count: int, cached: int, more: int) -> None:
    costs = cost(case)
    time_s, _ = costs.decode(count, cached)
    assert costs.decode(count + 1, cached)[0] * rounding >= time_s
    assert costs.decode(count, cached + more)[0] > time_s


@given(cases(), st.integers(1, MAX_TOKENS - 1), st.integers(0, 100_000), st.integers(1, 10_000))
def test_prefill_never_gets_faster_with_tokens_or_context(case: Case, tokens: int, before: int, more: int) -> None:
    costs = cost(case)
    time_s, _ = costs.mixed(0, 0, chunk(tokens, before, 0))
    assert costs.mixed(0, 0, chunk(tokens + 1, before, 0))[0] * rounding >= time_s
    assert costs.mixed(0, 0, chunk(tokens, before + more, 0))[0] > time_s
    assert costs.mixed(0, 0, chunk(tokens, before, 1))[0] > time_s


@given(cases(), batches, contexts, st.integers(1, MAX_TOKENS - MAX_SEQUENCES), st.integers(0, 100_000))
def test_a_mixed_iteration_takes_longer_than_either_part(
    case: Case, count: int, cached: int, tokens: int, before: int
) -> None:
    costs, prefill = cost(case), chunk(tokens, before, 0)
    sequences = min(count, MAX_SEQUENCES - 1)
    time_s, _ = costs.mixed(sequences, cached, prefill)
    decode_s, prefill_s = costs.decode(sequences, cached)[0], costs.mixed(0, 0, prefill)[0]
    assert time_s * rounding >= max(decode_s, prefill_s)
    pairs, keys = prefill.pairs + cached, float(prefill.keys + cached)
    assert time_s >= datasheet_s(case, sequences + tokens, pairs, keys, sequences)


@given(cases(), batches, contexts, st.integers(1, MAX_TOKENS))
def test_power_stays_between_idle_and_limit(case: Case, count: int, cached: int, tokens: int) -> None:
    power = case.record.power
    for time_s, energy_j in (cost(case).decode(count, cached), cost(case).mixed(0, 0, chunk(tokens, 0, 1))):
        mean_w = energy_j / time_s / case.tensor
        assert power.idle_w < mean_w <= power.cap_w * rounding


@pytest.mark.parametrize("name", ACCELERATORS)
def test_the_lowest_cap_holds_and_slows(name: str) -> None:
    record = catalogue.accelerator(name, Path()).record
    precision = next(key for key in ("bf16", "fp16", "int8") if record.format_for(PRECISIONS[key]) is not None)
    case = Case(name, precision, "llama-3-8b", 4, "fp16")
    lowest_w = record.power.minimum_cap_w
    capped, free = cost(case, lowest_w), cost(case)
    for prefill in (None, chunk(1000, 24, 1)):
        time_s, energy_j = capped.mixed(0, 0, prefill) if prefill else capped.decode(64, 65_536)
        free_s, free_j = free.mixed(0, 0, prefill) if prefill else free.decode(64, 65_536)
        assert energy_j / time_s / 4 == pytest.approx(min(lowest_w, free_j / free_s / 4), rel=1e-9)
        assert (time_s > free_s * rounding) == (free_j / free_s / 4 > lowest_w)
