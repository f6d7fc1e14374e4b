"""Shipped models: their arithmetic against the counts that publishers state."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import InputError
from simulator.physics.transformer import (
    active_parameter_count,
    attention_flop,
    decode_attention_flop,
    kv_bytes_per_token,
    matmul_flop_per_token,
    parameter_count,
    sequence_pairs,
)
from simulator.profiles.models import ModelRecord
from simulator.profiles.sourced import Profile, load_profile

FOLDER = Path(__file__).resolve().parents[2] / "simulator" / "data" / "models"
FILES = sorted(FOLDER.glob("*.yaml"))


def shipped(name: str) -> Profile[ModelRecord]:
    return load_profile(ModelRecord, FOLDER / f"{name}.yaml")


def test_the_folder_is_not_empty() -> None:
    assert len(FILES) >= 40


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_record_reproduces_the_published_count(file: Path) -> None:
    record = load_profile(ModelRecord, file).record
    if record.published_parameters is None:
        # No count was found, or only one that includes vision; a further one must not slip in unseen.
        assert record.name in ("codellama-70b", "gemma-3-12b", "llama-4-scout")
        return
    # 1 %: counts given in billions are rounded ("175 B"), and BERT's is without the masked-token head (0.6 %).
    assert parameter_count(record.transformer()) == pytest.approx(record.published_parameters, rel=0.01)


@pytest.mark.parametrize(
    "name",
    [
        "codellama-34b",
        "gemma-2-9b",
        "gpt2-xl",
        "llama-3.1-405b",
        "llama-3.2-1b",
        "mistral-nemo",
        "mixtral-8x7b",
        "phi-3-medium",
        "pythia-6.9b",
        "qwen2.5-72b",
        "qwen3-32b",
        "qwen3-235b-a22b",
        "starcoder2-7b",
    ],
)
def test_counts_of_weight_files_are_met_to_the_last_parameter(name: str) -> None:
    """One model per architecture: biases, norms, ties, position tables, routers and head norms are all in the sum."""
    record = shipped(name).record
    assert parameter_count(record.transformer()) == record.published_parameters


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        # mistral.ai: 12.9 B active; Qwen3 model cards: 3.3 B and 22 B active. Half a unit of the last digit.
        ("mixtral-8x7b", pytest.approx(12.9, abs=0.05)),
        ("qwen3-30b-a3b", pytest.approx(3.3, abs=0.055)),
        ("qwen3-235b-a22b", pytest.approx(22.0, abs=0.5)),
        # Meta's model card: 17 B active.
        ("llama-4-scout", pytest.approx(17.0, abs=0.5)),
    ],
)
def test_experts_leave_the_published_active_parameters(name: str, billions: float) -> None:
    assert active_parameter_count(shipped(name).record.transformer()) / 1e9 == billions


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        # README_WEIGHTS.md of DeepSeek-V3: 36.6 B active, the output matrix but not the embedding included.
        ("deepseek-v3", pytest.approx(36.6, abs=0.05)),
        # NVIDIA NeMo Customizer documentation: 5.1 B and 3.6 B active; the publisher counts no embedding.
        ("gpt-oss-120b", pytest.approx(5.1, rel=0.015)),
        ("gpt-oss-20b", pytest.approx(3.6, abs=0.05)),
        ("minimax-m2", pytest.approx(10.0, abs=0.5)),
    ],
)
def test_active_parameters_of_publishers_who_count_no_embedding(name: str, billions: float) -> None:
    model = shipped(name).record.transformer()
    assert (active_parameter_count(model) - model.hidden_size * model.vocabulary) / 1e9 == billions


def test_latent_attention_caches_one_compressed_vector() -> None:
    """DeepSeek-V2 (arXiv:2405.04434), section 2.1.3: 4.5 head channels and layer, as 2.25 key heads would cache."""
    model = shipped("deepseek-v3").record.transformer()
    assert kv_bytes_per_token(model, 1.0) == 4.5 * model.head_dim * model.layers
    # In decode each head works on the compressed channels: 576 for the score, 512 for the value.
    assert decode_attention_flop(model, 1.0) == 2.0 * 61 * 128 * (576 + 512)
    assert attention_flop(model, 1.0) == 2.0 * 61 * 128 * (192 + 128)


@given(st.integers(1, 3000))
def test_pairs_of_windowed_layers_are_counted_one_by_one(tokens: int) -> None:
    model = shipped("gemma-3-12b").record.transformer()
    full = sum(range(1, tokens + 1))
    windowed = sum(min(reached, 1024) for reached in range(1, tokens + 1))
    assert sequence_pairs(model, float(tokens)) == pytest.approx((8 * full + 40 * windowed) / 48, rel=1e-12)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_figure_has_a_source_and_the_name_is_the_file(file: Path) -> None:
    profile = load_profile(ModelRecord, file)
    assert profile.record.name == file.stem
    figures = profile.figures()
    assert {"layers", "hidden_size", "context_tokens"} <= figures.keys()
    assert all(source.kind == "datasheet" and len(source.source) > 10 for source in figures.values())


def test_aliases_lead_to_one_model_each() -> None:
    names = {file.stem for file in FILES}
    aliases = [alias.lower() for file in FILES for alias in load_profile(ModelRecord, file).record.aliases]
    assert len(aliases) == len(set(aliases))
    assert not names & set(aliases)
    assert {"meta-llama/llama-3.1-8b-instruct", "meta-llama/meta-llama-3.1-8b", "qwen/qwen3-8b"} <= set(aliases)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_operations_per_token_are_two_per_active_weight_of_the_layers(file: Path) -> None:
    """Kaplan et al. 2020 (arXiv:2001.08361): 2 N per token, N without embeddings; biases and norms are below 0.3 %."""
    record = load_profile(ModelRecord, file).record
    model = record.transformer()
    rows = model.vocabulary * (1 if model.tied_embeddings else 2) + model.positions + model.token_types
    head = 2 * model.hidden_size * (model.hidden_size + 1) if model.pooler else 0
    layers = active_parameter_count(model) - rows * model.hidden_size - head
    assert matmul_flop_per_token(model) == pytest.approx(2.0 * layers, rel=3e-3)


def test_grouped_heads_shrink_the_cache() -> None:
    """Llama 2 7B keeps 512 KiB per token in 16 bits (2 x 32 x 4096 x 2), Llama 3 8B a quarter of that."""
    assert kv_bytes_per_token(shipped("llama-2-7b").record.transformer(), 2.0) == 512 * 1024
    assert kv_bytes_per_token(shipped("llama-3-8b").record.transformer(), 2.0) == 128 * 1024


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"kv_heads: 8": "kv_heads: 5"}, "heads must be a multiple of kv_heads, got 32 and 5"),
        ({"experts_per_token: 2": "experts_per_token: 9"}, "experts_per_token must be <= experts (8), got 9"),
        ({"tied_embeddings: false": "tied_embeddings: false\npositions: 77"}, "positions must be 0 or >="),
        ({"layers: 32": "layers: 0"}, "must be >= 1, got 0"),
        ({"gated: true": "gated: yes"}, "must be true or false, got 'yes'"),
        ({"heads: 32": "hedas: 32"}, "unknown key 'hedas'; did you mean 'heads'?"),
    ],
)
def test_dimensions_that_do_not_fit_are_refused(tmp_path: Path, change: dict[str, str], complaint: str) -> None:
    text = (FOLDER / "mixtral-8x7b.yaml").read_text(encoding="utf-8")
    for old, new in change.items():
        assert f"\n{old}\n" in text
        text = text.replace(f"\n{old}\n", f"\n{new}\n")
    file = tmp_path / "own.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_profile(ModelRecord, file)
    assert complaint in str(refused.value)
