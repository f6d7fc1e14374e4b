"""Files of JSON objects, one a line, as columns of numbers: read line by line, only the numbers stay."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simulator.documents.csv_rows import Rows
from simulator.documents.json_file import is_number
from simulator.documents.text_file import FaultLog

_NO_STAMPS = np.empty(0, np.int64)


def read_json_lines(path: Path, keys: Sequence[str], log: FaultLog, where: Mapping[str, str] | None = None) -> Rows:
    """Return the sound rows of a file; malformed ones are recorded in `log` and left out.

    Args:
        path: the file, UTF-8 text.
        keys: keys of numbers that every object has; others are not read.
        log: takes what is wrong.
        where: keep only objects with these texts, by key.
    """
    lines, numbers = array("q"), tuple(array("d") for _ in keys)
    with path.open(encoding="utf-8-sig", errors="replace") as handle:
        for line, text in enumerate(handle, start=1):
            if not text.strip():
                continue
            row = _row(text, line, keys, log, where or {})
            if row is not None:
                lines.append(line)
                for column, number in zip(numbers, row, strict=True):
                    column.append(number)
    if not lines and not log.count:
        kept = " and ".join(f"{key} {text!r}" for key, text in (where or {}).items())
        log.add(f"has no rows with {kept}" if kept else "has no rows of data", line=1)
    return Rows(np.array(lines, np.int64), _NO_STAMPS, False, tuple(np.array(column, np.float64) for column in numbers))


def _row(text: str, line: int, keys: Sequence[str], log: FaultLog, where: Mapping[str, str]) -> list[float] | None:
    """Return the numbers of an object, None when it is not wanted or not sound."""
    try:
        entry: Any = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        log.add(f"is not JSON: {getattr(error, 'msg', 'nested too deeply')}", line)
        return None
    if not isinstance(entry, dict):
        log.add("must be a JSON object", line)
        return None
    if any(entry.get(key) != wanted for key, wanted in where.items()):
        return None
    row = []
    for key in keys:
        value = entry.get(key)
        if is_number(value):
            row.append(float(value))
        else:
            log.add(f"must be a finite number, got {value!r}" if key in entry else "is missing", line, key)
    return row if len(row) == len(keys) else None
