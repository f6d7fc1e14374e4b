"""Lengths of prompts and outputs in tokens: distributions of one length, and of the two of a request together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulator.workload.requests import RequestTable

LONGEST_TOKENS = 131_072
"""Default bound of a lognormal length: 128 Ki tokens."""

_LEAST_KEPT = 0.01  # redrawing then takes 100 draws a length on average, and ends


@dataclass(frozen=True, slots=True)
class ConstantLength:
    """The same length for every request."""

    tokens: int

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise ValueError(f"tokens must be >= 1, got {self.tokens}")

    @property
    def expected_tokens(self) -> float:
        """Mean of the samples."""
        return float(self.tokens)

    def sample(self, n: int, generator: np.random.Generator) -> NDArray[np.int64]:  # noqa: ARG002  nothing to draw
        """Return n lengths."""
        return np.full(n, self.tokens, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class LognormalLength:
    """A lognormal length, rounded to whole tokens; one that falls outside the bounds is drawn again.

    ln X is normal with mean ln(median) and variance s^2 = 2 ln(mean / median). Median and mean are those of X before
    bounds and rounding; `expected_tokens` is the mean after the bounds. Redrawing, unlike clipping, piles nothing up at
    a bound.

    Args:
        median_tokens: median of X, > 0.
        mean_tokens: mean of X, above the median.
        min_tokens: shortest length, >= 1.
        max_tokens: longest length.
    """

    median_tokens: float
    mean_tokens: float
    min_tokens: int = 1
    max_tokens: int = LONGEST_TOKENS

    def __post_init__(self) -> None:
        median, mean = self.median_tokens, self.mean_tokens
        if not 0.0 < median < mean < math.inf:
            raise ValueError(f"needs 0 < median_tokens < mean_tokens, got median {median} and mean {mean}")
        if not 1 <= self.min_tokens <= self.max_tokens:
            raise ValueError(f"needs 1 <= min_tokens <= max_tokens, got {self.min_tokens} and {self.max_tokens}")
        if self.kept < _LEAST_KEPT:
            raise ValueError(
                f"bounds of {self.min_tokens} to {self.max_tokens} tokens keep {self.kept:.2%} of a lognormal length "
                f"with median {median:g} and mean {mean:g}, at least {_LEAST_KEPT:.0%} is needed"
            )

    @staticmethod
    def from_mean_and_cv(
        mean_tokens: float, coefficient_of_variation: float, min_tokens: int = 1, max_tokens: int = LONGEST_TOKENS
    ) -> LognormalLength:
        """Return the lognormal of a mean and a coefficient of variation: median = mean / sqrt(1 + cv^2).

        >>> LognormalLength.from_mean_and_cv(1250.0, 0.75)
        LognormalLength(median_tokens=1000.0, mean_tokens=1250.0, min_tokens=1, max_tokens=131072)
        """
        if not coefficient_of_variation > 0.0:
            raise ValueError(f"coefficient_of_variation must be > 0, got {coefficient_of_variation}")
        median_tokens = mean_tokens / math.sqrt(1.0 + coefficient_of_variation**2)
        return LognormalLength(median_tokens, mean_tokens, min_tokens, max_tokens)

    @property
    def kept(self) -> float:
        """Part of the distribution that lies inside the bounds."""
        normal, (low, high) = self._normal(), self._bounds()
        return normal.cdf(high) - normal.cdf(low)

    @property
    def expected_tokens(self) -> float:
        """Mean of the samples, up to rounding, which moves it by less than half a token.

        With a and b the bounds of ln X: mean x (F(b - s^2) - F(a - s^2)) / (F(b) - F(a)), F the distribution of ln X.

        >>> round(LognormalLength(1000.0, 1250.0, max_tokens=2048).expected_tokens)
        957
        """
        normal, (low, high) = self._normal(), self._bounds()
        return self.mean_tokens * (normal.cdf(high - normal.variance) - normal.cdf(low - normal.variance)) / self.kept

    def sample(self, n: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """Return n lengths."""
        normal = self._normal()
        lengths = np.empty(n, dtype=np.int64)
        missing = np.arange(n)
        while len(missing):
            drawn = np.rint(generator.lognormal(normal.mean, normal.stdev, len(missing)))
            inside = (drawn >= self.min_tokens) & (drawn <= self.max_tokens)
            lengths[missing[inside]] = drawn[inside].astype(np.int64)
            missing = missing[~inside]
        return lengths

    def _normal(self) -> NormalDist:
        """Return the distribution of ln X."""
        return NormalDist(
            math.log(self.median_tokens), math.sqrt(2.0 * math.log(self.mean_tokens / self.median_tokens))
        )

    def _bounds(self) -> tuple[float, float]:
        """Return the bounds of ln X between which X rounds to an allowed length."""
        return math.log(self.min_tokens - 0.5), math.log(self.max_tokens + 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class EmpiricalLength:
    """Lengths drawn from given values; make one with `EmpiricalLength.of`.

    Args:
        values: lengths in tokens, each >= 1, shape (n,).
        probabilities: of each value, summing to 1, shape (n,); None when all are alike.
    """

    values: NDArray[np.int64]
    probabilities: NDArray[np.float64] | None

    @staticmethod
    def of(values: ArrayLike, weights: ArrayLike | None = None) -> EmpiricalLength:
        """Return the distribution of a list of values, such as a column of a trace.

        Args:
            values: lengths in tokens, each >= 1, shape (n,).
            weights: relative frequency of each, >= 0, of any sum above 0; None when all are alike.

        >>> EmpiricalLength.of([100, 400], [3, 1]).expected_tokens
        175.0
        """
        lengths = _lengths(values, "values")
        if weights is None:
            return EmpiricalLength(lengths, None)
        given = np.asarray(weights, dtype=np.float64)
        if given.shape != lengths.shape or not (np.isfinite(given) & (given >= 0.0)).all():
            raise ValueError(f"needs one weight >= 0 for each of {len(lengths)} values, got {given.tolist()}")
        if not 0.0 < given.sum() < math.inf:
            raise ValueError(f"weights must have a sum above 0, got {given.tolist()}")
        probabilities = given / given.sum()
        probabilities.flags.writeable = False
        return EmpiricalLength(lengths, probabilities)

    @property
    def expected_tokens(self) -> float:
        """Mean of the samples."""
        return float(np.average(self.values, weights=self.probabilities))

    def sample(self, n: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """Return n lengths."""
        return generator.choice(self.values, n, p=self.probabilities)


LengthDistribution = ConstantLength | LognormalLength | EmpiricalLength


@dataclass(frozen=True, slots=True)
class IndependentLengths:
    """Prompt and output lengths that know nothing of each other."""

    prompt: LengthDistribution
    output: LengthDistribution

    def sample(self, n: int, generator: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the prompt and output lengths of n requests; each has its own child of the generator."""
        for_prompt, for_output = generator.spawn(2)
        return self.prompt.sample(n, for_prompt), self.output.sample(n, for_output)


