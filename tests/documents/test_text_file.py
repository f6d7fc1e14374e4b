from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.documents.text_file import (
    FaultLog,
    checked_file,
    checked_text_file,
    column_position,
    parse_number,
    parse_stamp,
)
from simulator.errors import InputError


def message_of(path: str | Path, limit_bytes: int | None = None) -> str:
    with pytest.raises(InputError) as caught:
        checked_text_file(path, limit_bytes)
    (fault,) = caught.value.faults
    assert fault.file == str(path)
    return fault.message


def test_each_unusable_file_gives_one_sentence(tmp_path: Path) -> None:
    assert message_of(tmp_path / "absent.csv") == "there is no such file"
    assert message_of(tmp_path) == "is a folder, expected a file"
    (tmp_path / "empty.csv").touch()
    assert message_of(tmp_path / "empty.csv") == "is empty"
    (tmp_path / "binary.csv").write_bytes(b"a,b\n1,\x00\n")
    assert message_of(tmp_path / "binary.csv") == "is a binary file (byte 0 at position 6), expected UTF-8 text"
    assert message_of("bad\0name.csv").startswith("cannot be read: ")
    assert message_of(tmp_path / "empty.csv" / "inner.csv").startswith("cannot be read: ")
    os.mkfifo(tmp_path / "pipe.csv")
    assert message_of(tmp_path / "pipe.csv") == "is not a regular file"


def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as handle:
        handle.truncate(2_000_000_000)  # sparse: takes no room
    assert message_of(huge, 200_000_000) == ("has 2,000 MB, more than the 200 MB allowed for this kind of file")
    assert checked_file(huge) == huge


@pytest.mark.parametrize("name", ["NG_&_avgCI.csv", "a b.csv", "été.csv", "x;rm -rf.csv", "100%.csv"])
def test_names_with_odd_characters(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a\n1\n")
    assert checked_text_file(str(tmp_path / name)) == tmp_path / name


def test_the_log_shows_the_first_twenty_and_counts_the_rest() -> None:
    log = FaultLog("x.csv")
    log.raise_if_any()
    log.add_rows(np.ones(1000, np.bool_), lambda row: (f"bad {row}", 2000 - row), "b")
    for line in range(30, 0, -1):
        log.add(f"worse {line}", line)
    with pytest.raises(InputError) as caught:
        log.raise_if_any()
    faults = caught.value.faults
    assert [fault.line for fault in faults] == [*range(1, 21), None]
    assert str(faults[-1]) == "x.csv: and 1,010 more faults in this file"


def test_columns_are_found_by_their_exact_name() -> None:
    log = FaultLog("x.csv")
    assert column_position(("time", "avg_CI", "x", "x"), "avg_CI", log) == 1
    log.raise_if_any()
    assert column_position(("time", "avg_CI", "x", "x"), "avg_ci", log) == -1
    assert column_position(("time", "avg_CI", "x", "x"), "x", log) == -1
    with pytest.raises(InputError) as caught:
        log.raise_if_any()
    assert [str(fault) for fault in caught.value.faults] == [
        "x.csv:1: the header has no column 'avg_ci'; did you mean 'avg_CI'?",
        "x.csv:1: the header names column 'x' 2 times",
    ]


@given(
    st.datetimes(datetime(1700, 1, 1), datetime(2250, 1, 1)),
    st.one_of(st.none(), st.integers(-14 * 60, 14 * 60)),
    st.sampled_from([" ", "T"]),
)
def test_stamps_agree_with_datetime(moment: datetime, offset_min: int | None, between: str) -> None:
    zone = None if offset_min is None else timezone(timedelta(minutes=offset_min))
    stamp_ns, zoned = parse_stamp(moment.replace(tzinfo=zone).isoformat(between))
    utc = moment.replace(tzinfo=zone or UTC).astimezone(UTC)
    assert stamp_ns == (utc - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    assert zoned == (offset_min is not None)


@pytest.mark.parametrize(
    ("text", "stamp_ns", "zoned"),
    [
        ("2023-11-16 18:17:03.9799600", 1700158623_979960000, False),
        ("1970-01-01 00:00:00.000000001", 1, False),
        ("1970-01-02", 86_400_000_000_000, False),
        ("1970-01-01T01", 3_600_000_000_000, False),
        ("1970-01-01T01:30Z", 5_400_000_000_000, True),
        ("1970-01-01T00:00:00-0130", 5_400_000_000_000, True),
        ("1970-01-01T00:00:00+01", -3_600_000_000_000, True),
    ],
)
def test_forms_of_stamps(text: str, stamp_ns: int, zoned: bool) -> None:
    assert parse_stamp(text) == (stamp_ns, zoned)


@pytest.mark.parametrize(
    "text",
    ["", "now", "2022-02-29", "2022-13-01", "2022-1-1", "2022-01-01 24:00", "2022-01-01 00:60", "2022-01-01 00:00:60",
     "2022-01-01 00:00:00.", "2022-01-01 00:00:00.1234567890", "2022-01-01 00:00:00+25:00", "01/02/2022", "٢٠٢٢-01-01"],
)  # fmt: skip
def test_what_is_no_stamp(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  some messages are those of the standard library
        parse_stamp(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_round_trip(value: float) -> None:
    assert parse_number(repr(value)) == value


@pytest.mark.parametrize("text", ["", " ", "nan", "inf", "1e999", "1_000", "0x10", "1,5", "--1", "１", "abc", "1 2"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        parse_number(text)
