"""A power cap below the delivered limit: slower, never above the cap, and the same where it does not bind."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.serving import power_cap
from simulator.engine.serving.batch import BatchLimits, Prefill
from simulator.engine.serving.iteration_cost import IterationCost
from simulator.engine.serving.power_cap import NODE_TOKENS
from simulator.physics.inference import inference_model
from simulator.physics.precision import PRECISIONS
from simulator.physics.serving_plan import ServingPlan
from simulator.profiles import catalogue

LIMITS = BatchLimits(512, 64, 16, 10**6, 10**6)
SHAPES = st.tuples(st.sampled_from(["dense", "grouped", "experts"]), st.sampled_from(["cool", "hot", "crossing"]))


def _prefill(tokens: int, before: int = 0, ends: int = 1) -> Prefill:
    return Prefill(
        tokens, tokens * before + tokens * (tokens + 1) / 2, before + tokens, 1, ends, tokens, before + tokens
    )


@given(
    shape=SHAPES,
    tensor=st.sampled_from([1, 4]),
    cap_w=st.sampled_from([91.0, 105.0, 150.0, 220.0, 300.0, 390.0]),
    count=st.integers(1, 63),
    cached=st.integers(1, 10**6),
    tokens=st.integers(1, 448),
)
def test_no_iteration_draws_more_than_its_cap(
    bench: Any, shape: tuple[str, str], tensor: int, cap_w: float, count: int, cached: int, tokens: int
) -> None:
    capped, free = (bench.cost(LIMITS, *shape, tensor, watts) for watts in (cap_w, 400.0))
    limit_w = cap_w * tensor
    for name, further in (("decode", ()), ("mixed", (_prefill(tokens),))):
        time_s, energy_j = getattr(capped, name)(count, cached, *further)
        assert energy_j <= limit_w * time_s * (1.0 + 1e-12)
        assert time_s >= getattr(free, name)(count, cached, *further)[0] * (1.0 - 1e-12)


@given(
    shape=SHAPES,
    tensor=st.sampled_from([1, 4]),
    count=st.integers(1, 63),
    cached=st.integers(1, 10**6),
    tokens=st.integers(1, 448),
)
def test_a_cap_that_does_not_bind_changes_nothing(
    bench: Any, shape: tuple[str, str], tensor: int, count: int, cached: int, tokens: int
) -> None:
    capped, free = (bench.cost(LIMITS, *shape, tensor, watts) for watts in (390.0, 400.0))
    node = -(-cached // NODE_TOKENS) * NODE_TOKENS
    # Power is monotone in the context, so a decode iteration and its nodes are below the cap if both ends are.
    ends = [free.decode(count, context) for context in (node - NODE_TOKENS, node)]
    if all(energy_j < 389.0 * tensor * time_s for time_s, energy_j in ends):
        assert capped.decode(count, cached) == pytest.approx(free.decode(count, cached), rel=1e-11)
    time_s, energy_j = free.mixed(count, cached, _prefill(tokens))
    if energy_j < 389.0 * tensor * time_s:
        assert capped.mixed(count, cached, _prefill(tokens)) == pytest.approx((time_s, energy_j), rel=1e-11)


@given(
    groups=st.sampled_from([2, 4]),
    count=st.integers(1, 63),
    cached=st.integers(1, 10**5),
    tokens=st.integers(1, 448),
    device=st.sampled_from(["cool", "tiled"]),
)
def test_groups_that_wait_for_one_of_them_do_so_under_a_cap_as_well(
    bench: Any, groups: int, count: int, cached: int, tokens: int, device: str
) -> None:
    """Data-parallel attention, with the whole prompt on one group: as slow as shared evenly, or slower."""
    plan = ServingPlan(1, groups, groups)
    capped, free = (bench.cost(LIMITS, "experts", device, plan, watts) for watts in (390.0, 400.0))
    time_s, energy_j = free.mixed(count, cached, _prefill(tokens))
    if energy_j < 389.0 * groups * time_s:
        assert capped.mixed(count, cached, _prefill(tokens)) == pytest.approx((time_s, energy_j), rel=1e-11)
    if device == "cool":  # On the other the longest chunk also slows the decoding sequences beside it.
        even = _prefill(tokens)._replace(longest_chunk=-(-tokens // groups))
        assert time_s >= free.mixed(count, cached, even)[0] * (1.0 - 1e-12)


@given(shape=SHAPES, count=st.integers(1, 64), cached=st.integers(1, 10**5), tokens=st.integers(1, 448))
def test_a_lower_cap_is_never_faster(bench: Any, shape: tuple[str, str], count: int, cached: int, tokens: int) -> None:
    caps = [bench.cost(LIMITS, *shape, 1, watts) for watts in (400.0, 399.0, 300.0, 220.0, 150.0, 105.0, 91.0)]
    for looser, tighter in pairwise(caps):
        assert looser.decode(count, cached)[0] <= tighter.decode(count, cached)[0] * (1.0 + 1e-12)
        chunk = _prefill(tokens)
        assert looser.mixed(count, cached, chunk)[0] <= tighter.mixed(count, cached, chunk)[0] * (1.0 + 1e-12)


def test_a_binding_cap_is_met_exactly_at_the_nodes(bench: Any) -> None:
    """A hot device asks for more than 400 W in decode; under 220 W its mean power is 220 W."""
    cost = bench.cost(LIMITS, "grouped", "hot", cap_w=220.0)
    for cell in range(4):
        time_s, energy_j = cost.decode(8, cell * NODE_TOKENS)
        # The clock is bisected down to its last bit.
        assert energy_j / time_s == pytest.approx(220.0, rel=1e-9)
    time_s, energy_j = cost.mixed(8, 100, _prefill(400))
    assert energy_j / time_s == pytest.approx(220.0, rel=1e-9)


@pytest.mark.parametrize(
    ("model", "tolerance"),
    [
        # A small model with a large KV cache: 2,048 tokens of it weigh a fifth of its weights. Where the clock comes to
        # the floor of the voltage, the curve between two nodes has a corner.
        ("gpt2-xl", 1.1e-2),
        ("llama-2-7b", 1e-3),
        ("llama-3.1-8b", 3e-4),
    ],
)
@pytest.mark.parametrize("device", ["a100-sxm-80gb", "h100-sxm-80gb"])
def test_nodes_are_dense_enough(monkeypatch: pytest.MonkeyPatch, model: str, device: str, tolerance: float) -> None:
    """Against nodes 32 tokens apart, under caps of 0.4 to 0.8 of the limit."""
    transformer = catalogue.model(model, Path()).record.transformer()
    accelerator = catalogue.accelerator(device, Path()).record.rates("bf16")
    inference = inference_model(transformer, accelerator, 1, PRECISIONS["bf16"], 2.0, 512, 256)
    cases = [(count, cached) for count in (1, 8, 64, 256) for cached in range(0, 64_000, 1_711)]
    for share in (0.4, 0.55, 0.8):
        cap_w = share * accelerator.power.cap_w
        shipped, fine = IterationCost(inference, cap_w), IterationCost(inference, cap_w)
        found = [shipped.decode(*case) for case in cases]
        with monkeypatch.context() as patch:
            patch.setattr(power_cap, "NODE_TOKENS", 32)
            exact = [fine.decode(*case) for case in cases]
        for case, value, wanted in zip(cases, found, exact, strict=True):
            assert value == pytest.approx(wanted, rel=tolerance), case
