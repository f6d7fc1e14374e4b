"""Hugging Face configs of models with windows, latent attention and many experts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.errors import InputError
from simulator.physics.transformer import active_parameter_count, parameter_count
from simulator.profiles.hf_config import model_from_config
from simulator.profiles.models import ModelRecord
from simulator.profiles.sourced import load_profile
from tests.profiles.hf_configs import LLAMA, MOE, usual_keys, written

MODELS = Path(__file__).resolve().parents[2] / "simulator" / "data" / "models"

DEEPSEEK: dict[str, Any] = {
    "model_type": "deepseek_v3",
    "first_k_dense_replace": 3,
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "kv_lora_rank": 512,
    "max_position_embeddings": 163840,
    "moe_intermediate_size": 2048,
    "moe_layer_freq": 1,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_attention_heads": 128,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 61,
    "num_key_value_heads": 128,
    "num_nextn_predict_layers": 1,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "tie_word_embeddings": False,
    "v_head_dim": 128,
    "vocab_size": 129280,
}
MINIMAX: dict[str, Any] = {
    "model_type": "minimax_m2",
    "num_hidden_layers": 62,
    "hidden_size": 3072,
    "num_attention_heads": 48,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 1536,
    "vocab_size": 200064,
    "num_experts_per_tok": 8,
    "num_local_experts": 256,
    "max_position_embeddings": 196608,
    "shared_intermediate_size": 0,
    "use_mtp": True,
}
CONFIGS = {"deepseek-v3": DEEPSEEK, "minimax-m2": MINIMAX}


def test_expert_layers_by_step_and_by_list(tmp_path: Path) -> None:
    read = model_from_config(written(tmp_path, {**MOE, "decoder_sparse_step": 2, "intermediate_size": 6144}))
    assert (read.dense_layers, read.dense_ffn_size) == (24, 6144)
    read = model_from_config(written(tmp_path, {**MOE, "mlp_only_layers": [0, 3], "intermediate_size": 6144}))
    assert (read.dense_layers, read.dense_ffn_size) == (2, 6144)


@pytest.mark.parametrize("name", CONFIGS)
def test_configs_of_latent_attention_and_of_many_experts(tmp_path: Path, name: str) -> None:
    shipped = load_profile(ModelRecord, MODELS / f"{name}.yaml").record
    read = model_from_config(written(tmp_path, CONFIGS[name]))
    assert read.transformer() == shipped.transformer()
    assert read.context_tokens == shipped.context_tokens


def test_config_of_gpt_oss(tmp_path: Path) -> None:
    shipped = load_profile(ModelRecord, MODELS / "gpt-oss-20b.yaml").record
    extra = {"head_dim": 64, "attention_bias": True, "num_local_experts": 32, "experts_per_token": 4}
    kinds = ["sliding_attention", "full_attention"] * 12
    config = {**usual_keys(shipped, "gpt_oss"), **extra, "sliding_window": 128, "layer_types": kinds}
    assert model_from_config(written(tmp_path, config)).transformer() == shipped.transformer()


def test_text_part_of_llama_4(tmp_path: Path) -> None:
    shipped = load_profile(ModelRecord, MODELS / "llama-4-scout.yaml").record
    extra = {"head_dim": 128, "num_local_experts": 16, "num_experts_per_tok": 1, "attention_chunk_size": 8192}
    text = {**usual_keys(shipped, "llama4_text"), **extra, "max_position_embeddings": 10485760}
    read = model_from_config(written(tmp_path, {"model_type": "llama4", "text_config": text}))
    assert read.transformer() == shipped.transformer()
    assert read.context_tokens == 8192
    every_other = {**text, "interleave_moe_layer_step": 2}
    read = model_from_config(written(tmp_path, {"model_type": "llama4", "text_config": every_other}))
    assert (read.dense_layers, read.dense_ffn_size) == (24, 16384)


def test_a_query_that_is_not_compressed(tmp_path: Path) -> None:
    """DeepSeek-V2-Lite: 15.7 B parameters, 2.4 B active (its model card); sizes of candle's and vLLM's tests."""
    lite = {
        "hidden_size": 2048,
        "intermediate_size": 10944,
        "num_hidden_layers": 27,
        "num_attention_heads": 16,
        "num_key_value_heads": 16,
        "vocab_size": 102400,
        "moe_intermediate_size": 1408,
        "n_routed_experts": 64,
        "n_shared_experts": 2,
        "num_experts_per_tok": 6,
        "first_k_dense_replace": 1,
        "q_lora_rank": None,
    }
    model = model_from_config(written(tmp_path, {**DEEPSEEK, "model_type": "deepseek_v2", **lite})).transformer()
    assert parameter_count(model) / 1e9 == pytest.approx(15.7, abs=0.05)
    assert active_parameter_count(model) / 1e9 == pytest.approx(2.4, abs=0.3)  # With and without embeddings.


@pytest.mark.parametrize(
    ("extra", "window"),
    [
        ({}, (0, 0)),
        ({"sliding_window": 4096}, (4096, 32)),
        ({"sliding_window": 4096, "use_sliding_window": False}, (0, 0)),
        ({"sliding_window": 4096, "layer_types": ["full_attention"] * 32}, (0, 0)),
        ({"sliding_window": 4096, "layer_types": ["sliding_attention", "full_attention"] * 16}, (4096, 16)),
        ({"sliding_window": 262144}, (0, 0)),
        ({"model_type": "qwen2", "sliding_window": 4096}, (0, 0)),
        ({"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": True}, (4096, 32)),
        ({"model_type": "qwen2", "sliding_window": 64, "use_sliding_window": True, "max_window_layers": 28}, (64, 4)),
        ({"model_type": "mistral"}, (4096, 32)),
        ({"model_type": "mistral", "sliding_window": None}, (0, 0)),
        ({"model_type": "gemma2"}, (4096, 16)),
        ({"model_type": "gemma3_text", "sliding_window": 512, "sliding_window_pattern": 6}, (512, 27)),
    ],
)
def test_windows_and_the_layers_that_have_them(tmp_path: Path, extra: dict[str, Any], window: tuple[int, int]) -> None:
    read = model_from_config(written(tmp_path, {**LLAMA, **extra}))
    assert (read.window_tokens, read.windowed_layers) == window
    assert read.context_tokens == 131072


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({**DEEPSEEK, "index_topk": 2048}, "index_topk: sparse attention with an indexer is not modelled"),
        ({**DEEPSEEK, "moe_layer_freq": 2}, "moe_layer_freq: must be 1: experts in every layer after the first dense"),
        ({**MINIMAX, "attn_type_list": [0, 1]}, "attn_type_list: layers of linear attention are not modelled"),
    ],
)
def test_what_is_near_but_not_modelled_is_refused(tmp_path: Path, config: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError) as refused:
        model_from_config(written(tmp_path, config))
    assert complaint in str(refused.value)
