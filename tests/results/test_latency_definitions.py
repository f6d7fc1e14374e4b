"""Latencies, goodput and attainment of a handful of requests, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from simulator.records import RequestLog, RunRecords
from simulator.results.context import RunContext, ServiceLevel
from simulator.results.latency import Distribution, request_table
from simulator.results.ledger import Entry, Ledger
from simulator.results.metrics import summarize
from simulator.results.settlement import settle
from simulator.results.summary import Summary

ROWS = (
    # output, arrival, start, first token, end, emitted, outcome
    (5, 0.0, 0.5, 1.0, 3.0, 5, "completed"),
    (1, 1.0, 1.0, 2.5, 2.5, 1, "completed"),
    (3, 2.0, 4.0, 6.0, 10.0, 3, "completed"),
    (10, 3.0, 5.0, 6.0, -1.0, 4, "in_flight"),
    (9, 4.0, -1.0, -1.0, -1.0, 0, "longer_than_context"),
    (7, -1.0, -1.0, -1.0, -1.0, 0, "not_arrived"),
    (2, 5.0, 5.0, 5.25, 5.5, 2, "completed"),
)
DURATION_S = 12.0
NAN = float("nan")
MakeLog = Callable[..., RequestLog]


@pytest.fixture
def summary_of(
    make_records: Callable[..., RunRecords], make_context: Callable[..., RunContext]
) -> Callable[..., Summary]:
    def summary(logs: dict[str, RequestLog], **levels: ServiceLevel) -> Summary:
        records = make_records([DURATION_S], {}, requests=logs)
        table = pd.concat([request_table(name, log) for name, log in logs.items()], ignore_index=True)
        ledger = Ledger({("idle", ""): Entry(), ("inference", "chat"): Entry(np.full(7, 30.0))})
        context = make_context(service_levels=levels)
        account = settle(records.sites[0], ledger, context.sites["site"], context.money, context.clock("site"))
        return summarize(records, ledger, table, context, [account])

    return summary


def test_each_request_by_hand(make_log: MakeLog) -> None:
    table = request_table("chat", make_log(ROWS))
    # The request that never arrived has no row; numbers stay those of the trace.
    assert table.request.tolist() == [0, 1, 2, 3, 4, 6]
    by_hand = {
        "queue_s": [0.5, 0.0, 2.0, 2.0, NAN, 0.0],
        "ttft_s": [1.0, 1.5, 4.0, 3.0, NAN, 0.25],
        "tpot_s": [0.5, NAN, 2.0, NAN, NAN, 0.25],
        "e2e_s": [3.0, 1.5, 8.0, NAN, NAN, 0.5],
    }
    for name, values in by_hand.items():
        assert table[name].to_numpy() == pytest.approx(np.array(values), nan_ok=True), name
    assert table.outcome.tolist() == [row[-1] for row in ROWS if row[-1] != "not_arrived"]
    assert table.replica.isna().all()


def test_a_table_does_not_share_memory_with_its_log(make_log: MakeLog) -> None:
    log = make_log(ROWS)
    table = request_table("chat", log)
    log.output_tokens[0] = 1000
    log.accelerator_energy_j[0] = 9.0
    assert table.output_tokens[0] == 5
    assert table.accelerator_energy_j[0] == 0.0


def test_distributions_count_completed_requests_only(make_log: MakeLog, summary_of: Callable[..., Summary]) -> None:
    summary = summary_of({"chat": make_log(ROWS)}, chat=ServiceLevel(None, None, None, 0.0))
    # 0.25, 1, 1.5, 4: the 90th percentile lies seven tenths of the way from the third to the fourth.
    assert summary.ttft_mean_s == pytest.approx(1.6875)
    assert (summary.ttft_p50_s, summary.ttft_p90_s) == pytest.approx((1.25, 1.5 + 0.7 * 2.5))
    assert summary.ttft_p99_s == pytest.approx(1.5 + 0.97 * 2.5)
    # One token has no time per further token: 0.25, 0.5, 2.
    assert (summary.tpot_mean_s, summary.tpot_p50_s) == pytest.approx((2.75 / 3.0, 0.5))
    assert summary.tpot_p90_s == pytest.approx(0.5 + 0.8 * 1.5)
    # 0.5, 1.5, 3, 8.
    assert (summary.e2e_mean_s, summary.e2e_p50_s) == pytest.approx((3.25, 2.25))


def test_counts_and_tokens(make_log: MakeLog, summary_of: Callable[..., Summary]) -> None:
    summary = summary_of({"chat": make_log(ROWS)}, chat=ServiceLevel(None, None, None, 0.0))
    counts = (summary.requests_arrived, summary.requests_completed, summary.requests_rejected)
    assert (*counts, summary.requests_in_flight) == (6, 4, 1, 1)
    # Tokens of the request under way count as emitted; its prompt is not yet answered.
    assert (summary.output_tokens, summary.prompt_tokens) == (15, 400)
    assert summary.output_tokens_per_s == pytest.approx(15 / 12)
    # 7 activities of 30 J each.
    assert summary.energy_per_output_token_j == pytest.approx(210 / 15)


@pytest.mark.parametrize(
    ("level", "good", "attainment"),
    [
        # Limits are met exactly by request 0; a request of one token meets any time per token; the rejected one is bad.
        (ServiceLevel(1.5, 0.5, 3.0, 0.0), 3, 3 / 5),
        (ServiceLevel(1.0, None, None, 0.0), 2, 2 / 5),
        (ServiceLevel(None, 0.4999, None, 0.0), 2, 2 / 5),
        (ServiceLevel(None, None, 1.0, 0.0), 1, 1 / 5),
        (ServiceLevel(None, None, None, 0.0), 4, 4 / 5),
        # The first third of six arrivals is left out of attainment: requests 2 and 6 and the rejected one are counted.
        (ServiceLevel(1.5, 0.5, 3.0, 1 / 3), 3, 1 / 3),
    ],
)
def test_goodput_and_attainment(
    make_log: MakeLog, summary_of: Callable[..., Summary], level: ServiceLevel, good: int, attainment: float
) -> None:
    summary = summary_of({"chat": make_log(ROWS)}, chat=level)
    assert summary.goodput_per_s == pytest.approx(good / DURATION_S)
    assert summary.slo_attainment == pytest.approx(attainment)


@pytest.mark.parametrize(
    ("ramp", "ttft_s"), [(0.0, [1, 1.5, 4, 0.25]), (1 / 6, [1.5, 4, 0.25]), (0.34, [0.25]), (1, [])]
)
def test_the_ramp_is_the_first_share_of_arrivals(
    make_log: MakeLog, summary_of: Callable[..., Summary], ramp: float, ttft_s: list[float]
) -> None:
    # 0.34 x 6 arrivals is a little more than two, so request 2 is left out as well.
    summary = summary_of({"chat": make_log(ROWS)}, chat=ServiceLevel(None, None, None, ramp))
    assert summary.ttft_mean_s == (pytest.approx(sum(ttft_s) / len(ttft_s)) if ttft_s else None)
    assert summary.requests_completed == 4


def test_each_service_has_its_own_level_and_ramp(make_log: MakeLog, summary_of: Callable[..., Summary]) -> None:
    logs = {"chat": make_log(ROWS), "code": make_log(ROWS[:3])}
    summary = summary_of(logs, chat=ServiceLevel(1.5, 0.5, 3.0, 1 / 3), code=ServiceLevel(4.0, None, None, 0.0))
    # Of chat, 1 of 3 after its ramp; of code, all three.
    assert summary.slo_attainment == pytest.approx(4 / 6)
    assert summary.goodput_per_s == pytest.approx(6 / DURATION_S)
    assert summary.ttft_mean_s == pytest.approx((4 + 0.25 + 1 + 1.5 + 4) / 5)


def test_no_requests_have_no_latencies(make_log: MakeLog, summary_of: Callable[..., Summary]) -> None:
    summary = summary_of({"chat": make_log([ROWS[5]])}, chat=ServiceLevel(1.0, None, None, 0.0))
    assert summary.requests_arrived == summary.output_tokens == 0
    assert summary.goodput_per_s == 0.0
    absent = [summary.ttft_p50_s, summary.tpot_mean_s, summary.e2e_p99_s, summary.slo_attainment]
    assert absent == [None] * 4
    assert summary.energy_per_output_token_j is None
    assert summary.accelerator_energy_per_output_token_j is None


def test_percentiles_of_a_hundred_and_one_steps() -> None:
    # 0, 1, ..., 100: the p-th percentile is p, whatever the order; missing values are not there.
    values: Any = np.random.default_rng(3).permutation(101).astype(float)
    found = Distribution.of(pd.Series([NAN, *values, NAN]))
    assert found == Distribution(*(pytest.approx(value) for value in (50.0, 50.0, 90.0, 99.0)))