@dataclass(frozen=True, slots=True, eq=False)
class EmpiricalPairs:
    """Requests drawn from given ones, the prompt and output of each kept together; make one with `EmpiricalPairs.of`.

    Args:
        prompt_tokens: each >= 1, shape (n,).
        output_tokens: each >= 1, shape (n,).
    """

    prompt_tokens: NDArray[np.int64]
    output_tokens: NDArray[np.int64]

    @staticmethod
    def of(prompt_tokens: ArrayLike, output_tokens: ArrayLike) -> EmpiricalPairs:
        """Return the distribution of two columns."""
        prompt, output = _lengths(prompt_tokens, "prompt_tokens"), _lengths(output_tokens, "output_tokens")
        if len(prompt) != len(output):
            raise ValueError(f"needs as many outputs as prompts, got {len(output)} and {len(prompt)}")
        return EmpiricalPairs(prompt, output)

    @staticmethod
    def of_requests(requests: RequestTable) -> EmpiricalPairs:
        """Return the distribution of the lengths in a table of requests."""
        return EmpiricalPairs.of(requests.prompt_tokens, requests.output_tokens)

    def sample(self, n: int, generator: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the prompt and output lengths of n requests, drawn with replacement."""
        rows = generator.integers(len(self.prompt_tokens), size=n)
        return self.prompt_tokens[rows], self.output_tokens[rows]


RequestLengths = IndependentLengths | EmpiricalPairs


def _lengths(values: ArrayLike, name: str) -> NDArray[np.int64]:
    given = np.asarray(values)
    lengths = np.array(given, dtype=np.int64)
    if lengths.ndim != 1 or not len(lengths):
        raise ValueError(f"{name} must be a list with one length or more, got shape {lengths.shape}")
    if not np.array_equal(lengths, given):
        raise ValueError(f"{name} must be whole numbers")
    if lengths.min() < 1:
        raise ValueError(f"{name} must be >= 1, got {lengths.min()}")
    lengths.flags.writeable = False
    return lengths
