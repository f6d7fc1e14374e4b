"""The fitting itself: it finds what made the data, in spite of outliers, and says how well it carries over."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from calibration.fitting.least_squares import Array, Fit, Mask, Parameter, fit, resampled

SIZES = np.geomspace(1.0, 1e6, 400)
LATENCY, SLOPE = 20e-6, 3e-9


def model(p: Array, mask: Mask) -> Array:
    return p[0] + p[1] * SIZES[mask]


def parameters(start: tuple[float, float] = (1e-4, 1e-9)) -> list[Parameter]:
    return [Parameter("latency_s", 0.0, start[0], 1e-2), Parameter("per_byte_s", 0.0, start[1], 1e-6)]


@pytest.mark.parametrize("start", [(1e-4, 1e-9), (1e-6, 1e-7), (5e-3, 1e-11)])
def test_exact_data_give_back_what_made_them(start: tuple[float, float]) -> None:
    found = fit(model, LATENCY + SLOPE * SIZES, parameters(start))
    assert found.parameters == pytest.approx({"latency_s": LATENCY, "per_byte_s": SLOPE}, rel=1e-4)
    assert found.mape < 1e-4
    assert found.held_out_mape is None
    assert found.rows == 400


def test_outliers_do_not_steer_it() -> None:
    generator = np.random.default_rng(1)
    measured = (LATENCY + SLOPE * SIZES) * np.exp(generator.normal(0.0, 0.03, 400))
    stalled = generator.choice(400, 20, replace=False)
    measured[stalled] *= 5.0
    found = fit(model, measured, parameters())
    # One row in twenty takes five times as long: its plain mean over all rows would be off by a fifth.
    assert found.parameters == pytest.approx({"latency_s": LATENCY, "per_byte_s": SLOPE}, rel=0.03)
    # 20 rows are off by four fifths, the others by 0.03 x sqrt(2 / pi) on average.
    assert found.mape == pytest.approx(0.05 * 0.8 + 0.95 * 0.024, rel=0.1)
    assert found.p90 < 0.1


def test_bounds_hold() -> None:
    limited = [Parameter("latency_s", 50e-6, 60e-6, 1e-3), Parameter("per_byte_s", 0.0, 1e-9, 1e-6)]
    found = fit(model, LATENCY + SLOPE * SIZES, limited)
    assert found.parameters["latency_s"] == pytest.approx(50e-6, rel=1e-3)


def test_a_prior_decides_only_what_the_data_leave_open() -> None:
    flat = np.full(400, 30e-6)

    def sum_of_two(p: Array, mask: Mask) -> Array:
        return np.full(int(mask.sum()), p[0] + p[1])

    split = [Parameter("a_s", 0.0, 1e-5, 1e-3, prior=(10e-6, 0.1)), Parameter("b_s", 0.0, 1e-5, 1e-3)]
    found = fit(sum_of_two, flat, split).parameters
    assert found == pytest.approx({"a_s": 10e-6, "b_s": 20e-6}, rel=0.01)


def test_groups_are_left_out_in_turn() -> None:
    # Two devices that differ by half: what one teaches is wrong for the other by that much.
    groups = np.repeat([0.0, 1.0], 200)
    measured = 10e-6 * np.where(groups == 0.0, 1.0, 1.5)

    def constant(p: Array, mask: Mask) -> Array:
        return np.full(int(mask.sum()), p[0])

    found = fit(constant, measured, [Parameter("time_s", 0.0, 1e-5, 1e-3)], groups)
    # Trained on the fast one, the slow one is met at 1 / 1.5; the other way round at 1.5.
    assert found.held_out_mape == pytest.approx((1.0 / 3.0 + 0.5) / 2.0, rel=1e-3)
    assert "left out" in found.describe()
    alone = fit(constant, measured, [Parameter("time_s", 0.0, 1e-5, 1e-3)], np.zeros(400))
    assert alone.held_out_mape is None
    assert alone.describe().endswith("on 400 rows")


def test_the_covariance_is_that_of_ordinary_least_squares_on_small_errors() -> None:
    # One parameter, independent rows: log(measured / p) has standard error s / sqrt(n), whatever the model.
    generator = np.random.default_rng(3)
    spread, rows = 0.02, 400
    measured = 10e-6 * np.exp(generator.normal(0.0, spread, rows))

    def constant(p: Array, mask: Mask) -> Array:
        return np.full(int(mask.sum()), p[0])

    parameter = [Parameter("time_s", 0.0, 1e-5, 1e-3)]
    alone = fit(constant, measured, parameter, clusters=np.arange(rows))
    assert alone.standard_uncertainty("time_s")[0] / alone.parameters["time_s"] == pytest.approx(spread / 20.0, rel=0.1)
    assert alone.standard_uncertainty("time_s")[1] == pytest.approx(rows - 1, rel=0.01)
    # Every row four times over says nothing new, and clusters know that.
    repeated = fit(constant, np.tile(measured, 4), parameter, clusters=np.tile(np.arange(rows), 4))
    assert repeated.standard_uncertainty("time_s")[0] == pytest.approx(
        alone.standard_uncertainty("time_s")[0], rel=0.01
    )


def test_the_bootstrap_agrees_with_the_covariance() -> None:
    generator = np.random.default_rng(5)
    measured = (LATENCY + SLOPE * SIZES) * np.exp(generator.normal(0.0, 0.05, 400))
    found = fit(model, measured, parameters(), clusters=np.arange(400))
    rows = pd.DataFrame(
        {"point": np.arange(400).astype(str), "family": "copy", "number_format": "", "size": SIZES, "time": measured}
    )

    def fitter(sample: pd.DataFrame) -> Fit:
        sizes = sample["size"].to_numpy()
        return fit(lambda p, mask: p[0] + p[1] * sizes[mask], sample.time.to_numpy(), parameters())

    drawn = resampled(fitter, rows, 200, np.random.default_rng(6))
    assert found.covariance is not None
    assert drawn.std(axis=0) == pytest.approx(np.sqrt(np.diag(found.covariance)), rel=0.2)


def test_uncertain_rows_count_less() -> None:
    measured = 10e-6 * np.concatenate([np.ones(200), np.full(200, 1.05)])

    def constant(p: Array, mask: Mask) -> Array:
        return np.full(int(mask.sum()), p[0])

    uncertainty = np.concatenate([np.full(200, 0.01), np.full(200, 0.03)])
    found = fit(constant, measured, [Parameter("time_s", 0.0, 1e-5, 1e-3)], uncertainty=uncertainty)
    # Weights 1 / u^2 are as 9 to 1: a tenth of the way.
    assert found.parameters["time_s"] == pytest.approx(10e-6 * 1.05**0.1, rel=2e-3)
