"""The queue of gangs: order, all or nothing, and every accelerator accounted for."""

from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import pairwise
from typing import Any

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.compute.hall import Hall, Placement
from simulator.engine.scheduling.placement import Pack, Spread
from simulator.engine.scheduling.queue import FifoQueue
from simulator.errors import InvariantError

MakeHall = Callable[..., Hall]


class Site:
    """Jobs that hold accelerators for a while, and a log of when each began and ended."""

    def __init__(self, hall: Hall, policy: Any = None) -> None:
        self.env = simpy.Environment()
        self.hall = hall
        self.queue = FifoQueue(self.env, policy or Pack())
        self.began: dict[str, float] = {}
        self.ended: dict[str, float] = {}
        self.placed: dict[str, Placement] = {}
        self.order: list[str] = []

    def job(self, name: str, submit_s: float, gang: int, unit: int, hold_s: float) -> None:
        def process() -> Generator[simpy.Event, Any, None]:
            yield self.env.timeout(submit_s)
            placement = yield self.queue.request(self.hall, gang, unit)
            self.order.append(name)
            self.began[name], self.placed[name] = self.env.now, placement
            yield self.env.timeout(hold_s)
            self.ended[name] = self.env.now
            self.queue.release(self.hall, placement)

        self.env.process(process())


def test_the_first_in_line_blocks_those_behind_it(hall_with: MakeHall) -> None:
    """Sixteen accelerators. A takes 8; B needs 16 and waits for A; C (2) would fit at once but came after B."""
    site = Site(hall_with([8, 8], 8))
    for name, submit_s, gang, hold_s in (
        ("A", 0.0, 8, 10.0),
        ("B", 1.0, 16, 5.0),
        ("C", 2.0, 2, 3.0),
        ("D", 3.0, 14, 1.0),
    ):
        site.job(name, submit_s, gang, 1, hold_s)
    site.env.run()
    assert site.began == {"A": 0.0, "B": 10.0, "C": 15.0, "D": 15.0}
    assert site.order == ["A", "B", "C", "D"]
    assert site.hall.free == [8, 8]


def test_halls_do_not_wait_for_one_another(hall_with: MakeHall) -> None:
    site = Site(hall_with([8], 8, "first"))
    other = hall_with([8], 8, "second")
    site.job("A", 0.0, 8, 1, 10.0)
    site.job("B", 1.0, 8, 1, 10.0)
    granted = site.queue.request(other, 8, 8)
    site.env.run(until=5.0)
    assert granted.value == Placement((0,), (8,))
    assert list(site.began) == ["A"]


def test_several_start_when_one_leaves(hall_with: MakeHall) -> None:
    site = Site(hall_with([8], 8))
    for name, gang in (("A", 8), ("B", 3), ("C", 5), ("D", 1)):
        site.job(name, 0.0, gang, 1, 4.0)
    site.env.run()
    assert site.began == {"A": 0.0, "B": 4.0, "C": 4.0, "D": 8.0}


_JOBS = st.lists(
    st.tuples(
        st.integers(0, 12).map(float),  # submit, with ties
        st.sampled_from([1, 2, 4, 8]),  # unit
        st.integers(1, 10),  # units
        st.integers(0, 9).map(float),  # hold
    ),
    min_size=1,
    max_size=25,
)


@given(jobs=_JOBS, servers=st.integers(1, 4), policy=st.sampled_from([Pack(), Spread()]))
def test_order_gangs_and_conservation(
    hall_with: MakeHall, jobs: list[tuple[float, int, int, float]], servers: int, policy: Any
) -> None:
    site = Site(hall_with([8] * servers, 8), policy)
    jobs = [job for job in jobs if job[1] * job[2] <= 8 * servers]
    for index, (submit_s, unit, units, hold_s) in enumerate(jobs):
        site.job(f"{index}", submit_s, unit * units, unit, hold_s)
    site.env.run()
    assert site.hall.free == [8] * servers, "everything came back"
    assert len(site.ended) == len(jobs), "everyone had a turn"
    arrivals = sorted(range(len(jobs)), key=lambda index: jobs[index][0])
    began_s = [site.began[f"{index}"] for index in arrivals]
    assert began_s == sorted(began_s), "nobody overtook"
    assert site.order == [f"{index}" for index in arrivals]
    _check_instants(site, jobs, servers)


def _check_instants(site: Site, jobs: list[tuple[float, int, int, float]], servers: int) -> None:
    """Count from outside what each server gave at each instant, and see that nobody waited who would have fitted."""
    instants = sorted({*site.began.values(), *site.ended.values()})
    for start_s, end_s in pairwise(instants):
        held = [0] * servers
        for name, placement in site.placed.items():
            if site.began[name] <= start_s and site.ended[name] >= end_s:
                for server, count in zip(placement.servers, placement.counts, strict=True):
                    held[server] += count
        assert max(held) <= 8
        waiting = [index for index, job in enumerate(jobs) if job[0] <= start_s and site.began[f"{index}"] >= end_s]
        if waiting:
            _, unit, units, _ = jobs[min(waiting, key=lambda index: (jobs[index][0], index))]
            free = [8 - count for count in held]
            gang = unit * units
            fits = max(free) >= gang if gang <= 8 else sum(count // unit for count in free) >= units
            assert not fits, "the first in line would have fitted"


def test_no_more_than_is_free_can_be_taken(hall_with: MakeHall) -> None:
    hall = hall_with([3, 8], 8)
    with pytest.raises(InvariantError, match="4 accelerators asked of 3 free ones"):
        hall.occupy(Placement((0,), (4,)), 0.0)
    with pytest.raises(InvariantError, match="0 accelerators asked"):
        hall.occupy(Placement((1,), (0,)), 0.0)
