"""Operands of kernels: random, all zero, or of low entropy, in any number format."""

from __future__ import annotations

import math
from typing import Final

import torch

from calibration.windows import Inputs

DTYPES: Final = {
    "fp32": torch.float32,
    "tf32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "fp8": torch.float8_e4m3fn,
}


DRAWN_VALUES: Final = 1 << 22
"""Values that are drawn at once; larger tensors repeat them, far beyond what any data path could notice."""


class Operands:
    """Makes tensors on one device from one seed.

    Tensors of one shape repeat the same values at another place: what counts is that they come from memory.

    Args:
        device: of torch.
        inputs: `normal` draws from N(0, 1); `low_entropy` draws -1 or 1, one bit a value; `zeros` is zero.
        seed: of the draws.
    """

    def __init__(self, device: torch.device, inputs: Inputs, seed: int) -> None:
        self.device, self.inputs = device, inputs
        self._generator = torch.Generator(device=device)
        self._generator.manual_seed(seed)
        self._made: dict[tuple[tuple[int, ...], torch.dtype, float], torch.Tensor] = {}

    def make(self, *shape: int, dtype: torch.dtype, scale: float = 1.0) -> torch.Tensor:
        """Return a tensor; `scale` multiplies its values, so that chains of products stay in range."""
        key = (shape, dtype, scale)
        if key in self._made:
            return self._made[key].clone()
        self._made[key] = self._draw(shape, dtype, scale)
        return self._made[key]

    def _draw(self, shape: tuple[int, ...], dtype: torch.dtype, scale: float) -> torch.Tensor:
        target = torch.empty(math.prod(shape), dtype=dtype, device=self.device)
        if self.inputs == "zeros":
            return target.zero_().view(shape)
        drawn = torch.empty(min(target.numel(), DRAWN_VALUES), dtype=torch.float32, device=self.device)
        if self.inputs == "normal":
            drawn.normal_(generator=self._generator)
        else:
            drawn.bernoulli_(0.5, generator=self._generator).mul_(2.0).sub_(1.0)
        drawn = drawn.mul_(scale).to(dtype)
        for part in torch.split(target, DRAWN_VALUES):
            part.copy_(drawn[: part.numel()])
        return target.view(shape)
