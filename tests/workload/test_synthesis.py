from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.workload.arrivals import GammaArrivals, PoissonArrivals
from simulator.workload.lengths import ConstantLength, EmpiricalPairs, IndependentLengths, LognormalLength
from simulator.workload.synthesis import stream, synthesise

LENGTHS = IndependentLengths(LognormalLength(928.0, 1155.0), LognormalLength(129.0, 211.0))


def test_adding_a_workload_leaves_the_others_as_they_were() -> None:
    alone = synthesise("chat", 7, PoissonArrivals(2.0), LENGTHS, 1000.0)
    tables = {name: synthesise(name, 7, PoissonArrivals(2.0), LENGTHS, 1000.0) for name in ("agents", "chat", "code")}
    assert tables["chat"].same_as(alone)
    assert not tables["code"].same_as(alone)
    assert not synthesise("chat", 8, PoissonArrivals(2.0), LENGTHS, 1000.0).same_as(alone)


def test_arrivals_and_lengths_do_not_touch_each_other() -> None:
    base = synthesise("chat", 7, PoissonArrivals(2.0), LENGTHS, 1000.0)
    other_lengths = synthesise("chat", 7, PoissonArrivals(2.0), EmpiricalPairs.of([5, 6], [1, 2]), 1000.0)
    assert other_lengths.arrival_s.tolist() == base.arrival_s.tolist()
    other_prompts = IndependentLengths(ConstantLength(77), LENGTHS.output)
    changed = synthesise("chat", 7, PoissonArrivals(2.0), other_prompts, 1000.0)
    assert changed.output_tokens.tolist() == base.output_tokens.tolist()


def test_the_requests_are_those_of_the_process() -> None:
    table = synthesise("chat", 3, GammaArrivals(5.0, 2.0), LENGTHS, 500.0)
    assert table.arrival_s.tolist() == GammaArrivals(5.0, 2.0).times(500.0, stream(3, "chat/arrivals")).tolist()
    assert len(table.prompt_tokens) == len(table) > 2000
    assert table.arrival_s[-1] < 500.0


def test_no_arrival_is_a_table_without_requests() -> None:
    assert len(synthesise("quiet", 1, PoissonArrivals(1e-9), LENGTHS, 1.0)) == 0


@given(
    st.integers(0, 2**32 - 1), st.text(st.characters(blacklist_characters="\0", codec="utf-8"), min_size=1, max_size=8)
)
def test_a_stream_is_a_function_of_seed_and_name(seed: int, name: str) -> None:
    first = stream(seed, name).integers(2**63, size=4).tolist()
    assert stream(seed, name).integers(2**63, size=4).tolist() == first
    # Two streams that share four numbers of 63 bits by chance: once in 2^252.
    assert stream(seed, name + "x").integers(2**63, size=4).tolist() != first
    assert stream((seed + 1) % 2**32, name).integers(2**63, size=4).tolist() != first


def test_streams_of_neighbouring_names_are_uncorrelated() -> None:
    count = 20_000
    draws = np.array([stream(7, f"server-{number}").standard_normal(count) for number in range(20)])
    correlation = np.corrcoef(draws)[np.triu_indices(20, 1)]
    # 190 pairs, each with a standard error of 1 / sqrt(n): five of them leave one chance in 10^4 for all together.
    assert np.abs(correlation).max() < 5.0 / math.sqrt(count)


def test_the_stream_is_the_one_that_the_design_names() -> None:
    words = [7, *b"chat"]
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence(words))).random(3)
    assert stream(7, "chat").random(3).tolist() == expected.tolist()


@pytest.mark.parametrize(("seed", "name"), [(-1, "a"), (2**32, "a"), (1, ""), (1, "a\0b")])
def test_impossible_streams_are_refused(seed: int, name: str) -> None:
    with pytest.raises(ValueError, match=r"seed must be|name of a stream"):
        stream(seed, name)
