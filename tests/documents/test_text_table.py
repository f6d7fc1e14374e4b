from __future__ import annotations

from calendar import timegm
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.documents.clock_stamps import day_first_s, hour_ending_s, month_first_s
from simulator.documents.text_file import FaultLog
from simulator.documents.text_table import header_fields, read_text_table
from simulator.errors import InputError


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_wanted_columns_of_the_rows_that_pass_with_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", 'a, b ,c\n1,"x, y",N\n\n2, z ,M\n3,w,N\n')
    table = read_text_table(path, ("b", "a"), FaultLog("x.csv"), where={"c": "N"})
    assert header_fields(path) == ("a", "b", "c")
    assert table.columns == {"b": ["x, y", "w"], "a": ["1", "3"], "c": ["N", "N"]}
    assert table.lines.tolist() == [2, 5]


def test_numbers_and_what_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "a\n1.5\n-\nNaN\n\n2e3\n")
    table, log = read_text_table(path, ("a",), FaultLog("x.csv")), FaultLog("x.csv")
    np.testing.assert_array_equal(table.numbers("a", log, frozenset({"-"})), [1.5, np.nan, np.nan, 2000.0])
    assert [str(fault) for fault in log.first()] == ["x.csv:4: a: 'NaN' is not a finite number"]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a,b\n1\n", {}, "x.csv:2: has 1 fields, expected 2"),
        ("a,b\n", {}, "x.csv:2: has no rows of data"),
        ("a,c\n1,2\n", {}, "x.csv:1: the header has no column 'b'; known: a, c"),
        ("a,b\n1,hub-north\n", {"b": "hub-nort"}, "x.csv:2: has no row with b 'hub-nort'; did you mean 'hub-north'?"),
    ],
)
def test_faults(tmp_path: Path, text: str, where: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_text_table(write(tmp_path / "x.csv", text), ("a", "b"), FaultLog("x.csv"), where)
    assert str(caught.value) == message


@given(st.datetimes(datetime(1901, 1, 1), datetime(2199, 1, 1)))
def test_stamps_of_operators_against_the_standard_library(instant: datetime) -> None:
    instant = instant.replace(microsecond=0)
    expected = timegm(instant.timetuple())
    assert month_first_s(f"{instant:%m/%d/%Y %H:%M:%S}") == expected
    assert month_first_s(f"{instant:%m/%d/%Y %I:%M:%S %p}") == expected
    assert month_first_s(f"{instant.month}/{instant.day}/{instant.year} {instant:%H:%M}") == expected - instant.second
    assert day_first_s(f"{instant:%d.%m.%Y %H:%M}") == expected - instant.second
    assert day_first_s(f"{instant:%d/%m/%Y %H:%M:%S}") == expected
    hour_start = expected - instant.minute * 60 - instant.second
    assert hour_ending_s(f"{instant:%m/%d/%Y}", f"{instant.hour + 1:02d}:00") == hour_start


@pytest.mark.parametrize(
    ("read", "texts"),
    [
        (month_first_s, ("13/01/2022 00:00",)),
        (month_first_s, ("02/29/2023 00:00",)),
        (month_first_s, ("01/01/2022 13:00 PM",)),
        (month_first_s, ("01/01/2022 24:00",)),
        (month_first_s, ("2022-01-01 00:00",)),
        (day_first_s, ("31.02.2022 00:00",)),
        (day_first_s, ("01.01.22 00:00",)),
        (hour_ending_s, ("01/01/2022", "0")),
        (hour_ending_s, ("01/01/2022", "25:00")),
        (hour_ending_s, ("01/01/2022", "01:30")),
    ],
)
def test_what_is_no_stamp(read: Callable[..., int], texts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"is no|has a|has no"):
        read(*texts)
