"""A whole decoder in torch, for prefill, decode with a KV cache, and training with 32-bit master weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch.nn import functional

from calibration.checking.phases import Phase
from calibration.measuring.decoder_layer import (
    LayerWeights,
    Rotary,
    after_attention,
    attention,
    make_rotary,
    make_weights,
    projections,
)
from calibration.measuring.operands import Operands
from simulator.physics.transformer import Transformer

LEARNING_RATE: Final = 1e-5


@dataclass(slots=True)
class Weights:
    """All weights of a decoder."""

    embedding: torch.Tensor
    layers: list[LayerWeights]
    norm: torch.Tensor
    head: torch.Tensor


class Decoder:
    """A decoder with random weights and random tokens: what it says means nothing, what it costs is real.

    Args:
        shape: its dimensions.
        device: of torch.
        dtype: format of weights and activations.
        seed: of weights and tokens.
    """

    def __init__(self, shape: Transformer, device: torch.device, dtype: torch.dtype, seed: int) -> None:
        operands = Operands(device, "normal", seed)
        self.shape, self.device, self.dtype = shape, device, dtype
        scale = 1.0 / math.sqrt(shape.hidden_size)
        self.weights = Weights(
            embedding=operands.make(shape.vocabulary, shape.hidden_size, dtype=dtype),
            layers=[make_weights(shape, operands, dtype) for _ in range(shape.layers)],
            norm=torch.ones(shape.hidden_size, dtype=dtype, device=device),
            head=operands.make(shape.hidden_size, shape.vocabulary, dtype=dtype, scale=scale),
        )
        self._operands = operands
        self._generator = torch.Generator(device="cpu").manual_seed(seed)

    def call(self, phase: Phase) -> Callable[[], object]:
        """Return one repetition of a phase as a call without arguments; what it needs is made here."""
        if phase.kind == "training":
            return self._training(phase)
        with torch.no_grad():
            made = self._prefill(phase) if phase.kind == "prefill" else self._decode(phase)

        def run() -> object:
            with torch.no_grad():
                return made()

        return run

    def _tokens(self, *shape: int) -> torch.Tensor:
        return torch.randint(self.shape.vocabulary, shape, generator=self._generator).to(self.device)

    def _prefill(self, phase: Phase) -> Callable[[], torch.Tensor]:
        shape, count = self.shape, phase.sequences
        tokens = self._tokens(count * phase.tokens)
        positions = torch.arange(phase.tokens, device=self.device).repeat(count)
        rotary = make_rotary(positions, shape.head_dim, self.dtype)
        caches = [self._cache(count, phase.tokens) for _ in range(shape.layers)]

        def run() -> torch.Tensor:
            x = self.weights.embedding[tokens]
            for weights, cache in zip(self.weights.layers, caches, strict=True):
                x = self._prefill_layer(x, weights, rotary, cache, count)
            last = x.view(count, phase.tokens, shape.hidden_size)[:, -1]
            return self._chosen(last)

        return run

    def _prefill_layer(
        self, x: torch.Tensor, weights: LayerWeights, rotary: Rotary, cache: torch.Tensor, count: int
    ) -> torch.Tensor:
        query, key, value = (_by_sequence(part, count) for part in projections(x, weights, self.shape, rotary))
        cache[0].copy_(key)
        cache[1].copy_(value)
        attended = attention(query, key, value, causal=True)
        return after_attention(x, _flat(attended), weights, self.shape)

    def _decode(self, phase: Phase) -> Callable[[], torch.Tensor]:
        shape, count, place = self.shape, phase.sequences, phase.tokens - 1
        tokens = self._tokens(count)
        positions = torch.full((count,), place, device=self.device)
        rotary = make_rotary(positions, shape.head_dim, self.dtype)
        caches = [self._cache(count, phase.tokens) for _ in range(shape.layers)]

        def run() -> torch.Tensor:
            x = self.weights.embedding[tokens]
            for weights, cache in zip(self.weights.layers, caches, strict=True):
                query, key, value = projections(x, weights, shape, rotary)
                cache[0, :, :, place] = key
                cache[1, :, :, place] = value
                attended = attention(query.unsqueeze(2), cache[0], cache[1], causal=False)
                x = after_attention(x, attended.reshape(count, shape.query_size), weights, shape)
            return self._chosen(x)

        return run

    def _chosen(self, x: torch.Tensor) -> torch.Tensor:
        """Return the most likely token of each row."""
        normed = functional.rms_norm(x, (self.shape.hidden_size,), self.weights.norm)
        return (normed @ self.weights.head).float().softmax(dim=-1).argmax(dim=-1)

    def _cache(self, count: int, tokens: int) -> torch.Tensor:
        """Return keys and values [2, sequences, kv heads, tokens, head size]."""
        return self._operands.make(2, count, self.shape.kv_heads, tokens, self.shape.head_dim, dtype=self.dtype)

    def _training(self, phase: Phase) -> Callable[[], torch.Tensor]:
        """Return a step: cast the master weights, forward, loss, backward, Adam in 32 bits."""
        shape, count = self.shape, phase.sequences
        given = self.weights
        flat = [given.embedding, given.norm, given.head, *(t for layer in given.layers for t in layer.tensors())]
        masters = [tensor.float().requires_grad_() for tensor in flat]
        optimizer = torch.optim.AdamW(masters, lr=LEARNING_RATE, fused=self.device.type == "cuda")
        tokens = self._tokens(count, phase.tokens + 1)
        inputs, wanted = tokens[:, :-1].reshape(-1), tokens[:, 1:].reshape(-1)
        positions = torch.arange(phase.tokens, device=self.device).repeat(count)
        rotary = make_rotary(positions, shape.head_dim, self.dtype)

        def run() -> torch.Tensor:
            cast = [master.to(self.dtype) for master in masters]
            embedding, norm, head = cast[:3]
            x = embedding[inputs]
            for index in range(shape.layers):
                weights = LayerWeights(*cast[3 + 6 * index : 9 + 6 * index])
                parts = projections(x, weights, shape, rotary)
                query, key, value = (_by_sequence(part, count) for part in parts)
                x = after_attention(x, _flat(attention(query, key, value, causal=True)), weights, shape)
            logits = functional.rms_norm(x, (shape.hidden_size,), norm) @ head
            loss = functional.cross_entropy(logits.float(), wanted)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            return loss.detach()

        return run


def _by_sequence(heads: torch.Tensor, count: int) -> torch.Tensor:
    """Return [sequences, heads, tokens, head size] of [sequences x tokens, heads, head size]."""
    return heads.view(count, -1, heads.shape[1], heads.shape[2]).transpose(1, 2)


def _flat(attended: torch.Tensor) -> torch.Tensor:
    """Return [sequences x tokens, channels] of [sequences, heads, tokens, head size]."""
    return attended.transpose(1, 2).reshape(attended.shape[0] * attended.shape[2], -1)
