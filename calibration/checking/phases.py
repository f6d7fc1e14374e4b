"""Phases of the transformer that is checked: prefill, decode at several batches, training steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from simulator.physics.transformer import Transformer

PhaseKind = Literal["prefill", "decode", "training"]


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase; a repetition of it is one call of the transformer.

    Args:
        kind: what is done.
        sequences: in the batch.
        tokens: per sequence: of the prompt, cached ones in decode, of a training sequence.
    """

    kind: PhaseKind
    sequences: int
    tokens: int

    @property
    def name(self) -> str:
        """Name for people and files."""
        what = {"prefill": "prompt", "decode": "cached", "training": "tokens"}[self.kind]
        return f"{self.kind}, {self.sequences} x {self.tokens} {what}"


GPU_MODEL: Final = Transformer(
    kind="decoder",
    layers=20,
    hidden_size=2048,
    heads=16,
    kv_heads=4,
    head_dim=128,
    ffn_size=5632,
    gated=True,
    vocabulary=32768,
    tied_embeddings=False,
)
"""1.03 billion parameters. No shape of it is a point of a measurement: those are shards of 7 and 70 billion."""
GPU_PHASES: Final = (
    Phase("prefill", 1, 1024),
    Phase("prefill", 4, 2048),
    Phase("decode", 1, 1024),
    Phase("decode", 16, 1024),
    Phase("decode", 64, 2048),
    Phase("training", 4, 2048),
)

CPU_MODEL: Final = Transformer(
    kind="decoder",
    layers=4,
    hidden_size=384,
    heads=6,
    kv_heads=2,
    head_dim=64,
    ffn_size=1024,
    gated=True,
    vocabulary=4096,
    tied_embeddings=False,
)
"""10 million parameters: small enough for a processor and its share of time."""
CPU_PHASES: Final = (
    Phase("prefill", 1, 128),
    Phase("prefill", 2, 384),
    Phase("decode", 1, 128),
    Phase("decode", 8, 256),
    Phase("training", 1, 128),
)
