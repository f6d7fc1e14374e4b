"""Routers against a look at every replica."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.serving.router import LeastLoaded, RoundRobin


@dataclass
class Load:
    """A replica as a router sees it."""

    outstanding: int = 0


def test_round_robin_takes_each_in_turn_whatever_their_load() -> None:
    replicas = [Load(9), Load(0), Load(4)]
    router = RoundRobin(list(replicas))
    chosen = []
    for request in range(8):
        chosen.append(router.choose(request))
        router.finished(1)
    assert chosen == [0, 1, 2, 0, 1, 2, 0, 1]


def _serve(router: LeastLoaded, replicas: list[Load], arrives: bool, which: int) -> None:
    """Let a request arrive, or a busy replica finish one, and check the choice."""
    busy = [index for index, replica in enumerate(replicas) if replica.outstanding]
    if arrives or not busy:
        loads = [replica.outstanding for replica in replicas]
        chosen = router.choose(0)
        assert chosen == loads.index(min(loads))
        replicas[chosen].outstanding += 1
    else:
        index = busy[which % len(busy)]
        replicas[index].outstanding -= 1
        router.finished(index)


@given(count=st.integers(1, 6), steps=st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=300))
def test_least_loaded_is_the_first_of_the_least_loaded(count: int, steps: list[tuple[bool, int]]) -> None:
    replicas = [Load() for _ in range(count)]
    router = LeastLoaded(list(replicas))
    for arrives, which in steps:
        _serve(router, replicas, arrives, which)


@pytest.mark.parametrize("seed", range(3))
def test_least_loaded_after_long_crowds(seed: int) -> None:
    """Hundreds of requests in flight that finish in a row: outdated entries are thrown out and none is missed."""
    rng = np.random.default_rng(seed)
    replicas = [Load() for _ in range(5)]
    router = LeastLoaded(list(replicas))
    for crowd in (400, 30, 250):
        for phase, arrival_share in ((crowd, 1.0), (200, 0.5), (crowd, 0.02), (100, 0.5)):
            for _ in range(phase):
                _serve(router, replicas, bool(rng.random() < arrival_share), int(rng.integers(1000)))
