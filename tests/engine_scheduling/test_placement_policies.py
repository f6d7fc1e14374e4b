"""Which servers a gang gets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.compute.hall import Hall, Placement
from simulator.engine.scheduling.placement import Pack, PlacementPolicy, Spread

MakeHall = Callable[..., Hall]


@pytest.mark.parametrize(
    ("policy", "free", "gang", "server"),
    [
        (Pack(), [8, 3, 5, 2], 2, 3),  # the fullest that has room
        (Pack(), [8, 3, 5, 2], 3, 1),
        (Pack(), [8, 3, 5, 2], 4, 2),
        (Pack(), [8, 3, 5, 2], 6, 0),
        (Pack(), [5, 3, 5, 3], 3, 1),  # the first of equals
        (Spread(), [4, 3, 7, 7], 2, 2),  # the emptiest, the first of equals
        (Spread(), [4, 3, 7, 7], 7, 2),
        (Spread(), [4, 3, 6, 8], 1, 3),
    ],
)
def test_one_server_by_hand(
    hall_with: MakeHall, policy: PlacementPolicy, free: list[int], gang: int, server: int
) -> None:
    assert policy.place(hall_with(free, 8), gang, 1) == Placement((server,), (gang,))


@pytest.mark.parametrize("policy", [Pack(), Spread()])
@pytest.mark.parametrize(
    ("free", "gang", "unit", "placement"),
    [
        ([8, 8, 8], 16, 8, Placement((0, 1), (8, 8))),  # whole servers, in order
        ([7, 8, 8], 16, 8, Placement((1, 2), (8, 8))),
        ([7, 8, 5], 16, 4, Placement((0, 1, 2), (4, 8, 4))),  # a group of 4 never spans servers
        ([7, 8, 5], 20, 1, Placement((0, 1, 2), (7, 8, 5))),
        ([7, 8, 5], 20, 4, None),  # 4 + 8 + 4
        ([7, 7, 7, 7], 16, 8, None),  # 28 are free, no server is
        ([2, 8, 3, 8], 18, 2, Placement((1, 2, 3), (8, 2, 8))),  # emptiest first, so the pair on server 2
        ([4, 4, 4], 8, 2, None),  # 8 fit into one server, so they wait for one
    ],
)
def test_several_servers_by_hand(
    hall_with: MakeHall, policy: PlacementPolicy, free: list[int], gang: int, unit: int, placement: Placement | None
) -> None:
    assert policy.place(hall_with(free, 8), gang, unit) == placement


@given(
    free=st.lists(st.integers(0, 8), min_size=1, max_size=6),
    unit=st.sampled_from([1, 2, 3, 4, 8]),
    units=st.integers(1, 12),
    policy=st.sampled_from([Pack(), Spread()]),
)
def test_a_gang_is_placed_exactly_when_it_fits(
    hall_with: MakeHall, free: list[int], unit: int, units: int, policy: PlacementPolicy
) -> None:
    hall, gang = hall_with(free, 8), unit * units
    fits = max(free) >= gang if gang <= 8 else sum(count // unit for count in free) >= units
    placement = policy.place(hall, gang, unit)
    assert (placement is not None) == fits
    assert hall.free == free, "choosing takes nothing"
    if placement is None:
        return
    assert placement.accelerators == gang
    assert list(placement.servers) == sorted(set(placement.servers))
    assert all(0 < count <= free[server] for server, count in zip(placement.servers, placement.counts, strict=True))
    assert all(count % unit == 0 for count in placement.counts), "a unit spans no servers"
    if gang <= 8:
        assert len(placement.servers) == 1
