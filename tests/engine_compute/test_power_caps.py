"""Layers of power caps: the lowest counts, and nobody undoes another's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.compute.power_caps import PowerCaps
from simulator.errors import InvariantError


def _caps() -> tuple[PowerCaps, list[tuple[str, float]]]:
    heard: list[tuple[str, float]] = []
    caps = PowerCaps(600.0, 200.0, 700.0)
    for name in ("a", "b"):
        caps.listen(name, lambda cap_w, name=name: heard.append((name, cap_w)))
    return caps, heard


def test_the_lowest_of_all_layers_counts() -> None:
    caps, heard = _caps()
    caps.set(400.0, "a", source="grid")
    caps.set(500.0, source="carbon")
    assert (caps.of("a"), caps.of("b")) == (400.0, 500.0)
    caps.set(700.0, "a", source="grid")
    assert caps.of("a") == 500.0, "the other layer is still there"
    caps.set(700.0, source="carbon")
    assert (caps.of("a"), caps.of("b")) == (600.0, 600.0), "the scenario's own cap stays"
    assert heard == [("a", 400.0), ("b", 500.0), ("a", 500.0), ("a", 600.0), ("b", 600.0)]


def test_a_cap_for_all_replaces_those_of_single_workloads() -> None:
    caps, heard = _caps()
    caps.set(300.0, "a")
    caps.set(450.0)
    assert (caps.of("a"), caps.of("b")) == (450.0, 450.0)
    caps.set(450.0)
    assert len(heard) == 3, "who has that cap already hears nothing"


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(["a", "b", None]), st.floats(200.0, 700.0))))
def test_any_sequence_keeps_the_lowest(asked: list[tuple[str, str | None, float]]) -> None:
    caps, heard = _caps()
    for source, workload, cap_w in asked:
        caps.set(cap_w, workload, source=source)
    for name in ("a", "b"):
        last = {}
        for source, workload, cap_w in asked:
            if workload in (name, None):
                last[source] = cap_w
        assert caps.of(name) == min([600.0, *last.values()])
        told = [cap_w for workload, cap_w in heard if workload == name]
        assert (told[-1] if told else 600.0) == caps.of(name)


def test_outside_what_boards_accept() -> None:
    with pytest.raises(InvariantError):
        _caps()[0].set(150.0)
