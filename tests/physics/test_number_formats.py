"""Bytes per value of number formats, by counting bits, and the format in which a device computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.physics.precision import KV_BYTES, PRECISIONS
from simulator.profiles import catalogue


@pytest.mark.parametrize(
    ("name", "bits", "values"),
    [
        ("fp32", 32, 1),
        ("tf32", 32, 1),  # 19 bits are computed with, 32 are stored.
        ("fp16", 16, 1),
        ("bf16", 16, 1),
        ("fp8", 8, 1),
        ("int8", 8, 1),
        ("fp4", 16 * 4 + 8, 16),  # NVFP4: 16 values share a scale of 8 bits.
        ("int4", 128 * 4 + 16, 128),  # GPTQ and AWQ: groups of 128 share a scale of 16 bits.
    ],
)
def test_stored_bytes_per_weight(name: str, bits: int, values: int) -> None:
    assert PRECISIONS[name].weight_bytes == bits / values / 8
    assert PRECISIONS[name].name == name


def test_activations_between_layers_have_16_bits_at_least() -> None:
    assert {name for name, entry in PRECISIONS.items() if entry.activation_bytes == 4.0} == {"fp32", "tf32"}
    assert all(entry.activation_bytes == 2.0 for name, entry in PRECISIONS.items() if name not in ("fp32", "tf32"))
    assert KV_BYTES == {"fp16": 2.0, "bf16": 2.0, "fp8": 1.0, "int8": 1.0}


@pytest.mark.parametrize(
    ("device", "precision", "computed"),
    [
        ("h100-sxm-80gb", "fp8", "fp8"),
        ("h100-sxm-80gb", "int4", "bf16"),
        ("v100-sxm-32gb", "int4", "fp16"),  # Volta has no bf16.
        ("v100-sxm-32gb", "bf16", None),
        ("a100-sxm-80gb", "fp8", None),
        ("h100-sxm-80gb", "fp4", None),
        ("b200-sxm-180gb", "fp4", "fp4"),
        ("alveo-u280", "int8", "int8"),
        ("alveo-u280", "bf16", None),
        ("tpu-v4", "fp16", None),
    ],
)
def test_format_in_which_a_device_computes(device: str, precision: str, computed: str | None) -> None:
    assert catalogue.accelerator(device, Path()).record.format_for(PRECISIONS[precision]) == computed


@pytest.mark.parametrize(
    ("device", "products", "attention"),
    [
        ("h100-sxm-80gb", "fp8", "bf16"),
        ("v100-sxm-32gb", "int8", "fp16"),
        ("h100-sxm-80gb", "fp32", "fp32"),
        ("a100-sxm-80gb", "tf32", "tf32"),
        ("alveo-u280", "int8", "int8"),
    ],
)
def test_attention_keeps_16_bits_below_and_the_format_above(device: str, products: str, attention: str) -> None:
    record = catalogue.accelerator(device, Path()).record
    rates = record.rates(products)
    assert rates.peak_flop_per_s == record.peak_flop_per_s[products]
    assert rates.sixteen_bit_flop_per_s == record.peak_flop_per_s[attention]
    assert rates.joules_per_flop == record.power.joules_per_flop[products]
    assert rates.sixteen_bit_joules_per_flop == record.power.joules_per_flop[attention]
    assert rates.gemm.compute_fraction == record.gemm.compute_fraction[products]
