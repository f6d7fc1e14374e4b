"""Every signal says what it is, and a marginal factor does not enter an inventory."""

from __future__ import annotations

from pathlib import Path

import pytest

import simulator as sim
from simulator.assembly.build import assemble
from simulator.errors import InputError
from simulator.signals.origin import EmissionFactor, SignalOrigin


def test_only_averages_enter_an_inventory_and_only_marginal_factors_a_difference() -> None:
    marginal = EmissionFactor("marginal", "direct")
    assert "an inventory needs an average factor" in str(marginal.inventory_refusal())
    assert marginal.difference_refusal() is None
    for basis in ("average_consumption", "average_generation", "unstated"):
        average = EmissionFactor(basis)  # type: ignore[arg-type]
        assert average.inventory_refusal() is None
        assert str(average.difference_refusal()).startswith("must be a marginal factor, is ")


def test_an_origin_in_words() -> None:
    origin = SignalOrigin("carbon_intensity", "A provider", 3600, EmissionFactor("average_generation", "life_cycle"))
    assert str(origin) == "carbon intensity: A provider, every 3,600 s; average generation, life-cycle"
    assert str(SignalOrigin("price", "scenario", None)) == "price: scenario, constant"


def test_the_manifest_says_what_the_signals_are(root: Path) -> None:
    scenario = sim.load(root / "tests/scenario/tiny.yaml").replace(
        {
            "site.carbon_intensity": {
                "kind": "constant",
                "g_per_kwh": 400,
                "factor": {"basis": "average_consumption", "boundary": "direct", "provider": "A provider"},
            }
        }
    )
    assert sim.run(scenario).manifest["signals"]["site"] == {
        "weather": {"provider": "scenario", "resolution_s": None},
        "carbon_intensity": {
            "provider": "A provider",
            "resolution_s": None,
            "basis": "average_consumption",
            "boundary": "direct",
        },
        "price": {"provider": "scenario", "resolution_s": None},
    }


def test_a_marginal_factor_is_refused_for_the_inventory(root: Path) -> None:
    scenario = sim.load(root / "tests/scenario/tiny.yaml").replace(
        {"site.carbon_intensity": {"kind": "constant", "g_per_kwh": 400, "factor": {"basis": "marginal"}}}
    )
    with pytest.raises(InputError, match=r"site\.carbon_intensity: a marginal factor says what a difference"):
        assemble(scenario)
