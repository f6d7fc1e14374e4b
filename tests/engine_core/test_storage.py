"""Shared storage: one writer at a time, and energy for idling and for writing."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.storage import Storage


class Writers:
    """Storage that writes 10 bytes per second at 20 W idle and 100 W active, with workloads that write."""

    def __init__(self, *names: str) -> None:
        self.env = simpy.Environment()
        self.storage = Storage(self.env, 10.0, 20.0, 100.0, names)
        self.log: list[tuple[str, float, float]] = []
        """Name, when asked, when written."""

    def add(self, name: str, asked_s: float, size_bytes: float) -> None:
        def process() -> Generator[simpy.Event, Any, None]:
            yield self.env.timeout(asked_s)
            yield from self.storage.write(name, size_bytes)
            self.log.append((name, asked_s, self.env.now))

        self.env.process(process())


def test_writes_follow_one_another() -> None:
    """3 s from 1 s, then 2 s, then 1 s; the last comes when all is quiet."""
    writers = Writers("a", "b", "c")
    for write in (("a", 1.0, 30.0), ("b", 2.0, 20.0), ("c", 2.5, 10.0), ("a", 9.0, 5.0)):
        writers.add(*write)
    writers.env.run()
    assert writers.log == [("a", 1.0, 4.0), ("b", 2.0, 6.0), ("c", 2.5, 7.0), ("a", 9.0, 9.5)]
    reading = writers.storage.read(10.0)
    assert reading == pytest.approx({"": 20.0 * 10, "a": 80.0 * 3.5, "b": 80.0 * 2, "c": 80.0 * 1}, rel=1e-12)
    assert writers.storage.read(10.0) == {"": 0.0, "a": 0.0, "b": 0.0, "c": 0.0}


def test_a_reading_in_the_middle_of_a_write() -> None:
    writers = Writers("a")
    writers.add("a", 1.0, 30.0)
    writers.env.run(until=2.0)
    assert writers.storage.read(2.0) == {"": 40.0, "a": 80.0}
    writers.env.run(until=5.0)
    assert writers.storage.read(5.0) == {"": 60.0, "a": 160.0}


@given(
    writes=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 20).map(float), st.integers(0, 50).map(float)), max_size=20
    ),
    readings_s=st.lists(st.floats(0.1, 60.0), max_size=8, unique=True),
)
def test_order_and_energy(writes: list[tuple[str, float, float]], readings_s: list[float]) -> None:
    writers = Writers("a", "b", "c")
    for write in writes:
        writers.add(*write)
    total = dict.fromkeys(["", "a", "b", "c"], 0.0)
    for instant_s in (*sorted(readings_s), 200.0):
        writers.env.run(until=instant_s)
        for name, energy_j in writers.storage.read(instant_s).items():
            total[name] += energy_j
    # By hand: in order of asking, each begins when it asks or when the one before has ended.
    end_s, expected = 0.0, []
    for name, asked_s, size_bytes in sorted(writes, key=lambda write: write[1]):
        end_s = max(end_s, asked_s) + size_bytes / 10.0
        expected.append((name, asked_s, end_s))
    assert [entry[:2] for entry in writers.log] == [entry[:2] for entry in expected]
    assert [entry[2] for entry in writers.log] == pytest.approx([entry[2] for entry in expected], rel=1e-12)
    assert total[""] == pytest.approx(20.0 * 200.0, rel=1e-12)
    for name in "abc":
        busy_s = sum(size_bytes for writer, _, size_bytes in writes if writer == name) / 10.0
        assert total[name] == pytest.approx(80.0 * busy_s, rel=1e-9, abs=1e-9)
