"""A service: refusals, clients in a closed loop, routing, and Little's law."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.serving.batch import BatchLimits
from simulator.records import COMPLETED, IN_FLIGHT, LONGER_THAN_CONTEXT, LONGER_THAN_KV_CACHE, NOT_ARRIVED

LIMITS = BatchLimits(128, 8, 16, 40, 600)
"""640 tokens of KV cache."""


def test_every_outcome_by_hand(bench: Any) -> None:
    """The cache holds 640 tokens, of which the last of a sequence is never stored; the model takes 600 or 700."""
    requests = [(0.0, 300, 300), (0.0, 301, 300), (1.0, 10, 5), (2.0, 10, 500), (50.0, 10, 5)]
    site = bench.replay("stretch", bench.cost(LIMITS), LIMITS, requests, until_s=2.01)
    assert list(site.log.outcome) == [COMPLETED, LONGER_THAN_CONTEXT, COMPLETED, IN_FLIGHT, NOT_ARRIVED]
    assert list(site.log.replica) == [0, -1, 0, 0, -1]
    assert site.end_s == [], "work is left"
    wide = BatchLimits(128, 8, 16, 40, 700)
    site = bench.replay("stretch", bench.cost(wide), wide, [(0.0, 341, 300), (0.0, 342, 300)])
    assert list(site.log.outcome) == [COMPLETED, LONGER_THAN_KV_CACHE]
    assert site.end_s == [site.log.finished_s[0]]


def test_one_client_never_waits(bench: Any) -> None:
    """Each request is served as if it were alone, and the next is sent the moment it is answered."""
    tokens = [(10, 3), (200, 50), (1, 1), (127, 20), (400, 100)]
    cost = bench.cost(LIMITS)
    log = bench.serve_clients("stretch", cost, LIMITS, tokens, clients=1).log
    assert list(log.scheduled_s) == list(log.arrival_s) == [0.0, *log.finished_s[:-1]]
    for index, pair in enumerate(tokens):
        alone = bench.replay("stretch", cost, LIMITS, [(0.0, *pair)]).log
        assert log.finished_s[index] - log.arrival_s[index] == pytest.approx(alone.finished_s[0], rel=1e-9)


def test_clients_think_between_an_answer_and_the_next_request(bench: Any) -> None:
    tokens = [(50, 10 + index) for index in range(12)]
    log = bench.serve_clients("stretch", bench.cost(LIMITS), LIMITS, tokens, clients=3, think_time_s=0.25).log
    # Whoever is answered first asks first, so the k-th answer is followed by request 3 + k.
    assert list(log.arrival_s[:3]) == [0.0, 0.0, 0.0]
    answers_s = sorted(log.finished_s)
    assert list(log.arrival_s[3:]) == pytest.approx([answer_s + 0.25 for answer_s in answers_s[:9]], rel=1e-12)


@given(clients=st.integers(1, 30), count=st.integers(1, 40))
def test_no_more_requests_in_flight_than_clients(bench: Any, clients: int, count: int) -> None:
    log = bench.serve_clients(
        "stretch", bench.cost(LIMITS), LIMITS, [(30, 5 + n % 7) for n in range(count)], clients
    ).log
    arrivals_s, ends_s = np.array(log.arrival_s), np.array(log.finished_s)
    in_flight = [int(((arrivals_s <= t) & (ends_s > t)).sum()) for t in arrivals_s]
    assert max(in_flight) == min(clients, count)
    assert list(log.outcome) == [COMPLETED] * count


def test_clients_whose_requests_are_all_refused(bench: Any) -> None:
    """Refusals take no time and come by the thousand: they must not pile up on the stack."""
    site = bench.serve_clients("stretch", bench.cost(LIMITS), LIMITS, [(900, 900)] * 5000, clients=2)
    assert list(site.log.outcome) == [LONGER_THAN_CONTEXT] * 5000
    assert site.env.now == 0.0
    assert site.end_s == [0.0]


@pytest.mark.parametrize("router", ["round_robin", "least_loaded"])
def test_routing_over_a_run(bench: Any, router: str) -> None:
    """Long and short answers alternate: taking turns gives all long ones to one replica, counting does not."""
    requests = [(0.002 * index, 20, 150 if index % 2 else 2) for index in range(300)]
    requests[7] = (requests[7][0], 599, 5)  # refused, and so no replica's turn
    log = bench.replay("stretch", bench.cost(LIMITS), LIMITS, requests, replicas=2, router=router).log
    served = [index for index in range(300) if index != 7]
    if router == "round_robin":
        assert [log.replica[index] for index in served] == [turn % 2 for turn in range(299)]
        return
    for index in served:
        loads = [
            sum(log.replica[k] == replica and log.finished_s[k] > log.arrival_s[index] for k in range(index))
            for replica in (0, 1)
        ]
        assert log.replica[index] == loads.index(min(loads))


@pytest.mark.parametrize("kind", ["stretch", "encoder"])
@pytest.mark.parametrize("until_s", [0.01, 1000.0])
def test_littles_law(bench: Any, kind: str, until_s: float) -> None:
    """The integral of the number in the system is the sum of the times in it, also of those still there."""
    rng = np.random.default_rng(4)
    arrivals = np.cumsum(rng.exponential(0.00005, 400))
    tokens = [(int(rng.integers(1, 300)), int(rng.integers(1, 100))) for _ in arrivals]
    limits = BatchLimits(512, 8, 16, 100, 600)
    cost = bench.cost(limits, "encoder" if kind == "encoder" else "dense")
    site = bench.site(kind, cost, limits, tokens, replicas=2, router="least_loaded")
    env, replicas, log = site.env, site.service.replicas, site.log
    env.process(site.service.replay(arrivals.tolist()))
    integral_s, most = 0.0, 0
    while env.peek() <= until_s:
        outstanding = sum(replica.outstanding for replica in replicas)
        integral_s, most = integral_s + outstanding * (env.peek() - env.now), max(most, outstanding)
        env.step()
    integral_s += sum(replica.outstanding for replica in replicas) * (until_s - env.now)
    ends_s = [finished_s if finished_s >= 0.0 else until_s for finished_s in log.finished_s]
    times_s = [end_s - start_s for end_s, start_s in zip(ends_s, log.arrival_s, strict=True) if start_s >= 0.0]
    assert most > 20, "requests queue"
    assert integral_s == pytest.approx(sum(times_s), rel=1e-10)
