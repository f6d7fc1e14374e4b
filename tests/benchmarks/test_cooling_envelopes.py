"""Cooling kinds in recorded weather: published rows exist, PUE lies where it must, and kinds rank as published."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from benchmarks import cooling_envelopes as study
from simulator.assembly.cooling import plant_spec
from simulator.engine.facility.coupling import Facility
from simulator.engine.facility.power_chain import PowerChain
from simulator.physics import psychrometrics
from simulator.profiles import catalogue
from simulator.scenario.cooling import Cooling
from simulator.signals.open_meteo import read_open_meteo

IT_W, LOAD = 1e6, 0.79
EVERY_H = 12.1
"""Hours between samples: half a day and a little, so that all hours of the day are met."""


@pytest.fixture(scope="module")
def yearly_pue(shared: Path) -> dict[tuple[str, str], float]:
    """PUE by kind and climate from samples of the year, each plant for itself."""
    chain = catalogue.power_chain("power-chain", Path()).record.parameters
    found = {}
    for climate, folder in study.CLIMATES.items():
        series = read_open_meteo(shared / "data/weather/open_meteo" / folder / "2022.json")
        start = datetime(2022, 1, 1, 8, tzinfo=UTC)
        times_s = np.arange(0.0, 8700.0, EVERY_H) * 3600.0
        dry_c, humidity, pressure_pa = (
            part.to_steps(start, 8752 * 3600.0, repeat_yearly=True).at(times_s)
            for part in (series.dry_bulb, series.relative_humidity, series.pressure)
        )
        wet_c = psychrometrics.wet_bulb_c(dry_c, humidity, pressure_pa)
        for kind, section in study.KINDS.items():
            described = TypeAdapter(Cooling).validate_json(json.dumps(section))
            site = Facility(plant_spec(described, IT_W, Path()).plant, PowerChain.sized_for(IT_W, chain), 0.0075 * IT_W)
            liquid_w = 0.9 * LOAD * IT_W
            steps = [
                site.step(3600.0, LOAD * IT_W, *(float(x) for x in air), liquid_w)
                for air in zip(dry_c, wet_c, pressure_pa, strict=True)
            ]
            found[kind, climate] = float(np.mean([step.facility_power_w for step in steps])) / (LOAD * IT_W)
    return found


def test_every_kind_lies_in_its_published_envelope(shared: Path, yearly_pue: dict[tuple[str, str], float]) -> None:
    published = study.published(shared / "reference/facility.csv", "PUE")
    outside = {
        place: pue
        for place, pue in yearly_pue.items()
        if not published[study.PUE_BETWEEN[place][0]] <= pue <= published[study.PUE_BETWEEN[place][1]]
    }
    assert outside == {}


def test_kinds_rank_as_published_in_every_climate(yearly_pue: dict[tuple[str, str], float]) -> None:
    for climate in study.CLIMATES:
        pue = [yearly_pue[kind, climate] for kind in study.RANKED]
        assert pue == sorted(pue, reverse=True), climate


def test_hot_and_humid_is_worst_and_outdoor_air_fails_there(yearly_pue: dict[tuple[str, str], float]) -> None:
    for kind in study.KINDS:
        assert max(study.CLIMATES, key=lambda climate: yearly_pue[kind, climate]) == "Singapore"
    # Moist air stays outside: an evaporative hall is a chilled one.
    assert yearly_pue["direct evaporative", "Singapore"] > yearly_pue["water-cooled with economizer", "Singapore"]


def test_published_rows_exist(shared: Path) -> None:
    for metric, between in (("PUE", study.PUE_BETWEEN), ("WUE on-site", study.WUE_BETWEEN)):
        figures = study.published(shared / "reference/facility.csv", metric)
        for low, high in between.values():
            assert figures[low] < figures[high]


def test_the_command_line(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "out.json"
    monkeypatch.setattr(study, "KINDS", {kind: study.KINDS[kind] for kind in study.RANKED})
    monkeypatch.setattr(study, "CLIMATES", {"Frankfurt": "DE-LU"})
    options = ["--hours", "3", "--ups", "eco", "--redundancy", "N+1", "--json", str(file)]
    folders = ["--facts", str(shared / "reference/facility.csv"), "--weather", str(shared / "data/weather/open_meteo")]
    monkeypatch.setattr(sys, "argv", ["cooling_envelopes", *options, *folders])
    study.main()
    written = json.loads(file.read_text())
    assert [case["kind"] for case in written["cases"]] == list(study.RANKED)
    assert all(1.0 < case["pue"] < case["tue"] and 0.5 < case["it_load_fraction"] < 1.0 for case in written["cases"])
    assert [case["wue_of_kind"] for case in written["cases"]] == [None, [1.74, 2.608], None, None]
    assert all(case["wue_inside_of_kind"] is None for case in written["cases"] if case["wue_of_kind"] is None)
    assert set(written["ranked_as_published"]) == {"Frankfurt"}
    assert "ranked as published" in capsys.readouterr().out
