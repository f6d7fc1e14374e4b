"""Find tables of a published format among files and folders: by their columns, never by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.errors import Fault, InputError

_SUFFIXES: Final = (".csv", ".parquet")
_SHOWN_FAULTS: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table of a known format.

    Args:
        kind: which of the formats.
        name: file as shown to the user.
        rows: its rows, numbered from 0.
    """

    kind: str
    name: str
    rows: pd.DataFrame


def find_tables(paths: Sequence[Path], formats: Mapping[str, frozenset[str]]) -> list[Table]:
    """Return the tables of all files, and of all files below the folders, whose columns are those of a format.

    Args:
        paths: files, each of which must have one of the formats, or folders.
        formats: columns of each format, by name; the first that fits counts.

    Raises:
        InputError: a path does not exist, cannot be read or has no such format; or nothing was found.
    """
    found: list[Table] = []
    faults: list[Fault] = []
    for path in paths:
        inside = sorted(entry for entry in path.rglob("*") if entry.suffix in _SUFFIXES) if path.is_dir() else [path]
        tables = []
        for file in inside:
            try:
                columns = _columns(file)
            except InputError as error:
                faults += error.faults
                continue
            kind = next((name for name, needed in formats.items() if needed <= columns), None)
            if kind is not None:
                tables.append(Table(kind, str(file), _read(file)))
            elif not path.is_dir():
                faults.append(Fault(_unknown(columns, formats), str(file)))
        if path.is_dir() and not tables and not faults:
            faults.append(Fault(f"holds no table of a known format ({', '.join(formats)})", str(path)))
        found += tables
    if faults:
        raise InputError(faults)
    return found


def require_positive(table: Table, columns: Sequence[str]) -> None:
    """Raise for every row in which one of the columns is not a positive finite number.

    Raises:
        InputError: with the first few rows.
    """
    _require(table, columns, "a number > 0", lambda numbers: (numbers > 0.0) & (numbers < float("inf")))


def require_counts(table: Table, columns: Sequence[str]) -> None:
    """Raise for every row in which one of the columns is not a whole number from 0.

    Raises:
        InputError: with the first few rows.
    """
    _require(table, columns, "a whole number >= 0", lambda numbers: (numbers >= 0.0) & (numbers % 1.0 == 0.0))


def _require(
    table: Table, columns: Sequence[str], what: str, holds: Callable[[pd.Series[float]], pd.Series[bool]]
) -> None:
    faults: list[Fault] = []
    for column in columns:
        good = holds(pd.to_numeric(table.rows[column], errors="coerce"))
        for row in table.rows.index[~good][:_SHOWN_FAULTS]:
            shown = table.rows[column].iloc[row]
            faults.append(Fault(f"must be {what}, got {shown!s}", table.name, int(row) + 2, column))
    if faults:
        raise InputError(faults[:_SHOWN_FAULTS])


def _unknown(columns: set[str], formats: Mapping[str, frozenset[str]]) -> str:
    nearest = min(formats, key=lambda name: len(formats[name] - columns))
    missing = ", ".join(sorted(formats[nearest] - columns))
    return f"is no table of a known format ({', '.join(formats)}); for {nearest} it lacks the columns {missing}"


def _columns(file: Path) -> set[str]:
    try:
        if file.suffix == ".parquet":
            return set(pq.read_schema(file).names)
        return set(pd.read_csv(file, nrows=0).columns)
    except FileNotFoundError:
        raise InputError([Fault("no such file", str(file))]) from None
    except (OSError, pa.ArrowException, ValueError) as error:
        raise InputError([Fault(f"cannot be read: {' '.join(str(error).split())}", str(file))]) from None


def _read(file: Path) -> pd.DataFrame:
    rows = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)
    return rows.reset_index(drop=True)
