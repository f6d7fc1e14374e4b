"""Configs as Hugging Face has them, for the tests of their reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from simulator.profiles.models import ModelRecord

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
}

MOE: dict[str, Any] = {
    "model_type": "qwen3_moe",
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "moe_intermediate_size": 768,
    "num_hidden_layers": 48,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "vocab_size": 151936,
    "max_position_embeddings": 40960,
    "tie_word_embeddings": False,
}


def written(folder: Path, config: object) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    return file


def usual_keys(record: ModelRecord, model_type: str) -> dict[str, Any]:
    """Sizes under the names that most families use."""
    return {
        "model_type": model_type,
        "hidden_size": record.hidden_size,
        "intermediate_size": record.ffn_size,
        "num_hidden_layers": record.layers,
        "num_attention_heads": record.heads,
        "num_key_value_heads": record.kv_heads,
        "vocab_size": record.vocabulary,
        "max_position_embeddings": record.context_tokens,
        "torch_dtype": "bfloat16",
        "rope_theta": 10000.0,
    }
