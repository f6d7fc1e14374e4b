"""Length distributions against their own theory; seeds are fixed, tolerances as in the tests of arrivals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simulator.workload.lengths import (
    ConstantLength,
    EmpiricalLength,
    EmpiricalPairs,
    IndependentLengths,
    LengthDistribution,
    LognormalLength,
)
from simulator.workload.requests import RequestTable

ALPHA = 1e-4
Z = float(stats.norm.ppf(1.0 - ALPHA / 2.0))
N = 200_000


def rng(seed: int = 7) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def probabilities(length: LognormalLength) -> tuple[np.ndarray, np.ndarray]:
    """Every possible length and its probability, from the distribution of ln X alone."""
    sigma = math.sqrt(2.0 * math.log(length.mean_tokens / length.median_tokens))
    lognormal = stats.lognorm(sigma, scale=length.median_tokens)
    tokens = np.arange(length.min_tokens, length.max_tokens + 1)
    mass = lognormal.cdf(tokens + 0.5) - lognormal.cdf(tokens - 0.5)
    return tokens, mass / mass.sum()


LOGNORMALS = [
    LognormalLength(1000.0, 1250.0),
    LognormalLength(928.0, 1155.0, 1, 4096),
    LognormalLength(129.0, 211.0, 10, 300),
    LognormalLength(2.0, 3.0, 1, 8),
    LognormalLength(100.0, 1000.0, 5000, 20_000),
]


@pytest.mark.parametrize("length", LOGNORMALS, ids=repr)
def test_lognormal_samples(length: LognormalLength) -> None:
    samples = length.sample(N, rng())
    tokens, probability = probabilities(length)
    mean = float(tokens @ probability)
    deviation = math.sqrt(float((tokens - mean) ** 2 @ probability))
    assert samples.dtype == np.int64
    assert samples.min() >= length.min_tokens
    assert samples.max() <= length.max_tokens
    assert abs(samples.mean() - mean) < Z * deviation / math.sqrt(N)
    assert abs(length.expected_tokens - mean) < 0.5  # the bound that its docstring gives for rounding
    # Kolmogorov distance with Massart's constant; for discrete lengths the bound is only safer.
    counts = np.bincount(samples, minlength=length.max_tokens + 1)[length.min_tokens :]
    distance = np.abs(np.cumsum(counts) / N - np.cumsum(probability)).max()
    assert distance < math.sqrt(math.log(2.0 / ALPHA) / (2.0 * N))


def test_median_and_mean_are_those_stated_when_bounds_are_far() -> None:
    length = LognormalLength(1000.0, 1250.0, 1, 10**9)
    samples = length.sample(N, rng())
    sigma = math.sqrt(2.0 * math.log(1.25))
    assert abs(np.mean(samples < 1000.0) - 0.5) < Z * 0.5 / math.sqrt(N) + 1e-3  # one token is 8e-4 of the mass here
    assert abs(np.log(samples).std() / sigma - 1.0) < Z / math.sqrt(2 * N)
    assert length.expected_tokens == pytest.approx(1250.0, rel=1e-9)


def test_mean_and_coefficient_of_variation() -> None:
    length = LognormalLength.from_mean_and_cv(1250.0, 1.1, max_tokens=10**9)
    samples = length.sample(N, rng())
    # Standard error of the mean; that of the deviation is widened by the fourth moment of a lognormal, here below 10.
    assert abs(samples.mean() / 1250.0 - 1.0) < Z * 1.1 / math.sqrt(N)
    assert abs(samples.std() / samples.mean() / 1.1 - 1.0) < Z * 10.0 / math.sqrt(N)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1000.0, 1000.0), "0 < median_tokens < mean_tokens"),
        ((0.0, 10.0), "0 < median_tokens"),
        ((10.0, math.inf), "mean inf"),
        ((10.0, 20.0, 0), "1 <= min_tokens"),
        ((10.0, 20.0, 5, 4), "min_tokens <= max_tokens"),
        (
            (10.0, 11.0, 5000, 6000),
            "keep 0.00% of a lognormal length .* at least 1% is needed",
        ),
    ],
)
def test_impossible_lognormals_are_refused(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LognormalLength(*arguments)  # type: ignore[arg-type]


def test_constant() -> None:
    assert ConstantLength(128).sample(3, rng()).tolist() == [128, 128, 128]
    assert ConstantLength(128).expected_tokens == 128.0
    with pytest.raises(ValueError, match="tokens must be >= 1, got 0"):
        ConstantLength(0)


def test_empirical_frequencies() -> None:
    length = EmpiricalLength.of([50, 400, 3000], [4, 14, 2])
    counts = [int((length.sample(N, rng()) == value).sum()) for value in (50, 400, 3000)]
    assert stats.chisquare(counts, [0.2 * N, 0.7 * N, 0.1 * N]).pvalue > ALPHA
    assert length.expected_tokens == pytest.approx(0.2 * 50 + 0.7 * 400 + 0.1 * 3000, rel=1e-15)
    alike = EmpiricalLength.of([1, 2, 2, 5])
    assert alike.expected_tokens == 2.5
    counts = [int((alike.sample(N, rng()) == value).sum()) for value in (1, 2, 5)]
    assert stats.chisquare(counts, [N / 4, N / 2, N / 4]).pvalue > ALPHA


@pytest.mark.parametrize(
    ("values", "weights", "message"),
    [
        ([], None, "one length or more"),
        ([0, 1], None, "values must be >= 1, got 0"),
        ([1.5], None, "whole numbers"),
        ([1, 2], [0.5], "one weight >= 0 for each of 2 values"),
        ([1, 2], [1.5, -0.5], "one weight >= 0"),
        ([1, 2], [0.0, 0.0], "sum above 0"),
        ([1, 2], [float("nan"), 1.0], "one weight >= 0"),
    ],
)
def test_impossible_empirical_lengths_are_refused(values: list[int], weights: list[float] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmpiricalLength.of(values, weights)


def test_pairs_stay_together() -> None:
    table = RequestTable.make([0.0, 1.0, 2.0], [10, 20, 20], [1, 2, 3])
    prompt, output = EmpiricalPairs.of_requests(table).sample(N, rng())
    drawn, counts = np.unique(np.column_stack((prompt, output)), axis=0, return_counts=True)
    assert drawn.tolist() == [[10, 1], [20, 2], [20, 3]]
    assert stats.chisquare(counts).pvalue > ALPHA
    with pytest.raises(ValueError, match="as many outputs as prompts, got 1 and 2"):
        EmpiricalPairs.of([1, 2], [1])


def test_independent_lengths_do_not_touch_each_other() -> None:
    output = LognormalLength(129.0, 211.0)
    prompts: list[LengthDistribution] = [ConstantLength(5), LognormalLength(928.0, 1155.0), EmpiricalLength.of([3, 4])]
    outputs = [IndependentLengths(prompt, output).sample(1000, rng())[1].tolist() for prompt in prompts]
    assert outputs[0] == outputs[1] == outputs[2]
    same = LognormalLength(928.0, 1155.0)
    drawn = np.log(IndependentLengths(same, same).sample(N, rng()))
    # The correlation of independent samples has a standard error of 1 / sqrt(n).
    assert abs(np.corrcoef(drawn)[0, 1]) < Z / math.sqrt(N)


@settings(deadline=None)
@given(st.sampled_from([ConstantLength(9), LOGNORMALS[2], EmpiricalLength.of([3, 4], [0.5, 0.5])]), st.integers(0, 50))
def test_any_number_of_samples(length: LengthDistribution, count: int) -> None:
    assert length.sample(count, rng()).shape == (count,)
