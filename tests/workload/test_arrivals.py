"""Arrival processes against renewal theory.

Seeds are fixed, so a test here passes or fails for ever. Tolerances are set so that a right process would fail with one
seed in ten thousand (`ALPHA`).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from simulator.workload.arrivals import ArrivalProcess, DiurnalArrivals, GammaArrivals, PoissonArrivals
from simulator.workload.daily_rate import DailyRate

ALPHA = 1e-4
Z = float(stats.norm.ppf(1.0 - ALPHA / 2.0))
HOUR, DAY = 3600.0, 86_400.0
WEDNESDAY = datetime(2022, 6, 1, tzinfo=UTC)


def rng(seed: int = 7) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def kolmogorov_limit(count: int) -> float:
    """Largest distance between the sample's distribution and the true one: sqrt(ln(2 / alpha) / 2 n), Massart 1990."""
    return math.sqrt(math.log(2.0 / ALPHA) / (2.0 * count))


def assert_poisson_counts(counts: NDArray[np.int64], expected: NDArray[np.float64]) -> None:
    """Independent Poisson counts: sum (n - m)^2 / m is near chi squared with one degree a bin when m is large."""
    assert expected.min() > 50.0
    statistic = float(np.sum((counts - expected) ** 2 / expected))
    low, high = stats.chi2.ppf([ALPHA / 2.0, 1.0 - ALPHA / 2.0], len(counts))
    assert low < statistic < high


def test_poisson_counts_and_gaps() -> None:
    times = PoissonArrivals(2.5).times(40_000.0, rng())
    assert abs(len(times) - 100_000) < Z * math.sqrt(100_000)
    assert_poisson_counts(np.histogram(times, 1000, (0.0, 40_000.0))[0], np.full(1000, 100.0))
    distance = stats.kstest(np.diff(times), stats.expon(scale=0.4).cdf).statistic
    assert distance < kolmogorov_limit(len(times) - 1)


@pytest.mark.parametrize("variation", [0.3, 1.0, 2.0, 13.2])
def test_gamma_gaps(variation: float) -> None:
    times = GammaArrivals(4.0, variation).times(50_000.0, rng())
    gaps = np.diff(times)
    shape = variation**-2
    # The distribution of gaps is tested whole, so their mean and coefficient of variation follow.
    distance = stats.kstest(gaps, stats.gamma(shape, scale=0.25 / shape).cdf).statistic
    # Very small gaps of a bursty process vanish in the rounding of times near 5e4 s: at most the mass below 1e-10 s.
    assert distance < kolmogorov_limit(len(gaps)) + stats.gamma(shape, scale=0.25 / shape).cdf(1e-10) * (variation > 10)
    # Asymptotic variance of the count: cv^2 x rate x duration.
    assert abs(len(times) - 200_000) < Z * variation * math.sqrt(200_000)


def test_gamma_with_variation_1_is_poisson() -> None:
    assert GammaArrivals(3.0, 1.0).times(1e4, rng()).tolist() == PoissonArrivals(3.0).times(1e4, rng()).tolist()


@pytest.mark.parametrize("variation", [0.3, 3.0])
def test_a_renewal_process_is_stationary_from_its_start(variation: float) -> None:
    process, generator = GammaArrivals(1.0, variation), rng()
    counts = np.array([len(process.times(2.0, generator)) for _ in range(20_000)])
    error = Z * counts.std() / math.sqrt(len(counts))
    assert abs(counts.mean() - 2.0) < error
    # The test can tell: begun with a full gap, the expected count is off by far more than the error.
    gaps = generator.gamma(variation**-2, variation**2, (20_000, 100))
    ordinary = (np.cumsum(gaps, axis=1) < 2.0).sum(axis=1)
    assert abs(ordinary.mean() - 2.0) > 4.0 * error


def test_the_first_arrival_has_the_equilibrium_distribution() -> None:
    process, generator = GammaArrivals(1.0, 2.0), rng()
    first = np.array([process.times(1e4, generator)[0] for _ in range(2000)])
    gap = stats.gamma(0.25, scale=4.0)
    longer = stats.gamma(1.25, scale=4.0)
    # P(first <= x) = integral of (1 - F) / mean = x (1 - F(x)) + F_longer(x), by parts, for a mean of 1.
    distance = stats.kstest(first, lambda x: x * gap.sf(x) + longer.cdf(x)).statistic
    assert distance < kolmogorov_limit(len(first))


