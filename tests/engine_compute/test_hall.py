"""A hall: free accelerators, accounts, and a reading of everything that was booked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.compute.account import Account
from simulator.engine.compute.hall import Hall, Placement
from simulator.engine.serving.replica_meter import ReplicaMeter
from simulator.errors import InvariantError
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.servers import ServerRecord


@pytest.fixture
def hall(plain_server: ServerRecord, accelerator: AcceleratorRecord) -> Hall:
    """Return three servers with two accelerators each, which draw 50 W while nobody holds them."""
    return Hall("hall", plain_server, accelerator, 3, 700.0, 25.0)


def test_an_empty_hall_idles(hall: Hall) -> None:
    power = hall.read(10.0)
    assert power.accelerator_w == pytest.approx(6 * 50.0, rel=1e-12)
    assert power.busy_share == 0.0
    assert dict(hall.take_accounts()) == {("", "idle"): pytest.approx((6 * 50.0 * 10.0, 0.0, 0.0, 60.0), rel=1e-12)}


def test_accelerators_leave_and_return_between_readings(hall: Hall) -> None:
    """Three are taken from 2 s to 5 s and cost nothing here: whoever holds them books them."""
    hall.occupy(Placement((0, 2), (1, 2)), 2.0)
    assert hall.free == [1, 2, 0]
    hall.release(Placement((0, 2), (1, 2)), 5.0)
    assert hall.free == [2, 2, 2]
    accelerator_s = 6 * 2.0 + 3 * 3.0 + 6 * 5.0
    assert hall.read(10.0).accelerator_w == pytest.approx(50.0 * accelerator_s / 10.0, rel=1e-12)
    idle = dict(hall.take_accounts())["", "idle"]
    assert idle == pytest.approx((50.0 * accelerator_s, 0.0, 0.0, accelerator_s), rel=1e-12)


@given(
    moves=st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 2), st.floats(0.1, 5.0), st.floats(0.1, 5.0)), max_size=8
    )
)
def test_time_of_free_accelerators(
    plain_server: ServerRecord, accelerator: AcceleratorRecord, moves: list[tuple[int, int, float, float]]
) -> None:
    hall = Hall("hall", plain_server, accelerator, 3, 700.0, 25.0)
    now_s = held_s = 0.0
    for server, count, hold_s, pause_s in moves:
        hall.occupy(Placement((server,), (count,)), now_s)
        now_s, held_s = now_s + hold_s, held_s + count * hold_s
        hall.release(Placement((server,), (count,)), now_s)
        now_s += pause_s
    hall.read(now_s + 1.0)
    idle = dict(hall.take_accounts())["", "idle"]
    assert idle[3] == pytest.approx(6 * (now_s + 1.0) - held_s, rel=1e-12)
    assert idle[0] == pytest.approx(50.0 * idle[3], rel=1e-12)


def test_replicas_and_gangs_add_up_and_are_read_once(hall: Hall) -> None:
    """On server 0 a replica works 3 s of 4 on both accelerators; on server 1 and 2 a gang books its own."""
    hall.occupy(Placement((0, 1, 2), (2, 2, 2)), 0.0)
    active, idle = hall.account("chat", "inference"), hall.account("chat", "idle")
    meter = ReplicaMeter(hall, 0, 2, 80.0, active, idle)
    meter.work(3.0, 1500.0, 200.0)
    meter.rest(1.0)
    hall.book_gang(np.array([1, 2]), np.array([[800.0, 400.0], [8.0, 4.0], [4e9, 2e9]]))
    power = hall.read(4.0)
    assert power.accelerator_w == pytest.approx((1500.0 + 2 * 80.0 + 800.0 + 400.0) / 4.0, rel=1e-12)
    assert power.busy_share == pytest.approx((6.0 + 8.0 + 4.0) / (6 * 4.0), rel=1e-12)
    assert power.network_bytes_per_s == pytest.approx(6e9 / 4.0, rel=1e-12)
    assert power.highest_server_w > hall.read(8.0).highest_server_w
    accounts = dict(hall.take_accounts())
    assert accounts["chat", "inference"] == pytest.approx((1300.0, 200.0, 0.0, 6.0), rel=1e-12)
    assert accounts["chat", "idle"] == pytest.approx((160.0, 0.0, 0.0, 2.0), rel=1e-12)
    assert hall.read(12.0).accelerator_w == 0.0
    assert all(not any(reading) for _, reading in hall.take_accounts())


def test_a_closed_account_is_read_once_more(hall: Hall) -> None:
    account = hall.account("job", "training")
    assert hall.account("job", "training") is account
    account.compute_j = 7.0
    hall.close_account("job", "training")
    assert dict(hall.take_accounts())["job", "training"] == (7.0, 0.0, 0.0, 0.0)
    assert ("job", "training") not in dict(hall.take_accounts())
    assert hall.account("job", "training") is not account


def test_an_account_starts_again_at_zero() -> None:
    account = Account("chat", "inference", 1.0, 2.0, 3.0, 4.0)
    assert account.take() == (1.0, 2.0, 3.0, 4.0)
    assert account.take() == (0.0, 0.0, 0.0, 0.0)


class Recorder:
    """A meter that remembers when it was settled."""

    def __init__(self) -> None:
        self.settled_s: list[float] = []

    def settle(self, now_s: float) -> None:
        self.settled_s.append(now_s)


def test_meters_are_settled_at_readings_while_attached(hall: Hall) -> None:
    meter = Recorder()
    hall.read(1.0)
    hall.attach(meter)
    hall.read(2.0)
    hall.read(3.5)
    hall.detach(meter)
    hall.read(4.0)
    assert meter.settled_s == [2.0, 3.5]


def test_an_instant_is_read_once(hall: Hall) -> None:
    hall.read(5.0)
    with pytest.raises(InvariantError, match="read twice at 5"):
        hall.read(5.0)


def test_servers_without_accelerators(plain_server: ServerRecord) -> None:
    server = plain_server.model_copy(update={"accelerators": 0, "accelerator": None})
    hall = Hall("hall", server, None, 4, 0.0, 25.0)
    power = hall.read(60.0)
    assert (power.accelerator_w, power.host_w, power.busy_share) == (0.0, 4 * 200.0, 0.0)
    assert dict(hall.take_accounts()) == {("", "idle"): (0.0, 0.0, 0.0, 0.0)}


def test_servers_that_are_off_draw_nothing(hall: Hall) -> None:
    assert hall.read(10.0).input_w > 0.0
    hall.turn(False, 10.0)
    assert hall.read(20.0).input_w == 0.0
    hall.turn(True, 20.0)
    assert hall.read(25.0).accelerator_w == pytest.approx(6 * 50.0, rel=1e-12)
