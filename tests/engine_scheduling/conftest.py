"""Halls of small servers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from simulator.engine.compute.hall import Hall, Placement
from simulator.profiles import catalogue

MakeHall = Callable[..., Hall]


@pytest.fixture(scope="session")
def hall_with() -> MakeHall:
    """Return a maker of halls, given the free accelerators of each server and how many it has."""
    server = catalogue.server("dgx-h100", Path()).record
    accelerator = catalogue.accelerator("h100-sxm-80gb", Path()).record

    def make(free: Sequence[int], accelerators: int, name: str = "hall") -> Hall:
        profile = server.model_copy(update={"accelerators": accelerators})
        hall = Hall(name, profile, accelerator, len(free), 700.0, 24.0)
        for index, count in enumerate(free):
            if count < accelerators:
                hall.occupy(Placement((index,), (accelerators - count,)), 0.0)
        return hall

    return make
