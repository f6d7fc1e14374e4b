"""Servers that go off and come back while replicas work: both engines agree, all is answered, and nothing is drawn."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.serving.batch import BatchLimits, Prefill

RELATIVE = 1e-9


def _replay(bench: Any, kind: str, case: dict[str, Any]) -> Any:
    limits = case["limits"]
    model = "encoder" if kind == "encoder" else "dense"
    site = bench.site(kind, bench.cost(limits, model), limits, [entry[1:] for entry in case["requests"]])

    def arrive() -> Any:
        for request, (arrival_s, *_) in enumerate(case["requests"]):
            yield site.env.timeout(arrival_s - site.env.now)
            site.service.arrive(request, site.env.now)

    def switch() -> Any:
        for index, instant_s in enumerate(case["switches"]):
            yield site.env.timeout(instant_s - site.env.now)
            site.service.switch(index % 2 == 1)

    site.env.process(arrive())
    site.env.process(switch())
    site.read_at(case["settle"])
    site.run()
    return site


@st.composite
def _cases(draw: st.DrawFn) -> dict[str, Any]:
    arrivals = np.cumsum(draw(st.lists(st.floats(0.0, 0.05), min_size=3, max_size=12)))
    requests = [(float(t), draw(st.integers(1, 300)), draw(st.integers(1, 80))) for t in arrivals]
    longest = max(prompt + output for _, prompt, output in requests)
    blocks = -(-longest // 4) + draw(st.sampled_from([0, 20, 10_000]))
    instants = draw(st.lists(st.floats(0.0, 2.0), min_size=2, max_size=6, unique=True))
    return {
        "requests": requests,
        "limits": BatchLimits(draw(st.sampled_from([64, 512])), draw(st.sampled_from([3, 16])), 4, blocks, 10**6),
        "switches": sorted(instants)[: len(instants) // 2 * 2],
        "settle": sorted(draw(st.lists(st.floats(0.0, 2.0), max_size=4, unique=True))),
    }


def test_both_engines_agree(bench: Any) -> None:
    seen: Counter[str] = Counter()

    @given(_cases())
    def compare(case: dict[str, Any]) -> None:
        fast, slow = _replay(bench, "stretch", case), _replay(bench, "iteration", case)
        for name in ("scheduled_s", "first_token_s", "finished_s"):
            assert list(getattr(fast.log, name)) == pytest.approx(list(getattr(slow.log, name)), rel=RELATIVE), name
        assert fast.log.preemptions == slow.log.preemptions
        assert list(fast.log.generated_tokens) == list(fast.log.output_tokens), "every token is emitted once"
        total_j = sum(slow.log.accelerator_energy_j)
        assert list(fast.log.accelerator_energy_j) == pytest.approx(
            list(slow.log.accelerator_energy_j), abs=RELATIVE * total_j
        )
        for left, right in zip(fast.readings, slow.readings, strict=True):
            assert left == pytest.approx(right, rel=RELATIVE, abs=1e-9)
        # Whether off, idle or busy, an accelerator is held all the time.
        now_s, *_ = fast.readings[-1]
        assert fast.readings[-1][3] + fast.readings[-1][5] == pytest.approx(now_s, rel=1e-9)
        seen["any"] += 1
        seen["lost a cache"] += sum(fast.log.preemptions) > 0

    compare()
    assert seen["lost a cache"] > 0.2 * seen["any"], seen


def test_a_sequence_is_recomputed_when_the_server_is_back(bench: Any) -> None:
    """100 prompt and 20 output tokens; off in its fifth decode iteration, on at 10 s: 106 are computed again."""
    limits = BatchLimits(512, 4, 16, 1000, 10**6)
    cost = bench.cost(limits)
    prefill_s, prefill_j = cost.mixed(0, 0, Prefill(100, 0.5 * 100 * 101, 100, 1, 1, 100, 100))
    before_s, before_j = cost.stretch(1, 101, 5)
    again_s, again_j = cost.mixed(0, 0, Prefill(106, 0.5 * 106 * 107, 106, 1, 1, 106, 106))
    after_s, after_j = cost.stretch(1, 107, 13)
    off_s = prefill_s + cost.stretch(1, 101, 4)[0] + 0.5 * cost.decode(1, 105)[0]
    site = _replay(
        bench, "stretch", {"limits": limits, "requests": [(0.0, 100, 20)], "switches": [off_s, 10.0], "settle": []}
    )
    assert site.log.preemptions[0] == 1
    assert site.log.finished_s[0] == pytest.approx(10.0 + again_s + after_s, rel=1e-12)
    assert site.log.accelerator_energy_j[0] == pytest.approx(prefill_j + before_j + again_j + after_j, rel=1e-12)
    idle_j, idle_s = site.readings[-1][4:6]
    assert idle_j == 0.0
    assert idle_s == pytest.approx(10.0 - prefill_s - before_s, rel=1e-12)


def test_an_encoder_ends_its_pass_and_waits(bench: Any) -> None:
    limits = BatchLimits(100, 4, 16, 1 << 40, 10**6)
    time_s, energy_j = bench.cost(limits, "encoder").mixed(0, 0, Prefill(80, 6400.0, 80, 1, 0, 80, 80))
    case = {"limits": limits, "requests": [(0.0, 80, 1), (0.0, 80, 1)], "switches": [0.5 * time_s, 3.0], "settle": []}
    site = _replay(bench, "encoder", case)
    assert list(site.log.finished_s) == pytest.approx([time_s, 3.0 + time_s], rel=1e-12)
    assert sum(site.log.accelerator_energy_j) == pytest.approx(2.0 * energy_j, rel=1e-12)
    assert site.readings[-1][4] == 0.0
