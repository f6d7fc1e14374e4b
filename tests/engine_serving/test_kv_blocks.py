"""Counting of KV blocks by phase against a count over every sequence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from simulator.engine.serving.batch import BatchLimits
from simulator.engine.serving.kv_blocks import DecodeBlocks


class BlockMachine(RuleBasedStateMachine):
    """Sequences come, decode and go; the model keeps the tokens of each."""

    size = 1

    def __init__(self) -> None:
        super().__init__()
        self.blocks = DecodeBlocks(self.size)
        self.cached: list[int] = []
        self.iteration = 0

    def _held(self, further: int = 0) -> int:
        return sum(-(-(tokens + further) // self.size) for tokens in self.cached)

    @rule(tokens=st.integers(1, 40))
    def begin(self, tokens: int) -> None:
        self.cached.append(tokens)
        self.blocks.add(tokens, self.iteration)

    @precondition(lambda self: self.cached)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        tokens = self.cached.pop(data.draw(st.integers(0, len(self.cached) - 1)))
        self.blocks.remove(tokens, self.iteration)

    @rule(iterations=st.integers(1, 50))
    def decode(self, iterations: int) -> None:
        self.blocks.advance(self.iteration, iterations, len(self.cached))
        self.iteration += iterations
        self.cached = [tokens + iterations for tokens in self.cached]

    @precondition(lambda self: self.cached)
    @rule(free=st.integers(0, 60), at_most=st.integers(1, 80))
    def look_ahead(self, free: int, at_most: int) -> None:
        enough = [count for count in range(at_most + 1) if self._held(count) - self._held() <= free]
        found = self.blocks.iterations_within(self.iteration, free, len(self.cached), at_most)
        assert found == enough[-1]

    @invariant()
    def counts(self) -> None:
        assert self.blocks.held == self._held()
        assert self.blocks.needed(self.iteration) == self._held(1) - self._held()

    def teardown(self) -> None:
        for tokens in self.cached:
            self.blocks.remove(tokens, self.iteration)
        assert self.blocks.held == 0


@pytest.mark.parametrize("size", [1, 2, 7, 16])
def test_blocks_are_those_of_every_sequence(size: int) -> None:
    machine = type("SizedMachine", (BlockMachine,), {"size": size})
    case = machine.TestCase
    case.settings = settings(max_examples=settings.default.max_examples // 2, stateful_step_count=30)
    case("runTest").runTest()


@pytest.mark.parametrize("kind", ["stretch", "iteration"])
@pytest.mark.parametrize("block", [1, 4, 16])
def test_no_block_is_ever_lost(bench: Any, kind: str, block: int) -> None:
    """After a crowd with many preemptions, a request that needs every block is served as on a fresh replica."""
    blocks = 480 // block
    limits = BatchLimits(64, 16, block, blocks, 10**6)
    whole = blocks * block - 30 + 1  # the last token is emitted, never cached
    crowd = [(0.001 * index, 20 + 7 * index % 90, 30 + 11 * index % 70) for index in range(60)]
    cost = bench.cost(limits)
    site = bench.replay(kind, cost, limits, [*crowd, (1000.0, whole, 30)])
    fresh = bench.replay(kind, cost, limits, [(0.0, whole, 30)])
    assert sum(site.log.preemptions) > 10
    assert site.log.preemptions[60] == 0
    # Instants near 1000 s carry a rounding of 1e-13 s.
    assert site.log.finished_s[60] - 1000.0 == pytest.approx(fresh.log.finished_s[0], abs=1e-11)


def test_a_request_that_needs_one_block_more_is_refused() -> None:
    limits = BatchLimits(64, 16, 16, 30, 10**6)
    assert limits.refusal(481 - 30, 30) is None
    assert limits.refusal(482 - 30, 30) == "longer_than_kv_cache"
    short = BatchLimits(64, 16, 16, 30, 100)
    assert short.refusal(60, 40) is None
    assert short.refusal(61, 40) == "longer_than_context"
