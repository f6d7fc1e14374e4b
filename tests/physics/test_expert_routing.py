"""Experts that a batch touches, against tokens that draw their experts at random, and the weights read for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import transformer as tf
from simulator.physics.transformer import Transformer
from simulator.profiles import catalogue

TRIALS = 2000


def with_experts(experts: int, per_token: int) -> Transformer:
    return Transformer("decoder", 4, 64, 4, 4, 16, 96, True, 100, False, experts=experts, experts_per_token=per_token)


@pytest.mark.parametrize(("experts", "per_token"), [(8, 2), (64, 6), (128, 8), (16, 1)])
@pytest.mark.parametrize("tokens", [1, 2, 5, 20, 60])
def test_touched_experts_are_those_of_random_routing(experts: int, per_token: int, tokens: int) -> None:
    rng = np.random.default_rng(11)
    touched = np.empty(TRIALS)
    for trial in range(TRIALS):
        chosen = rng.random((tokens, experts)).argpartition(per_token - 1, axis=1)[:, :per_token]
        touched[trial] = len(np.unique(chosen))
    # Four standard errors of the mean; 3 / TRIALS bounds what is too rare to have been seen (rule of three).
    error = 4.0 * touched.std() / np.sqrt(TRIALS) + 3.0 / TRIALS
    assert tf.expected_experts(with_experts(experts, per_token), float(tokens)) == pytest.approx(
        touched.mean(), abs=error
    )


@given(st.integers(1, 256), st.data())
def test_touched_experts_rise_from_those_of_a_token_to_all(experts: int, data: st.DataObject) -> None:
    per_token = data.draw(st.integers(1, experts))
    model = with_experts(experts, per_token)
    touched = tf.expected_experts(model, np.arange(0.0, 4000.0))
    rises = np.diff(touched)
    rounding = 1e-12 * experts
    assert touched[0] == 0.0
    assert touched[1] == pytest.approx(per_token, rel=1e-12)
    assert (rises >= -rounding).all()
    # Each further token finds fewer experts that nobody has touched.
    assert (np.diff(rises) <= rounding).all()
    assert touched[-1] <= experts
    assert touched[-1] == pytest.approx(experts, rel=1e-6)


def test_one_token_reads_the_active_weights_and_a_large_batch_all() -> None:
    """Mixtral 8x7B: 12.9 B of 46.7 B parameters (mistral.ai) are active; a large batch reads all that is in layers."""
    model = catalogue.model("mixtral-8x7b", Path()).record.transformer()
    outside_layers = 2 * 4096 * 32000
    norms = 4096 * (2 * 32 + 1)
    one = model.layers * tf.layer_weights_read(model, 1.0)
    assert one + outside_layers + norms == tf.active_parameter_count(model)
    assert (one + outside_layers) / 1e9 == pytest.approx(12.9, abs=0.05)  # Half a unit of the last digit.
    every = model.layers * tf.layer_weights_read(model, 1e4)
    assert every + outside_layers + norms == pytest.approx(46_702_792_704, rel=1e-12)


@given(st.integers(1, 10_000))
def test_a_dense_layer_reads_all_its_weights_for_any_batch(tokens: int) -> None:
    model = replace(with_experts(2, 1), experts=1)
    assert tf.layer_weights_read(model, float(tokens)) == 4 * 64 * 64 + 3 * 64 * 96
