from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.errors import InputError
from simulator.signals.carbon_parquet import read_parquet_carbon
from simulator.signals.eia_carbon import read_eia_carbon
from simulator.signals.market_prices import read_market_prices
from simulator.signals.plain_csv import CsvColumns, fixed_time_zone, read_csv_series, stated_time_zone
from simulator.signals.quantities import CARBON_INTENSITY, Quantity
from simulator.signals.series import Series

HOUR = 3600
START = datetime(2022, 1, 1, tzinfo=UTC)
START_S = int(START.timestamp())
EIA_HEADER = "timestamp,WND,SUN,WAT,OIL,NG,COL,NUC,OTH,avg_CI"
PRICE_HEADER = "Datetime (UTC),Datetime (Local),Price (USD/MWh)"

HOURS_AND_VALUES = st.lists(st.one_of(st.none(), st.floats(0.0, 2000.0)), min_size=2, max_size=40).filter(
    lambda values: any(value is not None for value in values)
)


def stamps(count: int) -> list[str]:
    return [(START + timedelta(hours=hour)).strftime("%Y-%m-%d %H:%M:%S+00:00") for hour in range(count)]


def faults_of(read: object, path: Path, *args: object, **options: object) -> list[tuple[int | None, str, str]]:
    with pytest.raises(InputError) as caught:
        read(path, *args, **options)  # type: ignore[operator]
    return [(fault.line, fault.path, fault.message) for fault in caught.value.faults]


def assert_holds(series: Series, values: list[float | None], factor: float = 1.0) -> None:
    present = [hour for hour, value in enumerate(values) if value is not None]
    assert series.starts_utc_s.tolist() == [START_S + HOUR * hour for hour in present]
    assert series.values.tolist() == [value * factor for value in values if value is not None]
    assert series.step_s == HOUR


@settings(deadline=None)  # the first file of a process also loads Arrow
@given(HOURS_AND_VALUES)
def test_eia_round_trip(tmp_path_factory: pytest.TempPathFactory, values: list[float | None]) -> None:
    path = tmp_path_factory.mktemp("eia") / "XX_NG_&_avgCI.csv"
    rows = [
        f"{stamp},1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0,{value!r}" if value is not None else f"{stamp},,,,,,,,,"
        for stamp, value in zip(stamps(len(values)), values, strict=True)
    ]
    path.write_text("\n".join([EIA_HEADER, *rows]))
    series = read_eia_carbon(path)
    assert_holds(series, values)
    assert series.quantity.name == "carbon_intensity_g_per_kwh"
    assert series.lines is not None
    assert series.lines.tolist() == [hour + 2 for hour, value in enumerate(values) if value is not None]


@settings(deadline=None)  # the first file of a process also loads Arrow
@given(st.lists(st.floats(-500.0, 3000.0), min_size=2, max_size=20))
def test_price_round_trip_with_negative_prices(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    path = tmp_path_factory.mktemp("price") / "prices.csv"
    rows = [f"{stamp},whatever,{value!r}" for stamp, value in zip(stamps(len(values)), values, strict=True)]
    path.write_text("\r\n".join([PRICE_HEADER, *rows]) + "\r\n")
    assert_holds(read_market_prices(path), list(values), 0.001)


@settings(deadline=None)  # the first file of a process also loads Arrow
@given(HOURS_AND_VALUES, st.sampled_from(["ms", "us", "ns"]), st.sampled_from([None, "UTC", "America/New_York"]))
def test_parquet_round_trip(
    tmp_path_factory: pytest.TempPathFactory, values: list[float | None], unit: str, zone: str | None
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "x.parquet"
    instants = [START + timedelta(hours=hour) for hour in range(len(values))]
    if zone is None:
        instants = [instant.replace(tzinfo=None) for instant in instants]
    stamp_column = pa.array(instants, pa.timestamp(unit, tz=zone))
    parquet.write_table(pa.table({"timestamp": stamp_column, "carbon_intensity": pa.array(values, pa.float64())}), path)
    series = read_parquet_carbon(path)
    assert_holds(series, values)
    assert len(series.notes) == (zone is None)


@settings(deadline=None)  # the first file of a process also loads Arrow
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20),
    st.integers(-12 * 60, 14 * 60),
    st.booleans(),
    st.sampled_from([1e-3, 1.0, 453.59237]),
)
def test_plain_csv_round_trip(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], offset_min: int, zoned: bool, factor: float
) -> None:
    path = tmp_path_factory.mktemp("plain") / "x.csv"
    zone = timezone(timedelta(minutes=offset_min))
    local = [(START + timedelta(hours=hour)).astimezone(zone) for hour in range(len(values))]
    text = [t.isoformat() if zoned else t.replace(tzinfo=None).isoformat(" ") for t in local]
    rows = [f"{value!r},ignored,{stamp}" for stamp, value in zip(text, values, strict=True)]
    path.write_text("\n".join(["v,x,when", *rows]), encoding="utf-8-sig")
    columns = CsvColumns("when", "v", factor)
    series = read_csv_series(path, columns, Quantity("grid_limit_w"), time_zone=None if zoned else zone)
    assert_holds(series, list(values), factor)


