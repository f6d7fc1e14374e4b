"""Ten minutes without cooling at full load: how a hall warms up, what heat does to work, and that nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simulator as sim
from simulator.assembly.build import assemble
from simulator.profiles import catalogue
from simulator.records import SiteRecords
from simulator.scenario.loader import Scenario

SCENARIO = Path(__file__).resolve().parents[2] / "scenarios/cooling-failure.yaml"
SHORT = {"duration_h": 0.8, "facility.cooling_failures": [{"start_h": 0.25, "duration_min": 10}]}
FAILS_S, BACK_S, STEP_S = 900.0, 1500.0, 15.0

INDOORS = ("rack", "busway", "pdu", "ups")
"""Stages of the power chain whose losses are heat indoors; the transformer stands outdoors."""


def scenario(**changes: Any) -> Scenario:
    return sim.load(SCENARIO, {**SHORT, **changes})


@pytest.fixture(scope="module")
def run() -> sim.Result:
    return sim.run(scenario())


@pytest.fixture(scope="module")
def site() -> SiteRecords:
    return assemble(scenario()).datacenter.run().sites[0]


def test_the_hall_warms_up_as_small_steps_of_its_balance_say(site: SiteRecords) -> None:
    """Runge-Kutta steps of 0.25 s from the temperatures before the failure and the heat of each plant step."""
    columns, thermal = site.steps.columns, catalogue.thermal("thermal", Path()).record
    rated_w = 8 * 10_200.0
    equipment, loop = thermal.equipment_j_per_k_per_w * rated_w, thermal.air.loop_j_per_k_per_w * rated_w
    air, flow = 1.2 * 1005.0 * thermal.room_air_m3_per_kw * rated_w / 1e3, rated_w / thermal.air.rise_k
    exchange = equipment / thermal.air.equipment_time_constant_s
    hall_w = columns["hall.hall.input_w"]
    other_w = columns["network_w"] + columns["shared_storage_w"] + columns["power.other_power_w"]
    other_w = other_w + sum(columns[f"power.{stage}_loss_w"] for stage in INDOORS)

    def slope(state: np.ndarray, step: int) -> np.ndarray:
        given_w = exchange * (state[0] - state[2] - 2.0)
        carried_w = flow * (state[1] - state[2])
        return np.array(
            [
                (hall_w[step] - given_w) / equipment,
                (given_w + other_w[step] - carried_w) / air,
                carried_w / loop,
            ]
        )

    first = int(FAILS_S / STEP_S)
    state = np.array([columns["room.hall.equipment_c"][first - 1], columns["room.hall.return_c"][first - 1], 25.0])
    for step in range(first, int(BACK_S / STEP_S)):
        before_c = state[2]
        for _ in range(60):
            one = slope(state, step)
            two = slope(state + 0.125 * one, step)
            three = slope(state + 0.125 * two, step)
            four = slope(state + 0.25 * three, step)
            state = state + 0.25 / 6.0 * (one + 2.0 * two + 2.0 * three + four)
        assert columns["room.hall.equipment_c"][step] == pytest.approx(state[0], abs=1e-6)
        assert columns["room.hall.return_c"][step] == pytest.approx(state[1], abs=1e-6)
        assert columns["room.hall.inlet_peak_c"][step] == pytest.approx(state[2] + 2.0, abs=1e-6)
        assert before_c + 2.0 < columns["room.hall.inlet_c"][step] < state[2] + 2.0
    assert state[2] > 25.0 + 20.0, "two kelvin and more in a minute at full load"


def test_heat_is_stored_and_given_back(run: sim.Result, site: SiteRecords) -> None:
    columns, durations_s = site.steps.columns, site.steps.durations_s
    steps = slice(int(FAILS_S / STEP_S), int(BACK_S / STEP_S))
    assert (columns["cooling.chiller_power_w"][steps] == 0.0).all()
    # What was not removed is in the rooms: all heat made indoors, of which the table tells how much the loop took up.
    assert (columns["cooling.unmet_heat_w"][steps] > 0.0).all()
    assert run.summary.unmet_heat_kwh > 0.0
    assert (np.abs(columns["heat_residual_j"]) <= 1e-9 * columns["power.facility_power_w"] * durations_s + 1e-3).all()
    given_w = columns["cooling.heat_w"] - columns["cooling.unmet_heat_w"]
    made_w = columns["power.it_power_w"] + columns["power.other_power_w"]
    made_w = made_w + sum(columns[f"power.{stage}_loss_w"] for stage in INDOORS)
    stored_j = float((made_w - given_w)[: steps.stop] @ durations_s[: steps.stop])
    assert stored_j > 0.9 * float(made_w[steps] @ durations_s[steps]) * 0.9
    assert run.audit.ok.all()


def test_boards_throttle_and_recover_and_all_work_is_done(run: sim.Result) -> None:
    untouched = sim.run(scenario(**{"facility.cooling_failures": []}))
    kinds = list(run.events.kind)
    order = (
        "cooling_failure",
        "inlet_above_allowable",
        "thermal_throttle",
        "cooling_restored",
        "thermal_throttle_over",
    )
    places = [kinds.index(kind) for kind in (*order, "inlet_allowable_again")]
    assert places == sorted(places)
    assert "servers_off" not in kinds
    assert 0.0 < run.summary.hall_throttled_h < 0.2
    assert 0.1 < run.summary.hall_outside_allowable_h < 0.3
    # The step in which a limit is noticed may pass it by what a plant step adds.
    assert run.summary.peak_die_c < 87.0 + 3.0
    assert run.summary.peak_inlet_c > 45.0
    assert run.thermal.inlet_c.iloc[-1] == untouched.thermal.inlet_c.iloc[-1] == 27.0
    assert run.summary.requests_arrived == untouched.summary.requests_arrived
    assert run.summary.requests_completed >= untouched.summary.requests_completed - 5
    assert run.summary.training_steps <= untouched.summary.training_steps
    assert untouched.summary.hall_throttled_h == untouched.summary.hall_outside_recommended_h == 0.0


def test_servers_that_trip_come_back_and_repeat_what_they_lost() -> None:
    """Twenty minutes: servers switch off, jobs go back to their checkpoints, requests wait, and nothing disappears."""
    failure = [{"start_h": 0.25, "duration_min": 20}]
    result = sim.run(scenario(**{"duration_h": 1.3, "facility.cooling_failures": failure}))
    events = list(result.events.kind)
    assert [kind for kind in events if kind in ("servers_off", "servers_on")] == ["servers_off", "servers_on"]
    assert result.audit.ok.all()
    summary, job = result.summary, result.jobs.iloc[0]
    assert summary.hall_off_h > 0.3
    assert job.lost_steps > 0.0
    assert job.tokens == pytest.approx(job.steps * 512 * 8192, rel=1e-9)
    ends = summary.requests_completed + summary.requests_in_flight
    assert summary.requests_arrived == ends, "none is refused or forgotten"
    off = result.thermal.off_s > 0.0
    power = result.power.loc[off.to_numpy()].iloc[1:]
    assert (power.accelerator_w + power.host_w + power.server_fan_w == 0.0).all()
    assert summary.preemptions > 0


def test_what_is_left_of_a_plant_may_be_enough() -> None:
    """A third of N + 1 machines gone at half load: nobody notices."""
    failure = [{"start_h": 0.25, "duration_min": 10, "capacity_fraction": 0.9}]
    result = sim.run(scenario(**{"facility.cooling_failures": failure, "facility.it_capacity_kw": 160}))
    assert result.summary.peak_inlet_c == 27.0
    assert result.summary.unmet_heat_kwh == 0.0


def test_boards_leak_nothing_where_their_power_was_measured() -> None:
    """Coolant and air at their references from the first step on: the measured figures stand as they are."""
    for server, offset_k in (("smc-h100-immersion", 0.0), ("hgx-b200-water", 0.0), ("dgx-h100", 1.0)):
        changes = {
            "servers": [{"name": "hall", "profile": server, "count": 8, "inlet_offset_k": offset_k}],
            "facility": {"kind": "published_pue", "pue": 1.2, "supply_air_c": 24.0},
            "duration_h": 0.1,
        }
        data = {**sim.load(SCENARIO).document.data, **changes}
        columns = assemble(sim.from_dict(data)).datacenter.run().sites[0].steps.columns
        assert (columns["hall.hall.accelerator_w"] > 0.0).all()
        assert (columns["hall.hall.leakage_w"] == 0.0).all(), server
