"""The reader of Hugging Face configs, against shipped records and against published counts of other models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.errors import InputError
from simulator.physics.transformer import kv_bytes_per_token, matmul_flop_per_token, parameter_count
from simulator.profiles.hf_config import model_from_config
from simulator.profiles.models import ModelRecord
from simulator.profiles.sourced import load_profile
from tests.profiles.hf_configs import LLAMA, MOE, usual_keys, written

MODELS = Path(__file__).resolve().parents[2] / "simulator" / "data" / "models"

# Beside the sizes: what the published configs of the family hold, and what matters for none of the arithmetic.
FAMILIES: list[tuple[str, str, dict[str, Any]]] = [
    ("llama-3.2-3b", "llama", {"head_dim": 128, "tie_word_embeddings": True, "mlp_bias": False}),
    ("codellama-34b", "llama", {"attention_bias": False, "pretraining_tp": 1}),
    ("mistral-7b", "mistral", {"sliding_window": None}),
    ("mistral-nemo", "mistral", {"head_dim": 128, "sliding_window": None}),
    ("mixtral-8x22b", "mixtral", {"num_local_experts": 8, "num_experts_per_tok": 2, "sliding_window": None}),
    ("qwen2.5-7b", "qwen2", {"sliding_window": 131072, "use_sliding_window": False, "max_window_layers": 28}),
    ("qwen3-8b", "qwen3", {"head_dim": 128, "sliding_window": None, "attention_bias": False}),
    ("phi-3-mini", "phi3", {"sliding_window": 262144, "rope_scaling": {"type": "longrope"}}),
    ("gemma-2-27b", "gemma2", {"head_dim": 128, "max_position_embeddings": 8192, "sliding_window": 4096}),
    ("olmo-2-7b", "olmo2", {"tie_word_embeddings": False}),
    ("starcoder2-7b", "starcoder2", {"max_position_embeddings": 16384, "sliding_window": 4096, "use_bias": True}),
    ("starcoder2-15b", "starcoder2", {"sliding_window": 4096, "tie_word_embeddings": False}),
    ("pythia-6.9b", "gpt_neox", {"use_parallel_residual": True, "rotary_pct": 0.25, "tie_word_embeddings": False}),
    ("bert-large", "bert", {"type_vocab_size": 2, "position_embedding_type": "absolute"}),
]


@pytest.mark.parametrize(("name", "model_type", "extra"), FAMILIES, ids=[f"{t}-{n}" for n, t, _ in FAMILIES])
def test_a_config_gives_the_arithmetic_of_the_shipped_record(
    tmp_path: Path, name: str, model_type: str, extra: dict[str, Any]
) -> None:
    shipped = load_profile(ModelRecord, MODELS / f"{name}.yaml").record
    read = model_from_config(written(tmp_path, {**usual_keys(shipped, model_type), **extra}))
    assert read.transformer() == shipped.transformer()
    assert read.context_tokens == shipped.context_tokens


def test_gpt2_names(tmp_path: Path) -> None:
    shipped = load_profile(ModelRecord, MODELS / "gpt2-xl.yaml").record
    config = {"model_type": "gpt2", "n_embd": 1600, "n_head": 25, "n_layer": 48, "n_inner": None}
    read = model_from_config(written(tmp_path, {**config, "n_positions": 1024, "n_ctx": 1024, "vocab_size": 50257}))
    assert read.transformer() == shipped.transformer()


def test_opt_names_and_its_two_further_positions(tmp_path: Path) -> None:
    shipped = load_profile(ModelRecord, MODELS / "opt-175b.yaml").record
    config = {"model_type": "opt", "hidden_size": 12288, "ffn_dim": 49152, "word_embed_proj_dim": 12288}
    sizes = {"num_attention_heads": 96, "num_hidden_layers": 96, "max_position_embeddings": 2048, "vocab_size": 50272}
    read = model_from_config(written(tmp_path, {**config, **sizes, "do_layer_norm_before": True}))
    assert read.transformer() == shipped.transformer()
    assert read.context_tokens == 2048


def test_experts(tmp_path: Path) -> None:
    shipped = load_profile(ModelRecord, MODELS / "qwen3-30b-a3b.yaml").record
    assert model_from_config(written(tmp_path, MOE)).transformer() == shipped.transformer()


# Counts of weight files (Hugging Face Hub API, safetensors.total; keras-team/keras-hub, *_presets.py, params) of models
# that are not shipped, with the sizes of their configs (mlc-ai/mlc-llm, model_preset.py; Falcon 180B: the config of
# Lightning-AI/litgpt).
COUNTED: list[tuple[str, dict[str, Any], int]] = [
    (
        "SmolLM2 1.7B",
        {
            **LLAMA,
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "num_hidden_layers": 24,
            "num_key_value_heads": 32,
            "vocab_size": 49152,
            "tie_word_embeddings": True,
        },
        1_711_376_384,
    ),
    (
        "Phi-4 mini",
        {
            **LLAMA,
            "model_type": "phi3",
            "hidden_size": 3072,
            "intermediate_size": 8192,
            "num_attention_heads": 24,
            "vocab_size": 200064,
            "partial_rotary_factor": 0.75,
            "tie_word_embeddings": True,
        },
        3_836_021_760,
    ),
    (
        "Gemma 3 1B",
        {
            "model_type": "gemma3_text",
            "hidden_size": 1152,
            "intermediate_size": 6912,
            "num_hidden_layers": 26,
            "num_attention_heads": 4,
            "num_key_value_heads": 1,
            "head_dim": 256,
            "vocab_size": 262144,
            "max_position_embeddings": 32768,
            "sliding_window": 512,
            "sliding_window_pattern": 6,
        },
        999_885_952,
    ),
    (
        "Qwen3 4B",
        {
            **LLAMA,
            "model_type": "qwen3",
            "hidden_size": 2560,
            "intermediate_size": 9728,
            "num_hidden_layers": 36,
            "head_dim": 128,
            "vocab_size": 151936,
            "tie_word_embeddings": True,
        },
        4_022_468_096,
    ),
    (
        "Qwen2.5 0.5B",
        {
            **LLAMA,
            "model_type": "qwen2",
            "hidden_size": 896,
            "intermediate_size": 4864,
            "num_hidden_layers": 24,
            "num_attention_heads": 14,
            "num_key_value_heads": 2,
            "vocab_size": 151936,
            "tie_word_embeddings": True,
        },
        494_032_768,
    ),
    (
        "Gemma 2B",
        {
            "model_type": "gemma",
            "hidden_size": 2048,
            "intermediate_size": 16384,
            "num_hidden_layers": 18,
            "num_attention_heads": 8,
            "num_key_value_heads": 1,
            "head_dim": 256,
            "vocab_size": 256000,
            "max_position_embeddings": 8192,
        },
        2_506_172_416,
    ),
    (
        "GPT-2 medium",
        {
            "model_type": "gpt2",
            "n_embd": 1024,
            "n_head": 16,
            "n_layer": 24,
            "n_positions": 1024,
            "vocab_size": 50257,
        },
        354_823_168,
    ),
    (
        "Falcon 180B",
        {
            "model_type": "falcon",
            "hidden_size": 14848,
            "num_attention_heads": 232,
            "num_kv_heads": 8,
            "num_hidden_layers": 80,
            "new_decoder_architecture": True,
            "multi_query": True,
            "parallel_attn": True,
            "bias": False,
            "vocab_size": 65024,
            "tie_word_embeddings": False,
        },
        179_522_565_120,
    ),
]


@pytest.mark.parametrize(("config", "count"), [case[1:] for case in COUNTED], ids=[case[0] for case in COUNTED])
def test_a_config_gives_the_published_count(tmp_path: Path, config: dict[str, Any], count: int) -> None:
    assert parameter_count(model_from_config(written(tmp_path, config)).transformer()) == count


def test_old_falcon_shares_one_key_head_and_one_norm(tmp_path: Path) -> None:
    """Falcon 7B: its weight file holds 7,217,189,760 parameters, a copy of the tied embedding included."""
    config = {"model_type": "falcon", "n_head": 71, "n_layer": 32, "hidden_size": 4544, "vocab_size": 65024}
    read = model_from_config(written(tmp_path, {**config, "bias": False, "alibi": False}))
    assert (read.kv_heads, read.norms_per_layer, read.ffn_size, read.context_tokens) == (1, 1, 18176, 2048)
    assert parameter_count(read.transformer()) + 65024 * 4544 == 7_217_189_760


def test_shared_expert_of_qwen2_moe(tmp_path: Path) -> None:
    config = {**MOE, "model_type": "qwen2_moe", "shared_expert_intermediate_size": 5632, "qkv_bias": True}
    read = model_from_config(written(tmp_path, config))
    assert (read.shared_ffn_size, read.ffn_size, read.attention_bias) == (5632, 768, "qkv")


def test_text_part_of_a_model_of_text_and_images(tmp_path: Path) -> None:
    """Gemma 3 4B states only what differs from the defaults; its text part is 4.30 B less 0.42 B of vision."""
    text = {"model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34}
    config = {"model_type": "gemma3", "text_config": {**text, "sliding_window": 1024}, "vision_config": {}}
    read = model_from_config(written(tmp_path, config))
    assert (read.heads, read.kv_heads, read.head_dim, read.vocabulary) == (8, 4, 256, 262208)
    assert (read.context_tokens, read.window_tokens, read.windowed_layers) == (131072, 1024, 29)
    assert read.title.endswith(", text part")
    assert parameter_count(read.transformer()) == pytest.approx(3.88e9, rel=2e-3)  # Given in three digits.


@pytest.mark.parametrize(
    ("extra", "bias", "ffn_bias"),
    [
        ({}, "none", False),
        ({"attention_bias": True}, "all", False),
        ({"mlp_bias": True}, "none", True),
        ({"model_type": "qwen2"}, "qkv", False),
        ({"model_type": "qwen2", "qkv_bias": False}, "none", False),
        ({"model_type": "gpt_neox", "attention_bias": False}, "none", True),
        ({"model_type": "starcoder2", "use_bias": False}, "none", False),
        ({"model_type": "falcon", "bias": True}, "all", True),
        ({"model_type": "opt", "enable_bias": False}, "none", False),
    ],
)
def test_biases(tmp_path: Path, extra: dict[str, Any], bias: str, ffn_bias: bool) -> None:
    read = model_from_config(written(tmp_path, {**LLAMA, **extra}))
    assert (read.attention_bias, read.ffn_bias) == (bias, ffn_bias)


def test_keys_without_effect_on_the_arithmetic_have_none(tmp_path: Path) -> None:
    plain = model_from_config(written(tmp_path, LLAMA)).transformer()
    extra = {
        "rope_scaling": {"factor": 8.0},
        "hidden_act": "silu",
        "quantization_config": {"bits": 4},
        "num_experts": 0,
    }
    decorated = model_from_config(written(tmp_path, {**LLAMA, **extra})).transformer()
    assert decorated == plain
    assert kv_bytes_per_token(plain, 2.0) == 131072
    assert matmul_flop_per_token(plain) == 2.0 * 32 * (4096 * (4096 + 2 * 1024 + 4096) + 3 * 4096 * 14336)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({**LLAMA, "kv_lora_rank": 512}, "kv_lora_rank: latent attention (MLA) of this family is not modelled"),
        ({"model_type": "mamba", "state_size": 16, "hidden_size": 768}, "state_size: a state-space model is not"),
        ({"model_type": "t5", "is_encoder_decoder": True}, "is_encoder_decoder: an encoder joined to a decoder is not"),
        ({"model_type": "lama"}, "model_type 'lama' is not modelled; did you mean 'llama'?"),
        ({"hidden_size": 8}, "model_type '' is not modelled; known: bert, deepseek_v2"),
        ({**LLAMA, "model_type": "opt", "word_embed_proj_dim": 512}, "a projection between embedding and hidden size"),
        ({**LLAMA, "model_type": "opt", "do_layer_norm_before": False}, "a decoder with norms after its blocks"),
        ({**LLAMA, "first_k_dense_replace": 1}, "a model with dense first layers of this family is not modelled"),
        ({**LLAMA, "layer_types": ["full_attention"] * 3}, "must have one entry for each of the 32 layers, got 3"),
        ({**LLAMA, "layer_types": ["linear_attention", "full_attention"]}, "layers of kind linear_attention are not"),
    ],
)
def test_other_architectures_are_refused(tmp_path: Path, config: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError) as refused:
        model_from_config(written(tmp_path, config))
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("extra", "complaints"),
    [
        ({"hidden_size": None}, ["required key 'hidden_size' is missing"]),
        ({"vocab_size": "128256"}, ["vocab_size: must be a whole number >= 1, got '128256'"]),
        ({"num_hidden_layers": True}, ["num_hidden_layers: must be a whole number >= 1, got True"]),
        ({"num_attention_heads": 0}, ["num_attention_heads: must be a whole number >= 1, got 0"]),
        ({"intermediate_size": 1.5}, ["intermediate_size: must be a whole number >= 1, got 1.5"]),
        ({"num_key_value_heads": 5}, ["num_key_value_heads: must divide the 32 query heads, got 5"]),
        ({"num_attention_heads": 24, "num_key_value_heads": 24}, ["required key 'head_dim' is missing"]),
        ({"sliding_window": "4k"}, ["sliding_window: must be a whole number >= 1, got '4k'"]),
        ({"tie_word_embeddings": "no"}, ["tie_word_embeddings: must be true or false, got 'no'"]),
        ({"num_local_experts": 8}, ["required key 'num_experts_per_tok' is missing"]),
        ({"num_local_experts": 4, "num_experts_per_tok": 6}, ["num_experts_per_tok: must be <= the 4 experts, got 6"]),
        (
            {"hidden_size": None, "vocab_size": -1, "max_position_embeddings": None},
            ["'hidden_size' is missing", "vocab_size: must be", "'max_position_embeddings' is missing"],
        ),
    ],
)
def test_every_wrong_key_is_named_once(tmp_path: Path, extra: dict[str, Any], complaints: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        model_from_config(written(tmp_path, {**LLAMA, **extra}))
    assert len(refused.value.faults) == len(complaints)
    assert all(any(text in str(fault) for fault in refused.value.faults) for text in complaints)
    assert all(fault.file.endswith("config.json") for fault in refused.value.faults)


def test_a_folder_stands_for_the_config_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "my-llama"
    folder.mkdir()
    written(folder, LLAMA)
    assert model_from_config(folder) == model_from_config(folder / "config.json")
    assert model_from_config(folder).name == "my-llama"
