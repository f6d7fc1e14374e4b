"""The electrical chain in a whole run: each stage by its loss law, its heat in its room, redundancy by active units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import simulator as sim
from benchmarks.bases import scenario
from simulator.physics.electrical import three_term_loss_w

JOB = {
    "kind": "training", "name": "job", "model": "llama-3.1-8b", "servers": "hall", "parallelism": {"data": 8},
    "method": {"kind": "full"}, "sequence_tokens": 8192, "batch_sequences": 64, "recompute": "full",
    "length": {"kind": "steps", "steps": 100_000},
}  # fmt: skip
STAGES = ["server_supplies", "rack", "busway", "pdu", "ups", "transformer"]
ROOMS = ["servers", "white_space", "white_space", "white_space", "electrical_room", "outdoors"]


def run(chain: dict[str, str] | None = None, **hall: Any) -> sim.Result:
    facility = {
        "kind": "modelled",
        "it_capacity_kw": 24,
        "cooling": {"kind": "chilled_water"},
        "power_chain": chain or {},
    }
    servers = [{"name": "hall", "profile": "dgx-h100", "count": 2, **hall}]
    return sim.run(
        sim.from_dict(scenario("chain", servers, [JOB], duration_h=1, end={"kind": "horizon"}, facility=facility))
    )


@pytest.fixture(scope="module")
def plain() -> sim.Result:
    return run()


def test_what_a_stage_takes_is_what_the_one_before_gives(plain: sim.Result) -> None:
    table = plain.power_chain.set_index("stage")
    assert list(table.index) == STAGES
    assert list(table.room) == ROOMS
    taken_kwh = table.output_kwh + table.loss_kwh
    assert (table.loss_kwh > 0.0).all()
    for stage, after in (("rack", "busway"), ("busway", "pdu"), ("pdu", "ups")):
        assert table.output_kwh[after] == pytest.approx(taken_kwh[stage], rel=1e-12), "no air-side cooling on the UPS"
    summary = plain.summary
    assert table.output_kwh["rack"] == pytest.approx(summary.it_energy_kwh, rel=1e-12)
    assert taken_kwh["transformer"] == pytest.approx(summary.facility_energy_kwh, rel=1e-12)
    joined = taken_kwh["ups"] + summary.cooling_energy_kwh + summary.other_energy_kwh
    assert table.output_kwh["transformer"] == pytest.approx(joined, rel=1e-9)
    assert table.loss_kwh.sum() == pytest.approx(summary.conversion_loss_kwh, rel=1e-9)
    np.testing.assert_allclose(table.efficiency, table.output_kwh / taken_kwh, rtol=1e-12)


def test_losses_are_those_of_the_law_and_its_units(plain: sim.Result) -> None:
    """A UPS in double conversion: 0.008, 0.012, 0.010 of its rating, at a load that hardly changes after a minute."""
    ups = plain.power_chain.set_index("stage").loc["ups"]
    expected_w = three_term_loss_w(ups.output_kwh * 1e3, ups.unit_rated_kw * 1e3, (0.008, 0.012, 0.010), int(ups.units))
    assert ups.loss_kwh * 1e3 == pytest.approx(expected_w, rel=1e-3)
    assert ups.mean_load_fraction == pytest.approx(ups.output_kwh / (ups.units * ups.unit_rated_kw), rel=1e-12)


@pytest.mark.parametrize("stage", ["rack", "busway", "pdu", "ups", "transformer"])
def test_redundancy_is_active_units_of_the_same_rating(stage: str) -> None:
    tables = {
        level: run({f"{stage}_redundancy": level}).power_chain.set_index("stage").loc[stage]
        for level in ("N", "N+1", "2N")
    }
    units = [table.units for table in tables.values()]
    assert units == [units[0], units[0] + 1, 2 * units[0]]
    assert len({table.unit_rated_kw for table in tables.values()}) == 1
    loads = [table.mean_load_fraction * table.units for table in tables.values()]
    assert loads == pytest.approx([loads[0]] * 3, rel=0.02)


def test_fewer_supplies_run_nearer_their_best_load(plain: sim.Result) -> None:
    """Six supplies of 3.3 kW are at half load at most; three at their best of 96 %."""
    loss_kwh = {None: plain.power_chain.loss_kwh[0]}
    for supplies in (4, 6, 12):
        loss_kwh[supplies] = run(power_supplies=supplies).power_chain.loss_kwh[0]
    assert loss_kwh[6] == loss_kwh[None]
    assert loss_kwh[4] != loss_kwh[6] < loss_kwh[12]


def test_too_few_supplies_are_refused() -> None:
    with pytest.raises(sim.InputError, match=r"power_supplies.*must be >= 3 to carry the 10200 W of dgx-h100, got 2"):
        run(power_supplies=2)


def test_a_building_of_published_pue_has_supplies_only() -> None:
    facility = {"kind": "published_pue", "pue": 1.3}
    servers = [{"name": "hall", "profile": "dgx-h100", "count": 2}]
    data = scenario("chain", servers, [JOB], duration_h=0.1, end={"kind": "horizon"}, facility=facility)
    table = sim.run(sim.from_dict(data)).power_chain
    assert table.stage.tolist() == ["server_supplies"]
    assert table[["units", "unit_rated_kw", "mean_load_fraction"]].isna().all(axis=None)
