"""Reads a decoder or encoder from a Hugging Face `config.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from simulator.errors import Fault, InputError, nearest_match
from simulator.profiles.hf_families import FAMILIES, QWEN_2, Family
from simulator.profiles.models import Biases, ModelRecord


def model_from_config(path: Path) -> ModelRecord:
    """Return the model that a Hugging Face `config.json` describes; of a model of text and images, the text part.

    Args:
        path: the file, or the folder that holds it.

    Raises:
        InputError: the file is missing or not JSON, lacks a size, or describes an architecture that is not modelled.
    """
    file = path / "config.json" if path.is_dir() else path
    whole = _read_json(file)
    text = whole.get("text_config")
    config = {"model_type": whole.get("model_type"), **text} if isinstance(text, dict) else whole
    family = str(config.get("model_type") or "")
    foreign = [Fault(f"{what} is not modelled", str(file), path=key) for key, what in _foreign(config, family)]
    if family not in FAMILIES:
        message = f"model_type '{family}' is not modelled{nearest_match(family, list(FAMILIES))}"
        foreign.append(Fault(message, str(file), path="model_type"))
    if foreign:
        raise InputError(foreign)
    name = str(whole.get("_name_or_path") or file.resolve().parent.name or "model")
    return Config(config, file, FAMILIES[family]).record(name, name if config is whole else f"{name}, text part")


def _read_json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError([Fault("no such file", str(file))]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([Fault(f"cannot be read: {error}", str(file))]) from None
    except json.JSONDecodeError as error:
        raise InputError([Fault(f"not valid JSON: {error.msg}", str(file), error.lineno)]) from None
    if not isinstance(data, dict):
        raise InputError([Fault("must be a JSON object", str(file), 1)])
    return data


class Config:
    """Reads one config, with the names that the families use for the same thing."""

    def __init__(self, config: Mapping[str, Any], file: Path, family: Family) -> None:
        self.config, self.file, self.family = config, file, family
        self.faults: list[Fault] = []

    def record(self, name: str, title: str) -> ModelRecord:
        """Return the record.

        Raises:
            InputError: with every key that is missing or wrong.
        """
        family = self.family
        positions = self.size("max_position_embeddings", "n_positions", "n_ctx")
        attention_bias, ffn_bias = self._biases()
        data: dict[str, Any] = {
            "schema": 1,
            "profile": "model",
            "name": name,
            "title": title,
            "context_tokens": positions,
            "kind": family.kind,
            **self._attention(),
            "ffn_size": self._ffn_size(),
            "gated": family.gated,
            "vocabulary": self.size("vocab_size"),
            "tied_embeddings": self.flag("tie_word_embeddings", family.tied),
            "positions": 0 if family.position_rows is None else positions + family.position_rows,
            "token_types": self.size("type_vocab_size", default=0) if family.kind == "encoder" else 0,
            **self._experts(),
            "attention_bias": attention_bias,
            "ffn_bias": ffn_bias,
            "norm_parameters": family.norm_parameters,
            "norms_per_layer": family.norms_per_layer,
            "pooler": family.pooler,
            "head_norms": family.head_norms,
        }
        data |= self._windows(positions, data["layers"])
        data |= _SHAPES[family.shape](self, data)
        if self.faults:
            raise InputError(dict.fromkeys(self.faults))
        return ModelRecord.model_validate(data)

    def size(self, *names: str, default: int | None = None) -> int:
        """Return the first of the keys that has a value, else the family's or the given default.

        Anything but a whole number >= 1 (>= 0 where the default is 0), or no value at all, is a fault and reads as 1.
        """
        lowest = 0 if default == 0 else 1
        for name in names:
            value = self.config.get(name)
            if value is None:
                continue
            if isinstance(value, int) and not isinstance(value, bool) and value >= lowest:
                return value
            return self.wrong(f"must be a whole number >= {lowest}, got {value!r}", name)
        known = next((self.family.sizes[name] for name in names if name in self.family.sizes), default)
        return self.wrong(f"required key '{names[0]}' is missing") if known is None else known

    def flag(self, name: str, default: bool) -> bool:
        """Return a switch, or its default where the config is silent; a fault when it is neither true nor false."""
        value = self.config.get(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.wrong(f"must be true or false, got {value!r}", name)
        return default

    def wrong(self, message: str, path: str = "") -> int:
        """Note a fault and return 1, which stands for the value."""
        self.faults.append(Fault(message, str(self.file), path=path))
        return 1

    def _attention(self) -> dict[str, int]:
        hidden = self.size("hidden_size", "n_embd")
        heads = self.size("num_attention_heads", "n_head")
        kv_heads = self.size("num_key_value_heads", default=heads)
        known = not self.faults
        head_dim = self.size("head_dim", default=None if known and hidden % heads else hidden // heads)
        if known and heads % kv_heads:
            self.wrong(f"must divide the {heads} query heads, got {kv_heads}", "num_key_value_heads")
        return {
            "layers": self.size("num_hidden_layers", "n_layer"),
            "hidden_size": hidden,
            "heads": heads,
            "kv_heads": kv_heads,
            "head_dim": head_dim,
        }

    def _windows(self, positions: int, layers: int) -> dict[str, int]:
        """Return the window and the layers that have it; nothing where none is narrower than the context."""
        if not self.flag("use_sliding_window", self.family.windowed):
            return {}
        if "sliding_window" in self.config and self.config["sliding_window"] is None:
            return {}
        window = self.size("sliding_window", default=self.family.window or positions)
        windowed = self._windowed_layers(layers)
        return {"window_tokens": window, "windowed_layers": windowed} if window < positions and windowed else {}

    def _windowed_layers(self, layers: int) -> int:
        kinds = self.config.get("layer_types")
        if isinstance(kinds, list):
            others = sorted({str(kind) for kind in kinds} - _ATTENTION_KINDS)
            if others:
                self.wrong(f"layers of kind {', '.join(others)} are not modelled", "layer_types")
            elif len(kinds) != layers:
                self.wrong(f"must have one entry for each of the {layers} layers, got {len(kinds)}", "layer_types")
            return kinds.count("sliding_attention")
        if self.family.windows == "alternate":
            return (layers + 1) // 2
        if self.family.windows == "pattern":
            return layers - layers // self.size("sliding_window_pattern", "_sliding_window_pattern", default=6)
        # Qwen's layers below `max_window_layers` attend to everything.
        return max(layers - self.size("max_window_layers", default=0), 0) if self.family is QWEN_2 else layers

    def _biases(self) -> tuple[Biases, bool]:
        family = self.family
        if family.bias_key is not None:
            on = self.flag(family.bias_key, family.ffn_bias)
            return ("all" if on else "none"), on
        usual = family.attention_bias != "none"
        kind: Biases = family.attention_bias if usual else "all"
        on = self.flag("qkv_bias" if kind == "qkv" else "attention_bias", usual)
        return (kind if on else "none"), self.flag("mlp_bias", family.ffn_bias)

    def _ffn_size(self) -> int:
        """Return the channels of one feed-forward block or expert."""
        if self._sparse():
            return self.size("moe_intermediate_size", "intermediate_size")
        wide = self.family.ffn_ratio and self.family.ffn_ratio * self.size("hidden_size", "n_embd")
        return self.size("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size", default=wide)

    def _sparse(self) -> bool:
        return any(self.config.get(name) for name in _EXPERT_KEYS)

    def _experts(self) -> dict[str, int]:
        """Return the expert counts of a mixture-of-experts model, nothing for a dense one."""
        if not self._sparse():
            return {}
        experts, chosen = self.size(*_EXPERT_KEYS), self.size("num_experts_per_tok", "experts_per_token")
        if not self.faults and chosen > experts:
            self.wrong(f"must be <= the {experts} experts, got {chosen}", "num_experts_per_tok")
        shared = self.size("shared_expert_intermediate_size", "shared_intermediate_size", default=0)
        return {
            "experts": experts,
            "experts_per_token": chosen,
            "shared_ffn_size": shared,
            **self._dense_layers(),
        }

    def _dense_layers(self) -> dict[str, int]:
        """Return the layers without experts where the config spreads them by a step or lists them."""
        listed = self.config.get("mlp_only_layers") or []
        step = self.size("decoder_sparse_step", default=1)
        layers = self.size("num_hidden_layers", "n_layer")
        dense = sum(layer in listed or (layer + 1) % step != 0 for layer in range(layers))
        return {"dense_layers": dense, "dense_ffn_size": self.size("intermediate_size")} if dense else {}


_EXPERT_KEYS: Final = ("num_local_experts", "num_experts", "n_routed_experts")
_ATTENTION_KINDS: Final = {"full_attention", "sliding_attention"}


def _foreign(config: Mapping[str, Any], family: str) -> list[tuple[str, str]]:
    """Return (key, what it stands for) of everything in a config that the arithmetic does not know."""
    keys = {
        "ssm_cfg": "a state-space model",
        "state_size": "a state-space model",
        "mamba_d_state": "a layer of state-space kind",
        "linear_key_head_dim": "linear attention",
        "is_encoder_decoder": "an encoder joined to a decoder",
        "_remove_final_layer_norm": "a decoder without final norm",
    }
    found = [(key, what) for key, what in keys.items() if config.get(key)]
    if not (family in FAMILIES and FAMILIES[family].shape == "deepseek"):
        others = {"kv_lora_rank": "latent attention (MLA)", "first_k_dense_replace": "a model with dense first layers"}
        found += [(key, f"{what} of this family") for key, what in others.items() if config.get(key)]
    if config.get("index_topk"):
        found.append(("index_topk", "sparse attention with an indexer"))
    if config.get("word_embed_proj_dim") not in (None, config.get("hidden_size")):
        found.append(("word_embed_proj_dim", "a projection between embedding and hidden size"))
    if config.get("do_layer_norm_before") is False:
        found.append(("do_layer_norm_before", "a decoder with norms after its blocks"))
    return found


def _falcon_shape(config: Config, _: Mapping[str, Any]) -> dict[str, Any]:
    """Return key heads and norms: the old decoder shares one key head and one norm, the new one groups its heads."""
    if config.flag("new_decoder_architecture", False):
        kv_heads = config.size("num_kv_heads", "num_attention_heads", "n_head")
        return {"kv_heads": kv_heads, "norms_per_layer": config.size("num_ln_in_parallel_attn", default=2)}
    one_key_head = config.flag("multi_query", True)
    kv_heads = 1 if one_key_head else config.size("num_attention_heads", "n_head")
    return {"kv_heads": kv_heads, "norms_per_layer": 1 if config.flag("parallel_attn", True) else 2}


def _deepseek_shape(config: Config, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return latent attention, shared experts and the dense first layers of DeepSeek-V2, V3 and Kimi K2."""
    if config.size("moe_layer_freq") != 1:
        config.wrong("must be 1: experts in every layer after the first dense ones", "moe_layer_freq")
    dense = config.size("first_k_dense_replace", default=0)
    latent = {
        "kv_rank": config.size("kv_lora_rank"),
        "query_rank": config.size("q_lora_rank", default=0),
        "rope_dim": config.size("qk_rope_head_dim"),
        "value_dim": config.size("v_head_dim"),
    }
    return {
        "head_dim": config.size("qk_nope_head_dim"),
        "latent": latent,
        "shared_ffn_size": config.size("n_shared_experts", default=0) * data["ffn_size"],
        "dense_layers": dense,
        "dense_ffn_size": config.size("intermediate_size") if dense else 0,
    }


def _llama4_shape(config: Config, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shared expert and the dense layers of Llama 4; chunked attention cuts the context to one chunk."""
    layers, step = data["layers"], config.size("interleave_moe_layer_step")
    dense = layers - layers // step
    return {
        "context_tokens": min(data["context_tokens"], config.size("attention_chunk_size")),
        "shared_ffn_size": data["ffn_size"],
        "dense_layers": dense,
        "dense_ffn_size": config.size("intermediate_size_mlp") if dense else 0,
    }


def _minimax_shape(config: Config, _: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse the linear attention of earlier models of this maker."""
    kinds = config.config.get("attn_type_list")
    if isinstance(kinds, list) and any(kind != 1 for kind in kinds):
        config.wrong("layers of linear attention are not modelled", "attn_type_list")
    return {}


_SHAPES: Final[Mapping[str, Callable[[Config, Mapping[str, Any]], dict[str, Any]]]] = {
    "plain": lambda _config, _data: {},
    "falcon": _falcon_shape,
    "deepseek": _deepseek_shape,
    "llama4": _llama4_shape,
    "minimax": _minimax_shape,
}
