"""The datacenter: when plant steps fall, when the run ends, and what a step adds up."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from simulator.engine.site import NetworkPower
from simulator.engine.training.job_meter import Rates
from simulator.errors import InvariantError
from simulator.records import ACCOUNT_FIELDS, COMPLETED
from simulator.signals.base import StepSignal

NewSite = Callable[..., Any]

REQUESTS = [(0.37 * index, 50 + 37 * index % 400, 20 + 53 * index % 300) for index in range(150)]


@pytest.mark.parametrize(
    ("horizon_s", "plant_step_s", "ends_s"),
    [
        (300.0, 60.0, [60.0, 120.0, 180.0, 240.0, 300.0]),
        (130.0, 60.0, [60.0, 120.0, 130.0]),
        (30.0, 60.0, [30.0]),
        (3.5, 1.0, [1.0, 2.0, 3.0, 3.5]),
    ],
)
def test_plant_steps_are_multiples_and_a_rest(
    new_site: NewSite, horizon_s: float, plant_step_s: float, ends_s: list[float]
) -> None:
    site = new_site(horizon_s, plant_step_s)
    site.add_hall("hall")
    records = site.run()
    assert records.sites[0].steps.ends_s.tolist() == ends_s
    assert records.duration_s == horizon_s
    assert site.progress_s == [end_s for end_s in ends_s if end_s < horizon_s]


def test_steps_do_not_drift(new_site: NewSite) -> None:
    """A thousand steps of 1.1 s: each ends at its own multiple, none at a sum of a thousand roundings."""
    site = new_site(1100.0, 1.1)
    site.add_hall("hall")
    ends_s = site.run().sites[0].steps.ends_s
    assert len(ends_s) == 1000
    assert np.abs(ends_s - 1.1 * np.arange(1, 1001)).max() < 2.5e-13, "one rounding near 1,100 s"


@pytest.mark.parametrize("hours", [1.1, 0.3, 2.3])
def test_a_horizon_that_rounding_puts_beyond_a_step_adds_no_step(new_site: NewSite, hours: float) -> None:
    """1.1 h x 3,600 s is 3960.0000000000005 s: a step of 5e-13 s would have means of pure noise."""
    site = new_site(hours * 3600.0)
    site.add_hall("hall")
    records = site.run()
    assert len(records.sites[0].steps.ends_s) == round(hours * 60.0)
    assert records.sites[0].steps.durations_s.min() > 59.9
    assert records.duration_s == hours * 3600.0


def test_a_run_ends_with_its_work_or_at_the_horizon(new_site: NewSite) -> None:
    """Ten requests of some seconds, and a job that takes 25 s from 3 s on."""
    ends_s = []
    for ends_with_work in (True, False):
        site = new_site(100.0, 10.0, ends_with_work=ends_with_work)
        site.add_service(site.add_hall("a"), REQUESTS[:10])
        site.add_job(site.add_hall("b"), submit_s=3.0)
        records = site.run()
        assert records.jobs[0].end_s == 28.0
        assert max(records.requests["chat"].finished_s) < 28.0
        ends_s.append(records.duration_s)
        assert records.sites[0].steps.ends_s[-1] == records.duration_s
    assert ends_s == [28.0, 100.0]


def test_work_that_ends_with_a_plant_step_adds_no_step(new_site: NewSite) -> None:
    site = new_site(100.0, 5.0, ends_with_work=True)
    site.add_job(site.add_hall("hall"))
    records = site.run()
    assert records.sites[0].steps.ends_s.tolist() == [5.0, 10.0, 15.0, 20.0, 25.0]
    assert records.jobs[0].outcome == "completed"


def test_a_run_without_its_end_stops_at_the_horizon(new_site: NewSite) -> None:
    site = new_site(20.0, 10.0, ends_with_work=True)
    site.add_job(site.add_hall("hall"), submit_s=3.0)
    records = site.run()
    assert records.duration_s == 20.0
    assert (records.jobs[0].outcome, records.jobs[0].steps) == ("running", 6.0)


def test_work_that_is_done_at_once_ends_no_run(new_site: NewSite) -> None:
    """A workload whose requests are all refused is done before the next one has been announced."""
    site = new_site(100.0, 10.0, ends_with_work=True)
    site.datacenter.expect_work()()
    site.add_service(site.add_hall("a"), [(0.0, 9000, 9000)])
    site.add_job(site.add_hall("b"))
    assert site.run().duration_s == 25.0
    idle = new_site(100.0, 10.0, ends_with_work=True)
    idle.add_hall("hall")
    idle.datacenter.expect_work()()
    assert idle.run().duration_s == 100.0


def test_a_step_by_hand(new_site: NewSite) -> None:
    """Ten seconds in which 16 accelerators of two servers train at 370 W and 1e9 bytes/s each, storage at rest.

    Switches take 500 W and 1e-9 J per byte; cooling a fifth of the heat; outdoors it warms from 10 to 20 degC at 4 s.
    """
    site = new_site(10.0, 10.0, dry_bulb_c=StepSignal([0.0, 4.0, 10.0], [10.0, 20.0]))
    hall = site.add_hall("hall", servers=2)
    site.add_storage(["job"])
    site.add_job(hall, accelerators=16, startup_s=0.0)
    records = site.run()
    row = {name: float(column[0]) for name, column in records.sites[0].steps.columns.items()}
    assert row["hall.hall.accelerator_w"] == pytest.approx(16 * 370.0, rel=1e-12)
    assert row["network_w"] == pytest.approx(500.0 + 1e-9 * 16e9, rel=1e-12)
    assert row["shared_storage_w"] == pytest.approx(50.0, rel=1e-12)
    it_w = row["hall.hall.input_w"] + 516.0 + 50.0
    assert row["power.it_power_w"] == pytest.approx(it_w, rel=1e-12)
    assert row["power.facility_power_w"] == pytest.approx(1.2 * it_w, rel=1e-12)
    assert row["dry_bulb_c"] == pytest.approx(0.4 * 10.0 + 0.6 * 20.0, rel=1e-12)
    assert row["wet_bulb_c"] == 15.0


def test_chapters_sum_to_the_accounts(new_site: NewSite) -> None:
    site = new_site(60.0, 7.0)
    site.add_storage(["job"])
    site.add_service(site.add_hall("a"), REQUESTS[:40], replicas=2)
    site.add_job(site.add_hall("b"), checkpoint_every_s=6.0, checkpoint_bytes=2e9)
    records = site.run()
    for key, total in records.accounts.items():
        parts = [chapter.accounts[key].sum(axis=1) for chapter in site.chapters if key in chapter.accounts]
        assert sum(parts) == pytest.approx(total, rel=1e-12), key
    job = records.jobs[0]
    training = dict(zip(ACCOUNT_FIELDS, records.accounts["b", "job", "training"], strict=True))
    used_j = training["compute_j"] + training["transfer_j"] + training["wait_j"]
    assert used_j == pytest.approx(job.accelerator_energy_j, rel=1e-12)
    requests_j = sum(records.requests["chat"].accelerator_energy_j)
    assert records.accounts["a", "chat", "inference"][:3].sum() == pytest.approx(requests_j, rel=1e-9)
    storage = {name: sum(chapter.storage_j[name].sum() for chapter in site.chapters) for name in ("", "job")}
    assert storage == pytest.approx({"": 50.0 * 60.0, "job": 200.0 * job.checkpoint_s}, rel=1e-12)


def test_the_plant_step_changes_no_work_and_no_energy_of_accelerators(new_site: NewSite) -> None:
    """Steps of 1, 60 and 3,600 s only decide how often the meters are read."""
    runs = []
    for plant_step_s in (1.0, 60.0, 3600.0):
        site = new_site(400.0, plant_step_s)
        site.add_storage(["job"])
        site.add_service(site.add_hall("a", servers=2), REQUESTS, replicas=3)
        site.add_job(site.add_hall("b"), steps=31.5, checkpoint_every_s=9.0, checkpoint_bytes=1e9)
        runs.append(site.run())
    for left, right in pairwise(runs):
        first, second = left.requests["chat"], right.requests["chat"]
        assert list(first.outcome) == [COMPLETED] * len(REQUESTS)
        for name in ("scheduled_s", "first_token_s", "finished_s", "replica", "accelerator_energy_j"):
            assert getattr(first, name) == getattr(second, name), name
        assert (left.jobs[0].start_s, left.jobs[0].end_s) == (right.jobs[0].start_s, right.jobs[0].end_s)
        assert left.jobs[0].accelerator_energy_j == pytest.approx(right.jobs[0].accelerator_energy_j, rel=1e-9)
        assert left.accounts.keys() == right.accounts.keys()
        for key, total in left.accounts.items():
            assert total == pytest.approx(right.accounts[key], rel=1e-9), key
        for hall in ("a", "b"):
            energy_j = [
                float(run.sites[0].steps.columns[f"hall.{hall}.accelerator_w"] @ run.sites[0].steps.durations_s)
                for run in (left, right)
            ]
            assert energy_j[0] == pytest.approx(energy_j[1], rel=1e-9)


def test_overload_is_noted_once_for_each_hall(new_site: NewSite) -> None:
    """Eight boards at 3 kW: beyond the six supplies of 3.3 kW of each server."""
    site = new_site(60.0, 10.0)
    site.add_hall("calm")
    hot = site.add_hall("hot")
    site.add_job(hot, step_rates=Rates(3000.0, 0.0, 0.0, 1.0, 0.0), startup_s=0.0, steps=25.0)
    events = [event for event in site.run().events if event.kind == "power_supply_overload"]
    assert [(event.t_s, event.subject) for event in events] == [(10.0, "hot")]
    assert "1 servers draw more than their supplies are rated for" in events[0].detail


def test_power_beyond_the_capacity_of_the_building_is_noted_once(new_site: NewSite) -> None:
    """Eight idle boards of 72 W draw some 2 kW with their host; the building is built for one."""
    site = new_site(60.0, 10.0)
    site.add_hall("hall")
    events = [event for event in site.run(it_capacity_w=1000.0).events if event.kind == "it_capacity_exceeded"]
    assert [(event.t_s, event.subject) for event in events] == [(10.0, "site")]
    assert events[0].detail.endswith("kW of IT power; the building was designed for 1 kW")
    roomy = new_site(60.0, 10.0)
    roomy.add_hall("hall")
    assert not roomy.run(it_capacity_w=1e5).events


def test_refused_requests_are_counted_with_their_reason(new_site: NewSite) -> None:
    site = new_site(60.0, 10.0)
    site.add_service(site.add_hall("hall"), [(1.0, 10, 5), (2.0, 10**8, 5), (3.0, 10**7, 1)])
    events = [event for event in site.run().events if event.kind == "requests_refused"]
    assert [event.subject for event in events] == ["chat"]
    assert events[0].detail == "2 requests of 10,000,001 to 100,000,005 tokens: longer than the model's context"


def test_events_come_in_order_of_time(new_site: NewSite) -> None:
    site = new_site(100.0)
    hall = site.add_hall("hall")
    site.add_job(hall, name="first")
    site.add_job(hall, name="second", submit_s=1.0)
    records = site.run()
    assert [(event.t_s, event.kind, event.subject) for event in records.events] == [
        (0.0, "job_started", "first"),
        (25.0, "job_completed", "first"),
        (25.0, "job_started", "second"),
        (50.0, "job_completed", "second"),
    ]
    assert records.event_count > 10


def test_a_power_that_is_no_number_is_a_bug(new_site: NewSite) -> None:
    site = new_site(10.0, network=NetworkPower(float("nan"), 0.0))
    site.add_hall("hall")
    with pytest.raises(InvariantError, match="IT power is nan at 10"):
        site.run()
