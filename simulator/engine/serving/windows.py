"""Decoding sequences of a model some of whose layers see a sliding window only: when each window is full.

While its window fills, a sequence attends to more in every layer with each token; afterwards only in the layers that
see everything. The iteration in which that changes is known when the sequence begins to decode, and ends a stretch.
"""

from __future__ import annotations

import heapq

from simulator.engine.serving.kv_blocks import DecodeBlocks
from simulator.engine.serving.request_state import REQUEST, SHIFT
from simulator.physics.attention_span import AttentionSpan


class Windows:
    """Growth of the decoding sequences of a replica, in units of its model's span.

    Args:
        span: what layers see.
        block_tokens: tokens in one block of the KV cache.
        blocks: the blocks of these sequences, in which each counts once; their further weight is kept here.
    """

    __slots__ = ("_block_tokens", "_blocks", "_full_at", "_heap", "_span")

    def __init__(self, span: AttentionSpan, block_tokens: int, blocks: DecodeBlocks) -> None:
        self._span, self._block_tokens, self._blocks = span, block_tokens, blocks
        self._heap: list[int] = []
        """Iterations in which windows are full, with their requests; entries of those that have left are stale."""
        self._full_at: dict[int, int] = {}

    def count(self, request: int, cached: int, iteration: int, sign: int) -> tuple[int, int]:
        """Count a sequence that begins to decode, or (sign -1) one that leaves.

        Returns:
            By how much it grows per iteration, and what it attends to.
        """
        span, size = self._span, self._block_tokens
        room = span.window_tokens - (cached + 1)
        if sign < 0:
            self._full_at.pop(request, None)
        elif room > 0:
            self._full_at[request] = iteration + room
            heapq.heappush(self._heap, iteration + room << SHIFT | request)
        growth = span.growth(cached + 1)
        # Every sequence is in the histogram once already, with the blocks of a token that counts once.
        more_blocks = span.blocks(cached, size) - -(-cached // size)
        self._blocks.weigh(cached, iteration, sign * (growth - 1), sign * more_blocks)
        return growth, span.attended(cached + 1)

    def fill(self, iteration: int) -> int:
        """Return by how much growth changes because windows are full in an iteration."""
        heap, span, change = self._heap, self._span, 0
        while heap and heap[0] >> SHIFT <= iteration:
            entry = heapq.heappop(heap)
            if self._full_at.get(entry & REQUEST) == entry >> SHIFT:
                del self._full_at[entry & REQUEST]
                change -= span.windowed
                self._blocks.weigh(span.window_tokens - 1, iteration, -span.windowed)
        return change

    def iterations_within(self, iteration: int, at_most: int) -> int:
        """Return how many iterations, from `iteration` and at most `at_most`, pass before a window is full."""
        heap = self._heap
        while heap and self._full_at.get(heap[0] & REQUEST) != heap[0] >> SHIFT:
            heapq.heappop(heap)
        return min(at_most, (heap[0] >> SHIFT) - iteration) if heap else at_most
