"""Sliding windows: closed forms against counting token by token."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulator.physics.attention_span import AttentionSpan, attention_span

SPANS = st.builds(AttentionSpan, st.integers(0, 3), st.integers(1, 5), st.integers(1, 60))


def seen(span: AttentionSpan, token: int) -> list[int]:
    """The keys of token number `token` (from 1), one entry for each unit of each key."""
    full = [key for key in range(1, token + 1) for _ in range(span.full)]
    first = max(token - span.window_tokens, 0) + 1
    return full + [key for key in range(first, token + 1) for _ in range(span.windowed)]


@given(SPANS, st.integers(0, 80), st.integers(1, 80))
def test_pairs_and_keys_of_a_chunk(span: AttentionSpan, done: int, chunk: int) -> None:
    tokens = range(done + 1, done + chunk + 1)
    assert span.pairs(done, done + chunk) == sum(len(seen(span, token)) for token in tokens)
    assert span.attended(done + chunk) == len(seen(span, done + chunk))
    first = max(done + 2 - span.window_tokens, 1)
    assert span.keys(done, done + chunk) == span.full * (done + chunk) + span.windowed * (done + chunk - first + 1)


@given(SPANS, st.integers(1, 150), st.integers(1, 17))
def test_growth_is_the_difference_of_attended_units_and_of_blocks(span: AttentionSpan, tokens: int, block: int) -> None:
    """The same number tells both, so that one histogram of phases can count blocks."""
    growth = span.growth(tokens)
    assert span.attended(tokens + 1) - span.attended(tokens) == growth
    cached = tokens - 1  # The newest token is not cached yet.
    taken = span.blocks(cached + 1, block) - span.blocks(cached, block)
    assert taken == (growth if cached % block == 0 else 0)


@given(SPANS, st.integers(0, 1000), st.integers(1, 17))
def test_a_windowed_layer_keeps_its_window_and_less_than_a_block(span: AttentionSpan, tokens: int, block: int) -> None:
    kept = AttentionSpan(0, 1, span.window_tokens).blocks(tokens, block) * block
    needed = min(tokens, span.window_tokens - 1)
    assert needed <= kept < needed + block


def test_layers_in_lowest_terms() -> None:
    assert attention_span(48, 40, 1024) == AttentionSpan(1, 5, 1024)
    assert attention_span(32, 32, 4096) == AttentionSpan(0, 1, 4096)
    assert attention_span(32, 0, 0) is None
