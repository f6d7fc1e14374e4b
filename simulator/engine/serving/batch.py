"""What the scheduler of a replica puts into one iteration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from simulator.physics.attention_span import AttentionSpan


class Prefill(NamedTuple):
    """The prefill part of an iteration; a tuple, because one is made for every iteration with prefill.

    Pairs and keys are in units of the model's `AttentionSpan`; without windows these are tokens.

    Args:
        tokens: prompt tokens processed.
        pairs: query-key pairs of these tokens.
        keys: keys that the chunks attend to, their own included, summed over chunks.
        chunks: sequences with a chunk in the iteration.
        logits: chunks that end their prompt and so emit a token.
        longest_chunk: prompt tokens of the longest chunk.
        longest_keys: keys of the chunk that has most.
    """

    tokens: int
    pairs: float
    keys: int
    chunks: int
    logits: int
    longest_chunk: int
    longest_keys: int


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Limits of the scheduler of a replica.

    Args:
        batch_tokens: most tokens in one iteration (decode and prefill together).
        sequences: most sequences running at once.
        block_tokens: tokens in one block of the KV cache.
        blocks: blocks of the KV cache; with windowed layers in units of `span`, a block of all layers being several.
        context_tokens: longest sequence that the model takes.
        whole_prompts: a sequence is admitted when free blocks hold all its tokens, not only those of its first chunk.
        span: what layers see, where some have a window; None when every layer sees everything.
        ranks: groups of accelerators that share the blocks out; a sequence lives on one of them.
    """

    batch_tokens: int
    sequences: int
    block_tokens: int
    blocks: int
    context_tokens: int
    whole_prompts: bool = True
    span: AttentionSpan | None = None
    ranks: int = 1

    def blocks_for(self, tokens: int) -> int:
        """Return the blocks that hold `tokens` tokens."""
        if self.span is not None:
            return self.span.blocks(tokens, self.block_tokens)
        return -(-tokens // self.block_tokens)

    def refusal(self, prompt_tokens: int, output_tokens: int) -> str | None:
        """Return why a request can never be served, or None."""
        total = prompt_tokens + output_tokens
        if total > self.context_tokens:
            return "longer_than_context"
        # The last token is emitted, never cached.
        if self.blocks_for(total - 1) > self.blocks // self.ranks:
            return "longer_than_kv_cache"
        return None
