"""A power cap that changes while replicas run: both engines agree, and an iteration under way ends as it began."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine.serving.batch import BatchLimits, Prefill

RELATIVE = 1e-9
"""As in test_stretch_engine.py: rounding of sums of up to 1e5 terms."""

_CAPS_W = [400.0, 220.0, 150.0, 105.0]


@st.composite
def _cases(draw: st.DrawFn) -> dict[str, Any]:
    gaps = draw(st.lists(st.floats(0.0, 0.05), min_size=3, max_size=15))
    arrivals = np.cumsum(gaps)
    requests = [(float(t), draw(st.integers(1, 400)), draw(st.integers(1, 120))) for t in arrivals]
    longest = max(prompt + output for _, prompt, output in requests)
    blocks = -(-longest // 4) + draw(st.sampled_from([0, 20, 10_000]))
    changes = draw(st.lists(st.tuples(st.floats(0.0, 3.0), st.sampled_from(_CAPS_W)), min_size=1, max_size=8))
    return {
        "requests": requests,
        "limits": BatchLimits(draw(st.sampled_from([64, 512])), draw(st.sampled_from([3, 16])), 4, blocks, 10**6),
        "device": draw(st.sampled_from(["cool", "hot", "crossing"])),
        "changes": sorted(changes),
        "settle": sorted(draw(st.lists(st.floats(0.0, 3.0), max_size=4, unique=True))),
    }


def test_both_engines_agree_under_changing_caps(bench: Any) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=2 * settings.default.max_examples)
    @given(_cases())
    def compare(case: dict[str, Any]) -> None:
        limits, device = case["limits"], case["device"]
        changes = [(t_s, bench.cost(limits, device=device, cap_w=cap_w)) for t_s, cap_w in case["changes"]]
        free = bench.cost(limits, device=device)
        fast, slow, uncapped = (
            bench.replay(kind, free, limits, case["requests"], settle_at_s=case["settle"], recost_at_s=recost)
            for kind, recost in (("stretch", changes), ("iteration", changes), ("stretch", ()))
        )
        for name in ("first_token_s", "finished_s", "scheduled_s"):
            left, right = getattr(fast.log, name), getattr(slow.log, name)
            assert list(left) == pytest.approx(list(right), rel=RELATIVE), name
        total_j = sum(slow.log.accelerator_energy_j)
        energies = list(slow.log.accelerator_energy_j)
        assert list(fast.log.accelerator_energy_j) == pytest.approx(energies, abs=RELATIVE * total_j)
        for left, right in zip(fast.readings, slow.readings, strict=True):
            assert left == pytest.approx(right, rel=RELATIVE, abs=1e-9)
        seen["any"] += 1
        seen["slowed"] += fast.log.finished_s != uncapped.log.finished_s
        seen["preempted"] += sum(fast.log.preemptions) > 0

    compare()
    assert seen["slowed"] > 0.2 * seen["any"], seen
    assert seen["preempted"] > 0.1 * seen["any"], seen


def test_a_stretch_is_cut_at_the_iteration_under_way(bench: Any) -> None:
    """One sequence of 100 prompt and 51 output tokens; the cap falls in the middle of its eleventh decode iteration."""
    limits = BatchLimits(512, 4, 16, 1000, 10**6)
    free, capped = bench.cost(limits, device="hot"), bench.cost(limits, device="hot", cap_w=120.0)
    prefill_s, prefill_j = free.mixed(0, 0, Prefill(100, 0.5 * 100 * 101, 100, 1, 1, 100, 100))
    first_s, first_j = free.stretch(1, 101, 11)
    then_s, then_j = capped.stretch(1, 112, 39)
    assert capped.decode(1, 112)[0] > 1.2 * free.decode(1, 112)[0], "the cap must bind"
    change_s = prefill_s + free.stretch(1, 101, 10)[0] + 0.4 * free.decode(1, 111)[0]
    site = bench.replay("stretch", free, limits, [(0.0, 100, 51)], recost_at_s=[(change_s, capped)])
    assert site.log.finished_s[0] == pytest.approx(prefill_s + first_s + then_s, rel=1e-12)
    assert site.log.accelerator_energy_j[0] == pytest.approx(prefill_j + first_j + then_j, rel=1e-12)


def test_an_iteration_with_prefill_ends_as_it_began(bench: Any) -> None:
    limits = BatchLimits(512, 4, 16, 1000, 10**6)
    free, capped = bench.cost(limits, device="hot"), bench.cost(limits, device="hot", cap_w=120.0)
    chunk = Prefill(400, 0.5 * 400 * 401, 400, 1, 1, 400, 400)
    time_s, energy_j = free.mixed(0, 0, chunk)
    site = bench.replay("stretch", free, limits, [(0.0, 400, 1)], recost_at_s=[(0.3 * time_s, capped)])
    assert site.log.finished_s[0] == pytest.approx(time_s, rel=1e-12)
    assert site.log.accelerator_energy_j[0] == pytest.approx(energy_j, rel=1e-12)


def test_a_cap_on_an_idle_replica_holds_for_the_next_request(bench: Any) -> None:
    limits = BatchLimits(512, 4, 16, 1000, 10**6)
    free, capped = bench.cost(limits, device="hot"), bench.cost(limits, device="hot", cap_w=120.0)
    request = [(5.0, 100, 20)]
    late = bench.replay("stretch", free, limits, request, recost_at_s=[(1.0, capped)])
    always = bench.replay("stretch", capped, limits, request)
    assert late.log.finished_s == always.log.finished_s
    assert late.log.accelerator_energy_j == always.log.accelerator_energy_j


def test_an_encoder_ends_its_pass_as_it_began(bench: Any) -> None:
    limits = BatchLimits(100, 4, 16, 1 << 40, 10**6)
    free, capped = (bench.cost(limits, "encoder", "hot", cap_w=cap_w) for cap_w in (400.0, 105.0))
    one = Prefill(80, 6400.0, 80, 1, 0, 80, 80)
    site = bench.replay(
        "encoder", free, limits, [(0.0, 80, 1), (0.0, 80, 1)], recost_at_s=[(0.5 * free.mixed(0, 0, one)[0], capped)]
    )
    ends_s = [free.mixed(0, 0, one)[0], free.mixed(0, 0, one)[0] + capped.mixed(0, 0, one)[0]]
    assert list(site.log.finished_s) == pytest.approx(ends_s, rel=1e-12)
    assert capped.mixed(0, 0, one)[0] > free.mixed(0, 0, one)[0]
