"""An encoder's replica: batches by hand, and a queue with a known mean wait."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.serving.batch import BatchLimits, Prefill


def _pass(cost: Any, *lengths: int) -> tuple[float, float]:
    """Return (duration, energy) of a pass: every token attends to its whole sequence, no logits."""
    tokens = sum(lengths)
    pairs, longest = float(sum(n * n for n in lengths)), max(lengths)
    return cost.mixed(0, 0, Prefill(tokens, pairs, tokens, len(lengths), 0, longest, longest))


def test_batches_by_hand(bench: Any) -> None:
    """Limits of 100 tokens and 3 sequences: [60], [50, 40], [30, 30, 30], [10]; energy by tokens.

    60 + 50 exceed the tokens, 50 + 40 + 30 as well, and a fourth sequence of 10 tokens finds no place.
    """
    limits = BatchLimits(100, 3, 16, 1 << 40, 10**6)
    cost = bench.cost(limits, "encoder")
    lengths = [60, 50, 40, 30, 30, 30, 10]
    passes = [_pass(cost, *batch) for batch in ([60], [50, 40], [30, 30, 30], [10])]
    ends_s = np.cumsum([time_s for time_s, _ in passes])
    site = bench.replay("encoder", cost, limits, [(0.0, length, 1) for length in lengths])
    batch = [0, 1, 1, 2, 2, 2, 3]
    assert list(site.log.finished_s) == pytest.approx([ends_s[index] for index in batch], rel=1e-12)
    assert list(site.log.first_token_s) == list(site.log.finished_s)
    assert list(site.log.scheduled_s) == pytest.approx([[0.0, *ends_s][index] for index in batch], rel=1e-12)
    share = [1.0, 5 / 9, 4 / 9, 1 / 3, 1 / 3, 1 / 3, 1.0]
    expected_j = [passes[index][1] * part for index, part in zip(batch, share, strict=True)]
    assert list(site.log.accelerator_energy_j) == pytest.approx(expected_j, rel=1e-12)
    assert site.end_s == [site.log.finished_s[6]]


def test_a_sequence_longer_than_the_batch_goes_alone(bench: Any) -> None:
    cost = bench.cost(BatchLimits(200, 4, 16, 1 << 40, 10**6), "encoder")
    limits = BatchLimits(100, 4, 16, 1 << 40, 10**6)
    log = bench.replay("encoder", cost, limits, [(0.0, 150, 1), (0.0, 20, 1), (0.0, 30, 1)]).log
    long_s, short_s = _pass(cost, 150)[0], _pass(cost, 20, 30)[0]
    assert list(log.finished_s) == pytest.approx([long_s, long_s + short_s, long_s + short_s], rel=1e-12)


def test_a_pass_cut_short(bench: Any) -> None:
    limits = BatchLimits(100, 4, 16, 1 << 40, 10**6)
    cost = bench.cost(limits, "encoder")
    time_s, energy_j = _pass(cost, 30, 50)
    site = bench.replay(
        "encoder",
        cost,
        limits,
        [(1.0, 30, 1), (1.0, 50, 1)],
        until_s=1.0 + 0.4 * time_s,
        settle_at_s=[0.5, 1.0 + 0.1 * time_s],
    )
    spent_j = 0.4 * energy_j
    assert list(site.log.accelerator_energy_j) == pytest.approx([spent_j * 3 / 8, spent_j * 5 / 8], rel=1e-11)
    idle, early, end = site.readings
    assert idle == (0.5, 0.0, 0.0, 0.0, 0.5 * bench.idle_w, 0.5, 0.5 * bench.idle_w, 0.0)
    assert early[1:6] == pytest.approx((0.1 * energy_j, 0.0, 0.1 * time_s, bench.idle_w, 1.0), rel=1e-11)
    assert end[1:6] == pytest.approx((spent_j, 0.0, 0.4 * time_s, bench.idle_w, 1.0), rel=1e-11)


@pytest.mark.parametrize("rho", [0.4, 0.7])
def test_mean_wait_of_an_m_d_1_queue(bench: Any, rho: float) -> None:
    """Poisson arrivals, one at a time, constant service: Pollaczek and Khinchine's W = rho s / (2 (1 - rho))."""
    limits = BatchLimits(128, 1, 16, 1 << 40, 10**6)
    cost = bench.cost(limits, "encoder")
    service_s, count = _pass(cost, 100)[0], 40_000
    arrivals = np.cumsum(np.random.default_rng(20).exponential(service_s / rho, count))
    log = bench.replay("encoder", cost, limits, [(float(t), 100, 1) for t in arrivals]).log
    wait_s = np.array(log.scheduled_s) - np.array(log.arrival_s)
    assert np.array(log.finished_s) - np.array(log.scheduled_s) == pytest.approx(np.full(count, service_s), rel=1e-8)
    # Batches of 1,000 waits are nearly independent: the queue forgets within 1 / (1 - rho)^2, at most 11, services.
    means_s = wait_s.reshape(40, 1000).mean(axis=1)
    standard_error_s = means_s.std(ddof=1) / np.sqrt(len(means_s))
    theory_s = rho * service_s / (2.0 * (1.0 - rho))
    assert standard_error_s < 0.03 * theory_s, "the run is too short to tell"
    assert abs(wait_s.mean() - theory_s) < 3.0 * standard_error_s


@given(
    requests=st.lists(st.tuples(st.floats(0.0, 0.05), st.integers(1, 150)), min_size=1, max_size=30),
    sequences=st.integers(1, 5),
)
def test_service_is_first_come_first_served(bench: Any, requests: list[tuple[float, int]], sequences: int) -> None:
    limits = BatchLimits(200, sequences, 16, 1 << 40, 10**6)
    requests = sorted(requests, key=lambda request: request[0])
    log = bench.replay("encoder", bench.cost(limits, "encoder"), limits, [(t, n, 1) for t, n in requests]).log
    starts_s = list(log.scheduled_s)
    assert starts_s == sorted(starts_s)
    for start_s in set(starts_s):
        batch = [index for index, found in enumerate(starts_s) if found == start_s]
        assert len(batch) <= sequences
        assert sum(log.prompt_tokens[index] for index in batch) <= 200