PROCESSES: list[ArrivalProcess] = [
    PoissonArrivals(0.7),
    GammaArrivals(0.7, 5.0),
    DiurnalArrivals(0.7, 1.9, 15.0, WEDNESDAY, -7.0, 0.4),
    DiurnalArrivals(0.7, 2.0, 0.0, WEDNESDAY, 0.0, 0.0, 3.0),
]


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_times_are_in_order_inside_the_duration_and_the_same_for_a_seed(process: ArrivalProcess) -> None:
    times = process.times(3.0 * DAY, rng())
    assert (np.diff(times) >= 0.0).all()
    assert times[0] >= 0.0
    assert times[-1] < 3.0 * DAY
    assert process.times(3.0 * DAY, rng()).tolist() == times.tolist()
    assert process.times(3.0 * DAY, rng(8)).tolist() != times.tolist()


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_a_longer_duration_only_adds_arrivals(process: ArrivalProcess) -> None:
    short, long = process.times(1.3 * DAY, rng()), process.times(4.0 * DAY, rng())
    np.testing.assert_allclose(long[: len(short)], short, rtol=0, atol=1e-8)  # rounding of the inverse near 1e5 s
    assert len(long) == len(short) or long[len(short)] >= 1.3 * DAY - 1e-8


def printed_rate(process: DiurnalArrivals, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rate as the docstring prints it, from calendar dates."""
    rates = []
    for t in t_s.tolist():
        local = process.start_utc.astimezone(UTC) + timedelta(seconds=t, hours=process.utc_offset_h)
        hour = local.hour + local.minute / 60.0 + (local.second + local.microsecond / 1e6) / 3600.0
        factor = process.weekend_factor if local.weekday() >= 5 else 1.0
        swing = (process.peak_to_mean - 1.0) * math.cos(2.0 * math.pi * (hour - process.peak_hour) / 24.0)
        rates.append(process.mean_rate_per_s * factor * (1.0 + swing))
    return np.array(rates)


@pytest.mark.parametrize(
    ("peak_to_mean", "peak_hour", "offset_h", "weekend"),
    [(1.6, 15.0, -7.0, 0.4), (2.0, 21.5, 5.5, 1.0), (1.0, 0.0, 0.0, 2.0)],
)
def test_diurnal_counts_follow_the_printed_rate(
    peak_to_mean: float, peak_hour: float, offset_h: float, weekend: float
) -> None:
    start = WEDNESDAY + timedelta(hours=17, minutes=30)
    process = DiurnalArrivals(0.5, peak_to_mean, peak_hour, start, offset_h, weekend)
    times = process.times(14.0 * DAY, rng())
    edges = np.linspace(0.0, 14.0 * DAY, 14 * 24 * 2 + 1)
    # Simpson's rule on half hours: exact to (2 pi h / day)^4 / 2880, below 1e-6 of the swing. Edges fall on midnight.
    middle = printed_rate(process, 0.5 * (edges[1:] + edges[:-1]))
    first, last = printed_rate(process, edges[:-1]), printed_rate(process, edges[1:] - 1e-6)
    expected = (first + 4.0 * middle + last) / 6.0 * 1800.0
    assert process.expected_arrivals(14.0 * DAY) == pytest.approx(expected.sum(), rel=1e-5)
    counts = np.histogram(times, edges)[0]
    enough = expected > 50.0
    assert_poisson_counts(counts[enough], expected[enough])
    assert abs(counts[~enough].sum() - expected[~enough].sum()) <= Z * math.sqrt(expected[~enough].sum()) + 1e-9


def test_weekdays_have_the_mean_rate_and_weekends_their_factor_of_it() -> None:
    process = DiurnalArrivals(2.0, 1.8, 14.0, WEDNESDAY + timedelta(hours=5), 3.0, 0.25)
    assert process.expected_arrivals(7.0 * DAY) == pytest.approx(2.0 * (5.0 + 2.0 * 0.25) * DAY, rel=1e-12)
    days = [
        DiurnalArrivals(2.0, 1.8, 14.0, WEDNESDAY + timedelta(days=day), 0.0, 0.25).expected_arrivals(DAY)
        for day in range(7)
    ]
    assert days[0] == pytest.approx(2.0 * DAY, rel=1e-12)
    assert days[3] == pytest.approx(0.25 * days[0], rel=1e-12)  # Saturday of Wednesday
    assert days[4] == pytest.approx(days[3], rel=1e-12)
    assert days[5] == pytest.approx(days[0], rel=1e-12)


def test_bursts_keep_their_variation_in_the_clock_of_the_rate() -> None:
    process = DiurnalArrivals(1.0, 1.7, 15.0, WEDNESDAY, -5.0, 0.5, 2.5)
    times = process.times(7.0 * DAY, rng())
    clock = np.array([process.expected_arrivals(t) for t in times[:20_000].tolist()])
    shape = 2.5**-2
    distance = stats.kstest(np.diff(clock), stats.gamma(shape, scale=1.0 / shape).cdf).statistic
    # Gaps below the rounding of the clock (1e-9) are lost: they hold the mass of the gamma distribution below it.
    assert distance < kolmogorov_limit(len(clock) - 1) + stats.gamma(shape, scale=1.0 / shape).cdf(1e-9)


def test_the_start_may_be_given_in_any_time_zone() -> None:
    there = WEDNESDAY.astimezone(timezone(timedelta(hours=9)))
    here = DiurnalArrivals(0.1, 1.5, 12.0, WEDNESDAY, 2.0, 0.5).times(DAY, rng())
    assert DiurnalArrivals(0.1, 1.5, 12.0, there, 2.0, 0.5).times(DAY, rng()).tolist() == here.tolist()


@settings(deadline=None)
@given(
    st.lists(st.floats(0.0, 1e3).map(lambda rate: rate if rate > 1e-3 else 0.0), min_size=1, max_size=9).filter(any),
    st.one_of(st.just(0.0), st.just(1.0), st.floats(0.0, 1.0)),
    st.floats(0.0, DAY),
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=50),
)
def test_the_inverse_of_the_cumulative_rate_is_exact(
    day_rates: list[float], swing: float, peak_s: float, fractions: list[float]
) -> None:
    rate = DailyRate(np.array(day_rates), swing, peak_s)
    whole = float(rate.cumulative(np.array([len(day_rates) * DAY]))[0])
    assert whole == pytest.approx(sum(day_rates) * DAY, rel=1e-12)
    asked = np.sort(fractions) * whole
    u_s = rate.inverse(asked)
    # 1e-15 rad of a day is 1e-11 s; at 1e3 a second and with sums near 1e9 that is a part in 1e14 of the whole.
    np.testing.assert_allclose(rate.cumulative(u_s), asked, rtol=0, atol=1e-13 * whole)
    assert (u_s >= -1e-6).all()
    assert (u_s <= len(day_rates) * DAY + 1e-6).all()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PoissonArrivals(0.0), "rate_per_s must be > 0 and finite, got 0"),
        (lambda: PoissonArrivals(math.inf), "rate_per_s"),
        (lambda: GammaArrivals(1.0, 0.0), "coefficient_of_variation must be 1e-06 to 100, got 0"),
        (lambda: GammaArrivals(1.0, math.nan), "coefficient_of_variation"),
        (lambda: DiurnalArrivals(1.0, 2.1, 0.0, WEDNESDAY), "peak_to_mean must be 1 to 2, got 2.1"),
        (lambda: DiurnalArrivals(1.0, 1.5, 24.5, WEDNESDAY), "peak_hour must be 0 to 24, got 24.5"),
        (lambda: DiurnalArrivals(1.0, 1.5, 0.0, WEDNESDAY, 15.0), "utc_offset_h must be -12 to 14, got 15"),
        (lambda: DiurnalArrivals(1.0, 1.5, 0.0, WEDNESDAY, 0.0, -0.1), "weekend_factor must be >= 0"),
        (lambda: DiurnalArrivals(1.0, 1.5, 0.0, WEDNESDAY.replace(tzinfo=None)), "must have a time zone"),
        (lambda: PoissonArrivals(1.0).times(0.0, rng()), "duration_s must be > 0"),
        (lambda: PoissonArrivals(1e6).times(DAY, rng()), "would make 86,400,000,000 arrivals, more than 200,000,000"),
    ],
)
def test_impossible_processes_are_refused(build: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()  # type: ignore[operator]


def test_arrival_process_is_open_to_subclassing() -> None:
    class EverySecond(ArrivalProcess):
        def times(self, duration_s: float, generator: np.random.Generator) -> NDArray[np.float64]:
            return np.arange(generator.integers(1), duration_s)

    assert EverySecond().times(3.0, rng()).tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(TypeError, match="abstract"):
        ArrivalProcess()  # type: ignore[abstract]
