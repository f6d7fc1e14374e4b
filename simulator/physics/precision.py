"""Number formats: bytes stored per value and the arithmetic unit that computes with them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Precision:
    """A way to store weights and compute with them.

    Args:
        name: the name used in scenarios.
        weight_bytes: bytes stored per weight, block scales included.
        activation_bytes: bytes per activation between layers.
        compute: the formats whose peak rate applies, in order of preference; a device uses the first that it has.
        expert_weight_bytes: bytes stored per weight of an expert, where only experts are quantized.
    """

    name: str
    weight_bytes: float
    activation_bytes: float
    compute: tuple[str, ...]
    expert_weight_bytes: float | None = None

    @property
    def expert_bytes(self) -> float:
        """Bytes stored per weight of an expert."""
        return self.weight_bytes if self.expert_weight_bytes is None else self.expert_weight_bytes


_INT4_GROUP = 128
"""Weights that share one 2-byte scale in the usual int4 weight-only formats (GPTQ, AWQ)."""
_FP4_BLOCK = 16
"""Weights that share one 1-byte scale in NVFP4."""
_MXFP4_BLOCK = 32
"""Weights that share one 1-byte scale in MXFP4 (OCP Microscaling Formats, version 1.0)."""

PRECISIONS: dict[str, Precision] = {
    precision.name: precision
    for precision in (
        Precision("fp32", 4.0, 4.0, ("fp32",)),
        Precision("tf32", 4.0, 4.0, ("tf32",)),
        Precision("fp16", 2.0, 2.0, ("fp16",)),
        Precision("bf16", 2.0, 2.0, ("bf16",)),
        Precision("fp8", 1.0, 2.0, ("fp8",)),
        Precision("int8", 1.0, 2.0, ("int8",)),
        Precision("fp4", 0.5 + 1 / _FP4_BLOCK, 2.0, ("fp4",)),
        # Weight-only: the weights are expanded on the fly and the arithmetic stays in 16 bits.
        Precision("int4", 0.5 + 2 / _INT4_GROUP, 2.0, ("bf16", "fp16")),
        # Experts alone, weight-only: what gpt-oss is published in.
        Precision("mxfp4", 2.0, 2.0, ("bf16", "fp16"), 0.5 + 1 / _MXFP4_BLOCK),
    )
}

KV_BYTES: dict[str, float] = {"fp16": 2.0, "bf16": 2.0, "fp8": 1.0, "int8": 1.0}
"""Bytes per value of a KV cache, by format."""
