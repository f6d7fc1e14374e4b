"""What the scheduler of a replica puts into one iteration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Prefill(NamedTuple):
    """The prefill part of an iteration; a tuple, because one is made for every iteration with prefill.

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
        blocks: blocks of the KV cache.
        context_tokens: longest sequence that the model takes.
        whole_prompts: a sequence is admitted when free blocks hold all its tokens, not only those of its first chunk.
    """

    batch_tokens: int
    sequences: int
    block_tokens: int
    blocks: int
    context_tokens: int
    whole_prompts: bool = True

    def blocks_for(self, tokens: int) -> int:
        """Return the blocks that hold `tokens` tokens."""
        return -(-tokens // self.block_tokens)

    def refusal(self, prompt_tokens: int, output_tokens: int) -> str | None:
        """Return why a request can never be served, or None."""
        total = prompt_tokens + output_tokens
        if total > self.context_tokens:
            return "longer_than_context"
        # The last token is emitted, never cached.
        if self.blocks_for(total - 1) > self.blocks:
            return "longer_than_kv_cache"
        return None
