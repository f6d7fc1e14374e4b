"""Twelve published kernels of two shapes carry to all others of a device."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.few_kernels import KERNELS_PER_SHAPE, SHAPES, transfer


@pytest.mark.parametrize(("gpu", "highest"), [("a100", 0.07), ("h100", 0.08)])
def test_twelve_kernels_carry_to_all_others(shared: Path, gpu: str, highest: float) -> None:
    found = transfer(shared / "data", gpu)
    assert found.kernels == 2 * KERNELS_PER_SHAPE == 12
    assert found.rows == 2088 - 12
    assert found.mape < highest
    # Shapes of which no kernel was fitted do no worse: it is not the neighbours of the twelve that are met.
    assert found.other_shapes_mape < highest
    assert all(value <= 1.0 for name, value in found.parameters.items() if "fraction" in name)


def test_one_shape_does_not_suffice(shared: Path) -> None:
    alone = transfer(shared / "data", "a100", SHAPES[:1])
    assert alone.mape > 1.4 * transfer(shared / "data", "a100").mape
