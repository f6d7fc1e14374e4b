"""Model profiles: shipped architectures, and any decoder or encoder from a Hugging Face `config.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from simulator.documents.validation import Section
from simulator.errors import Fault, InputError, nearest_match
from simulator.physics.transformer import Transformer

Count = Annotated[int, Field(ge=1)]
Rows = Annotated[int, Field(ge=0)]
Biases = Literal["none", "qkv", "all"]


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
    attention_bias: Biases = "none"
    ffn_bias: bool = False
    norm_parameters: Literal[1, 2] = 1
    norms_per_layer: Count = 2
    pooler: bool = False
    head_norms: bool = False

    @model_validator(mode="after")
    def _dimensions_agree(self) -> Self:
        if self.heads % self.kv_heads:
            raise ValueError(f"heads must be a multiple of kv_heads, got {self.heads} and {self.kv_heads}")
        if self.experts_per_token > self.experts:
            raise ValueError(f"experts_per_token must be <= experts ({self.experts}), got {self.experts_per_token}")
        if 0 < self.positions < self.context_tokens:
            raise ValueError(f"positions must be 0 or >= context_tokens ({self.context_tokens}), got {self.positions}")
        return self

    def transformer(self) -> Transformer:
        """Return the dimensions as the arithmetic takes them."""
        names = (entry.name for entry in fields(Transformer))
        return Transformer(**{name: getattr(self, name) for name in names})


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
    foreign = [Fault(f"{what} is not modelled", str(file), path=key) for key, what in _foreign(config)]
    if family not in _FAMILIES:
        message = f"model_type '{family}' is not modelled{nearest_match(family, list(_FAMILIES))}"
        foreign.append(Fault(message, str(file), path="model_type"))
    if foreign:
        raise InputError(foreign)
    name = str(whole.get("_name_or_path") or file.resolve().parent.name or "model")
    return _Config(config, file, _FAMILIES[family]).record(name, name if config is whole else f"{name}, text part")


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


@dataclass(frozen=True, slots=True)
class _Family:
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
        sizes: sizes where the config names none.
        shape: further fields of the record, from the config.
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
    sizes: Mapping[str, int] = field(default_factory=dict)
    shape: Callable[[_Config], dict[str, int]] = lambda _: {}


class _Config:
    """Reads one config, with the names that the families use for the same thing."""

    def __init__(self, config: Mapping[str, Any], file: Path, family: _Family) -> None:
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
        data = {
            "schema": 1,
            "profile": "model",
            "name": name,
            "title": title,
            "context_tokens": self._context(positions),
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
            **family.shape(self),
        }
        self._check_layers()
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
            return self._wrong(f"must be a whole number >= {lowest}, got {value!r}", name)
        known = next((self.family.sizes[name] for name in names if name in self.family.sizes), default)
        return self._wrong(f"required key '{names[0]}' is missing") if known is None else known

    def flag(self, name: str, default: bool) -> bool:
        """Return a switch, or its default where the config is silent; a fault when it is neither true nor false."""
        value = self.config.get(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self._wrong(f"must be true or false, got {value!r}", name)
        return default

    def _wrong(self, message: str, path: str = "") -> int:
        self.faults.append(Fault(message, str(self.file), path=path))
        return 1

    def _attention(self) -> dict[str, int]:
        hidden = self.size("hidden_size", "n_embd")
        heads = self.size("num_attention_heads", "n_head")
        kv_heads = self.size("num_key_value_heads", default=heads)
        known = not self.faults
        head_dim = self.size("head_dim", default=None if known and hidden % heads else hidden // heads)
        if known and heads % kv_heads:
            self._wrong(f"must divide the {heads} query heads, got {kv_heads}", "num_key_value_heads")
        return {
            "layers": self.size("num_hidden_layers", "n_layer"),
            "hidden_size": hidden,
            "heads": heads,
            "kv_heads": kv_heads,
            "head_dim": head_dim,
        }

    def _context(self, positions: int) -> int:
        """Return the context, cut to the window where layers have one: attention is modelled over the whole context."""
        kinds = self.config.get("layer_types")
        windowed = self.flag("use_sliding_window", self.family.windowed)
        if not windowed or (isinstance(kinds, list) and "sliding_attention" not in kinds):
            return positions
        if "sliding_window" in self.config and self.config["sliding_window"] is None:
            return positions
        return min(positions, self.size("sliding_window", default=self.family.window or positions))

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
        experts, chosen = self.size(*_EXPERT_KEYS), self.size("num_experts_per_tok")
        if not self.faults and chosen > experts:
            self._wrong(f"must be <= the {experts} experts, got {chosen}", "num_experts_per_tok")
        shared = self.size("shared_expert_intermediate_size", default=0)
        return {"experts": experts, "experts_per_token": chosen, "shared_ffn_size": shared}

    def _check_layers(self) -> None:
        """Refuse what a record of one kind of layer cannot hold."""
        step = self.config.get("decoder_sparse_step", 1)
        if self._sparse() and step not in (None, 1):
            self._wrong(f"experts in one of {step!r} layers are not modelled, only in every layer", _SPARSE_STEP)
        if self._sparse() and self.config.get("mlp_only_layers"):
            self._wrong("layers with and without experts in one model are not modelled", "mlp_only_layers")
        kinds = self.config.get("layer_types") or []
        others = sorted({str(kind) for kind in kinds} - _ATTENTION_KINDS) if isinstance(kinds, list) else []
        if others:
            self._wrong(f"layers of kind {', '.join(others)} are not modelled", "layer_types")


_EXPERT_KEYS: Final = ("num_local_experts", "num_experts")
_SPARSE_STEP: Final = "decoder_sparse_step"
_ATTENTION_KINDS: Final = {"full_attention", "sliding_attention"}


def _foreign(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (key, what it stands for) of everything in a config that the arithmetic does not know."""
    keys = {
        "kv_lora_rank": "latent attention (MLA)",
        "ssm_cfg": "a state-space model",
        "state_size": "a state-space model",
        "mamba_d_state": "a layer of state-space kind",
        "linear_key_head_dim": "linear attention",
        "is_encoder_decoder": "an encoder joined to a decoder",
        "first_k_dense_replace": "a model with experts in some layers only",
        "_remove_final_layer_norm": "a decoder without final norm",
    }
    found = [(key, what) for key, what in keys.items() if config.get(key)]
    if config.get("word_embed_proj_dim") not in (None, config.get("hidden_size")):
        found.append(("word_embed_proj_dim", "a projection between embedding and hidden size"))
    if config.get("do_layer_norm_before") is False:
        found.append(("do_layer_norm_before", "a decoder with norms after its blocks"))
    return found


