from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.documents import csv_rows
from simulator.documents.csv_rows import Layout, Rows, read_header, read_rows
from simulator.documents.text_file import FaultLog
from simulator.errors import InputError

LAYOUT = Layout(("t", "a", "b", "c"), 2, 0, (1, 3), frozenset({3}))
GOOD = "2022-01-01 00:00:00+00:00,1.5,text,2"


def read(path: Path, layout: Layout = LAYOUT) -> Rows:
    log = FaultLog(path.name)
    rows = read_rows(path, layout, log)
    log.raise_if_any()
    return rows


def carefully(path: Path, layout: Layout = LAYOUT) -> Rows:
    log = FaultLog(path.name)
    rows = csv_rows._CarefulReader(layout, log).read(path)
    log.raise_if_any()
    return rows


def faults_of(path: Path, layout: Layout = LAYOUT) -> list[tuple[int | None, str, str]]:
    with pytest.raises(InputError) as caught:
        read(path, layout)
    return [(fault.line, fault.path, fault.message) for fault in caught.value.faults]


def assert_same(left: Rows, right: Rows) -> None:
    assert list(left.lines) == list(right.lines)
    assert left.stamps_ns.tolist() == right.stamps_ns.tolist()
    assert left.zoned == right.zoned
    for a, b in zip(left.numbers, right.numbers, strict=True):
        np.testing.assert_array_equal(a, b)


FIELD = st.one_of(st.floats(-1e6, 1e6).map(repr), st.integers(-99, 99).map(str), st.just(" 7 "), st.just('"8"'))
ROW = st.tuples(
    st.datetimes().filter(lambda t: 1700 < t.year < 2250).map(lambda t: t.isoformat(" ")),
    FIELD,
    st.sampled_from(["", "x", '"p, q"', "NaN"]),
    st.one_of(FIELD, st.just("")),
)


@settings(deadline=None)  # the first file of a process also loads Arrow
@given(
    rows=st.lists(ROW, min_size=1, max_size=8),
    newline=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    ending=st.integers(0, 3),
    offset=st.sampled_from(["", "+00:00", "-07:00", "Z"]),
)
def test_both_ways_of_reading_agree(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, str, str]],
    newline: str,
    bom: bool,
    ending: int,
    offset: str,
) -> None:
    path = tmp_path_factory.mktemp("rows") / "x.csv"
    lines = ["t,a,b,c", *(f"{t}{offset},{a},{b},{c}" for t, a, b, c in rows)]
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + (newline.join(lines) + newline * ending).encode())
    got = read(path)
    assert_same(got, carefully(path))
    assert read_header(path) == ("t", "a", "b", "c")
    assert list(got.lines) == list(range(2, 2 + len(rows)))
    # An outside opinion on the numbers: Python's own float.
    assert got.numbers[0].tolist() == [float(row[1].strip('" ')) for row in rows]
    expected = [float(row[3].strip('" ') or "nan") for row in rows]
    np.testing.assert_array_equal(got.numbers[1], expected)


def test_the_quick_way_is_taken_for_a_sound_file_and_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.csv"
    lines = [f"2022-01-01 00:{i // 60:02d}:{i % 60:02d}+00:00,{i},text,{i * 0.5}" for i in range(3000)]
    path.write_text("t,a,b,c\n" + "\n".join(lines) + "\n")
    expected = carefully(path)

    def never(*_: object) -> Rows:
        raise AssertionError("a sound file was read line by line")

    monkeypatch.setattr(csv_rows._CarefulReader, "read", never)
    monkeypatch.setattr(csv_rows, "_BLOCK_BYTES", 4096)
    assert_same(read(path), expected)


BROKEN = {
    "2022-01-01 00:00:00+00:00,1.5,text": ("", "has 3 fields, expected 4"),
    "2022-01-01 00:00:00+00:00,1.5,text,2,": ("", "has 5 fields, expected 4"),
    "2022-01-01 00:00:00+00:00,,text,2": ("a", "is empty, expected a number"),
    "2022-01-01 00:00:00+00:00,x,text,2": ("a", "'x' is not a finite number"),
    "2022-01-01 00:00:00+00:00,1.5,text,nan": ("c", "'nan' is not a finite number"),
    "2022-01-01 00:00:00+00:00,1.5,text,inf": ("c", "'inf' is not a finite number"),
    "2022-01-01 00:00:00,1.5,text,2": ("t", "'2022-01-01 00:00:00' has no offset, unlike the rows before it"),
    "01.01.2022,1.5,text,2": ("t", "'01.01.2022' is not a date and time such as 2022-06-01 13:00:00+00:00"),
    ",1.5,text,2": ("t", "'' is not a date and time such as 2022-06-01 13:00:00+00:00"),
    "1500-01-01 00:00:00+00:00,1.5,text,2": ("t", "'1500-01-01 00:00:00+00:00' is outside the years 1678 to 2261"),
    "": ("", "is an empty line among the rows"),
    "\udcff\udcfe": ("", "has 1 fields, expected 4"),
}


@settings(deadline=None)  # the first file of a process also loads Arrow
@given(st.lists(st.sampled_from([GOOD, *BROKEN]), max_size=12))
def test_every_broken_row_is_named_by_its_line(tmp_path_factory: pytest.TempPathFactory, middle: list[str]) -> None:
    path = tmp_path_factory.mktemp("rows") / "x.csv"
    lines = ["t,a,b,c", GOOD, *middle, GOOD]
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    expected = []
    for line, text in enumerate(lines[1:], start=2):
        follows_empty = not text and not lines[line - 2]
        if text in BROKEN and not follows_empty:  # a run of empty lines is one fault
            expected.append((line, *BROKEN[text]))
    if expected:
        assert faults_of(path) == expected
    else:
        assert len(read(path).lines) == 2 + len(middle)


def test_one_bad_row_far_down_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "_BLOCK_BYTES", 4096)
    path = tmp_path / "x.csv"
    lines = [GOOD] * 5000
    lines[4000] = "2022-01-01 00:00:00+00:00,oops,text,2"
    path.write_text("t,a,b,c\n" + "\n".join(lines))
    assert faults_of(path) == [(4002, "a", "'oops' is not a finite number")]


@pytest.mark.parametrize("text", ["t,a,b,c", "t,a,b,c\n", "t,a,b,c\r\n\r\n"])
def test_a_header_without_rows(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    assert faults_of(path) == [(2, "", "has no rows of data")]


def test_a_field_beyond_all_length_is_a_fault_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("t,a,b,c\n" + GOOD + '\n2022-01-01 00:00:00+00:00,1,"' + "x" * 300_000 + '",2,3\n')
    assert faults_of(path) == [(3, "", "has 1 fields, expected 4")]


def test_a_quote_that_never_closes_harms_its_own_line_only(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("t,a,b,c\n" + GOOD + '\n2022-01-01 00:00:00+00:00,1,"text,2\n' + GOOD + "\n")
    assert faults_of(path) == [(3, "", "has 3 fields, expected 4")]


def test_nan_stands_only_for_an_empty_field(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("t,a,b,c\n2022-01-01 00:00:00+00:00,1.5,text,\n")
    assert math.isnan(read(path).numbers[1][0])
