"""Columns of text of a CSV file, for formats whose stamps need several columns or a rule of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.documents.csv_rows import split_fields
from simulator.documents.text_file import FaultLog, column_position, parse_number
from simulator.errors import nearest_match

_SEEN = 1000
"""Values of a filter that are remembered for the message when none matches."""


@dataclass(frozen=True, slots=True, eq=False)
class TextTable:
    """Rows of a file, in its order.

    Args:
        lines: line of each row, counted from 1, shape (n,).
        columns: the wanted fields by name of their column, without blanks around them.
    """

    lines: NDArray[np.int64]
    columns: Mapping[str, list[str]]

    def numbers(self, name: str, unreadable: FaultLog, empty: frozenset[str] = frozenset({""})) -> NDArray[np.float64]:
        """Return a column as numbers; NaN where a field is empty, or unreadable and then recorded.

        Args:
            name: name of the column.
            unreadable: takes fields that are neither a finite number nor empty.
            empty: texts that mean that there is no value.
        """
        texts, values = self.columns[name], np.full(len(self.lines), np.nan)
        for row, text in enumerate(texts):
            if text in empty:
                continue
            try:
                values[row] = parse_number(text)
            except ValueError as error:
                unreadable.add(str(error), int(self.lines[row]), name)
        return values

    def instants(self, names: Sequence[str], parse: Callable[..., int], log: FaultLog) -> NDArray[np.int64]:
        """Return what `parse` makes of the fields of some columns; a row that it refuses is recorded in `log`.

        Args:
            names: names of the columns.
            parse: takes the fields as text, returns seconds, raises ValueError.
            log: takes what is wrong; raised at once, for rows without a stamp have no place.
        """
        seconds, before = np.zeros(len(self.lines), np.int64), log.count
        for row, fields in enumerate(zip(*(self.columns[name] for name in names), strict=True)):
            try:
                seconds[row] = parse(*fields)
            except ValueError as error:
                log.add(str(error), int(self.lines[row]), names[0])
        if log.count > before:
            log.raise_if_any()
        return seconds


def header_fields(path: Path, line: int = 1) -> tuple[str, ...]:
    """Return the names of the columns, which stand in a line of the file."""
    with path.open(encoding="utf-8-sig", errors="replace") as handle:
        for _ in range(line - 1):
            handle.readline()
        return tuple(name.strip() for name in split_fields(handle.readline(65_536)))


def read_text_table(
    path: Path, wanted: Iterable[str], log: FaultLog, where: Mapping[str, str] | None = None, header_line: int = 1
) -> TextTable:
    """Return columns of a file; what is wrong is recorded in `log` and raised.

    Args:
        path: the file, comma-separated UTF-8 text with a header line.
        wanted: names of the columns.
        log: takes a missing column, and rows with another number of fields than the header.
        where: keep only rows with these values, by name of the column.
        header_line: line of the header.
    """
    names, kept_where = header_fields(path, header_line), dict(where or {})
    positions = {name: column_position(names, name, log) for name in dict.fromkeys((*wanted, *kept_where))}
    log.raise_if_any()
    lines: list[int] = []
    columns: dict[str, list[str]] = {name: [] for name in positions}
    seen: dict[str, set[str]] = {name: set() for name in kept_where}
    with path.open(encoding="utf-8-sig", errors="replace") as handle:
        for line, text in enumerate(handle, start=1):
            if line <= header_line or not text.strip():
                continue
            fields = [field.strip() for field in split_fields(text)]
            if len(fields) != len(names):
                log.add(f"has {len(fields)} fields, expected {len(names)}", line)
                continue
            if kept_where and not _matches(fields, positions, kept_where, seen):
                continue
            lines.append(line)
            for name, position in positions.items():
                columns[name].append(fields[position])
    if not lines and not log.count:
        log.add(_nothing(kept_where, seen), line=header_line + 1)
    log.raise_if_any()
    return TextTable(np.array(lines, np.int64), columns)


def _matches(
    fields: list[str], positions: Mapping[str, int], where: Mapping[str, str], seen: Mapping[str, set[str]]
) -> bool:
    for name, value in where.items():
        field = fields[positions[name]]
        if len(seen[name]) < _SEEN or field == value:
            seen[name].add(field)
        if field != value:
            return False
    return True


def _nothing(where: Mapping[str, str], seen: Mapping[str, set[str]]) -> str:
    """Return why no row was kept: the first filter that no row passed."""
    for name, value in where.items():
        if seen[name] and value not in seen[name]:
            return f"has no row with {name} {value!r}{nearest_match(value, sorted(seen[name])[:20])}"
    return "has no rows of data"