def _falcon_shape(config: _Config) -> dict[str, int]:
    """Return key heads and norms: the old decoder shares one key head and one norm, the new one groups its heads."""
    if config.flag("new_decoder_architecture", False):
        kv_heads = config.size("num_kv_heads", "num_attention_heads", "n_head")
        return {"kv_heads": kv_heads, "norms_per_layer": config.size("num_ln_in_parallel_attn", default=2)}
    one_key_head = config.flag("multi_query", True)
    kv_heads = 1 if one_key_head else config.size("num_attention_heads", "n_head")
    return {"kv_heads": kv_heads, "norms_per_layer": 1 if config.flag("parallel_attn", True) else 2}


_GEMMA_3_SIZES = {
    # What its published configs leave out: the defaults of Transformers 4.57.1, configuration_gemma3.py.
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "vocab_size": 262_208,
    "max_position_embeddings": 131_072,
}
_GEMMA_3 = _Family(tied=True, norms_per_layer=4, head_norms=True, window=4096, sizes=_GEMMA_3_SIZES)

_FAMILIES: Final[Mapping[str, _Family]] = {
    # Defaults are those of Transformers 4.57.1, models/*/configuration_*.py.
    "llama": _Family(),
    "mistral": _Family(window=4096),
    "mixtral": _Family(),
    "qwen2": _Family(attention_bias="qkv", windowed=False),
    "qwen2_moe": _Family(attention_bias="qkv", windowed=False),
    "qwen3": _Family(head_norms=True, windowed=False),
    "qwen3_moe": _Family(head_norms=True, windowed=False),
    "phi3": _Family(),
    "gemma": _Family(tied=True),
    "gemma2": _Family(tied=True, norms_per_layer=4, window=4096),
    "gemma3": _GEMMA_3,
    "gemma3_text": _GEMMA_3,
    # Norms of all heads at once, counted as norms per head: 0.003 % of OLMo 2 7B.
    "olmo2": _Family(head_norms=True),
    "starcoder2": _Family(gated=False, tied=True, ffn_bias=True, bias_key="use_bias", norm_parameters=2),
    "falcon": _Family(
        gated=False,
        tied=True,
        ffn_ratio=4,
        bias_key="bias",
        norm_parameters=2,
        sizes={"max_position_embeddings": 2048},
        shape=_falcon_shape,
    ),
    "gpt_neox": _Family(gated=False, attention_bias="all", ffn_bias=True, norm_parameters=2),
    "gpt2": _Family(
        gated=False,
        tied=True,
        attention_bias="all",
        ffn_bias=True,
        ffn_ratio=4,
        norm_parameters=2,
        position_rows=0,
    ),
    # Its position table starts two rows late.
    "opt": _Family(gated=False, tied=True, ffn_bias=True, bias_key="enable_bias", norm_parameters=2, position_rows=2),
    "bert": _Family(
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
