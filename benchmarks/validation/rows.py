"""Reads tables in a published format from a file, or from all files of a folder that have it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from simulator.errors import InputError

Row = dict[str, str]


def read_rows(path: Path, columns: set[str]) -> list[Row]:
    """Return the rows of a CSV file, or of every CSV file below a folder that has the columns.

    Args:
        path: file or folder.
        columns: columns that tell the format.

    Raises:
        SystemExit: there is no such file, or none with these columns.
    """
    files = sorted(path.rglob("*.csv")) if path.is_dir() else [path]
    rows: list[Row] = []
    found = False
    for file in files:
        if not file.is_file():
            raise SystemExit(f"{file}: no such file")
        if columns <= set(_header(file)):
            found = True
            rows += list(_rows(file))
    if not found:
        raise SystemExit(f"{path}: no table with the columns {', '.join(sorted(columns))}")
    return rows


def number(row: Row, column: str, otherwise: float = 0.0) -> float:
    """Return the number in a column, or another one where the column is empty or absent.

    Raises:
        InputError: there is something that is no number.
    """
    text = row.get(column) or ""
    try:
        return float(text) if text else otherwise
    except ValueError:
        raise InputError(f"'{column}' is no number: '{text}'") from None


def has_rows(path: Path, columns: set[str]) -> bool:
    """Return whether a file, or a file below a folder, has the columns."""
    files = path.rglob("*.csv") if path.is_dir() else [path]
    return any(file.is_file() and columns <= set(_header(file)) for file in files)


def _header(file: Path) -> list[str]:
    with file.open(newline="", encoding="utf-8-sig") as stream:
        return next(csv.reader(stream), [])


def _rows(file: Path) -> Iterator[Row]:
    with file.open(newline="", encoding="utf-8-sig") as stream:
        yield from csv.DictReader(stream)
