from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator.errors import InvariantError
from simulator.signals.base import ConstantSignal, Signal, StepSignal

VALUES = st.floats(-1e4, 1e4, allow_nan=False)


@st.composite
def step_signals(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    widths = draw(st.lists(st.integers(1, 10_000), min_size=1, max_size=30))
    start = draw(st.integers(-100, 100))
    edges = [float(start + edge) for edge in np.concatenate(([0], np.cumsum(widths)))]
    values = draw(
        st.lists(st.one_of(st.sampled_from([0.0, 200.0]), VALUES), min_size=len(widths), max_size=len(widths))
    )
    return edges, values


def brute_force_integral(edges: Sequence[float], values: Sequence[float], start: float, end: float) -> float:
    parts = (
        value * max(0.0, min(b, end) - max(a, start)) for (a, b), value in zip(pairwise(edges), values, strict=True)
    )
    return math.fsum(parts)


def rounding(edges: Sequence[float], values: Sequence[float]) -> float:
    """Rounding of a sum of the absolute steps: one part in 2^53 of the whole for each of a few dozen additions."""
    return (
        100 * 2.0**-53 * (1e-300 + brute_force_integral(edges, [abs(value) for value in values], edges[0], edges[-1]))
    )


@given(step_signals(), st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3))
def test_integral_is_the_sum_of_the_steps_and_is_additive(
    signal: tuple[list[float], list[float]], fractions: list[float]
) -> None:
    edges, values = signal
    step = StepSignal(edges, values)
    a, b, c = sorted(min(edges[0] + fraction * (edges[-1] - edges[0]), edges[-1]) for fraction in fractions)
    tolerance = rounding(edges, values)
    assert step.integral(a, c) == pytest.approx(brute_force_integral(edges, values, a, c), rel=0, abs=tolerance)
    assert step.integral(a, b) + step.integral(b, c) == pytest.approx(step.integral(a, c), rel=0, abs=tolerance)


@given(step_signals(), st.lists(st.floats(0.0, 1.0), min_size=2, max_size=20, unique=True))
def test_means_agree_with_mean_on_every_interval(
    signal: tuple[list[float], list[float]], fractions: list[float]
) -> None:
    edges, values = signal
    step = StepSignal(edges, values)
    asked = np.unique([min(edges[0] + fraction * (edges[-1] - edges[0]), edges[-1]) for fraction in fractions])
    # In an interval of a few of the smallest doubles a quotient has no digits left to compare.
    asked = asked[np.concatenate(([True], np.diff(asked) > 1e-9))]
    if len(asked) < 2:
        return
    expected = [step.mean(a, b) for a, b in pairwise(asked.tolist())]
    # Same sums in the same order: only the scalar and vector divisions may differ in the last place.
    np.testing.assert_allclose(step.means(asked), expected, rtol=1e-12, atol=1e-9)


@given(step_signals(), st.floats(0.0, 1.0))
def test_the_value_is_that_of_the_step_and_next_change_is_where_it_differs(
    signal: tuple[list[float], list[float]], fraction: float
) -> None:
    edges, values = signal
    step = StepSignal(edges, values)
    t = min(edges[0] + fraction * (edges[-1] - edges[0]), edges[-1])
    index = next((i for i in range(len(values)) if edges[i] <= t < edges[i + 1]), len(values) - 1)
    assert step.at(t) == values[index]
    later = [edges[i] for i in range(index + 1, len(values)) if values[i] != values[index]]
    assert step.next_change(t) == (later[0] if later else math.inf)


@given(step_signals(), st.randoms(use_true_random=False))
def test_answers_do_not_depend_on_the_order_of_questions(
    signal: tuple[list[float], list[float]], random: Random
) -> None:
    edges, values = signal
    questions = np.linspace(edges[0], edges[-1], 40).tolist()
    in_order = StepSignal(edges, values)
    expected = {t: (in_order.at(t), in_order.next_change(t)) for t in questions}
    random.shuffle(questions)
    shuffled = StepSignal(edges, values)
    assert {t: (shuffled.at(t), shuffled.next_change(t)) for t in questions} == expected


def test_walking_from_change_to_change_gives_the_integral() -> None:
    step = StepSignal([0.0, 1.0, 4.0, 6.0, 10.0], [2.0, 2.0, -1.0, 0.5])
    t, total = 0.0, 0.0
    while t < 10.0:
        following = min(step.next_change(t), 10.0)
        total += step.at(t) * (following - t)
        t = following
    assert total == step.integral(0.0, 10.0) == 8.0 - 2.0 + 2.0


def test_equal_neighbours_are_merged() -> None:
    step = StepSignal([0.0, 1.0, 2.0, 3.0], [5.0, 5.0, 6.0])
    assert step.edges_s.tolist() == [0.0, 2.0, 3.0]
    assert step.values.tolist() == [5.0, 6.0]


