"""Schedules worked out by hand: who is in which iteration, when tokens come, what each request costs.

Durations and energies of single iterations come from `IterationCost` (test_iteration_cost.py has those by hand).
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pytest

from simulator.engine.serving.batch import BatchLimits, Prefill

ENGINES = pytest.mark.parametrize("kind", ["stretch", "iteration"])

TOKEN_LINK_J = 2 * 5e-11 * (2 * 8) * (2 * 0.5 * 1024 * 2)
"""Two ranks, 5e-11 J per byte, two all-reduces in each of 8 layers, of 1,024 channels in two bytes: J per token."""


def _prompt(*chunks: tuple[int, int, bool]) -> Prefill:
    """Return the prefill part of chunks (tokens, tokens done before, whether the prompt ends)."""
    return Prefill(
        tokens=sum(tokens for tokens, _, _ in chunks),
        pairs=float(sum(done + place for tokens, done, _ in chunks for place in range(1, tokens + 1))),
        keys=sum(done + tokens for tokens, done, _ in chunks),
        chunks=len(chunks),
        logits=sum(ends for _, _, ends in chunks),
        longest_chunk=max(tokens for tokens, _, _ in chunks),
        longest_keys=max(done + tokens for tokens, done, _ in chunks),
    )


@ENGINES
@pytest.mark.parametrize(("prompt", "output"), [(40, 1), (40, 2), (64, 30), (65, 5), (200, 300)])
def test_one_request_alone(bench: Any, kind: str, prompt: int, output: int) -> None:
    """Chunks of 64 tokens, then a token per iteration against one more each time."""
    limits = BatchLimits(64, 8, 16, 1000, 10**6)
    cost = bench.cost(limits, "grouped", "hot")
    chunks = [(min(64, prompt - done), done, done + 64 >= prompt) for done in range(0, prompt, 64)]
    prefill = [cost.mixed(0, 0, _prompt(chunk)) for chunk in chunks]
    decode = [cost.decode(1, prompt + step) for step in range(1, output)]
    site = bench.replay(kind, cost, limits, [(5.0, prompt, output)])
    log = site.log
    assert log.scheduled_s[0] == log.arrival_s[0] == 5.0
    assert log.first_token_s[0] - 5.0 == pytest.approx(sum(time_s for time_s, _ in prefill), rel=1e-11)
    assert log.finished_s[0] - 5.0 == pytest.approx(sum(time_s for time_s, _ in prefill + decode), rel=1e-11)
    assert log.accelerator_energy_j[0] == pytest.approx(sum(energy_j for _, energy_j in prefill + decode), rel=1e-11)
    assert log.generated_tokens[0] == output


@ENGINES
def test_prompts_share_an_iteration_and_decode_goes_first(bench: Any, kind: str) -> None:
    """Budget 64: A (40) and the first 24 of B (50); then A decodes beside the last 26 of B; then both decode."""
    limits = BatchLimits(64, 8, 16, 1000, 10**6)
    cost = bench.cost(limits)
    iterations = [
        cost.mixed(0, 0, _prompt((40, 0, True), (24, 0, False))),
        cost.mixed(1, 41, _prompt((26, 24, True))),
        cost.decode(2, 42 + 51),
        cost.decode(1, 52),
    ]
    ends_s = list(accumulate(time_s for time_s, _ in iterations))
    energy_j = [energy_j for _, energy_j in iterations]
    log = bench.replay(kind, cost, limits, [(0.0, 40, 3), (0.0, 50, 3)]).log
    assert list(log.scheduled_s) == [0.0, 0.0]
    assert list(log.first_token_s) == pytest.approx([ends_s[0], ends_s[1]], rel=1e-12)
    assert list(log.finished_s) == pytest.approx([ends_s[2], ends_s[3]], rel=1e-12)
    # Split by tokens: A has 40 of 64, 1 of 27 and 1 of 2.
    first_j = energy_j[0] * 40 / 64 + energy_j[1] / 27 + energy_j[2] / 2
    assert list(log.accelerator_energy_j) == pytest.approx([first_j, sum(energy_j) - first_j], rel=1e-12)


@ENGINES
def test_an_arrival_joins_at_the_next_iteration(bench: Any, kind: str) -> None:
    """B arrives in the middle of the fourth of A's iterations and starts with the fifth."""
    limits = BatchLimits(64, 8, 16, 1000, 10**6)
    cost = bench.cost(limits)
    steps_s = [cost.mixed(0, 0, _prompt((10, 0, True)))[0]] + [cost.decode(1, 10 + done)[0] for done in range(1, 4)]
    arrival_s = sum(steps_s[:3]) + 0.5 * steps_s[3]
    joined_s = cost.mixed(1, 14, _prompt((20, 0, True)))[0]
    log = bench.replay(kind, cost, limits, [(0.0, 10, 50), (arrival_s, 20, 1)]).log
    assert log.scheduled_s[1] == pytest.approx(sum(steps_s), rel=1e-12)
    assert log.finished_s[1] == pytest.approx(sum(steps_s) + joined_s, rel=1e-12)


