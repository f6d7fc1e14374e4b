"""A sensor of which everything is known is found to be what it is."""

from __future__ import annotations

import pytest

from calibration.measuring.sensor_probe import characterise
from calibration.measuring.sensor_response import fit_response, update_period_s

SENSORS = [
    pytest.param(0.1, 0.1, 0.025, 0.0, id="averages over its whole period"),
    pytest.param(0.1, 0.1, 0.1, 0.05, id="lags"),
    pytest.param(0.1, 0.02, 1.0, 0.0, id="averages over a second"),
    pytest.param(0.02, 0.02, 0.01, 0.0, id="fast"),
]


@pytest.mark.parametrize(("tick_s", "update_s", "window_s", "lag_s"), SENSORS)
def test_periods_window_and_lag_are_found(synthetic_bench, tick_s, update_s, window_s, lag_s) -> None:
    """Probing reads every 4 ms: periods to one reading; window and lag to two readings and the grid of 8 %."""
    bench = synthetic_bench(tick_s=tick_s, update_s=update_s, window_s=window_s, lag_s=lag_s)
    found = characterise(bench, bench.device.prepare(HEAVY, 1), 60.0)
    assert found.counter_period_s == pytest.approx(tick_s, abs=0.005)
    assert found.update_period_s == pytest.approx(update_s, abs=0.005)
    assert found.averaging_window_s == pytest.approx(window_s, rel=0.08, abs=0.008)
    assert found.lag_s == pytest.approx(lag_s, rel=0.08, abs=0.008)
    assert found.response_unexplained < 0.03


class HEAVY:
    family, name = "gemm", "heavy"


def test_a_sensor_that_does_not_follow_is_not_given_a_window() -> None:
    """Power that falls while the load is on is no response to it."""
    times = [n * 0.01 for n in range(300)]
    busy = [(0.5, 1.0), (2.0, 2.5)]
    watts = [(100.0 if any(a <= t < b for a, b in busy) else 300.0) + 1e-3 * n for n, t in enumerate(times)]
    found = fit_response(times, watts, busy)
    assert found is None or found.unexplained > 0.3


def test_a_constant_value_has_no_period() -> None:
    assert update_period_s([n * 0.01 for n in range(100)], [5.0] * 100) is None
