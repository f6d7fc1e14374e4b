"""Model profiles: sizes of an architecture."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simulator.documents.validation import Section
from simulator.physics.transformer import LatentAttention, Transformer

Count = Annotated[int, Field(ge=1)]
Rows = Annotated[int, Field(ge=0)]
Biases = Literal["none", "qkv", "all"]


class LatentRecord(Section):
    """Multi-head latent attention (see `simulator.physics.transformer.LatentAttention`)."""

    kv_rank: Count
    query_rank: Rows = 0
    rope_dim: Count
    value_dim: Count


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
    window_tokens: Rows = 0
    windowed_layers: Rows = 0
    dense_layers: Rows = 0
    dense_ffn_size: Rows = 0
    latent: LatentRecord | None = None

    @model_validator(mode="after")
    def _dimensions_agree(self) -> Self:
        if self.heads % self.kv_heads:
            raise ValueError(f"heads must be a multiple of kv_heads, got {self.heads} and {self.kv_heads}")
        if self.experts_per_token > self.experts:
            raise ValueError(f"experts_per_token must be <= experts ({self.experts}), got {self.experts_per_token}")
        if 0 < self.positions < self.context_tokens:
            raise ValueError(f"positions must be 0 or >= context_tokens ({self.context_tokens}), got {self.positions}")
        if bool(self.window_tokens) != bool(self.windowed_layers) or self.windowed_layers > self.layers:
            given = f"{self.windowed_layers} and {self.window_tokens}"
            raise ValueError(f"windowed_layers must be <= layers ({self.layers}) and have window_tokens, got {given}")
        if bool(self.dense_layers) != bool(self.dense_ffn_size) or self.dense_layers >= self.layers:
            given = f"{self.dense_layers} and {self.dense_ffn_size}"
            raise ValueError(f"dense_layers must be < layers ({self.layers}) and have dense_ffn_size, got {given}")
        if self.latent is not None and (self.windowed_layers or self.kv_heads != self.heads or self.head_norms):
            raise ValueError("latent attention has no window, no head_norms, and as many kv_heads as heads")
        if self.kind == "encoder" and (self.windowed_layers or self.latent is not None):
            raise ValueError("an encoder with windows or latent attention is not modelled")
        return self

    def transformer(self) -> Transformer:
        """Return the dimensions as the arithmetic takes them."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(Transformer)}
        latent = self.latent
        return Transformer(**{**values, "latent": LatentAttention(**latent.model_dump()) if latent else None})