@ENGINES
def test_an_arrival_at_an_idle_replica_starts_with_all_of_its_instant(bench: Any, kind: str) -> None:
    limits = BatchLimits(64, 8, 16, 1000, 10**6)
    cost = bench.cost(limits)
    log = bench.replay(kind, cost, limits, [(2.0, 10, 1), (2.0, 12, 1), (2.0, 14, 1)]).log
    end_s = 2.0 + cost.mixed(0, 0, _prompt((10, 0, True), (12, 0, True), (14, 0, True)))[0]
    assert list(log.finished_s) == pytest.approx([end_s] * 3, rel=1e-12)


@ENGINES
def test_the_limit_of_sequences_holds_back_the_rest_in_order(bench: Any, kind: str) -> None:
    """Two places: C waits for A (which finishes first), D for B."""
    limits = BatchLimits(64, 2, 16, 1000, 10**6)
    requests = [(0.0, 10, 5), (0.0, 10, 9), (0.0, 10, 20), (0.0, 10, 20)]
    log = bench.replay(kind, bench.cost(limits), limits, requests).log
    assert list(log.scheduled_s) == [0.0, 0.0, log.finished_s[0], log.finished_s[1]]
    assert sum(log.preemptions) == 0


@ENGINES
def test_preemption_by_hand(bench: Any, kind: str) -> None:
    """Blocks of one token, 20 of them; two requests of 8 + 8 tokens, each caching 15 in the end.

    Iteration 1 holds 16, 2 holds 18, 3 holds 20; the fourth would need 22, so B, admitted last, gives back its 10
    tokens. B returns, with its 8 + 3 tokens as a prompt, when there is room for 11: after A's last iteration, the 8th.
    """
    limits = BatchLimits(64, 8, 1, 20, 10**6)
    cost = bench.cost(limits, tensor=2)
    iterations = [
        cost.mixed(0, 0, _prompt((8, 0, True), (8, 0, True))),
        cost.decode(2, 18),
        cost.decode(2, 20),
        *(cost.decode(1, attended) for attended in range(11, 16)),
        cost.mixed(0, 0, _prompt((11, 0, True))),
        *(cost.decode(1, attended) for attended in range(12, 16)),
    ]
    ends_s = list(accumulate(time_s for time_s, _ in iterations))
    energy_j = [energy_j for _, energy_j in iterations]
    site = bench.replay(kind, cost, limits, [(0.0, 8, 8), (0.0, 8, 8)])
    log = site.log
    assert list(log.preemptions) == [0, 1]
    assert list(log.scheduled_s) == [0.0, 0.0]
    assert list(log.first_token_s) == pytest.approx([ends_s[0]] * 2, rel=1e-12)
    assert list(log.finished_s) == pytest.approx([ends_s[7], ends_s[12]], rel=1e-12)
    both_j = sum(energy_j[:3]) / 2
    assert list(log.accelerator_energy_j) == pytest.approx(
        [both_j + sum(energy_j[3:8]), both_j + sum(energy_j[8:])], rel=1e-12
    )
    assert site.readings[-1][2] == pytest.approx((15 + 15 + 10) * TOKEN_LINK_J, rel=1e-12)


