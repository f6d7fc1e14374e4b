"""A job whose servers go off: it goes on from its last checkpoint, and what it lost is counted."""

from __future__ import annotations

from typing import Any

import pytest


def _site(workshop: Any, switches: list[float], **plan: Any) -> Any:
    site = workshop.site([workshop.plan(**plan)])

    def control() -> Any:
        for index, instant_s in enumerate(switches):
            yield site.env.timeout(instant_s - site.env.now)
            site.hall.turn(index % 2 == 1, site.env.now)

    site.env.process(control())
    site.run()
    return site


def test_without_a_checkpoint_all_is_lost(workshop: Any) -> None:
    """Startup to 5 s; seven of ten steps are done at 19 s; on again at 100 s, startup to 105 s, ten steps to 125 s."""
    site = _site(workshop, [19.0, 100.0])
    record = site.records[0]
    assert (record.outcome, record.end_s, record.steps, record.lost_steps) == ("completed", 125.0, 10.0, 7.0)
    assert record.tokens == pytest.approx(10 * 1000.0, rel=1e-12)
    step_w = workshop.step.power_w
    expected_j = 8 * (2 * 5.0 * workshop.hold_w + (14.0 + 20.0) * step_w)
    assert record.accelerator_energy_j == pytest.approx(expected_j, rel=1e-12), "nothing is drawn while it is off"
    assert [kind for _, kind, _ in site.said] == ["job_started", "job_stopped", "job_resumed", "job_completed"]


def test_it_goes_on_from_the_last_checkpoint(workshop: Any) -> None:
    """Checkpoints fall due 8 s after startup and after each other, and take 1 s: at 13 s four steps are safe."""
    site = _site(workshop, [17.0, 50.0], checkpoint_every_s=8.0)
    record = site.records[0]
    assert record.lost_steps == pytest.approx(1.5, rel=1e-12)
    # On at 50 s, startup to 55 s, four steps to 63 s, a checkpoint to 64 s, two more to 68 s.
    assert (record.end_s, record.steps, record.checkpoints) == (68.0, 10.0, 2)


def test_an_evaluation_cut_short_is_done_again(workshop: Any) -> None:
    """Five steps to 15 s, an evaluation of 3 s cut at 16 s; from 40 s all again: 5 steps, evaluation, 5, evaluation."""
    site = _site(workshop, [16.0, 40.0], evaluation_every=5, evaluation_first=5)
    record = site.records[0]
    assert record.end_s == pytest.approx(40.0 + 5.0 + 10.0 + 3.0 + 10.0 + 3.0, rel=1e-12)
    assert record.evaluation_s == pytest.approx(1.0 + 2 * 3.0, rel=1e-12)
    assert record.lost_steps == 5.0


def test_off_twice(workshop: Any) -> None:
    site = _site(workshop, [9.0, 20.0, 22.0, 30.0])
    record = site.records[0]
    assert record.lost_steps == 2.0, "it was starting up when the servers went off again"
    # That startup runs to its end at 25 s, while the servers are off; they are on at 30 s, and it starts up once more.
    assert record.end_s == 30.0 + 5.0 + 20.0