def test_stamps_without_offset_need_a_time_zone(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("when,v\n2022-01-01 00:00,1\n2022-01-01 01:00,2\n")
    assert faults_of(read_csv_series, path, CsvColumns("when", "v"), CARBON_INTENSITY) == [
        (2, "", "has stamps without an offset; state their time zone (UTC, an offset or a name)")
    ]


def test_every_kind_of_fault_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = stamps(8)
    rows[3], rows[6] = rows[2], rows[1]
    text = [f"{stamp},0,0,0,0,0,0,0,0,{hour * 10}" for hour, stamp in enumerate(rows)]
    text[1] = text[1].replace(",10", ",-10")
    text[4] = rows[4] + ",1"
    text[5] = text[5].replace(",50", ",fifty")
    path.write_text("\n".join([EIA_HEADER, *text]))
    assert faults_of(read_eia_carbon, path) == [
        (3, "avg_CI", "-10 is outside 0 to 5000"),
        (5, "", "stamp 2022-01-01 02:00 UTC repeats that of the row before, with 30 after 20 for avg_CI"),
        (6, "", "has 2 fields, expected 10"),
        (7, "avg_CI", "'fifty' is not a finite number"),
        (8, "", "stamp 2022-01-01 01:00 UTC goes back from that of the row before, 2022-01-01 05:00"),
    ]


@settings(deadline=None)  # the first file of a process also loads Arrow
@given(st.permutations(range(12)))
def test_a_permuted_file_names_each_line_that_goes_back(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    path = tmp_path_factory.mktemp("permuted") / "x.csv"
    text = stamps(12)
    path.write_text("\n".join([PRICE_HEADER, *(f"{text[hour]},,{hour}" for hour in order)]))
    back = [line for line, (a, b) in enumerate(pairwise(order), start=3) if b < a]
    if back:
        assert [fault[0] for fault in faults_of(read_market_prices, path)] == back
    else:
        assert_holds(read_market_prices(path), [float(hour) for hour in range(12)], 0.001)


def test_range_is_checked_in_the_unit_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("when,rh\n2022-01-01T00Z,100\n2022-01-01T01Z,100.1\n2022-01-01T02Z,-1\n")
    humidity = Quantity("relative_humidity", 0.0, 1.0)
    assert faults_of(read_csv_series, path, CsvColumns("when", "rh", 0.01), humidity) == [
        (3, "rh", "100.1 is outside 0 to 100"),
        (4, "rh", "-1 is outside 0 to 100"),
    ]


def test_stamps_must_be_whole_seconds(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("when,v\n2022-01-01T00:00:00Z,1\n2022-01-01T01:00:00.5Z,2\n")
    assert faults_of(read_csv_series, path, CsvColumns("when", "v"), CARBON_INTENSITY) == [
        (3, "", "has a stamp that is not a whole second")
    ]


def test_the_step_is_the_commonest_distance_unless_stated(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("when,v\n2022-01-01T00:00Z,1\n2022-01-01T00:15Z,2\n2022-01-01T00:30Z,3\n2022-01-01T01:30Z,4\n")
    columns = CsvColumns("when", "v")
    series = read_csv_series(path, columns, CARBON_INTENSITY)
    assert series.step_s == 900
    assert [gap.length_h for gap in series.gaps()] == [0.75]
    assert read_csv_series(path, columns, CARBON_INTENSITY, step_s=HOUR).gaps() == ()


def test_one_row_needs_a_step(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("when,v\n2022-01-01T00:00Z,1\n")
    columns = CsvColumns("when", "v")
    assert faults_of(read_csv_series, path, columns, CARBON_INTENSITY) == [
        (None, "", "has one row; state step_s, how long its value holds")
    ]
    assert read_csv_series(path, columns, CARBON_INTENSITY, step_s=HOUR).to_signal(START, HOUR).signal.at(0.0) == 1.0


def test_wrong_headers(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("time,CI\n2022-01-01 00:00:00+00:00,1\n")
    assert faults_of(read_eia_carbon, path) == [
        (1, "", "the header has no column 'timestamp'; did you mean 'time'?"),
        (1, "", "the header has no column 'avg_CI'; known: CI, time"),
    ]


def test_a_file_with_only_empty_values(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("\n".join([EIA_HEADER, *(f"{stamp},,,,,,,,," for stamp in stamps(3))]))
    assert faults_of(read_eia_carbon, path) == [(None, "avg_CI", "has no value")]


def test_time_zones_are_utc_or_fixed() -> None:
    assert fixed_time_zone("UTC") is UTC
    assert fixed_time_zone("+05:45").utcoffset(None) == timedelta(hours=5, minutes=45)
    assert fixed_time_zone("-08:00").utcoffset(None) == -timedelta(hours=8)
    for text in ("", "CET", "Europe/Berlin", "+2", "+15:00", "+02:60", "02:00", "utc"):
        with pytest.raises(ValueError, match=r"must be UTC or an offset such as \+02:00"):
            fixed_time_zone(text)


def test_a_named_zone_follows_daylight_saving(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    hours = ["2022-10-30 01:00", "2022-10-30 02:00", "2022-10-30 02:00", "2022-10-30 03:00", "2022-03-27 02:00"]
    path.write_text("\n".join(["when,v", *(f"{hour},{value}" for value, hour in enumerate(hours))]))
    columns, zone = CsvColumns("when", "v"), stated_time_zone("Europe/Berlin")
    assert faults_of(read_csv_series, path, columns, CARBON_INTENSITY, time_zone=zone) == [
        (6, "", "2022-03-27 02:00 is skipped by the clock of Europe/Berlin")
    ]
    path.write_text(path.read_text().rsplit("\n", 1)[0])
    series = read_csv_series(path, columns, CARBON_INTENSITY, time_zone=zone)
    midnight = int(datetime(2022, 10, 30, tzinfo=UTC).timestamp())
    assert (series.starts_utc_s - midnight).tolist() == [-HOUR, 0, HOUR, 2 * HOUR]
    assert series.utc_offset_s == HOUR
    for text in ("CEST", "Chicago", "", "../etc", "+25:00"):
        with pytest.raises(ValueError, match="must be UTC"):
            stated_time_zone(text)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_factors_are_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="factor must be > 0"):
        CsvColumns("when", "v", factor)
    with pytest.raises(ValueError, match="same column"):
        CsvColumns("when", "when")


def write_parquet(path: Path, **columns: object) -> Path:
    parquet.write_table(pa.table(columns), path)
    return path


def test_faults_of_parquet_files(tmp_path: Path) -> None:
    times = pa.array([0, 3600, 7200, None], pa.timestamp("s"))
    path = write_parquet(tmp_path / "a.parquet", timestamp=times, carbon_intensity=[1.0, 2.0, 3.0, 4.0])
    assert faults_of(read_parquet_carbon, path) == [(None, "timestamp", "row 4: has no stamp")]
    times = pa.array([0, 3600, 3600, 1800, 7_200_500], pa.timestamp("ms"))
    values = [1.0, -2.0, float("nan"), float("inf"), 5.0]
    path = write_parquet(tmp_path / "b.parquet", timestamp=times, carbon_intensity=values)
    assert {(path, message) for _, path, message in faults_of(read_parquet_carbon, path)} >= {
        ("timestamp", "row 2: has a stamp that is not a whole second"),
        ("timestamp", "row 5: has a stamp that is not a whole second"),
        ("carbon_intensity", "row 2: -2 is outside 0 to 5000"),
        ("carbon_intensity", "row 3: nan is not a finite number"),
        ("carbon_intensity", "row 4: inf is not a finite number"),
        (
            "",
            "row 3: stamp 1970-01-01 00:00:03 UTC repeats that of the row before, "
            "with no value after -2 for carbon_intensity",
        ),
        ("", "row 4: stamp 1970-01-01 00:00:01 UTC goes back from that of the row before, 1970-01-01 00:00:03"),
    }
    path = write_parquet(tmp_path / "c.parquet", timestamp=[1, 2], carbon_intensity=["a", "b"])
    assert [fault[1:] for fault in faults_of(read_parquet_carbon, path)] == [
        ("timestamp", "is of type int64, expected a timestamp"),
        ("carbon_intensity", "is of type string, expected a number"),
    ]
    path = write_parquet(tmp_path / "d.parquet", Timestamp=times)
    assert [fault[2] for fault in faults_of(read_parquet_carbon, path)] == [
        "the header has no column 'timestamp'; did you mean 'Timestamp'?",
        "the header has no column 'carbon_intensity'; known: Timestamp",
    ]
    (tmp_path / "e.parquet").write_text("not parquet at all")
    assert faults_of(read_parquet_carbon, tmp_path / "e.parquet")[0][2].startswith("cannot be read as Parquet: ")


def test_a_stated_time_zone_moves_parquet_stamps(tmp_path: Path) -> None:
    times = pa.array([0, 3600], pa.timestamp("s"))
    path = write_parquet(tmp_path / "a.parquet", timestamp=times, carbon_intensity=[1, 2])
    series = read_parquet_carbon(path, time_zone=timezone(timedelta(hours=1)))
    assert series.starts_utc_s.tolist() == [-3600, 0]
    assert series.utc_offset_s == 3600
    np.testing.assert_array_equal(series.values, [1.0, 2.0])
