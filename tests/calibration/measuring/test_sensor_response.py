"""A sensor of which everything is known is found to be what it is."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.measuring.points import Point
from calibration.measuring.sensor_probe import JITTER, characterise, take_probe
from calibration.measuring.sensor_response import fit_response, update_period_s

SENSORS = [
    (tick_s, update_s, window_s, lag_s)
    for tick_s, update_s, lag_s in ((0.1, 0.1, 0.0), (0.1, 0.1, 0.05), (0.1, 0.025, 0.0), (0.02, 0.02, 0.03))
    for window_s in (0.01, 0.1, 1.0)
]


@pytest.mark.parametrize(("tick_s", "update_s", "window_s", "lag_s"), SENSORS)
def test_periods_window_and_lag_are_found(synthetic_bench, tick_s, update_s, window_s, lag_s) -> None:
    """Read every 4 ms, beside 2 W of noise on a step of 560 W: all to one reading, long windows to 1 %."""
    sensor = {"tick_s": tick_s, "update_s": update_s, "window_s": window_s, "lag_s": lag_s}
    bench = synthetic_bench(**sensor, noise_w=2.0, step_w=0.001, phase_s=0.013)
    found = characterise(bench, bench.device.prepare(HEAVY, 1), 60.0, 2)
    assert found.counter_period_s == pytest.approx(tick_s, abs=0.004)
    assert found.update_period_s == pytest.approx(update_s, abs=0.004)
    assert found.averaging_window_s == pytest.approx(window_s, rel=0.01, abs=0.004)
    assert found.lag_s == pytest.approx(lag_s, abs=0.004)
    # A reading of 4 ms may miss when a short window was entered.
    assert found.response_unexplained < 0.05


def test_waves_do_not_lock_in_with_the_sensor(synthetic_bench) -> None:
    """Bursts begin at every phase of the sensor's 100 ms, also where the mean period is 100 or 200 ms."""
    bench = synthetic_bench(update_s=0.1)
    probe = take_probe(bench, bench.device.prepare(HEAVY, 1), 1.0, np.random.default_rng(3))
    lengths_s = np.array([ended - began for began, ended in probe.busy])
    starts_s = np.array([began for began, _ in probe.busy])
    for half_s in (0.1, 0.05):
        own = np.abs(lengths_s / half_s - 1.0) <= JITTER + 0.03
        assert own.sum() >= 6
        phases = np.exp(2j * np.pi * starts_s[own] / 0.1)
        assert abs(phases.mean()) < 0.7
        assert len(set(np.round(lengths_s[own], 6))) > own.sum() / 2


def test_the_seed_is_the_waves(synthetic_bench) -> None:
    def busy(seed: int) -> list[tuple[float, float]]:
        bench = synthetic_bench()
        return take_probe(bench, bench.device.prepare(HEAVY, 1), 1.0, np.random.default_rng(seed)).busy

    assert busy(1) == busy(1)
    assert busy(1) != busy(2)


HEAVY = Point("heavy", "gemm", number_format="bf16", m=1, n=1, k=1)


def test_a_sensor_that_does_not_follow_is_not_given_a_window() -> None:
    """Power that falls while the load is on is no response to it."""
    times = [n * 0.01 for n in range(300)]
    busy = [(0.5, 1.0), (2.0, 2.5)]
    watts = [(100.0 if any(a <= t < b for a, b in busy) else 300.0) + 1e-3 * n for n, t in enumerate(times)]
    found = fit_response(times, watts, busy)
    assert found is None or found.unexplained > 0.3


def test_a_constant_value_has_no_period() -> None:
    assert update_period_s([n * 0.01 for n in range(100)], [5.0] * 100) is None
