"""Carbon intensities as their providers export them; the files are made up from the published headers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.errors import InputError
from simulator.signals.electricity_maps import read_electricity_maps
from simulator.signals.gaps import GapRule
from simulator.signals.gb_carbon import read_gb_carbon
from simulator.signals.origin import EmissionFactor
from simulator.signals.watttime import read_watttime

START = datetime(2023, 1, 1, tzinfo=UTC)
OLD_HEADER = (
    "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),"
    "Carbon Intensity gCO₂eq/kWh (LCA),Low Carbon Percentage,Renewable Percentage,Data Source,Data Estimated,"
    "Data Estimation Method"
)
NEW_HEADER = (
    "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),"
    "Carbon intensity gCO₂eq/kWh (Life cycle),Carbon-free energy percentage (CFE%),Renewable energy percentage (RE%),"
    "Data source,Data estimated,Data estimation method"
)


def electricity_maps(path: Path, header: str = OLD_HEADER, zone: str = "US-CAL-CISO") -> Path:
    rows = [
        f"2023-01-01 0{hour}:00:00,USA,CAISO,{zone},{200 + hour},{'' if hour == 2 else 300 + hour},48.1,39.5,x,"
        f"{'true' if hour in (1, 3) else 'false'},"
        for hour in range(5)
    ]
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return path


@pytest.mark.parametrize("header", [OLD_HEADER, NEW_HEADER])
def test_electricity_maps_has_two_intensities_and_counts_estimates(tmp_path: Path, header: str) -> None:
    path = electricity_maps(tmp_path / "made_up_hourly.csv", header)
    direct, life_cycle = read_electricity_maps(path, "direct"), read_electricity_maps(path, "life_cycle")
    assert direct.values.tolist() == [200.0, 201.0, 202.0, 203.0, 204.0]
    assert life_cycle.values.tolist() == [300.0, 301.0, 303.0, 304.0]
    assert [gap.line for gap in life_cycle.gaps()] == [4]
    assert (direct.factor, life_cycle.factor) == (
        EmissionFactor("average_consumption", "direct"),
        EmissionFactor("average_consumption", "life_cycle"),
    )
    assert direct.provider == "Electricity Maps, US-CAL-CISO"
    assert direct.notes == (f"{path}: 2 of 5 values of the file were estimated by the provider",)


def test_a_file_of_two_zones_and_one_without_the_column_are_refused(tmp_path: Path) -> None:
    path = electricity_maps(tmp_path / "two.csv")
    path.write_text(path.read_text() + "\n" + path.read_text().splitlines()[-1].replace("US-CAL-CISO", "FR"))
    with pytest.raises(InputError, match="Zone Id: has rows of 2 zones"):
        read_electricity_maps(path, "direct")
    other = electricity_maps(tmp_path / "other.csv", OLD_HEADER.replace("(LCA)", "(lifetime)"))
    with pytest.raises(InputError, match="the header has no column 'carbon intensity gco₂eq/kwh \\(life cycle\\)'"):
        read_electricity_maps(other, "life_cycle")


def test_watttime_every_five_minutes_is_marginal_and_its_unit_is_stated(tmp_path: Path) -> None:
    path = tmp_path / "made_up_moer.csv"
    rows = [f"2023-06-08 00:{5 * step:02d}:00,{1000 + step}" for step in range(6)]
    path.write_text("\n".join(["time,Caiso_North", *rows]))
    series = read_watttime(path, "Caiso_North", "g_per_kwh")
    assert (series.step_s, series.values.tolist()) == (300, [1000.0, 1001.0, 1002.0, 1003.0, 1004.0, 1005.0])
    assert series.factor is not None
    assert series.factor.is_marginal
    pounds = read_watttime(path, "Caiso_North", "lb_per_mwh")
    np.testing.assert_allclose(pounds.values, 0.45359237 * series.values, rtol=1e-15)  # a pound is 453.59237 g exactly
    with pytest.raises(InputError, match="the header has no column 'MOER'"):
        read_watttime(path, "MOER", "g_per_kwh")


def gb_rows(actual: list[Any], forecast: list[Any]) -> list[dict[str, Any]]:
    half_hour = timedelta(minutes=30)
    return [
        {
            "from": f"{START + half_hour * row:%Y-%m-%dT%H:%MZ}",
            "to": f"{START + half_hour * (row + 1):%Y-%m-%dT%H:%MZ}",
            "intensity": {"forecast": expected, "actual": found, "index": "moderate"},
        }
        for row, (found, expected) in enumerate(zip(actual, forecast, strict=True))
    ]


def write_gb(path: Path, rows: object) -> Path:
    path.write_text(json.dumps({"data": rows}))
    return path


def test_great_britain_in_half_hours_with_a_missing_actual(tmp_path: Path) -> None:
    path = write_gb(tmp_path / "made_up.json", gb_rows([263, None, 250, 240], [266, 260, 255, 250]))
    actual = read_gb_carbon(path, "actual")
    assert (actual.step_s, actual.values.tolist()) == (1800, [263.0, 250.0, 240.0])
    with pytest.raises(InputError, match="no value from 2023-01-01 00:30 to 2023-01-01 01:00 UTC"):
        actual.to_signal(START, 7200)
    assert actual.to_signal(START, 7200, GapRule("interpolate", 1.0)).signal.at(1800.0) == 256.5
    assert read_gb_carbon(path, "forecast").values.tolist() == [266.0, 260.0, 255.0, 250.0]
    both = read_gb_carbon(path, "actual_or_forecast")
    assert both.values.tolist() == [263.0, 260.0, 250.0, 240.0]
    assert f"{path}: 1 of 4 values are forecasts for want of an actual" in both.notes
    assert both.factor == EmissionFactor("average_consumption", "direct")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "data: must be a list with rows"),
        ([{"from": "2023-01-01T00:00Z"}], "data: row 1: must have from, to and intensity"),
        (
            [{"from": "2023-01-01T00:00Z", "to": "2023-01-01T01:00Z", "intensity": {}}],
            "data: row 1: 2023-01-01T00:00Z to 2023-01-01T01:00Z is not half an hour in UTC",
        ),
        (gb_rows([1, "high"], [1, 1]), "data.intensity.actual: row 2: 'high' is not a finite number"),
        (gb_rows([1, 9999], [1, 1]), "data.intensity.actual: row 2: 9999 is outside 0 to 5000"),
    ],
)
def test_faults_of_files_of_great_britain(tmp_path: Path, rows: object, message: str) -> None:
    path = write_gb(tmp_path / "bad.json", rows)
    with pytest.raises(InputError) as caught:
        read_gb_carbon(path, "actual")
    assert str(caught.value) == f"{path}: {message}"
