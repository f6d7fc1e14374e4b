"""What must hold of every run: nothing is lost, nothing appears, power stays between idle and cap."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simulator.engine.serving.batch import BatchLimits
from simulator.records import COMPLETED, IN_FLIGHT, LONGER_THAN_CONTEXT, LONGER_THAN_KV_CACHE, NOT_ARRIVED

TENSOR = 4
TOKEN_LINK_J = TENSOR * 5e-11 * (2 * 8) * (2 * 3 / 4 * 1024 * 2)
"""Four ranks, 5e-11 J per byte, two all-reduces in each of 8 layers, of 1,024 channels in two bytes: J per token.

The energy of the links counts the tokens that were processed, whatever the scheduler says of them.
"""


@st.composite
def _runs(draw: st.DrawFn) -> dict[str, Any]:
    seed, count = draw(st.integers(0, 2**32 - 1)), draw(st.integers(5, 40))
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(draw(st.sampled_from([0.0005, 0.01, 0.2])), count)) + 0.1
    longest = draw(st.sampled_from([30, 300]))
    requests = [(float(t), int(rng.integers(1, 2 * longest)), int(rng.integers(1, longest))) for t in arrivals]
    blocks = -(-3 * longest // 16) + draw(st.sampled_from([-4, 0, 2, 1000]))
    return {
        "requests": requests,
        "limits": BatchLimits(128, draw(st.sampled_from([2, 8, 64])), 16, blocks, 3 * longest - 2),
        "cap_w": draw(st.sampled_from([400.0, 220.0, 105.0])),
        "until_s": draw(st.one_of(st.none(), st.floats(0.05, 1.0))),
        "replicas": draw(st.sampled_from([1, 3])),
    }


def _serve(bench: Any, run: dict[str, Any], **further: Any) -> Any:
    cost = bench.cost(run["limits"], "dense", "hot", TENSOR, run["cap_w"])
    return bench.replay(
        "stretch", cost, run["limits"], run["requests"], until_s=run["until_s"], replicas=run["replicas"], **further
    )


@given(_runs())
def test_every_request_has_one_outcome_that_agrees_with_its_instants(bench: Any, run: dict[str, Any]) -> None:
    site = _serve(bench, run)
    log, limits, end_s = site.log, run["limits"], site.env.now
    for index, (arrival_s, prompt, output) in enumerate(run["requests"]):
        instants = [log.arrival_s[index], log.scheduled_s[index], log.first_token_s[index], log.finished_s[index]]
        reached = [instant_s for instant_s in instants if instant_s >= 0.0]
        assert reached == sorted(reached) == instants[: len(reached)]
        assert log.first_token_s[index] < 0.0 or log.first_token_s[index] > log.scheduled_s[index]
        too_long = prompt + output > limits.context_tokens or prompt + output - 1 > limits.blocks * 16
        outcome, generated = log.outcome[index], log.generated_tokens[index]
        assert (outcome == NOT_ARRIVED) == (arrival_s > end_s) == (not reached)
        assert (outcome in (LONGER_THAN_CONTEXT, LONGER_THAN_KV_CACHE)) == (too_long and arrival_s <= end_s)
        assert (outcome == COMPLETED) == (len(reached) == 4) == (generated == output)
        assert (outcome in (COMPLETED, IN_FLIGHT)) == (log.replica[index] >= 0)
        assert (generated > 0) == (log.first_token_s[index] >= 0.0)
        assert generated <= output
    assert len(site.end_s) == (IN_FLIGHT not in log.outcome and NOT_ARRIVED not in log.outcome)


@given(_runs())
def test_no_joule_and_no_second_is_lost(bench: Any, run: dict[str, Any]) -> None:
    site = _serve(bench, run)
    end_s, compute_j, transfer_j, active_s, idle_j, idle_s, servers_j, busy_s = site.readings[-1]
    # Sums over requests and over iterations add the same terms in different orders.
    assert compute_j + transfer_j == pytest.approx(sum(site.log.accelerator_energy_j), rel=1e-9)
    assert idle_j == pytest.approx(bench.idle_w * idle_s, rel=1e-9)
    assert active_s + idle_s == pytest.approx(TENSOR * run["replicas"] * end_s, rel=1e-9)
    assert servers_j == pytest.approx(compute_j + transfer_j + idle_j, rel=1e-9)
    assert busy_s == pytest.approx(active_s, rel=1e-9, abs=1e-12)


@given(_runs())
def test_every_token_is_processed_once_and_again_after_a_preemption(bench: Any, run: dict[str, Any]) -> None:
    run["until_s"] = None
    site = _serve(bench, run)
    log = site.log
    asked = [(p, o) for (_, p, o), outcome in zip(run["requests"], log.outcome, strict=True) if outcome == COMPLETED]
    useful = sum(prompt + output - 1 for prompt, output in asked)
    processed = site.readings[-1][2] / TOKEN_LINK_J
    again, preemptions = processed - useful, sum(log.preemptions)
    assert processed == pytest.approx(round(processed), abs=1e-6 * max(processed, 1.0)), "whole tokens"
    assert round(again) >= preemptions, "each preemption discards a token or more"
    assert round(again) <= preemptions * max((prompt + output - 2 for prompt, output in asked), default=0)


@given(_runs(), st.lists(st.floats(0.0, 3.0), min_size=2, max_size=30, unique=True))
def test_power_stays_between_idle_and_cap(bench: Any, run: dict[str, Any], instants_s: list[float]) -> None:
    site = _serve(bench, run, settle_at_s=sorted(instants_s))
    assume(len(site.readings) > 2)
    accelerators = TENSOR * run["replicas"]
    for earlier, later in pairwise(site.readings):
        duration_s, energy_j = later[0] - earlier[0], later[6] - earlier[6]
        rounding_j = 1e-12 * later[6]
        assert energy_j <= run["cap_w"] * accelerators * duration_s + rounding_j
        assert energy_j >= bench.idle_w * accelerators * duration_s - rounding_j
        assert all(new >= old * (1.0 - 1e-12) for new, old in zip(later, earlier, strict=True)), "nothing is unbooked"


@pytest.mark.parametrize("kind", ["stretch", "iteration", "encoder"])
def test_reading_at_the_instant_of_an_arrival(bench: Any, kind: str) -> None:
    """Up to then the replica was idle, although the request is with it already."""
    limits = BatchLimits(128, 8, 16, 1000, 10**6)
    cost = bench.cost(limits, "encoder" if kind == "encoder" else "dense")
    site = bench.replay(kind, cost, limits, [(2.0, 50, 1), (3.0, 50, 1)], settle_at_s=[2.0, 3.0])
    first, second = site.readings[:2]
    assert first == (2.0, 0.0, 0.0, 0.0, 2.0 * bench.idle_w, 2.0, 2.0 * bench.idle_w, 0.0)
    busy_s = site.log.finished_s[0] - 2.0
    assert second[3:6] == pytest.approx((busy_s, (3.0 - busy_s) * bench.idle_w, 3.0 - busy_s), rel=1e-12)


@given(_runs())
def test_reading_in_between_changes_nothing(bench: Any, run: dict[str, Any]) -> None:
    quiet, read = _serve(bench, run), _serve(bench, run, settle_at_s=list(np.linspace(0.01, 3.0, 40)))
    for name in ("outcome", "scheduled_s", "first_token_s", "finished_s", "accelerator_energy_j", "preemptions"):
        assert getattr(quiet.log, name) == getattr(read.log, name), name
    if run["until_s"] is not None:
        assert read.readings[-1] == pytest.approx(quiet.readings[-1], rel=1e-9)
