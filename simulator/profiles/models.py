"""Model profiles: shipped architectures, and any decoder or encoder from a Hugging Face `config.json`."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.errors import Fault, InputError, nearest_match
from simulator.physics.transformer import Transformer

Count = Annotated[int, Field(ge=1)]
Rows = Annotated[int, Field(ge=0)]


class ModelRecord(Section):
    """One model."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    profile: Literal["model"]
    """What this file describes."""
    name: str
    """Name used in scenarios."""
    title: str
    """Name for people."""
    aliases: tuple[str, ...] = ()
    """Other names, such as the repository of the published weights."""
    published_parameters: Annotated[float, Field(gt=0)] | None = None
    """Parameter count that the publisher states, to check the arithmetic against."""
    context_tokens: Count
    """Longest sequence that the model was trained for."""
    kind: Literal["decoder", "encoder"]
    layers: Count
    hidden_size: Count
    heads: Count
    kv_heads: Count
    head_dim: Count
    ffn_size: Count
    gated: bool
    vocabulary: Count
    tied_embeddings: bool
    positions: Rows = 0
    token_types: Rows = 0
    experts: Count = 1
    experts_per_token: Count = 1
    shared_ffn_size: Rows = 0
    attention_bias: Literal["none", "qkv", "all"] = "none"
    ffn_bias: bool = False
    norm_parameters: Literal[1, 2] = 1
    norms_per_layer: Count = 2
    pooler: bool = False
    head_norms: bool = False

    def transformer(self) -> Transformer:
        """Return the dimensions as the arithmetic takes them."""
        names = (entry.name for entry in fields(Transformer))
        return Transformer(**{name: getattr(self, name) for name in names})


_FAMILIES: dict[str, dict[str, Any]] = {
    # What a family fixes beside the sizes that its config states.
    "llama": {},
    "mistral": {},
    "mixtral": {},
    "qwen2": {"attention_bias": "qkv"},
    "qwen3": {"head_norms": True},
    "qwen3_moe": {"head_norms": True},
    "gemma": {},
    "gemma2": {"norms_per_layer": 4},
    "phi3": {},
    "starcoder2": {"gated": False, "attention_bias": "all", "ffn_bias": True, "norm_parameters": 2},
    "gpt2": {
        "gated": False,
        "attention_bias": "all",
        "ffn_bias": True,
        "norm_parameters": 2,
        "learned_positions": True,
    },
    "gpt_neox": {"gated": False, "attention_bias": "all", "ffn_bias": True, "norm_parameters": 2},
    "opt": {"gated": False, "attention_bias": "all", "ffn_bias": True, "norm_parameters": 2, "learned_positions": True},
    "bert": {
        "kind": "encoder",
        "gated": False,
        "attention_bias": "all",
        "ffn_bias": True,
        "norm_parameters": 2,
        "learned_positions": True,
        "pooler": True,
        "tied_embeddings": True,
    },
}

_TIED_BY_DEFAULT = {"gpt2", "gemma", "gemma2", "opt", "bert"}

_UNSUPPORTED = {
    "kv_lora_rank": "latent attention (MLA)",
    "ssm_cfg": "state-space layers",
    "mamba_d_state": "state-space layers",
    "linear_key_head_dim": "linear attention layers",
    "encoder_layers": "an encoder joined to a decoder",
}


def model_from_config(path: Path) -> ModelRecord:
    """Return the model that a Hugging Face `config.json` describes.

    Args:
        path: the file, or the folder that holds it.

    Raises:
        InputError: the file is missing or not JSON, lacks a size, or describes an architecture that is not modelled.
    """
    file = path / "config.json" if path.is_dir() else path
    config = _read_json(file)
    family = str(config.get("model_type", ""))
    if family not in _FAMILIES:
        message = f"model_type '{family}' is not modelled{nearest_match(family, list(_FAMILIES))}"
        raise InputError([Fault(message, str(file), path="model_type")])
    foreign = [
        Fault(f"{what} is not modelled", str(file), path=key) for key, what in _UNSUPPORTED.items() if config.get(key)
    ]
    if foreign:
        raise InputError(foreign)
    return _Config(config, file, family).record()


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


class _Config:
    """Reads one config, with the names that the families use for the same thing."""

    def __init__(self, config: dict[str, Any], file: Path, family: str) -> None:
        self.config, self.file, self.family = config, file, family
        self.faults: list[Fault] = []

    def record(self) -> ModelRecord:
        traits = dict(_FAMILIES[self.family])
        hidden = self.size("hidden_size", "n_embd")
        heads = self.size("num_attention_heads", "n_head")
        layers = self.size("num_hidden_layers", "n_layer")
        vocabulary = self.size("vocab_size")
        positions = self.size("max_position_embeddings", "n_positions", "n_ctx")
        window = self.config.get("sliding_window") if self.config.get("use_sliding_window", True) else None
        ffn = self.ffn_size(hidden)
        if self.faults:
            raise InputError(self.faults)
        head_dim = int(self.config.get("head_dim") or hidden // heads)
        learned = traits.pop("learned_positions", False)
        if self.config.get("attention_bias") and traits.get("attention_bias", "none") == "none":
            traits["attention_bias"] = "all"
        traits.setdefault("gated", True)
        traits.setdefault(
            "tied_embeddings", bool(self.config.get("tie_word_embeddings", self.family in _TIED_BY_DEFAULT))
        )
        traits.setdefault("kind", "decoder")
        name = str(self.config.get("_name_or_path") or self.file.resolve().parent.name or "model")
        return ModelRecord.model_validate(
            {
                "schema": 1,
                "profile": "model",
                "name": name,
                "title": name,
                # Attention is modelled over the whole context, so a windowed model is accepted up to its window.
                "context_tokens": min(positions, window) if isinstance(window, int) else positions,
                "layers": layers,
                "hidden_size": hidden,
                "heads": heads,
                "kv_heads": int(self.config.get("num_key_value_heads") or heads),
                "head_dim": head_dim,
                "ffn_size": ffn,
                "vocabulary": vocabulary,
                "positions": positions if learned else 0,
                "token_types": int(self.config.get("type_vocab_size", 0)) if traits["kind"] == "encoder" else 0,
                **self.experts(),
                **traits,
            }
        )

    def size(self, *names: str) -> int:
        """Return the first of the keys that is a positive whole number; a fault when none is."""
        for name in names:
            value = self.config.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
            if value is not None:
                self.faults.append(Fault(f"must be a whole number >= 1, got {value!r}", str(self.file), path=name))
                return 0
        self.faults.append(Fault(f"required key '{names[0]}' is missing", str(self.file)))
        return 0

    def ffn_size(self, hidden: int) -> int:
        """Return the channels of one feed-forward block or expert."""
        if self.config.get("moe_intermediate_size"):
            return self.size("moe_intermediate_size")
        if self.family == "gpt2" and not self.config.get("n_inner"):
            return 4 * hidden
        return self.size("intermediate_size", "n_inner", "ffn_dim")

    def experts(self) -> dict[str, int]:
        """Return the expert counts of a mixture-of-experts model, nothing for a dense one."""
        experts = self.config.get("num_local_experts") or self.config.get("num_experts")
        if not experts:
            return {}
        shared = int(self.config.get("shared_expert_intermediate_size") or 0)
        return {
            "experts": int(experts),
            "experts_per_token": int(self.config["num_experts_per_tok"]),
            "shared_ffn_size": shared,
        }
