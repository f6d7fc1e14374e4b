# ruff: noqa: PD011  the values are those of our own records, not of a data frame
"""Files of market operators, made up from their headers; values and clocks are those of real years with both changes.

The reference prices have a UTC and a local stamp in each row. Written anew in the form of an operator, with its local
clock alone, they must come back on the UTC stamps of the reference file.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simulator.errors import InputError
from simulator.signals.caiso_prices import read_caiso_prices
from simulator.signals.entsoe_prices import read_entsoe_prices
from simulator.signals.ercot_prices import read_ercot_prices
from simulator.signals.gaps import GapRule
from simulator.signals.market_prices import read_market_prices
from simulator.signals.nyiso_prices import read_nyiso_prices
from simulator.signals.pjm_prices import read_pjm_prices
from simulator.signals.series import Series

HOUR = 3600


def reference(shared: Path, zone: str) -> tuple[Series, pd.DataFrame]:
    """Prices of a year on the UTC clock, and the local stamps of its hours."""
    path = shared / f"data/prices/{zone}/2022/{zone}_electricity_prices_2022.csv"
    table = pd.read_csv(path)
    local = pd.to_datetime(table["Datetime (Local)"].str[:19])
    frame = pd.DataFrame(
        {
            "utc": pd.to_datetime(table["Datetime (UTC)"].str[:19]),
            "local": local,
            "second": local.duplicated(keep="first"),
            "offset": table["Datetime (Local)"].str[-6:],
            "price": table["Price (USD/MWh)"],
        }
    )
    return read_market_prices(path), frame


def assert_same(series: Series, expected: Series) -> None:
    assert series.gaps() == ()
    assert series.step_s == HOUR
    np.testing.assert_array_equal(series.starts_utc_s, expected.starts_utc_s)
    np.testing.assert_allclose(series.values, expected.values, rtol=1e-12)


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


CAISO = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,OPR_INTERVAL,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,"
    "LMP_TYPE,XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS,MW,GROUP"
)


def test_a_year_of_caiso_in_no_order_with_its_components(shared: Path, tmp_path: Path) -> None:
    expected, frame = reference(shared, "US-CAL-CISO")
    rows = [
        f"{utc:%Y-%m-%dT%H:%M:%S}-00:00,x,2022-01-01,1,0,N,N,{node},DAM,{kind},x,N,ALL,1,{value!r},1"
        for utc, price in zip(frame.utc, frame.price.tolist(), strict=True)
        for node, kind, value in (("N1", "MCC", 999.0), ("N1", "LMP", price), ("N2", "LMP", -999.0))
    ]
    order = np.random.default_rng(1).permutation(len(rows))
    path = write(tmp_path / "made_up_PRC_LMP_DAM.csv", CAISO, [rows[position] for position in order])
    assert_same(read_caiso_prices(path, "N1"), expected)
    with pytest.raises(InputError, match="has no row with NODE 'N3'; known: N1, N2"):
        read_caiso_prices(path, "N3")


ERCOT_DAM = "DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag"


def test_a_year_of_ercot_on_its_prevailing_time(shared: Path, tmp_path: Path) -> None:
    expected, frame = reference(shared, "US-TEX-ERCO")
    rows = [
        f"{row.local:%m/%d/%Y},{row.local.hour + 1:02d}:00,{point}, {price},{'Y' if row.second else 'N'}"
        for row in frame.itertuples()
        for point, price in (("HB_NORTH", repr(row.price)), ("LZ_WEST", "1.0"))
    ]
    path = write(tmp_path / "made_up_DAMSPNP4190.csv", ERCOT_DAM, rows)
    assert_same(read_ercot_prices(path, "HB_NORTH"), expected)
    archive = "Delivery Date,Hour Ending,Settlement Point,Settlement Point Price,Repeated Hour Flag"
    assert_same(read_ercot_prices(write(tmp_path / "archive.csv", archive, rows), "HB_NORTH"), expected)


def test_quarter_hours_of_ercot(tmp_path: Path) -> None:
    header = (
        "DeliveryDate,DeliveryHour,DeliveryInterval,SettlementPointName,SettlementPointType,"
        "SettlementPointPrice,DSTFlag"
    )
    rows = [
        f"11/06/2022,{hour},{quarter},HB_NORTH,HU,{100 * hour + 10 * quarter + (flag == 'Y')},{flag}"
        for hour, flag in ((1, "N"), (2, "N"), (2, "Y"), (3, "N"))
        for quarter in (1, 2, 3, 4)
    ]
    series = read_ercot_prices(write(tmp_path / "rtm.csv", header, rows), "HB_NORTH")
    start = int(datetime(2022, 11, 6, 5, tzinfo=UTC).timestamp())
    assert series.starts_utc_s.tolist() == [start + 900 * quarter for quarter in range(16)]
    assert series.step_s == 900
    assert (1000 * series.values).round().tolist()[4:12] == [210, 220, 230, 240, 211, 221, 231, 241]


NYISO = "Time Stamp,Name,PTID,LBMP ($/MWHr),Marginal Cost Losses ($/MWHr),Marginal Cost Congestion ($/MWHr)"


def test_a_year_of_new_york_whose_double_hour_has_no_mark(shared: Path, tmp_path: Path) -> None:
    expected, frame = reference(shared, "US-NY-NYIS")
    rows = [
        f"{row.local:%m/%d/%Y %H:%M},{name},1,{price},0,0"
        for row in frame.itertuples()
        for name, price in (("CAPITL", "7.0"), ("N.Y.C.", repr(row.price)))
    ]
    path = write(tmp_path / "made_up_damlbmp_zone.csv", NYISO, rows)
    assert_same(read_nyiso_prices(path, "N.Y.C.", "start"), expected)


def test_real_time_stamps_of_new_york_end_their_interval(tmp_path: Path) -> None:
    stamps = ["00:05:00", "00:10:00", "00:13:20", "00:15:00", "00:20:00"]
    rows = [f'"06/01/2022 {stamp}","WEST",61752,{price}.00,0.00,0.00' for price, stamp in enumerate(stamps)]
    header = ",".join(f'"{name}"' for name in NYISO.split(","))
    series = read_nyiso_prices(write(tmp_path / "realtime.csv", header, rows), "WEST", "end")
    midnight = int(datetime(2022, 6, 1, 4, tzinfo=UTC).timestamp())
    assert (series.starts_utc_s - midnight).tolist() == [0, 300, 600, 800, 900]
    assert series.step_s == 300


PJM = (
    "datetime_beginning_utc,datetime_beginning_ept,pnode_id,pnode_name,voltage,equipment,type,zone,"
    "system_energy_price_da,total_lmp_da,congestion_price_da,marginal_loss_price_da,row_is_current,version_nbr"
)


def pjm_rows(frame: pd.DataFrame) -> list[str]:
    return [
        f"{us_stamp(row.utc)},{us_stamp(row.local)},1,DOM,,,ZONE,,1.0,{row.price!r},0,0,TRUE,1"
        for row in frame.itertuples()
    ]


def us_stamp(instant: datetime) -> str:
    return f"{instant.month}/{instant.day}/{instant.year} {(instant.hour - 1) % 12 + 1}:00:00 {instant:%p}"


def test_a_year_in_the_form_of_pjm_by_either_clock(shared: Path, tmp_path: Path) -> None:
    expected, frame = reference(shared, "US-NY-NYIS")
    rows = pjm_rows(frame)
    superseded = [rows[0].replace("TRUE", "FALSE").replace(",1.0,", ",1.0,777")]
    path = write(tmp_path / "made_up_da_hrl_lmps.csv", PJM, superseded + rows)
    assert_same(read_pjm_prices(path, "DOM", "day_ahead"), expected)
    local = [row.split(",", 1)[1] for row in rows]
    assert_same(read_pjm_prices(write(tmp_path / "ept.csv", PJM.split(",", 1)[1], local), "DOM", "day_ahead"), expected)


def test_the_two_clocks_of_pjm_must_show_the_same_instant(tmp_path: Path) -> None:
    rows = [f"1/15/2024 {hour + 5}:00:00 AM,1/15/2024 {hour or 12}:00:00 AM,DOM,{10 + hour}" for hour in range(5)]
    rows[3] = rows[3].replace("3:00:00", "4:00:00")
    header = "datetime_beginning_utc,datetime_beginning_ept,pnode_name,total_lmp_da"
    path = write(tmp_path / "made_up.csv", header, rows)
    told = "1/15/2024 8:00:00 AM UTC and 1/15/2024 4:00:00 AM Eastern are not the same instant"
    with pytest.raises(InputError) as caught:
        read_pjm_prices(path, "DOM", "day_ahead")
    assert str(caught.value) == f"{path}:5: datetime_beginning_ept: {told}"
    series = read_pjm_prices(path, "DOM", "day_ahead", "repair")
    assert (1000 * series.values).round().tolist() == [10, 11, 12, 14]
    assert [gap.length_h for gap in series.gaps()] == [1.0]
    assert series.notes == (f"{path}:5: datetime_beginning_ept: {told}; taken as missing by rule 'repair'",)


@pytest.mark.parametrize(
    ("read", "header", "row", "message"),
    [
        (lambda path: read_pjm_prices(path, "X", "real_time"), "datetime_beginning_utc,pnode_name,total_lmp_rt",
         "2024-01-15T05:00Z,X,1", "2: datetime_beginning_utc: '2024-01-15T05:00Z' is not a date and time such as"),
        (lambda path: read_caiso_prices(path, "X"), "INTERVALSTARTTIME_GMT,NODE,LMP_TYPE,MW",
         "2024-01-15T05:00:00,X,LMP,1", "2: INTERVALSTARTTIME_GMT: '2024-01-15T05:00:00' has no offset"),
        (lambda path: read_ercot_prices(path, "X"), ERCOT_DAM, "01/01/2024,25:00,X,1,N",
         "2: DeliveryDate: '25:00' is not"),
        (lambda path: read_ercot_prices(path, "X"), ERCOT_DAM, "01/01/2024,01:00,X,1,T",
         "2: DSTFlag: 'T' is neither Y nor N"),
        (lambda path: read_nyiso_prices(path, "X", "start"), "Time Stamp,Name,LBMP ($/MWHr)", "x,X,1",
         "2: Time Stamp: 'x' is not a date and time such as"),
        (lambda path: read_entsoe_prices(path, 1.0), "MTU (UTC),Day-ahead Price (EUR/MWh)", "01.01.2022 00:00,1",
         "2: MTU (UTC): '01.01.2022 00:00' is not a period such as"),
    ],
)  # fmt: skip
def test_a_row_without_a_stamp_has_no_repair(
    tmp_path: Path, read: Callable[[Path], Series], header: str, row: str, message: str
) -> None:
    path = write(tmp_path / "x.csv", header, [row])
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:{message}")


def entsoe_old(frame: pd.DataFrame) -> tuple[str, list[str]]:
    header = '"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]","Currency","BZN|DE-LU"'
    rows = [
        f'"{row.local:%d.%m.%Y %H:%M} - {row.local + pd.Timedelta(hours=1):%d.%m.%Y %H:%M}","{row.price!r}","EUR",""'
        for row in frame.itertuples()
    ]
    skipped = '"27.03.2022 02:00 - 27.03.2022 03:00","","",""'
    rows.insert(int(np.flatnonzero(frame.local == "2022-03-27 03:00")[0]), skipped)
    return header, rows


def entsoe_new(frame: pd.DataFrame) -> tuple[str, list[str]]:
    header = '"MTU (CET/CEST)","Area","Sequence","Day-ahead Price (EUR/MWh)","Intraday Period (CET/CEST)",""'
    marks = {"+01:00": "CET", "+02:00": "CEST"}
    rows = [
        f'"{row.local:%d/%m/%Y %H:%M:%S} ({marks[row.offset]}) - x","BZN|DE-LU","{sequence}","{price}","",""'
        for row in frame.itertuples()
        for sequence, price in (("Sequence 1", repr(row.price)), ("Sequence 2", "1.5"))
    ]
    return header, rows


def entsoe_utc(frame: pd.DataFrame) -> tuple[str, list[str]]:
    header = '"MTU (UTC)","Area","Sequence","Day-ahead Price (EUR/MWh)"'
    rows = [f'"{row.utc:%d/%m/%Y %H:%M:%S} - x","BZN|DE-LU","Sequence 1","{row.price!r}"' for row in frame.itertuples()]
    return header, rows


@pytest.mark.parametrize("form", [entsoe_old, entsoe_new, entsoe_utc])
def test_a_year_of_germany_in_the_forms_of_entsoe(
    shared: Path, tmp_path: Path, form: Callable[[pd.DataFrame], tuple[str, list[str]]]
) -> None:
    expected, frame = reference(shared, "DE-LU")
    path = write(tmp_path / "made_up_prices.csv", *form(frame))
    sequence = "Sequence 1" if form is not entsoe_old else None
    series = read_entsoe_prices(path, 1.25, sequence=sequence)
    assert series.gaps() == ()
    np.testing.assert_array_equal(series.starts_utc_s, expected.starts_utc_s)
    np.testing.assert_allclose(series.values, 1.25 * expected.values, rtol=1e-12)
    assert f"{path}: prices in EUR are taken at 1.25 USD/EUR" in series.notes


def test_what_entsoe_files_do_not_leave_to_chance(tmp_path: Path) -> None:
    rows = [f'"01/01/2025 0{hour}:00:00 - x","{area}","S","5"' for hour in range(3) for area in ("BZN|FR", "BZN|BE")]
    header = '"MTU (UTC)","Area","Sequence","Day-ahead Price (EUR/MWh)"'
    path = write(tmp_path / "two.csv", header, rows)
    with pytest.raises(InputError, match=r"Area: has 2 values \('BZN\|FR', 'BZN\|BE'\); choose one by area"):
        read_entsoe_prices(path, 1.0)
    assert len(read_entsoe_prices(path, 1.0, area="BZN|FR").values) == 3
    pounds = write(tmp_path / "pounds.csv", header.replace("EUR", "GBP"), rows)
    with pytest.raises(InputError, match="prices are in GBP, only EUR is supported"):
        read_entsoe_prices(pounds, 1.0)


def test_missing_prices_of_entsoe_are_gaps(tmp_path: Path) -> None:
    prices = ["10", "n/e", "-", "40", "N/A", "60"]
    rows = [f'"01.01.2022 0{hour}:00 - x","{price}","EUR",""' for hour, price in enumerate(prices)]
    header = '"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]","Currency","BZN|DE-LU"'
    series = read_entsoe_prices(write(tmp_path / "gaps.csv", header, rows), 1.0)
    assert [(gap.line, gap.length_h) for gap in series.gaps()] == [(3, 2.0), (6, 1.0)]
    reading = series.to_signal(datetime(2021, 12, 31, 23, tzinfo=UTC), 6 * HOUR, GapRule("interpolate", 2.0))
    np.testing.assert_allclose(reading.signal.means(HOUR * np.arange(7.0)), 0.001 * np.arange(10, 70, 10), rtol=1e-12)
