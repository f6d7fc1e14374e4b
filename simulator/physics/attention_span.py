"""How much of its context a sequence attends to and keeps, where some layers see a sliding window only.

Layers of both kinds read, compute and keep the same per token, so one number stands for all layers: *units*, of which
a token counts `full` in the layers that see everything and `windowed` in the others while it lies in the window.
Without windows a unit is a token. The newest token is part of the window, so the cache of a windowed layer holds one
token less; what has left the window is dropped at once, block by block (as the hybrid cache of vLLM does, but for one
block that it may keep longer, and for the tokens of a chunk that is being processed).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttentionSpan:
    """Layers by what they see, in lowest terms.

    Args:
        full: units of a token in layers that see the whole context.
        windowed: units of a token in windowed layers.
        window_tokens: tokens that a windowed layer attends to, the newest included.
    """

    full: int
    windowed: int
    window_tokens: int

    @property
    def units_per_token(self) -> int:
        """Units of a token that every layer sees."""
        return self.full + self.windowed

    def attended(self, tokens: int) -> int:
        """Return the units that the newest of `tokens` tokens attends to, itself included.

        >>> AttentionSpan(1, 5, 1024).attended(1500)
        6620
        """
        return self.full * tokens + self.windowed * min(tokens, self.window_tokens)

    def growth(self, tokens: int) -> int:
        """Return by how much `attended` grows from `tokens` tokens to one more; blocks of the cache grow alike."""
        return self.full + (self.windowed if tokens < self.window_tokens else 0)

    def pairs(self, done: int, reached: int) -> float:
        """Return the query-key units of the tokens after `done` up to `reached`.

        >>> AttentionSpan(0, 1, 4).pairs(2, 6)
        15.0
        """
        full = 0.5 * (reached * (reached + 1) - done * (done + 1))
        return self.full * full + self.windowed * (self._windowed_pairs(reached) - self._windowed_pairs(done))

    def keys(self, done: int, reached: int) -> int:
        """Return the units of keys that a chunk of the tokens after `done` up to `reached` attends to."""
        windowed = min(reached, reached - done + self.window_tokens - 1)
        return self.full * reached + self.windowed * windowed

    def blocks(self, tokens: int, block_tokens: int) -> int:
        """Return the units of blocks that hold `tokens` tokens, of which windowed layers keep a window."""
        held = -(-tokens // block_tokens)
        return self.full * held + self.windowed * min(held, -(-(self.window_tokens - 1) // block_tokens))

    def _windowed_pairs(self, tokens: int) -> float:
        inside = min(tokens, self.window_tokens)
        return 0.5 * inside * (inside + 1) + float((tokens - inside) * self.window_tokens)


def attention_span(layers: int, windowed_layers: int, window_tokens: int) -> AttentionSpan | None:
    """Return the span of a model, None when every layer sees everything.

    >>> attention_span(36, 18, 128)
    AttentionSpan(full=1, windowed=1, window_tokens=128)
    """
    if not windowed_layers:
        return None
    common = math.gcd(layers, windowed_layers)
    return AttentionSpan((layers - windowed_layers) // common, windowed_layers // common, window_tokens)
