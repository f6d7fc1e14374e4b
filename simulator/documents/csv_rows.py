"""Rows of a CSV file as columns of numbers, with the line of each row and every malformed row as a fault.

Two ways lead to the same rows. The quick one leaves the text to Arrow, in blocks, and knows only that something is
wrong. The careful one reads line by line and defines what is right; it runs when the quick one gave up.
"""

from __future__ import annotations

import csv
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from simulator.documents.text_file import FaultLog, parse_number, parse_stamp

_BLOCK_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the wanted columns stand in a file.

    Args:
        names: a name for every field of a row, in order; used in fault messages.
        first_line: line of the first row of data, counted from 1.
        stamp: position of the column of dates and times, None when there is none.
        numbers: positions of the columns of numbers.
        optional: the positions among `numbers` where a field may be empty.
        where: keep only rows whose field at a position has this text.
    """

    names: tuple[str, ...]
    first_line: int
    stamp: int | None
    numbers: tuple[int, ...]
    optional: frozenset[int] = field(default=frozenset())
    where: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The sound rows of a file, in its order.

    Args:
        lines: line of each row, counted from 1.
        stamps_ns: nanoseconds since 1970-01-01 00:00, UTC when `zoned`, else clock time as written; empty if there is
            no column of stamps.
        zoned: whether the stamps carry an offset.
        numbers: one array for each position in `Layout.numbers`; NaN where an optional field is empty.
    """

    lines: range | NDArray[np.int64]
    stamps_ns: NDArray[np.int64]
    zoned: bool
    numbers: tuple[NDArray[np.float64], ...]


def read_header(path: Path) -> tuple[str, ...]:
    """Return the field names of the first line."""
    with path.open(encoding="utf-8-sig", errors="replace") as handle:
        return tuple(name.strip() for name in split_fields(handle.readline(65_536)))


def read_rows(path: Path, layout: Layout, log: FaultLog, unreadable: FaultLog | None = None) -> Rows:
    """Return every sound row; malformed ones are recorded in `log` and left out.

    Args:
        path: the file.
        layout: where the columns stand.
        log: takes what is wrong with rows.
        unreadable: takes what is wrong with numbers of optional columns instead, which then count as empty; `log` when
            None.
    """
    rows = _read_quickly(path, layout)
    if rows is None:
        rows = _CarefulReader(layout, log, unreadable).read(path)
    if not len(rows.lines):
        kept = " and ".join(f"{layout.names[position]} {text!r}" for position, text in layout.where)
        log.add(f"has no rows with {kept}" if kept else "has no rows of data", line=layout.first_line)
    return rows


def _read_quickly(path: Path, layout: Layout) -> Rows | None:
    """Return the rows, or None when anything at all needs a closer look."""
    zoned = _first_stamp_is_zoned(path, layout)
    if zoned is None:
        return None
    positions = layout.numbers if layout.stamp is None else (layout.stamp, *layout.numbers)
    types = {position: pa.float64() for position in layout.numbers} | {at: pa.string() for at, _ in layout.where}
    if layout.stamp is not None:
        types[layout.stamp] = pa.timestamp("ns", tz="UTC" if zoned else None)
    columns: list[list[NDArray[Any]]] = [[] for _ in positions]
    lines: list[NDArray[np.int64]] = []
    line = layout.first_line
    try:
        for batch in _open_with_arrow(path, layout, (*positions, *(at for at, _ in layout.where)), types):
            kept = _passing(batch.columns[len(positions) :], layout)
            for position, column, blocks in zip(positions, batch.columns, columns, strict=False):
                if not _is_clean(column, position in layout.optional):
                    return None
                values = _to_numpy(column)
                blocks.append(values.copy() if kept is None else values[kept])  # else it keeps the whole batch alive
            if kept is not None:
                lines.append(line + np.flatnonzero(kept))
            line += len(batch)
    except pa.ArrowInvalid:
        return None
    numbers = tuple(_joined(columns.pop(), np.float64) for _ in layout.numbers)[::-1]
    stamps_ns = np.empty(0, np.int64) if layout.stamp is None else _joined(columns.pop(), np.int64)
    whole = range(layout.first_line, layout.first_line + len(numbers[0]))
    return Rows(_joined(lines, np.int64) if layout.where else whole, stamps_ns, zoned, numbers)


def _passing(columns: list[Any], layout: Layout) -> NDArray[np.bool_] | None:
    """Return which rows of a batch have the wanted texts, None when all are wanted."""
    if not layout.where:
        return None
    passing = [
        compute.equal(compute.utf8_trim_whitespace(column), text).to_numpy(zero_copy_only=False)
        for column, (_, text) in zip(columns, layout.where, strict=True)
    ]
    kept: NDArray[np.bool_] = np.logical_and.reduce(passing)
    return kept


