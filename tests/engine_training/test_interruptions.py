"""Failures at random: what a job loses by them, against the first-order formula for checkpoints and restarts."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from simulator.engine.training.interruptions import Interruptions


def test_a_failure_costs_the_steps_since_the_checkpoint_and_the_restart(workshop: Any) -> None:
    gaps = itertools.chain([65.0], itertools.repeat(1e9))
    plan = workshop.plan(
        steps=10.0,
        startup_s=0.0,
        step_s=10.0,
        checkpoint_every_s=40.0,
        checkpoint_bytes=0.0,
        interruptions=Interruptions(lambda: next(gaps), 30.0),
    )
    site = workshop.site([plan])
    site.run()
    record = site.records[0]
    # Steps 0 to 4, a checkpoint, 2.5 steps lost at 65 s, the restart, and steps 5 to 10 with another checkpoint.
    assert record.lost_steps == pytest.approx(2.5)
    assert (record.interruptions, record.restart_s, record.outcome) == (1, 30.0, "completed")
    assert record.end_s == pytest.approx(10 * 10.0 + 25.0 + 30.0)
    assert record.tokens == pytest.approx(10.0 * plan.step_tokens)


@pytest.mark.parametrize(("every_s", "mean_s", "restart_s"), [(100.0, 4000.0, 50.0), (400.0, 4000.0, 0.0)])
def test_loss_follows_the_first_order_formula(workshop: Any, every_s: float, mean_s: float, restart_s: float) -> None:
    """Young 1974: of each mean time between failures M half a checkpoint interval and the restart are lost.

    Working time grows by 1 / (1 - (t / 2 + R) / M); t / M of 0.1 leaves out terms of its square.
    """
    rng = np.random.default_rng(7)
    plan = workshop.plan(
        steps=400_000.0,
        startup_s=0.0,
        step_s=1.0,
        checkpoint_every_s=every_s,
        checkpoint_bytes=0.0,
        interruptions=Interruptions(lambda: float(rng.exponential(mean_s)), restart_s),
    )
    site = workshop.site([plan])
    site.run()
    expected_s = 400_000.0 / (1.0 - (every_s / 2.0 + restart_s) / mean_s)
    assert site.records[0].interruptions > 80
    assert site.records[0].end_s == pytest.approx(expected_s, rel=0.01)


def test_a_restart_ends_when_the_servers_go_off(workshop: Any) -> None:
    """Accelerators without power draw none, whatever the job was waiting for."""
    gaps = itertools.chain([65.0], itertools.repeat(1e9))
    plan = workshop.plan(
        steps=10.0,
        startup_s=5.0,
        step_s=10.0,
        checkpoint_every_s=1e6,
        checkpoint_bytes=0.0,
        interruptions=Interruptions(lambda: next(gaps), 30.0),
    )
    site = workshop.site([plan])

    def outage() -> Any:
        yield site.env.timeout(75.0)
        site.hall.turn(False, site.env.now)
        yield site.env.timeout(1000.0)
        site.hall.turn(True, site.env.now)

    site.env.process(outage())
    site.run()
    record = site.records[0]
    assert (record.outcome, record.interruptions, record.restart_s) == ("completed", 1, pytest.approx(10.0))
    # The restart is not resumed: the servers come back at 1,075 s and the job loads again.
    assert record.end_s == pytest.approx(1075.0 + 5.0 + 100.0)