def test_a_short_mean_late_in_a_long_signal_keeps_its_digits() -> None:
    hours = 8760
    values = np.where(np.arange(hours) % 2, 300.0, 500.0)
    step = StepSignal(3600.0 * np.arange(hours + 1), values)
    change = 3600.0 * 8000
    # A difference of two integrals from zero (1.2e10) would be good to 1e-6 / 0.02 s only.
    assert step.mean(change - 0.01, change + 0.01) == pytest.approx(400.0, rel=1e-6)
    assert step.means(np.array([change - 0.01, change + 0.01]))[0] == pytest.approx(400.0, rel=1e-6)


def test_a_mean_inside_one_step_is_its_value_to_the_last_bit() -> None:
    generator = np.random.default_rng(3)
    step = StepSignal([0.0, 3600.0, 7200.0], generator.random(2).tolist())
    inside = np.sort(generator.uniform(3600.0, 7200.0, 1000))
    assert set(step.means(inside).tolist()) == {step.at(5000.0)}


@pytest.mark.parametrize("t", [-1.0, 10.001, math.nan, math.inf])
def test_a_question_outside_the_span_is_a_bug(t: float) -> None:
    step = StepSignal([0.0, 10.0], [1.0])
    with pytest.raises(InvariantError, match=r"covers 0\.0 s to 10\.0 s"):
        step.at(t)
    with pytest.raises(InvariantError):
        step.next_change(t)
    with pytest.raises(InvariantError):
        step.integral(0.0, t)
    with pytest.raises(InvariantError):
        step.means(np.array([0.0, t]))


@pytest.mark.parametrize("signal", [ConstantSignal(2.0), StepSignal([0.0, 10.0], [2.0])])
def test_backward_and_empty_intervals(signal: Signal) -> None:
    assert signal.mean(3.0, 3.0) == 2.0
    assert signal.integral(3.0, 3.0) == 0.0
    with pytest.raises(InvariantError, match="backward"):
        signal.integral(4.0, 3.0)
    with pytest.raises(InvariantError, match="increasing"):
        signal.means(np.array([0.0, 2.0, 2.0]))
    with pytest.raises(InvariantError, match="two or more"):
        signal.means(np.array([0.0]))


def test_constant() -> None:
    constant = ConstantSignal(0.11)
    assert constant.at(1e9) == 0.11
    assert constant.next_change(0.0) == math.inf
    assert constant.integral(100.0, 400.0) == pytest.approx(33.0, rel=1e-15)
    assert constant.means(np.array([0.0, 1.0, 5.0])).tolist() == [0.11, 0.11]
    with pytest.raises(ValueError, match="finite"):
        ConstantSignal(math.nan)


@pytest.mark.parametrize(
    ("edges", "values", "message"),
    [
        ([0.0, 1.0], [], "n >= 1 values"),
        ([0.0, 1.0], [1.0, 2.0], "n \\+ 1 edges"),
        ([0.0, 0.0], [1.0], "increase"),
        ([0.0, math.inf], [1.0], "finite"),
        ([0.0, 1.0], [math.nan], "finite"),
    ],
)
def test_impossible_steps_are_refused(edges: list[float], values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StepSignal(edges, values)


def test_steps_cannot_be_changed_and_travel_to_other_processes() -> None:
    given_values = np.array([1.0, 2.0])
    step = StepSignal([0.0, 1.0, 2.0], given_values)
    given_values[0] = 99.0
    assert step.at(0.5) == 1.0
    with pytest.raises(ValueError, match="read-only"):
        step.values[0] = 3.0
    copy = pickle.loads(pickle.dumps(step))
    assert copy.at(1.5) == 2.0
    assert copy.integral(0.0, 2.0) == 3.0


class Ramp(Signal):
    """A signal of a user's own: value = t, which has no steps."""

    def at(self, t_s: float) -> float:
        return t_s

    def integral(self, start_s: float, end_s: float) -> float:
        return 0.5 * (end_s**2 - start_s**2)

    def next_change(self, t_s: float) -> float:
        return math.nextafter(t_s, math.inf)

    def means(self, edges_s: NDArray[np.float64]) -> NDArray[np.float64]:
        return 0.5 * (edges_s[1:] + edges_s[:-1])


def test_signal_is_open_to_subclassing() -> None:
    ramp = Ramp()
    assert ramp.mean(2.0, 6.0) == 4.0
    assert ramp.means(np.array([2.0, 6.0]))[0] == ramp.mean(2.0, 6.0)
    with pytest.raises(TypeError, match="abstract"):
        Signal()  # type: ignore[abstract]