def _open_with_arrow(path: Path, layout: Layout, positions: tuple[int, ...], types: dict[int, Any]) -> Any:
    # Without empty lines skipped, row and line numbers run in step. Names may repeat in a header, positions do not.
    return arrow_csv.open_csv(
        path,
        read_options=arrow_csv.ReadOptions(
            skip_rows=layout.first_line - 1,
            column_names=[str(position) for position in range(len(layout.names))],
            block_size=_BLOCK_BYTES,
        ),
        parse_options=arrow_csv.ParseOptions(ignore_empty_lines=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types={str(position): kind for position, kind in types.items()},
            include_columns=[str(position) for position in positions],
            null_values=[""],
        ),
    )


def _is_clean(column: Any, optional: bool) -> bool:
    if column.null_count and not optional:
        return False
    if not pa.types.is_floating(column.type):
        return True
    return int(np.isfinite(_to_numpy(column)).sum()) == len(column) - int(column.null_count)


def _to_numpy(column: Any) -> NDArray[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values


def _joined(blocks: list[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(blocks, dtype=kind) if blocks else np.empty(0, kind)


def _first_stamp_is_zoned(path: Path, layout: Layout) -> bool | None:
    if layout.stamp is None:
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as handle:
        for _ in range(layout.first_line - 1):
            handle.readline()
        fields = split_fields(handle.readline(65_536))
    try:
        return parse_stamp(fields[layout.stamp])[1]
    except (IndexError, ValueError):
        return None


def split_fields(text: str) -> list[str]:
    """Return the fields of one line of a CSV file."""
    if '"' not in text:
        return text.rstrip("\r\n").split(",")
    try:
        return next(csv.reader([text]), [])
    except csv.Error:  # a field beyond the length that the csv module takes
        return [text]


class _CarefulReader:
    """Reads line by line and records what is wrong with each row."""

    def __init__(self, layout: Layout, log: FaultLog, unreadable: FaultLog | None = None) -> None:
        self._layout = layout
        self._log = log
        self._unreadable = unreadable
        self._zoned: bool | None = None
        self._lines = array("q")
        self._stamps_ns = array("q")
        self._numbers = tuple(array("d") for _ in layout.numbers)

    def read(self, path: Path) -> Rows:
        empty_line = None
        with path.open(encoding="utf-8-sig", errors="replace") as handle:
            for line, text in enumerate(handle, start=1):
                if line < self._layout.first_line:
                    continue
                if not text.strip():
                    empty_line = empty_line or line
                    continue
                if empty_line is not None:  # empty lines may end a file, but not stand among its rows
                    self._log.add("is an empty line among the rows", empty_line)
                    empty_line = None
                self._read_row(split_fields(text), line)
        numbers = tuple(np.array(column, np.float64) for column in self._numbers)
        return Rows(np.array(self._lines, np.int64), np.array(self._stamps_ns, np.int64), bool(self._zoned), numbers)

    def _read_row(self, fields: list[str], line: int) -> None:
        if len(fields) != len(self._layout.names):
            self._log.add(f"has {len(fields)} fields, expected {len(self._layout.names)}", line)
            return
        if any(fields[position].strip() != text for position, text in self._layout.where):
            return
        stamp_ns = None if self._layout.stamp is None else self._stamp(fields, self._layout.stamp, line)
        numbers = [self._number(fields, position, line) for position in self._layout.numbers]
        if None in numbers or (stamp_ns is None and self._layout.stamp is not None):
            return
        self._lines.append(line)
        if stamp_ns is not None:
            self._stamps_ns.append(stamp_ns)
        for column, number in zip(self._numbers, numbers, strict=True):
            column.append(number if number is not None else float("nan"))

    def _stamp(self, fields: list[str], position: int, line: int) -> int | None:
        text = fields[position].strip()
        try:
            stamp_ns, zoned = parse_stamp(text)
            if not -(2**63) <= stamp_ns < 2**63:
                raise ValueError(f"{text!r} is outside the years 1678 to 2261")
            if self._zoned is None:
                self._zoned = zoned
            elif zoned != self._zoned:
                raise ValueError(f"{text!r} has {'an' if zoned else 'no'} offset, unlike the rows before it")
        except ValueError as error:
            self._log.add(str(error), line, self._layout.names[position])
            return None
        return stamp_ns

    def _number(self, fields: list[str], position: int, line: int) -> float | None:
        optional = position in self._layout.optional
        if optional and not fields[position].strip():
            return float("nan")
        try:
            return parse_number(fields[position])
        except ValueError as error:
            if optional and self._unreadable is not None:
                self._unreadable.add(str(error), line, self._layout.names[position])
                return float("nan")
            self._log.add(str(error), line, self._layout.names[position])
            return None
