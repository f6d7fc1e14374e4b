"""Families of architectures as Hugging Face configs name them: what one fixes and what its config may leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from simulator.profiles.models import Biases

Windows = Literal["none", "all", "alternate", "pattern"]
Shape = Literal["plain", "falcon", "deepseek", "llama4", "minimax"]


@dataclass(frozen=True, slots=True)
class Family:
    """What an architecture fixes, and the values that hold where its config is silent.

    Args:
        kind: decoder or encoder.
        gated: the feed-forward block has a gate.
        tied: the output matrix is the input embedding, unless `tie_word_embeddings` says otherwise.
        attention_bias: biases in attention, unless the config switches them.
        ffn_bias: biases in the feed-forward block, unless the config switches them.
        ffn_ratio: channels of the feed-forward block over the hidden size, where the config states none.
        bias_key: the one switch for both, where the family has one.
        norm_parameters: per norm and channel.
        norms_per_layer: norms in one block.
        head_norms: queries and keys are normed.
        pooler: an encoder's dense layer and masked-token head.
        position_rows: rows of a learned position table beyond the context; None for rotary positions.
        window: attention window where the config names none.
        windowed: the window counts, unless `use_sliding_window` says otherwise.
        windows: layers that have it, where the config does not list them: every other one from the first, or all but
            the last of each `sliding_window_pattern`.
        sizes: sizes where the config names none.
        shape: what else is particular about the config.
    """

    kind: Literal["decoder", "encoder"] = "decoder"
    gated: bool = True
    tied: bool = False
    attention_bias: Biases = "none"
    ffn_bias: bool = False
    ffn_ratio: int | None = None
    bias_key: str | None = None
    norm_parameters: Literal[1, 2] = 1
    norms_per_layer: int = 2
    head_norms: bool = False
    pooler: bool = False
    position_rows: int | None = None
    window: int | None = None
    windowed: bool = True
    windows: Windows = "all"
    sizes: Mapping[str, int] = field(default_factory=dict)
    shape: Shape = "plain"


_GEMMA_3_SIZES = {
    # What its published configs leave out: the defaults of Transformers 4.57.1, configuration_gemma3.py.
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "vocab_size": 262_208,
    "max_position_embeddings": 131_072,
}
_GEMMA_3 = Family(tied=True, norms_per_layer=4, head_norms=True, window=4096, windows="pattern", sizes=_GEMMA_3_SIZES)
_DEEPSEEK = Family(shape="deepseek", sizes={"moe_layer_freq": 1})
_LLAMA_4 = Family(
    shape="llama4", sizes={"attention_chunk_size": 8192, "interleave_moe_layer_step": 1, "intermediate_size_mlp": 16384}
)
QWEN_2 = Family(attention_bias="qkv", windowed=False)
"""Its layers below `max_window_layers` attend to everything."""
_QWEN_3 = Family(head_norms=True, windowed=False)

FAMILIES: Final[Mapping[str, Family]] = {
    # Defaults are those of Transformers 4.57.1, models/*/configuration_*.py.
    "llama": Family(),
    "mistral": Family(window=4096),
    "mixtral": Family(),
    "qwen2": QWEN_2,
    "qwen2_moe": QWEN_2,
    "qwen3": _QWEN_3,
    "qwen3_moe": _QWEN_3,
    "qwen3_vl_text": _QWEN_3,
    "qwen3_vl_moe_text": _QWEN_3,
    "phi3": Family(),
    "gemma": Family(tied=True),
    "gemma2": Family(tied=True, norms_per_layer=4, window=4096, windows="alternate"),
    "gemma3": _GEMMA_3,
    "gemma3_text": _GEMMA_3,
    # Norms of all heads at once, counted as norms per head: 0.003 % of OLMo 2 7B.
    "olmo2": Family(head_norms=True),
    "starcoder2": Family(gated=False, tied=True, ffn_bias=True, bias_key="use_bias", norm_parameters=2),
    "falcon": Family(
        gated=False,
        tied=True,
        ffn_ratio=4,
        bias_key="bias",
        norm_parameters=2,
        sizes={"max_position_embeddings": 2048},
        shape="falcon",
    ),
    "gpt_oss": Family(attention_bias="all", ffn_bias=True, window=128, windows="alternate"),
    # Norms of all heads at once, counted as norms per head: below 0.001 %.
    "minimax_m2": Family(head_norms=True, shape="minimax"),
    "deepseek_v2": _DEEPSEEK,
    "deepseek_v3": _DEEPSEEK,
    "kimi_k2": _DEEPSEEK,
    "llama4_text": _LLAMA_4,
    "gpt_neox": Family(gated=False, attention_bias="all", ffn_bias=True, norm_parameters=2),
    "gpt2": Family(
        gated=False,
        tied=True,
        attention_bias="all",
        ffn_bias=True,
        ffn_ratio=4,
        norm_parameters=2,
        position_rows=0,
    ),
    # Its position table starts two rows late.
    "opt": Family(gated=False, tied=True, ffn_bias=True, bias_key="enable_bias", norm_parameters=2, position_rows=2),
    "bert": Family(
        kind="encoder",
        gated=False,
        tied=True,
        attention_bias="all",
        ffn_bias=True,
        norm_parameters=2,
        pooler=True,
        position_rows=0,
    ),
}
