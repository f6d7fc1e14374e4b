"""Blocks of the KV cache of decoding sequences, counted without visiting the sequences.

A sequence that holds c tokens takes a new block in the iteration that starts with c a multiple of the block size. All
decoding sequences gain one token per iteration, so (c - iteration) mod block size, its phase, never changes while it
decodes. A histogram of phases therefore tells how many blocks any coming iteration takes. Where layers have windows a
sequence takes more units of blocks while its window fills than afterwards; its weight in the histogram says how many.
"""

from __future__ import annotations


class DecodeBlocks:
    """Blocks held by the decoding sequences of a replica, and those that coming iterations will take."""

    __slots__ = ("_phases", "_size", "held")

    def __init__(self, block_tokens: int) -> None:
        self._size = block_tokens
        self._phases = [0] * block_tokens
        self.held = 0

    def add(self, cached_tokens: int, iteration: int) -> None:
        """Add a sequence that holds `cached_tokens` when `iteration` starts."""
        self._phases[(cached_tokens - iteration) % self._size] += 1
        self.held += -(-cached_tokens // self._size)

    def remove(self, cached_tokens: int, iteration: int) -> None:
        """Remove a sequence that holds `cached_tokens` when `iteration` starts."""
        self._phases[(cached_tokens - iteration) % self._size] -= 1
        self.held -= -(-cached_tokens // self._size)

    def weigh(self, cached_tokens: int, iteration: int, weight: int, blocks: int = 0) -> None:
        """Change by how much a sequence counts: its weight in coming iterations, and the blocks that it holds."""
        self._phases[(cached_tokens - iteration) % self._size] += weight
        self.held += blocks

    def needed(self, iteration: int) -> int:
        """Return the blocks that `iteration` takes."""
        return self._phases[-iteration % self._size]

    def advance(self, iteration: int, iterations: int, sequences: int) -> None:
        """Take the blocks of `iterations` iterations, the first of which is `iteration`; sequences by their weight."""
        if iterations == 1:
            self.held += self._phases[-iteration % self._size]
            return
        cycles, rest = divmod(iterations, self._size)
        taken = cycles * sequences
        if rest:
            # Phases of the remaining iterations, in falling order with wrap-around.
            last = -(iteration + rest - 1) % self._size
            first = last + rest
            taken += sum(self._phases[last:first])
            if first > self._size:
                taken += sum(self._phases[: first - self._size])
        self.held += taken

    def iterations_within(self, iteration: int, free: int, sequences: int, at_most: int) -> int:
        """Return how many iterations, from `iteration` and at most `at_most`, `free` blocks suffice for."""
        if (at_most // self._size + 1) * sequences <= free:
            return at_most
        cycles = free // sequences
        free -= cycles * sequences
        count = cycles * self._size
        while count < at_most:
            free -= self._phases[-(iteration + count) % self._size]
            if free < 0:
                return count
            count += 1
        return at_most
