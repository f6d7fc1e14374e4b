"""What a training job uses: power of its phases x time, whenever and however often it is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.training.job_meter import Rates
from simulator.physics.training_energy import StepUse


def test_energy_of_a_job_by_hand(workshop: Any) -> None:
    """8 accelerators: 5 s startup, 10 steps of 2 s, 2 evaluations of 3 s; 1 checkpoint of 1 s, due at 22 s."""
    plan = workshop.plan(evaluation_every=5, evaluation_first=5, checkpoint_every_s=13.0, submit_s=4.0)
    site = workshop.site([plan])
    site.run()
    record = site.records[0]
    assert (record.checkpoints, record.evaluation_s) == (1, 6.0)
    accounts = site.accounts()
    compute_j, transfer_j, wait_j, accelerator_s = accounts["job", "training"]
    assert compute_j == pytest.approx(8 * (20 * 300.0 + 6 * 250.0), rel=1e-12)
    assert transfer_j == pytest.approx(8 * (20 * 50.0 + 6 * 10.0), rel=1e-12)
    assert wait_j == pytest.approx(8 * (20 * 20.0 + 6 * 5.0 + (5 + 1) * 100.0), rel=1e-12)
    assert accelerator_s == pytest.approx(8 * (5 + 20 + 6 + 1), rel=1e-12)
    assert record.accelerator_energy_j == pytest.approx(compute_j + transfer_j + wait_j, rel=1e-12)
    assert accounts["", "idle"] == pytest.approx((8 * 4.0 * workshop.idle_w, 0.0, 0.0, 8 * 4.0), rel=1e-12)


def test_the_hall_draws_what_the_job_uses(workshop: Any) -> None:
    """Two servers, one of them free; in the tenth second the job steps."""
    site = workshop.site([workshop.plan()], servers=2)
    site.env.run(until=9.0)
    site.hall.read(9.0)
    site.env.run(until=10.0)
    power = site.hall.read(10.0)
    assert power.accelerator_w == pytest.approx(8 * 370.0 + 8 * workshop.idle_w, rel=1e-12)
    assert power.busy_share == pytest.approx(0.5 * 0.9, rel=1e-12)
    assert power.network_bytes_per_s == 0.0, "a job within one server sends nothing to others"


def test_a_job_over_servers_sends_its_traffic_from_each(workshop: Any) -> None:
    site = workshop.site([workshop.plan(accelerators=16)], servers=3)
    site.env.run(until=9.0)
    site.hall.read(9.0)
    site.env.run(until=10.0)
    power = site.hall.read(10.0)
    assert power.network_bytes_per_s == pytest.approx(16 * 1e9, rel=1e-12)
    assert power.accelerator_w == pytest.approx(16 * 370.0 + 8 * workshop.idle_w, rel=1e-12)


@given(instants_s=st.lists(st.floats(0.01, 60.0), max_size=20, unique=True), until_s=st.floats(1.0, 60.0))
def test_reading_at_any_instants_changes_no_sum(workshop: Any, instants_s: list[float], until_s: float) -> None:
    plans = [
        workshop.plan("a", evaluation_every=2, evaluation_first=2, checkpoint_every_s=6.0),
        workshop.plan("b", submit_s=1.0, accelerators=4, unit=4, steps=7.5),
    ]
    sums = []
    for instants in ((), sorted(instant_s for instant_s in instants_s if instant_s < until_s)):
        site = workshop.site(plans)
        totals: dict[Any, Any] = {}
        for instant_s in (*instants, until_s):
            site.env.run(until=instant_s)
            if instant_s == until_s:
                for job in site.jobs:
                    job.close(until_s)
            for key, reading in site.accounts().items():
                totals[key] = totals.get(key, np.zeros(4)) + reading
        sums.append((totals, site.records))
    (once, quiet), (often, read) = sums
    for key, total in once.items():
        assert often[key] == pytest.approx(total, rel=1e-11), key
    for left, right in zip(quiet, read, strict=True):
        assert (left.steps, left.end_s, left.tokens) == (right.steps, right.end_s, right.tokens)
        assert left.accelerator_energy_j == pytest.approx(right.accelerator_energy_j, rel=1e-11)
        account = once.get((left.name, "training"), np.zeros(4))
        assert left.accelerator_energy_j == pytest.approx(sum(account[:3]), rel=1e-11)
    # Every accelerator has been somewhere at every moment.
    assert sum(total[3] for total in once.values()) == pytest.approx(8 * until_s, rel=1e-11)


def test_rates_of_a_step() -> None:
    use = StepUse(time_s=4.0, busy_s=3.0, compute_j=1000.0, transfer_j=200.0, wait_j=80.0, network_bytes=6e9)
    assert Rates.of(use) == Rates(250.0, 50.0, 20.0, 0.75, 1.5e9)
    assert Rates.waiting(90.0) == Rates(0.0, 0.0, 90.0, 0.0, 0.0)
