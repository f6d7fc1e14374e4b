"""When a training job starts, evaluates, writes checkpoints and ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("changes", "duration_s", "evaluations"),
    [
        ({}, 5 + 20, 0),
        ({"startup_s": 0.0}, 20, 0),
        ({"steps": 10.25}, 5 + 20.5, 0),  # the last step is a quarter of one
        ({"steps": 0.5}, 5 + 1, 0),
        ({"evaluation_every": 4, "evaluation_first": 4}, 5 + 20 + 2 * 3, 2),  # after 4 and 8
        ({"evaluation_every": 5, "evaluation_first": 5}, 5 + 20 + 2 * 3, 2),  # after 5 and 10, the last included
        ({"evaluation_every": 2, "evaluation_first": 6}, 5 + 20 + 3 * 3, 3),  # after 6, 8, 10
        ({"evaluation_every": 6, "evaluation_first": 1}, 5 + 20 + 2 * 3, 2),  # after 1 and 7
        ({"evaluation_every": 1, "evaluation_first": 1}, 5 + 20 + 10 * 3, 10),
        ({"evaluation_every": 3, "evaluation_first": 11}, 5 + 20, 0),  # the first would come too late
        ({"evaluation_every": 5, "evaluation_first": 5, "steps": 10.5}, 5 + 21 + 2 * 3, 2),
        ({"evaluation_every": 5, "evaluation_first": 5, "steps": 9.5}, 5 + 19 + 1 * 3, 1),
    ],
)
def test_duration_with_evaluations(workshop: Any, changes: dict[str, Any], duration_s: float, evaluations: int) -> None:
    plan = workshop.plan(submit_s=7.0, **changes)
    site = workshop.site([plan])
    site.run()
    record = site.records[0]
    assert (record.start_s, record.end_s) == (7.0, 7.0 + duration_s)
    assert record.outcome == "completed"
    assert record.evaluation_s == 3.0 * evaluations
    assert record.steps == plan.steps
    assert record.tokens == 1000.0 * plan.steps
    assert record.model_flop == pytest.approx(1e15 * plan.steps, rel=1e-12)
    assert site.ended_s == [record.end_s]


@pytest.mark.parametrize(
    ("changes", "duration_s", "checkpoints"),
    [
        # Due 6 s after the start and after each write: after steps 3, 6 and 9.
        ({"checkpoint_every_s": 6.0}, 5 + 20 + 3 * 1, 3),
        # Due at 5 s, in the middle of step 3; written when it is over.
        ({"checkpoint_every_s": 5.0}, 5 + 20 + 3 * 1, 3),
        # The third would be due at the very end: the job is done and writes none.
        ({"checkpoint_every_s": 6.0, "steps": 9.0}, 5 + 18 + 2 * 1, 2),
        ({"checkpoint_every_s": 20.0}, 5 + 20, 0),
        ({"checkpoint_every_s": 19.0}, 5 + 20, 0),  # due in the last step, so at the end
        ({"checkpoint_every_s": 18.0}, 5 + 20 + 1, 1),
        ({"checkpoint_every_s": 0.5}, 5 + 20 + 9 * 1, 9),  # more often than steps: after each but the last
        ({"checkpoint_every_s": 6.0, "checkpoint_bytes": 4e9}, 5 + 20 + 3 * 4, 3),
        ({"checkpoint_every_s": 18.0, "steps": 9.25}, 5 + 18.5 + 1, 1),
    ],
)
def test_duration_with_checkpoints(workshop: Any, changes: dict[str, Any], duration_s: float, checkpoints: int) -> None:
    plan = workshop.plan(**changes)
    site = workshop.site([plan])
    site.run()
    record = site.records[0]
    assert record.end_s == duration_s
    assert record.checkpoints == checkpoints
    assert record.checkpoint_s == checkpoints * plan.checkpoint_bytes / 1e9
    assert record.steps == plan.steps


@pytest.mark.parametrize(("startup_s", "every_steps", "step_s"), [(0.7, 3, 0.1), (10.7, 7, 0.1), (1e6 + 0.3, 11, 0.3)])
def test_a_checkpoint_due_at_the_end_of_a_step_waits_for_no_further_step(
    workshop: Any, startup_s: float, every_steps: int, step_s: float
) -> None:
    """Three times 0.1 is not 0.3 in binary; the checkpoint comes after the third step all the same."""
    plan = workshop.plan(
        startup_s=startup_s, steps=10.0 * every_steps, step_s=step_s, checkpoint_every_s=every_steps * step_s
    )
    site = workshop.site([plan])
    site.run()
    assert site.records[0].checkpoints == 9


def test_an_evaluation_makes_a_checkpoint_due(workshop: Any) -> None:
    """Evaluations of 3 s after every second step of 2 s, checkpoints of 1 s every 6 s.

    Startup to 5; steps to 9, evaluation to 12, checkpoint (due at 11) to 13; so 4 + 3 + 1 s for two
    steps. After the last two steps and their evaluation the job is done.
    """
    plan = workshop.plan(evaluation_every=2, evaluation_first=2, checkpoint_every_s=6.0)
    site = workshop.site([plan])
    site.run()
    record = site.records[0]
    assert record.end_s == 5 + 5 * (4 + 3) + 4 * 1
    assert record.checkpoints == 4


def test_two_jobs_write_one_after_the_other(workshop: Any) -> None:
    """Both want to write 4 s at 11; the second waits for the first, and so its next one is due 4 s later."""
    plans = [workshop.plan(name, checkpoint_every_s=6.0, checkpoint_bytes=4e9, steps=6.0) for name in ("a", "b")]
    site = workshop.site(plans, servers=2)
    site.run()
    first, second = site.records
    assert (first.checkpoint_s, first.end_s) == (4.0, 11 + 4 + 6)
    assert (second.checkpoint_s, second.end_s) == (8.0, 11 + 8 + 6)
    assert first.checkpoints == second.checkpoints == 1


def test_jobs_wait_for_accelerators(workshop: Any) -> None:
    site = workshop.site([workshop.plan("a"), workshop.plan("b", submit_s=3.0)])
    site.run(until_s=20.0)
    assert [record.outcome for record in site.records] == ["running", "queued"]
    assert site.records[1].start_s is None
    assert site.records[1].accelerator_energy_j == 0.0
    assert site.said == [(0.0, "job_started", "8 accelerators on 1 servers")]
    site.env.run()
    assert [(record.start_s, record.end_s) for record in site.records] == [(0.0, 25.0), (25.0, 50.0)]
    assert [entry[:2] for entry in site.said[1:]] == [
        (25.0, "job_completed"),
        (25.0, "job_started"),
        (50.0, "job_completed"),
    ]
    assert site.hall.free == [8]


@pytest.mark.parametrize(
    ("until_s", "steps", "evaluation_s", "checkpoint_s"),
    [
        (3.0, 0.0, 0.0, 0.0),  # starting up
        (6.5, 0.75, 0.0, 0.0),  # in the middle of the first step
        (9.0, 2.0, 0.0, 0.0),
        (10.0, 2.0, 1.0, 0.0),  # evaluating from 9 to 12
        (12.25, 2.0, 3.0, 0.25),  # writing from 12 to 13
        (16.0, 3.5, 3.0, 1.0),
    ],
)
def test_a_job_cut_short(workshop: Any, until_s: float, steps: float, evaluation_s: float, checkpoint_s: float) -> None:
    plan = workshop.plan(evaluation_every=2, evaluation_first=2, checkpoint_every_s=6.0)
    site = workshop.site([plan])
    site.run(until_s)
    record = site.records[0]
    assert (record.steps, record.evaluation_s, record.checkpoint_s) == (steps, evaluation_s, checkpoint_s)
    assert (record.tokens, record.model_flop) == (1000.0 * steps, 1e15 * steps)
    assert (record.outcome, record.end_s) == ("running", None)
    assert site.ended_s == []


@given(
    steps=st.integers(1, 400).map(lambda quarters: quarters / 4),
    step_s=st.floats(0.1, 5.0),
    every=st.integers(0, 20),
    first=st.integers(1, 30),
    checkpoint_every_s=st.one_of(st.just(float("inf")), st.floats(0.1, 60.0)),
    until_s=st.floats(1.0, 400.0),
)
def test_every_second_of_a_job_has_a_phase(
    workshop: Any, steps: float, step_s: float, every: int, first: int, checkpoint_every_s: float, until_s: float
) -> None:
    """Startup, steps, evaluations and checkpoints fill the time from start to end, cut short or not."""
    plan = workshop.plan(
        steps=steps,
        step_s=step_s,
        evaluation_every=every,
        evaluation_first=first if every else 0,
        checkpoint_every_s=checkpoint_every_s,
    )
    site = workshop.site([plan])
    site.run(until_s)
    record = site.records[0]
    held_s = (record.end_s if record.end_s is not None else until_s) - record.start_s
    phases_s = min(held_s, 5.0) + record.steps * step_s + record.evaluation_s + record.checkpoint_s
    assert phases_s == pytest.approx(held_s, rel=1e-9)
    assert (record.end_s is not None) == (record.steps == steps and site.ended_s != [])
    if record.end_s is not None and every:
        assert record.evaluation_s == 3.0 * len([step for step in range(first, int(steps) + 1, every) if step >= first])
