"""A power cap that changes while a job runs, against a clock that walks through its phases one by one."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simulator.engine.training.job_meter import Pace, Rates
from simulator.errors import InvariantError

CAPS_W = (700.0, 500.0, 300.0)
_STEP_S = {700.0: 2.0, 500.0: 2.6, 300.0: 4.7}
_EVALUATION_S = {700.0: 3.0, 500.0: 3.5, 300.0: 5.5}


def pace_under(cap_w: float) -> Pace:
    """Return a pace of round numbers: all power is computing, at the cap."""
    rates = Rates(cap_w, 0.0, 0.0, 1.0, 0.0)
    return Pace(_STEP_S[cap_w], rates, _EVALUATION_S[cap_w], replace(rates, compute_w=0.8 * cap_w))


def _walk(changes: list[tuple[float, float]], steps: float, evaluation_every: int) -> tuple[float, float, float]:
    """Return (end, energy of one accelerator, seconds of evaluation) after 5 s of startup at 100 W."""

    def cap_at(t_s: float) -> float:
        return ([700.0] + [cap_w for change_s, cap_w in changes if change_s <= t_s])[-1]

    def work(now_s: float, amount: float, unit_s: dict[float, float], share: float) -> tuple[float, float]:
        """Return the end and the energy of an amount of work."""
        energy_j = 0.0
        while True:
            cap_w = cap_at(now_s)
            change_s = min((t for t, _ in changes if t > now_s), default=math.inf)
            end_s = now_s + amount * unit_s[cap_w]
            if end_s <= change_s:
                return end_s, energy_j + (end_s - now_s) * share * cap_w
            energy_j += (change_s - now_s) * share * cap_w
            amount -= (change_s - now_s) / unit_s[cap_w]
            now_s = change_s

    now_s, energy_j, evaluation_s, done = 5.0, 500.0, 0.0, 0.0
    while done < steps:
        amount = min(steps - done, evaluation_every) if evaluation_every else steps
        now_s, used_j = work(now_s, amount, _STEP_S, 1.0)
        done, energy_j = done + amount, energy_j + used_j
        if evaluation_every and amount == evaluation_every:
            end_s, used_j = work(now_s, 1.0, _EVALUATION_S, 0.8)
            evaluation_s, now_s, energy_j = evaluation_s + end_s - now_s, end_s, energy_j + used_j
    return now_s, energy_j, evaluation_s


def _site(workshop: Any, changes: list[tuple[float, float]], **plan: Any) -> Any:
    first = pace_under(700.0)
    values = {
        "step_s": first.step_s,
        "step_rates": first.step_rates,
        "evaluation_s": first.evaluation_s,
        "evaluation_rates": first.evaluation_rates,
        "pace_under": pace_under,
    }
    site = workshop.site([workshop.plan(**(values | plan))])

    def control() -> Any:
        for instant_s, cap_w in changes:
            yield site.env.timeout(instant_s - site.env.now)
            site.hall.caps.set(cap_w, "job")

    site.env.process(control())
    return site


@given(
    changes=st.lists(st.tuples(st.floats(0.0, 60.0), st.sampled_from(CAPS_W)), max_size=8, unique_by=lambda c: c[0]),
    steps=st.sampled_from([10.0, 7.5]),
    evaluation_every=st.sampled_from([0, 2, 5]),
)
@example(changes=[(15.0, 500.0)], steps=10.0, evaluation_every=5)  # as the fifth step ends
def test_a_job_under_changing_caps(
    workshop: Any, changes: list[tuple[float, float]], steps: float, evaluation_every: int
) -> None:
    changes = sorted(changes)
    site = _site(workshop, changes, steps=steps, evaluation_every=evaluation_every, evaluation_first=evaluation_every)
    site.run()
    record = site.records[0]
    end_s, energy_j, evaluation_s = _walk(changes, steps, evaluation_every)
    assert record.end_s == pytest.approx(end_s, rel=1e-9)
    assert record.accelerator_energy_j == pytest.approx(8 * energy_j, rel=1e-9)
    assert record.evaluation_s == pytest.approx(evaluation_s, rel=1e-9, abs=1e-9)
    assert record.steps == steps
    assert record.tokens == pytest.approx(steps * 1000.0, rel=1e-12)


@given(instants_s=st.lists(st.floats(5.0, 24.9), max_size=6, unique=True))
def test_setting_the_same_pace_again_changes_nothing(workshop: Any, instants_s: list[float]) -> None:
    """Caps of 700 and 500 W at the same pace: every change cuts a phase, and none shows."""
    same = pace_under(700.0)
    changes = [(t_s, (500.0, 700.0)[index % 2]) for index, t_s in enumerate(sorted(instants_s))]
    site = _site(workshop, changes, pace_under=lambda _: same, checkpoint_every_s=7.0)
    site.run()
    plain = _site(workshop, [], checkpoint_every_s=7.0)
    plain.run()
    for name in ("end_s", "steps", "checkpoints", "checkpoint_s", "accelerator_energy_j"):
        assert getattr(site.records[0], name) == pytest.approx(getattr(plain.records[0], name), rel=1e-9), name


def test_a_cap_set_while_the_job_queues_holds_from_its_first_step(workshop: Any) -> None:
    site = _site(workshop, [(1.0, 300.0)], submit_s=4.0)
    site.run()
    assert site.records[0].end_s == pytest.approx(4.0 + 5.0 + 10 * 4.7, rel=1e-12)


def test_two_changes_at_one_instant_count_as_the_last(workshop: Any) -> None:
    site = _site(workshop, [(9.0, 300.0), (9.0, 500.0)])
    site.run()
    assert site.records[0].end_s == pytest.approx(9.0 + 8 * 2.6, rel=1e-12)


def test_a_run_that_ends_under_a_new_cap(workshop: Any) -> None:
    site = _site(workshop, [(9.0, 300.0)])
    site.run(until_s=9.0 + 2 * 4.7)
    assert site.records[0].steps == pytest.approx(2.0 + 2.0, rel=1e-12)
    assert site.records[0].accelerator_energy_j == pytest.approx(8 * (500.0 + 4 * 700.0 + 9.4 * 300.0), rel=1e-12)


def test_what_a_job_would_draw(workshop: Any) -> None:
    site = _site(workshop, [])
    job = site.jobs[0]
    assert job.power_under(300.0) == 0.0, "not started"
    site.env.run(until=2.0)
    assert job.power_under(300.0) == pytest.approx(8 * 300.0), "once it steps"
    site.env.run(until=6.0)
    assert job.power_under(300.0) == pytest.approx(8 * 300.0)
    assert job.power_under(700.0) == pytest.approx(8 * 700.0)


def test_a_cap_outside_what_boards_accept(workshop: Any) -> None:
    site = _site(workshop, [])
    with pytest.raises(InvariantError, match="outside"):
        site.hall.caps.set(100.0)
