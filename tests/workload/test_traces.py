from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.documents import csv_rows
from simulator.errors import InputError
from simulator.workload.requests import RequestTable
from simulator.workload.traces.azure_llm import read_azure_llm
from simulator.workload.traces.plain_csv import read_csv_pairs, read_csv_requests
from simulator.workload.traces.trace import Trace, TraceColumns, TraceOptions
from simulator.workload.traces.vidur import read_vidur, read_vidur_lengths

DROP = TraceOptions(zero_tokens="drop")
SORT = TraceOptions(sort=True)
TICKS_PER_S = 10_000_000  # Azure writes 100 ns
AZURE_HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"

TOKENS = st.integers(1, 200_000)
ROWS = st.lists(st.tuples(st.integers(0, 10**12), TOKENS, TOKENS), min_size=1, max_size=30).map(sorted)
FILE = settings(deadline=None)  # the first file of a process also loads Arrow


def write(
    path: Path, header: str, rows: list[str], newline: str = "\n", *, bom: bool = False, ended: bool = True
) -> Path:
    text = newline.join([header, *rows]) + (newline if ended else "")
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + text.encode())
    return path


def azure_stamp(ticks: int, form: str) -> str:
    moment = datetime(2023, 11, 16, 18, 15, 46) + timedelta(seconds=ticks // TICKS_PER_S)
    fraction = f"{ticks % TICKS_PER_S:07d}"
    return (
        f"{moment:%Y-%m-%d %H:%M:%S}.{fraction}"
        if form == "2023"
        else f"{moment:%Y-%m-%d %H:%M:%S}.{fraction[:6]}+00:00"
    )


def faults_of(read: Callable[..., object], path: Path, **options: object) -> list[tuple[int | None, str, str]]:
    with pytest.raises(InputError) as caught:
        read(path, **options)
    return [(fault.line, fault.path, fault.message) for fault in caught.value.faults]


@FILE
@given(ROWS, st.sampled_from(["2023", "2024"]), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_azure_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, int, int]],
    form: str,
    newline: str,
    bom: bool,
    ended: bool,
) -> None:
    step = 1 if form == "2023" else 10  # the later files write microseconds
    rows = [(ticks // step * step, prompt, output) for ticks, prompt, output in rows]
    lines = [f"{azure_stamp(ticks, form)},{prompt},{output}" for ticks, prompt, output in rows]
    path = write(tmp_path_factory.mktemp("azure") / "a & b.csv", AZURE_HEADER, lines, newline, bom=bom, ended=ended)
    trace = read_azure_llm(path)
    first = rows[0][0]
    expected = RequestTable.make(
        [(ticks - first) / TICKS_PER_S for ticks, _, _ in rows], [row[1] for row in rows], [row[2] for row in rows]
    )
    assert trace.requests.same_as(expected)
    assert (trace.dropped, trace.moved, trace.file) == (0, 0, str(path))
    origin_ns = int(datetime(2023, 11, 16, 18, 15, 46, tzinfo=UTC).timestamp()) * 10**9 + first * 100
    assert trace.origin_utc_ns == (None if form == "2023" else origin_ns)
    assert read_azure_llm(path, time_zone=UTC).origin_utc_ns == origin_ns


@FILE
@given(st.lists(st.tuples(st.floats(0.0, 1e7), TOKENS, TOKENS), min_size=1, max_size=30).map(sorted))
def test_plain_and_vidur_round_trip(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("plain")
    expected = RequestTable.make(*(list(column) for column in zip(*rows, strict=True)))
    lines = [f"{arrival!r},{prompt},{output}" for arrival, prompt, output in rows]
    plain = read_csv_requests(write(folder / "p.csv", "arrival_s,prompt_tokens,output_tokens", lines))
    vidur = read_vidur(write(folder / "v.csv", "arrived_at,num_prefill_tokens,num_decode_tokens", lines))
    assert plain.requests.same_as(expected)
    assert vidur.requests.same_as(expected)
    assert plain.origin_utc_ns is None
    columns = TraceColumns("when", "in", "out")
    other = [f"x,{output},{arrival!r},{float(prompt)!r}" for arrival, prompt, output in rows]
    named = read_csv_requests(write(folder / "n.csv", "id,out,when,in", other), columns)
    assert named.requests.same_as(expected)
    pairs = read_csv_pairs(folder / "n.csv", "in", "out")
    assert pairs.prompt_tokens.tolist() == expected.prompt_tokens.tolist()
    assert pairs.output_tokens.tolist() == expected.output_tokens.tolist()


def test_blocks_leave_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{azure_stamp(i * 1_234_567, '2024')},{i % 4000 + 1},{i % 900 + 1}" for i in range(5000)]
    path = write(tmp_path / "x.csv", AZURE_HEADER, rows)
    whole = read_azure_llm(path)
    monkeypatch.setattr(csv_rows, "_BLOCK_BYTES", 4096)
    assert read_azure_llm(path).requests.same_as(whole.requests)
    rows[4321] = rows[4321].replace(",322,", ",-322,")
    assert faults_of(read_azure_llm, write(path, AZURE_HEADER, rows)) == [
        (4323, "ContextTokens", "must be a whole number from 1 to 2^53, got -322")
    ]


def plain(path: Path, rows: list[str]) -> Path:
    return write(path, "arrival_s,prompt_tokens,output_tokens", rows)


BROKEN = {
    "7,1": ("", "has 2 fields, expected 3"),
    "7,1,1,1": ("", "has 4 fields, expected 3"),
    "7,x,1": ("prompt_tokens", "'x' is not a finite number"),
    "7,1,": ("output_tokens", "is empty, expected a number"),
    "nan,1,1": ("arrival_s", "'nan' is not a finite number"),
    "-1,1,1": ("arrival_s", "-1 is below 0 s"),
    "7,1.5,1": ("prompt_tokens", "must be a whole number from 1 to 2^53, got 1.5"),
    "7,1,0": ("output_tokens", "must be a whole number from 1 to 2^53, got 0"),
    "7,0,1": ("prompt_tokens", "must be a whole number from 1 to 2^53, got 0"),
    "7,1e20,1": ("prompt_tokens", "must be a whole number from 1 to 2^53, got 1e+20"),
}


@FILE
@given(st.lists(st.sampled_from(["7,1,1", *BROKEN]), min_size=1, max_size=12))
def test_every_broken_row_is_named_by_its_line(tmp_path_factory: pytest.TempPathFactory, middle: list[str]) -> None:
    path = plain(tmp_path_factory.mktemp("broken") / "x.csv", ["0,5,5", *middle, "9,5,5"])
    expected = [(line, *BROKEN[text]) for line, text in enumerate(middle, start=3) if text in BROKEN]
    if not expected:
        assert len(read_csv_requests(path).requests) == len(middle) + 2
        return
    got = faults_of(read_csv_requests, path)
    assert [fault for fault in got if "arrives before" not in fault[2]] == expected


@FILE
@given(st.permutations(range(10)))
def test_an_unsorted_trace_is_refused_by_line_or_sorted(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    path = plain(tmp_path_factory.mktemp("unsorted") / "x.csv", [f"{i // 2},{i + 1},1" for i in order])
    back = [line for line, (a, b) in enumerate(pairwise(order), start=3) if b // 2 < a // 2]
    if back:
        assert faults_of(read_csv_requests, path) == [
            (line, "arrival_s", "arrives before the request above it; state sort to put the trace in order")
            for line in back
        ]
    trace = read_csv_requests(path, options=SORT)
    stable = sorted(order, key=lambda i: i // 2)  # Python's sort keeps the order of the file for ties
    assert trace.requests.prompt_tokens.tolist() == [i + 1 for i in stable]
    latest, moved = -1, 0
    for i in order:
        moved += i // 2 < latest
        latest = max(latest, i // 2)
    assert trace.moved == moved


def test_sorting_an_azure_trace_counts_from_the_earliest(tmp_path: Path) -> None:
    rows = [f"{azure_stamp(ticks, '2023')},1,1" for ticks in (30_000_000, 10_000_000, 20_000_000)]
    trace = read_azure_llm(write(tmp_path / "x.csv", AZURE_HEADER, rows), options=SORT)
    assert trace.requests.arrival_s.tolist() == [0.0, 1.0, 2.0]
    assert trace.moved == 2


def test_requests_without_tokens_are_refused_or_counted(tmp_path: Path) -> None:
    path = plain(tmp_path / "x.csv", ["0,0,5", "1,5,5", "2,5,0", "3,0,0", "4,5,6"])
    assert [fault[:2] for fault in faults_of(read_csv_requests, path)] == [
        (2, "prompt_tokens"),
        (4, "output_tokens"),
        (5, "prompt_tokens"),
        (5, "output_tokens"),
    ]
    trace = read_csv_requests(path, options=DROP)
    assert trace.dropped == 3
    assert trace.requests.arrival_s.tolist() == [1.0, 4.0]
    assert trace.requests.output_tokens.tolist() == [5, 6]
    only_zero = plain(tmp_path / "y.csv", ["0,0,5", "1,5,0"])
    assert faults_of(read_csv_requests, only_zero, options=DROP) == [
        (None, "", "has no request with both input and output tokens")
    ]


def test_lines_stay_right_when_rows_before_are_dropped(tmp_path: Path) -> None:
    path = plain(tmp_path / "x.csv", ["0,0,5", "5,5,5", "1,0,1", "4,5,5", "6,5,-1"])
    assert [fault[:2] for fault in faults_of(read_csv_requests, path, options=DROP)] == [
        (5, "arrival_s"),
        (6, "output_tokens"),
    ]


def test_twenty_faults_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    faults = faults_of(read_csv_requests, plain(tmp_path / "x.csv", [f"{i},0,1" for i in range(1500)]))
    assert [line for line, _, _ in faults] == [*range(2, 22), None]
    assert faults[-1][2] == "and 1,480 more faults in this file"


def test_wrong_headers_and_empty_traces(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "Timestamp,Model,Request tokens,Response tokens", ["5,GPT-4,472,18"])
    assert [fault[2] for fault in faults_of(read_azure_llm, path)] == [
        "the header has no column 'TIMESTAMP'; did you mean 'Timestamp'?",
        "the header has no column 'ContextTokens'; did you mean 'Response tokens'?",
        "the header has no column 'GeneratedTokens'; known: Model, Request tokens, Response tokens, Timestamp",
    ]
    burst = read_csv_requests(path, TraceColumns("Timestamp", "Request tokens", "Response tokens"))
    assert burst.requests.prompt_tokens.tolist() == [472]
    header_only = plain(tmp_path / "y.csv", [])
    for options in (TraceOptions(), DROP, SORT):
        assert faults_of(read_csv_requests, header_only, options=options) == [(2, "", "has no rows of data")]
    with pytest.raises(InputError, match="there is no such file"):
        read_vidur(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_vidur_lengths(tmp_path)


def test_faults_of_length_files(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "num_prefill_tokens,num_decode_tokens", ["1,2", "0,2", "3,x"])
    assert faults_of(read_vidur_lengths, path) == [
        (3, "num_prefill_tokens", "must be a whole number from 1 to 2^53, got 0"),
        (4, "num_decode_tokens", "'x' is not a finite number"),
    ]


def instants(tmp_path: Path) -> Trace:
    rows = [f"{azure_stamp(i * TICKS_PER_S, '2023')},{i + 1},1" for i in range(10)]
    return read_azure_llm(write(tmp_path / "x.csv", AZURE_HEADER, rows), time_zone=timezone(timedelta(hours=-6)))


def test_a_trace_with_instants_can_be_aligned_with_real_time(tmp_path: Path) -> None:
    first = datetime(2023, 11, 17, 0, 15, 46, tzinfo=UTC)
    part = instants(tmp_path).between(first + timedelta(seconds=2.5), 4.0)
    assert part.arrival_s.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert part.prompt_tokens.tolist() == [4, 5, 6, 7]
    early = instants(tmp_path).between(first - timedelta(seconds=100), 101.0)
    assert early.arrival_s.tolist() == [100.0]


def test_a_trace_that_cannot_be_aligned_says_why(tmp_path: Path) -> None:
    trace = instants(tmp_path)
    with pytest.raises(InputError, match=r"has requests from 2023-11-17 00:15:46\+00:00 to 2023-11-17 00:15:55\+00:00"):
        trace.between(datetime(2023, 11, 18, tzinfo=UTC), 3600.0)
    with pytest.raises(ValueError, match="must have a time zone"):
        trace.between(datetime(2023, 11, 17), 3600.0)
    relative = read_azure_llm(tmp_path / "x.csv")
    with pytest.raises(InputError, match="state the time zone of its stamps"):
        relative.between(datetime(2023, 11, 17, tzinfo=UTC), 3600.0)
    with pytest.raises(ValueError, match="columns of a trace must differ"):
        TraceColumns("t", "tokens", "tokens")
    with pytest.raises(ValueError, match="zero_tokens must be refuse or drop"):
        TraceOptions(zero_tokens="keep")  # type: ignore[arg-type]


def test_a_large_trace_is_not_held_as_text(tmp_path: Path) -> None:
    count = 200_000
    rows = [f"{azure_stamp(i * 3_000, '2024')},2162,5" for i in range(count)]
    path = write(tmp_path / "x.csv", AZURE_HEADER, rows)
    read_azure_llm(path)
    tracemalloc.start()
    try:
        trace = read_azure_llm(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(trace.requests) == count
    # Three columns of 8 bytes are kept, and up to three times that while they are joined and checked.
    assert peak / count < 4 * 24
