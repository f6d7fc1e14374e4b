from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.workload.requests import RequestTable

TOKENS = st.integers(1, 100_000)
MILLISECONDS = st.integers(0, 10**9).map(lambda count: count / 1000.0)


@st.composite
def tables(draw: st.DrawFn) -> RequestTable:
    count = draw(st.integers(0, 30))
    arrivals = sorted(draw(st.lists(MILLISECONDS, min_size=count, max_size=count)))
    tokens = st.lists(TOKENS, min_size=count, max_size=count)
    return RequestTable.make(arrivals, draw(tokens), draw(tokens))


@given(tables(), st.integers(0, 40))
def test_limited_keeps_the_first(table: RequestTable, limit: int) -> None:
    cut = table.limited(limit)
    assert len(cut) == min(limit, len(table))
    assert cut.arrival_s.tolist() == table.arrival_s.tolist()[:limit]
    assert cut.output_tokens.tolist() == table.output_tokens.tolist()[:limit]


@given(tables(), st.floats(0.01, 100.0))
def test_scaling_multiplies_the_rate_and_nothing_else(table: RequestTable, factor: float) -> None:
    fast = table.scaled(factor)
    np.testing.assert_allclose(fast.arrival_s * factor, table.arrival_s, rtol=1e-15)
    assert fast.prompt_tokens.tolist() == table.prompt_tokens.tolist()
    if table.mean_rate_per_s is not None and fast.mean_rate_per_s is not None:
        # The span may be a small difference of large arrivals, each rounded once.
        last, span = table.arrival_s[-1], table.arrival_s[-1] - table.arrival_s[0]
        assert fast.mean_rate_per_s == pytest.approx(factor * table.mean_rate_per_s, rel=1e-15 * (10 + 4 * last / span))


def test_scaling_keeps_the_coefficient_of_variation() -> None:
    gaps = np.random.default_rng(1).gamma(0.2, 5.0, 1000)
    table = RequestTable.make(np.cumsum(gaps), np.ones(1000), np.ones(1000))
    for factor in (0.25, 3.0):
        scaled = np.diff(table.scaled(factor).arrival_s)
        assert scaled.std() / scaled.mean() == pytest.approx(gaps[1:].std() / gaps[1:].mean(), rel=1e-9)


@given(tables(), st.lists(st.floats(0.0, 1.1e6), max_size=5))
def test_windows_part_a_table_without_loss(table: RequestTable, cuts: list[float]) -> None:
    edges = [0.0, *sorted(cuts), 2e6]
    parts = [(start, table.window(start, end)) for start, end in pairwise(edges)]
    prompts = [token for _, part in parts for token in part.prompt_tokens.tolist()]
    assert prompts == table.prompt_tokens.tolist()
    for start, part in parts:
        assert (part.arrival_s >= 0.0).all()
        assert np.isin(part.arrival_s, table.arrival_s - start).all()


@given(tables(), st.integers(2, 200_000))
def test_clipping_takes_from_the_prompt_only(table: RequestTable, limit: int) -> None:
    clipped = table.clipped(limit)
    assert clipped.output_tokens.tolist() == table.output_tokens.tolist()
    expected = [
        max(1, prompt - max(0, prompt + output - limit))
        for prompt, output in zip(table.prompt_tokens.tolist(), table.output_tokens.tolist(), strict=True)
    ]
    assert clipped.prompt_tokens.tolist() == expected
    total = clipped.prompt_tokens + clipped.output_tokens
    assert ((total <= limit) | (clipped.output_tokens >= limit)).all()
    assert clipped.clipped(limit).same_as(clipped)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([0.0, 1.0], [1], [1, 1]), "differ in length: 2, 1 and 2"),
        (([1.0, 0.5], [1, 1], [1, 1]), r"must not decrease, got 0\.5 in row 1"),
        (([-1.0], [1], [1]), r"finite and >= 0, got -1\.0 in row 0"),
        (([float("nan")], [1], [1]), "finite and >= 0, got nan"),
        (([float("inf")], [1], [1]), "finite and >= 0, got inf"),
        (([0.0, 0.0], [1, 0], [1, 1]), "prompt_tokens must be >= 1, got 0 in row 1"),
        (([0.0], [1], [-5]), "output_tokens must be >= 1, got -5 in row 0"),
        (([0.0], [1.5], [1]), "prompt_tokens must hold whole numbers"),
        (([0.0], [float("nan")], [1]), "prompt_tokens must hold whole numbers"),
        (([0.0], [1e20], [1]), "prompt_tokens must hold whole numbers"),
        (([[0.0]], [1], [1]), "one dimension"),
        ((["a"], [1], [1]), "arrival_s must hold numbers"),
        (([0.0], [True], [1]), "prompt_tokens must hold numbers"),
    ],
)
def test_what_is_no_table_of_requests(columns: tuple[list[float], list[int], list[int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RequestTable.make(*columns)


def test_a_table_cannot_be_changed_from_outside() -> None:
    arrivals = np.array([0.0, 1.0])
    table = RequestTable.make(arrivals, [1, 2], [3, 4])
    arrivals[0] = 0.5
    assert table.arrival_s[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        table.prompt_tokens[0] = 9
    with pytest.raises(ValueError, match="read-only"):
        table.limited(1).arrival_s[0] = 9.0


def test_an_empty_table() -> None:
    empty = RequestTable.make([], [], [])
    assert len(empty) == 0
    assert empty.mean_rate_per_s is None
    assert empty.prompt_tokens.dtype == np.int64
    assert len(empty.scaled(2.0).window(0.0, 1.0).clipped(10).limited(3)) == 0


def test_impossible_changes_are_refused() -> None:
    table = RequestTable.make([0.0], [1], [1])
    with pytest.raises(ValueError, match="rate_factor must be > 0"):
        table.scaled(0.0)
    with pytest.raises(ValueError, match="0 <= start_s <= end_s"):
        table.window(2.0, 1.0)
    with pytest.raises(ValueError, match="max_requests must be >= 0"):
        table.limited(-1)
    with pytest.raises(ValueError, match="max_total_tokens must be >= 2"):
        table.clipped(1)
