"""The battery against closed forms and against a fine integration of its equation; conservation in any step."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.physics.battery import Battery, advance

KWH = 3.6e6
ROUND = 1e-9
"""Sums of a handful of pieces; the exponentials lose a few of the sixteen digits."""

LFP = Battery(
    capacity_j=100 * KWH,
    lowest_j=5 * KWH,
    highest_j=95 * KWH,
    charge_w=25e3,
    discharge_w=25e3,
    charge_efficiency=math.sqrt(0.85),
    discharge_efficiency=math.sqrt(0.85),
    standby_w=100.0,
    charge_taper_j=85 * KWH,
    discharge_taper_j=10 * KWH,
)
WINDOW = (LFP.lowest_j, LFP.highest_j)


@st.composite
def _batteries(draw: st.DrawFn) -> Battery:
    lowest, highest = draw(st.floats(0.0, 0.4)), draw(st.floats(0.5, 1.0))
    up, down = draw(st.floats(0.0, 1.0)), draw(st.floats(0.0, 1.0))
    span = highest - lowest
    return Battery(
        capacity_j=100 * KWH,
        lowest_j=lowest * 100 * KWH,
        highest_j=highest * 100 * KWH,
        charge_w=draw(st.floats(1e3, 1e5)),
        discharge_w=draw(st.floats(1e3, 1e5)),
        charge_efficiency=draw(st.floats(0.6, 1.0)),
        discharge_efficiency=draw(st.floats(0.6, 1.0)),
        standby_w=draw(st.sampled_from([0.0, 50.0, 2e3])),
        charge_taper_j=min(lowest + up * span, highest) * 100 * KWH,
        discharge_taper_j=min(lowest + down * span, highest) * 100 * KWH,
    )


@st.composite
def _cases(draw: st.DrawFn) -> tuple[Battery, float, float, float, tuple[float, float], bool]:
    battery = draw(_batteries())
    low, high = sorted(draw(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0))))
    span_j = battery.highest_j - battery.lowest_j
    energy_j = draw(st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 1.0]))) * battery.highest_j
    request_w = draw(st.one_of(st.just(0.0), st.floats(-2e5, 2e5)))
    dt_s = draw(st.floats(1.0, 40_000.0))
    within_j = (battery.lowest_j + low * span_j, battery.lowest_j + high * span_j)
    return battery, energy_j, request_w, dt_s, within_j, draw(st.booleans())


def test_a_round_trip_gives_back_85_percent() -> None:
    """Reference vector bat-001: 100 kWh in, 85 kWh out, between energies where no taper and no standby act."""
    battery = Battery(1000 * KWH, 0.0, 1000 * KWH, 5e4, 5e4, math.sqrt(0.85), math.sqrt(0.85), 0.0, 1000 * KWH, 0.0)
    charged = advance(battery, 100 * KWH, 2.5e4, 4 * 3600.0, (0.0, 1000 * KWH), floats=True)
    assert charged.charged_j / KWH == pytest.approx(100.0, rel=1e-12)
    drained = advance(battery, charged.energy_j, -2.5e4, 3.4 * 3600.0, (0.0, 1000 * KWH), floats=True)
    assert drained.energy_j == pytest.approx(100 * KWH, rel=1e-12)
    assert drained.discharged_j / KWH == pytest.approx(85.0, rel=1e-12)


def test_a_charge_to_the_taper_and_along_it() -> None:
    """25 kW into 85 kWh at eta - 100 W, then an exponential towards what standby leaves of 95 kWh."""
    eta = math.sqrt(0.85)
    to_taper_s = (85 - 40) * KWH / (eta * 25e3 - 100.0)
    at_taper = advance(LFP, 40 * KWH, 25e3, to_taper_s, WINDOW, floats=True)
    assert at_taper.energy_j == pytest.approx(85 * KWH, rel=1e-12)
    assert at_taper.charged_j == pytest.approx(25e3 * to_taper_s, rel=1e-12)
    slope = eta * 25e3 / (10 * KWH)
    rest_j = 95 * KWH - 100.0 / slope
    after_j = rest_j + (85 * KWH - rest_j) * math.exp(-slope * 1800.0)
    along = advance(LFP, 40 * KWH, 25e3, to_taper_s + 1800.0, WINDOW, floats=True)
    assert along.energy_j == pytest.approx(after_j, rel=1e-12)
    assert LFP.charge_limit_w(after_j) < 25e3


def test_a_discharge_to_the_reserve_stops_there() -> None:
    reserve_j = 30 * KWH
    step = advance(LFP, 35 * KWH, -20e3, 10 * 3600.0, (reserve_j, LFP.highest_j), floats=True)
    assert step.energy_j == reserve_j
    drain_w = 20e3 / LFP.discharge_efficiency + 100.0
    until_s = 5 * KWH / drain_w
    assert step.discharged_j == pytest.approx(20e3 * until_s, rel=1e-12)
    assert step.charged_j == pytest.approx(LFP.float_w * (36_000.0 - until_s), rel=1e-12), "it floats at the reserve"


def test_without_a_grid_standby_drains_to_nothing_and_no_further() -> None:
    step = advance(LFP, 5 * KWH, -20e3, 1000 * 3600.0, WINDOW, floats=False)
    assert (step.energy_j, step.charged_j, step.discharged_j) == (0.0, 0.0, 0.0)
    again = advance(LFP, 0.0, 0.0, 3600.0, WINDOW, floats=False)
    assert (again.energy_j, again.charged_j, again.discharged_j) == (0.0, 0.0, 0.0)


def test_a_recharge_stops_at_its_ceiling() -> None:
    step = advance(LFP, 10 * KWH, 25e3, 10 * 3600.0, (LFP.lowest_j, 30 * KWH), floats=True)
    assert step.energy_j == 30 * KWH
    into_s = 20 * KWH / (LFP.charge_efficiency * 25e3 - 100.0)
    assert step.charged_j == pytest.approx(25e3 * into_s + LFP.float_w * (36_000.0 - into_s), rel=1e-12)


@given(_cases())
def test_nothing_is_gained_and_limits_hold(
    case: tuple[Battery, float, float, float, tuple[float, float], bool],
) -> None:
    battery, energy_j, request_w, dt_s, within_j, floats = case
    step = advance(battery, energy_j, request_w, dt_s, within_j, floats)
    scale = battery.capacity_j + step.charged_j + step.discharged_j
    lost_j = step.charged_j - step.discharged_j - (step.energy_j - energy_j)
    conversion_j = step.charged_j * (1.0 - battery.charge_efficiency)
    conversion_j += step.discharged_j * (1.0 / battery.discharge_efficiency - 1.0)
    assert -ROUND * scale <= lost_j - conversion_j <= battery.standby_w * dt_s + ROUND * scale
    assert 0.0 <= step.energy_j <= battery.highest_j + ROUND * scale
    assert 0.0 <= step.charged_j <= max(min(request_w, battery.charge_w), battery.float_w) * dt_s * (1.0 + ROUND)
    assert 0.0 <= step.discharged_j <= min(max(-request_w, 0.0), battery.discharge_w) * dt_s * (1.0 + ROUND)
    if request_w <= 0.0:
        assert step.energy_j <= energy_j
        if energy_j <= within_j[0]:
            assert step.discharged_j == 0.0


@given(_cases(), st.floats(0.01, 0.99))
def test_two_parts_of_a_step_are_one_step(
    case: tuple[Battery, float, float, float, tuple[float, float], bool], share: float
) -> None:
    battery, energy_j, request_w, dt_s, within_j, floats = case
    whole = advance(battery, energy_j, request_w, dt_s, within_j, floats)
    first = advance(battery, energy_j, request_w, share * dt_s, within_j, floats)
    second = advance(battery, first.energy_j, request_w, (1.0 - share) * dt_s, within_j, floats)
    scale = ROUND * (battery.capacity_j + whole.charged_j + whole.discharged_j)
    assert second.energy_j == pytest.approx(whole.energy_j, abs=scale)
    assert first.charged_j + second.charged_j == pytest.approx(whole.charged_j, abs=scale)
    assert first.discharged_j + second.discharged_j == pytest.approx(whole.discharged_j, abs=scale)


def test_a_ceiling_a_rounding_above_the_taper_is_not_passed() -> None:
    """Where the taper begins follows from a difference, and may come out a rounding below a ceiling that equals it."""
    battery = Battery(3.6e8, 0.0, 1.8e8, 53322.0, 1000.0, 1.0, 1.0, 0.0, 12877052.334315073, 0.0)
    ceiling_j = 12877052.33431507
    step = advance(battery, 0.0, 53322.0, 483.0, (0.0, ceiling_j), floats=True)
    assert step.energy_j == ceiling_j
    assert step.charged_j == pytest.approx(ceiling_j, rel=1e-9)


@settings(max_examples=25)
@given(energy=st.floats(0.05, 0.95), request_w=st.floats(-4e4, 4e4))
def test_a_fine_integration_agrees(energy: float, request_w: float) -> None:
    """Euler steps of 4 s: their error is the slope of the taper, 1 / 700 s, times a step."""
    energy_j, taken_j, given_j = energy * 100 * KWH, 0.0, 0.0
    exact = advance(LFP, energy_j, request_w, 3 * 3600.0, WINDOW, floats=False)
    for _ in range(3 * 900):
        charge_w = min(max(request_w, 0.0), LFP.charge_limit_w(energy_j))
        give_w = min(max(-request_w, 0.0), LFP.discharge_limit_w(energy_j))
        taken_j, given_j = taken_j + 4.0 * charge_w, given_j + 4.0 * give_w
        rate_w = LFP.charge_efficiency * charge_w - give_w / LFP.discharge_efficiency - LFP.standby_w
        energy_j = max(energy_j + 4.0 * rate_w, 0.0)
    scale = 0.006 * 10 * KWH
    assert exact.energy_j == pytest.approx(energy_j, rel=1e-9, abs=scale)
    assert exact.charged_j == pytest.approx(taken_j, rel=1e-9, abs=scale)
    assert exact.discharged_j == pytest.approx(given_j, rel=1e-9, abs=scale)


@pytest.mark.parametrize(
    "change",
    [{"lowest_j": 96 * KWH}, {"charge_taper_j": 4 * KWH}, {"charge_efficiency": 0.0}, {"charge_w": 0.0}],
)
def test_what_no_battery_is(change: dict[str, float]) -> None:
    values = {name: getattr(LFP, name) for name in Battery.__dataclass_fields__}
    with pytest.raises(ValueError, match=r"must|needs"):
        Battery(**(values | change))