@ENGINES
def test_a_prompt_under_way_is_preempted_first(bench: Any, kind: str) -> None:
    """Blocks of one token, 20 of them, budget 8; A has 4 + 10 tokens, B 15 + 2.

    Every second iteration the next chunk of B does not fit beside A and B starts over: after 11, 7, 7 and 7 tokens,
    until A has finished in iteration 10. Then B needs two more iterations.
    """
    limits = BatchLimits(8, 8, 1, 20, 10**6, whole_prompts=False)
    cost = bench.cost(limits, tensor=2)
    begin, more = (7, 0, False), (7, 4, False)
    iterations = [
        cost.mixed(0, 0, _prompt((4, 0, True), (4, 0, False))),
        cost.mixed(1, 5, _prompt(more)),
        *(
            cost.decode(1, attended) if attended % 2 == 0 else cost.mixed(1, attended, _prompt(begin))
            for attended in range(6, 14)
        ),
        cost.mixed(0, 0, _prompt((8, 7, True))),
        cost.decode(1, 16),
    ]
    ends_s = list(accumulate(time_s for time_s, _ in iterations))
    site = bench.replay(kind, cost, limits, [(0.0, 4, 10), (0.0, 15, 2)])
    log = site.log
    assert list(log.preemptions) == [0, 4]
    assert list(log.finished_s) == pytest.approx([ends_s[9], ends_s[11]], rel=1e-12)
    assert log.first_token_s[1] == pytest.approx(ends_s[10], rel=1e-12)
    assert site.readings[-1][2] == pytest.approx((13 + 16 + 11 + 7 + 7 + 7) * TOKEN_LINK_J, rel=1e-12)


@ENGINES
def test_a_prompt_waits_until_all_of_it_fits(bench: Any, kind: str) -> None:
    """Blocks of one token, 12 of them, budget 8; A has 4 + 3 tokens, B 9 + 2.

    B's first chunk of 4 would fit beside A, its nine tokens do not: it is admitted when A has finished in iteration 3.
    """
    limits = BatchLimits(8, 8, 1, 12, 10**6)
    cost = bench.cost(limits)
    iterations = [
        cost.mixed(0, 0, _prompt((4, 0, True))),
        cost.decode(1, 5),
        cost.decode(1, 6),
        cost.mixed(0, 0, _prompt((8, 0, False))),
        cost.mixed(0, 0, _prompt((1, 8, True))),
        cost.decode(1, 10),
    ]
    ends_s = list(accumulate(time_s for time_s, _ in iterations))
    log = bench.replay(kind, cost, limits, [(0.0, 4, 3), (0.0, 9, 2)]).log
    assert list(log.preemptions) == [0, 0]
    assert log.scheduled_s[1] == pytest.approx(ends_s[2], rel=1e-12)
    assert list(log.finished_s) == pytest.approx([ends_s[2], ends_s[5]], rel=1e-12)


@ENGINES
def test_what_the_end_of_the_run_cuts_short(bench: Any, kind: str) -> None:
    """The run ends 30 % into the third decode iteration: three tokens out, all energy booked."""
    limits = BatchLimits(64, 8, 16, 1000, 10**6)
    cost = bench.cost(limits)
    steps = [cost.mixed(0, 0, _prompt((10, 0, True)))] + [cost.decode(1, 10 + done) for done in range(1, 4)]
    until_s = sum(time_s for time_s, _ in steps[:3]) + 0.3 * steps[3][0]
    site = bench.replay(kind, cost, limits, [(0.0, 10, 50)], until_s=until_s)
    spent_j = sum(energy_j for _, energy_j in steps[:3]) + 0.3 * steps[3][1]
    assert site.log.generated_tokens[0] == 3
    assert site.log.finished_s[0] < 0.0
    assert site.log.accelerator_energy_j[0] == pytest.approx(spent_j, rel=1e-11)
    assert site.readings[-1][3] == pytest.approx(until_s, rel=1e-12)


@ENGINES
def test_an_iteration_with_prefill_cut_short(bench: Any, kind: str) -> None:
    """The run ends a quarter into an iteration of one decoding sequence and a chunk of 40 tokens."""
    limits = BatchLimits(64, 8, 16, 1000, 10**6)
    cost = bench.cost(limits)
    first, second = cost.mixed(0, 0, _prompt((10, 0, True))), cost.mixed(1, 11, _prompt((40, 0, True)))
    until_s = first[0] + 0.25 * second[0]
    site = bench.replay(kind, cost, limits, [(0.0, 10, 50), (0.5 * first[0], 40, 5)], until_s=until_s)
    expected = [first[1] + 0.25 * second[1] / 41, 0.25 * second[1] * 40 / 41]
    assert list(site.log.accelerator_energy_j) == pytest.approx(expected, rel=1e-11)
    assert list(site.log.generated_tokens) == [1, 0]
