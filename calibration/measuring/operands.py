"""Operands of kernels: random, all zero, or of low entropy, in any number format."""

from __future__ import annotations

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


class Operands:
    """Makes tensors on one device from one seed.

    Args:
        device: of torch.
        inputs: `normal` draws from N(0, 1); `low_entropy` draws -1 or 1, one bit a value; `zeros` is zero.
        seed: of the draws.
    """

    def __init__(self, device: torch.device, inputs: Inputs, seed: int) -> None:
        self.device, self.inputs = device, inputs
        self._generator = torch.Generator(device=device)
        self._generator.manual_seed(seed)

    def make(self, *shape: int, dtype: torch.dtype, scale: float = 1.0) -> torch.Tensor:
        """Return a tensor; `scale` multiplies its values, so that chains of products stay in range."""
        drawn = torch.float32 if dtype.itemsize >= 4 else torch.bfloat16 if dtype.itemsize == 1 else dtype
        if self.inputs == "zeros":
            return torch.zeros(shape, dtype=drawn, device=self.device).to(dtype)
        values = torch.empty(shape, dtype=drawn, device=self.device)
        if self.inputs == "normal":
            values.normal_(generator=self._generator)
        else:
            values.bernoulli_(0.5, generator=self._generator).mul_(2.0).sub_(1.0)
        return values.mul_(scale).to(dtype) if scale != 1.0 else values.to(dtype)
