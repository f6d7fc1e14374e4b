"""Energy of a window from a counter that is always late, against the true integral of a known power."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.measuring.readings import Reading
from calibration.measuring.window_figures import counter_energy_j, mean_power, window_figures


def stale_counter(power_w: float, tick_s: float, phase_s: float, until_s: float, sample_s: float) -> list[Reading]:
    """Readings of a counter that moves at `phase_s + n tick_s` to the energy used until then."""

    def energy_j(t_s: float) -> float:
        return power_w * (phase_s + math.floor((t_s - phase_s) / tick_s + 1e-9) * tick_s)

    return [Reading(n * sample_s, energy_j=energy_j(n * sample_s)) for n in range(int(until_s / sample_s) + 2)]


@given(
    power_w=st.floats(50.0, 1000.0), phase=st.floats(0.0, 1.0), tick_s=st.floats(0.05, 0.11),
    began_s=st.floats(0.2, 0.6), window_s=st.floats(1.5, 4.0),
)  # fmt: skip
def test_error_is_a_sampling_period_not_a_tick(power_w, phase, tick_s, began_s, window_s) -> None:
    """Ticks are known to one sampling period at each end, so the error is bounded by it over the ticks' span."""
    sample_s = 0.02
    readings = stale_counter(power_w, tick_s, phase * tick_s, began_s + window_s, sample_s)
    energy_j = counter_energy_j(readings, began_s, began_s + window_s)
    bound = sample_s / (window_s - 2.0 * tick_s - 2.0 * sample_s)
    assert energy_j == pytest.approx(power_w * window_s, rel=bound)


def test_the_plain_difference_would_be_worse() -> None:
    """A window that begins just after a tick and ends just before one: 1.09 s of 1.29 s are in the difference."""
    began_s, ended_s = 0.101, 1.399
    readings = stale_counter(300.0, 0.1, 0.0, 1.38, 0.02)
    inside = [reading for reading in readings if began_s <= reading.t_s <= ended_s]
    plain_j = inside[-1].energy_j - inside[0].energy_j
    true_j = 300.0 * (ended_s - began_s)
    assert abs(plain_j / true_j - 1.0) > 0.07
    assert counter_energy_j(readings, began_s, ended_s) == pytest.approx(true_j, rel=0.005)


def test_few_ticks_fall_back_to_the_difference() -> None:
    readings = stale_counter(300.0, 0.1, 0.0, 0.3, 0.02)
    assert counter_energy_j(readings, 0.0, 0.3) == pytest.approx(300.0 * 0.3, rel=0.05)


@given(low=st.floats(10.0, 500.0), slope=st.floats(0.0, 300.0), seed=st.integers(0, 99))
def test_mean_power_of_a_ramp_is_exact_for_any_spacing(low: float, slope: float, seed: int) -> None:
    """Trapezoids are exact for a straight line, however unevenly it is read."""
    instants = sorted({0.0, 2.0, *((n * 0.61803 + seed * 0.017) % 2.0 for n in range(20))})
    readings = [Reading(t_s, power_w=low + slope * t_s) for t_s in instants]
    assert mean_power(readings, 0.0, 2.0) == pytest.approx(low + slope, rel=1e-12)


def test_readings_outside_the_window_do_not_count() -> None:
    readings = [
        Reading(t / 10, power_w=1000.0 if t < 10 else 100.0, temperature_c=t, clock_mhz=100.0) for t in range(30)
    ]
    figures = window_figures(readings, 1.0, 2.9, "power_integral")
    assert figures.mean_power_w == pytest.approx(100.0)
    assert figures.energy_j == pytest.approx(190.0)
    assert (figures.temperature_c, figures.clock_mhz) == (29, 100.0)


def test_no_sensor_gives_no_figures() -> None:
    figures = window_figures([Reading(0.0), Reading(1.0)], 0.0, 1.0, "none")
    assert (figures.energy_j, figures.mean_power_w, figures.temperature_c, figures.clock_mhz) == (None,) * 4
