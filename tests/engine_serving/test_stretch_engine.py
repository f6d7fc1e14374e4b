"""The stretch engine against the iteration-by-iteration reference: same outcomes, instants and joules."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from simulator.engine.serving.batch import BatchLimits
from simulator.physics.attention_span import AttentionSpan
from simulator.physics.serving_plan import ServingPlan
from simulator.records import IN_FLIGHT, LONGER_THAN_CONTEXT, LONGER_THAN_KV_CACHE

RELATIVE = 1e-9
"""Both sum the same terms in another order: 1e-16 per term, some 1e5 terms. A wrong term shows in the first digits."""

_GAPS_S = {
    "burst": st.just(0.0),
    "tight": st.floats(0.0, 0.004),
    "loose": st.floats(0.0, 0.3),
    "quiet": st.floats(1.0, 60.0),
}
_TOKENS = {
    "short": st.integers(1, 12),
    "medium": st.integers(1, 200),
    "long": st.integers(200, 1500),
}


@st.composite
def _requests(draw: st.DrawFn) -> list[tuple[float, int, int]]:
    """Return (arrival, prompt, output): stretches of one kind of gap, and lengths of one kind or of all."""
    prompts = _TOKENS[draw(st.sampled_from(sorted(_TOKENS)))] if draw(st.booleans()) else st.one_of(*_TOKENS.values())
    outputs = st.one_of(st.integers(1, 3), st.integers(4, 60), st.integers(60, 300), st.integers(60, 300))
    now_s, requests = draw(st.sampled_from([0.0, 3.0])), []
    for kind in draw(st.lists(st.sampled_from(sorted(_GAPS_S)), min_size=2, max_size=4)):
        for _ in range(draw(st.integers(1, 8))):
            now_s += draw(_GAPS_S[kind])
            requests.append((now_s, draw(prompts), draw(outputs)))
    return requests


_PLANS = {
    "experts": (1, 2, 8, ServingPlan(1, 4, 4), ServingPlan(2, 2, 1), ServingPlan(4, 1, 2)),
    "latent": (1, 8, ServingPlan(2, 4, 8)),
}
"""Ways to share a model that has experts; the others are split over tensor-parallel ranks alone."""
_SPANS = {"windowed": AttentionSpan(1, 3, 100), "all windowed": AttentionSpan(0, 1, 37)}


@st.composite
def _cases(draw: st.DrawFn) -> dict[str, Any]:
    model = draw(st.sampled_from(["dense", "grouped", "experts", "latent", "windowed", "all windowed"]))
    span = _SPANS.get(model)
    requests = draw(_requests())
    tokens = draw(st.sampled_from([64, 100, 512]))
    sequences, block = draw(st.sampled_from([2, 5, 16, 64])), draw(st.sampled_from([1, 4, 16]))
    totals = sorted(prompt + output for _, prompt, output in requests)
    # Now and then the longest requests do not fit even alone and are refused.
    longest = totals[-1 - (len(totals) // 4 if draw(st.integers(0, 4)) == 0 else 0)]
    spare = draw(st.sampled_from([0, 0, 1, 5, 50, 10_000])) // block
    blocks = BatchLimits(1, 1, block, 1, 1, span=span).blocks_for(longest - 1) + spare
    context = draw(st.sampled_from([10**6, 10**6, 10**6, totals[-1] - 1]))
    # Prompts admitted by their first chunk are preempted far more often.
    whole = draw(st.sampled_from([False, False, False, True]))
    return {
        "requests": requests,
        "limits": BatchLimits(tokens, sequences, block, max(blocks, 1), context, whole, span),
        "model": model,
        "device": draw(st.sampled_from(["cool", "hot", "crossing", "tiled"])),
        "tensor": draw(st.sampled_from(_PLANS.get(model, (1, 2, 8)))),
        "cap_w": draw(st.sampled_from([400.0, 300.0, 220.0, 150.0, 105.0])),
        "until_s": draw(st.one_of(st.none(), st.floats(0.01, 2.0).map(lambda late_s: requests[0][0] + late_s))),
        "settle": sorted(draw(st.lists(st.floats(0.0, 1.0, exclude_max=True), max_size=6, unique=True))),
    }


def _agree(name: str, left: Any, right: Any, scale: float | None = None) -> None:
    left, right = np.asarray(left, dtype=float), np.asarray(right, dtype=float)
    tolerance = RELATIVE * np.maximum(np.abs(right), 1e-9 if scale is None else scale)
    worst = np.max(np.abs(left - right) - tolerance, initial=-1.0)
    assert worst <= 0.0, f"{name}: {left.tolist()} is not {right.tolist()}"


def _compare(fast: Any, slow: Any) -> None:
    for name in ("outcome", "preemptions", "generated_tokens", "replica"):
        assert list(getattr(fast.log, name)) == list(getattr(slow.log, name)), name
    for name in ("arrival_s", "scheduled_s", "first_token_s", "finished_s"):
        _agree(name, getattr(fast.log, name), getattr(slow.log, name))
    # A request's share is a difference of readings of the replica, so its error is relative to the replica's energy.
    total_j = sum(slow.log.accelerator_energy_j)
    _agree("energy", fast.log.accelerator_energy_j, slow.log.accelerator_energy_j, scale=total_j)
    assert len(fast.readings) == len(slow.readings)
    for left, right in zip(fast.readings, slow.readings, strict=True):
        _agree("accounts", left, right)
    assert len(fast.end_s) == len(slow.end_s)
    _agree("end", fast.end_s, slow.end_s)


def _settle_instants(case: dict[str, Any]) -> list[float]:
    arrivals = [arrival_s for arrival_s, _, _ in case["requests"]]
    return [arrivals[0] + share * (arrivals[-1] - arrivals[0] + 1.0) for share in case["settle"]]


def _features(case: dict[str, Any], fast: Any, free: Any) -> list[str]:
    """Return what makes a case hard."""
    log, prompts = fast.log, [prompt for _, prompt, _ in case["requests"]]
    preemptions = sum(log.preemptions)
    started = [prompt for prompt, first_s in zip(prompts, log.scheduled_s, strict=True) if first_s >= 0.0]
    found = {
        "preempted": preemptions > 0,
        "preempted often": preemptions > 5,
        "slowed by its cap": log.first_token_s != free.log.first_token_s,
        "prompt in chunks": max(started, default=0) > case["limits"].batch_tokens,
        "cut short": IN_FLIGHT in log.outcome,
        "refused": LONGER_THAN_CONTEXT in log.outcome or LONGER_THAN_KV_CACHE in log.outcome,
        "read under way": any(reading[3] > 0.0 for reading in fast.readings[:-1]),
    }
    return [name for name, present in found.items() if present]


def test_stretches_equal_single_iterations(bench: Any) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=4 * settings.default.max_examples)
    @given(_cases())
    def compare(case: dict[str, Any]) -> None:
        limits, requests, until_s = case["limits"], case["requests"], case["until_s"]
        shape = {name: case[name] for name in ("model", "device", "tensor")}
        cost, free_cost = bench.cost(limits, cap_w=case["cap_w"], **shape), bench.cost(limits, **shape)
        fast, slow = (
            bench.replay(kind, cost, limits, requests, until_s=until_s, settle_at_s=_settle_instants(case))
            for kind in ("stretch", "iteration")
        )
        _compare(fast, slow)
        free = bench.replay("stretch", free_cost, limits, requests, until_s=until_s)
        for name in ("any", *_features(case, fast, free)):
            seen[name] += 1
            event(name)

    assert all(bench.span(model) == span for model, span in _SPANS.items())
    compare()
    shares = {name: count / seen["any"] for name, count in seen.items()}
    # What is hard must be common among the examples, else their agreement says little.
    common = ("preempted", "slowed by its cap", "prompt in chunks", "read under way", "refused")
    assert min(shares.get(name, 0.0) for name in common) > 0.15, shares
    assert shares.get("preempted often", 0.0) > 0.1, shares
    assert shares.get("cut short", 0.0) > 0.05, shares


@settings(max_examples=settings.default.max_examples)
@given(
    tokens=st.lists(st.tuples(st.integers(1, 300), st.integers(1, 80)), min_size=1, max_size=25),
    clients=st.integers(1, 12),
    think_time_s=st.sampled_from([0.0, 0.0, 0.01, 2.0]),
    spare=st.sampled_from([0, 3, 1000]),
)
def test_closed_loops_agree(
    bench: Any, tokens: list[tuple[int, int]], clients: int, think_time_s: float, spare: int
) -> None:
    """Without a pause, the next request arrives at the very instant at which an iteration ends."""
    limits = BatchLimits(128, 8, 4, max(-(-(p + o) // 4) for p, o in tokens) + spare, 10**6)
    cost = bench.cost(limits)
    _compare(
        *(bench.serve_clients(kind, cost, limits, tokens, clients, think_time_s) for kind in ("stretch", "iteration"))
    )


@pytest.mark.parametrize("replicas", [2, 3])
def test_replicas_of_a_service_agree(bench: Any, replicas: int) -> None:
    limits = BatchLimits(256, 8, 16, 60, 10**6)
    rng = np.random.default_rng(replicas)
    arrivals = np.cumsum(rng.exponential(0.01, 200))
    requests = [(float(t), int(rng.integers(1, 500)), int(rng.integers(1, 200))) for t in arrivals]
    fast, slow = (
        bench.replay(kind, bench.cost(limits), limits, requests, replicas=replicas) for kind in ("stretch", "iteration")
    )
    assert sum(slow.log.preemptions) > 0
    assert set(slow.log.replica) == set(range(replicas))
    _compare(fast, slow)
