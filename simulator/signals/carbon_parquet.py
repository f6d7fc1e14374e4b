"""Carbon intensity in Parquet files with the columns `timestamp` and `carbon_intensity`, as OpenDC reads them."""

from __future__ import annotations

from datetime import UTC, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from simulator.documents.text_file import NS_PER_S, FaultLog, checked_file, column_position, refuse
from simulator.signals.checked_series import checked_series, offset_seconds
from simulator.signals.columns import Clock, ValueColumn
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.quantities import CARBON_INTENSITY
from simulator.signals.series import LIMIT_BYTES, Series

_TIME, _VALUE = "timestamp", "carbon_intensity"


def read_parquet_carbon(
    path: str | Path, *, time_zone: timezone = UTC, step_s: int | None = None, corrupt: CorruptRule = "refuse"
) -> Series:
    """Return the carbon intensity in g/kWh; a null value is a gap.

    Args:
        path: the file.
        time_zone: UTC or a fixed offset, for stamps that carry none, as those of OpenDC do; noted in the series.
        step_s: how long a value holds; the commonest distance between rows when None.
        corrupt: what to do about rows that cannot be right.
    """
    file = checked_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    log = findings.log
    try:
        handle = parquet.ParquetFile(file)
        _check_schema(handle.schema_arrow, log)
        log.raise_if_any()
        table = handle.read(columns=[_TIME, _VALUE])
    except (pa.ArrowInvalid, OSError) as error:
        raise refuse(str(path), f"cannot be read as Parquet: {str(error).splitlines()[0]}") from None
    zoned = table.schema.field(_TIME).type.tz is not None
    offset_s = 0 if zoned else offset_seconds(time_zone)
    if not zoned:
        findings.remark(f"stamps have no offset and are read as {time_zone}")
    starts_utc_s = _seconds(table[_TIME], log) - offset_s
    values = table[_VALUE].cast(pa.float64()).to_numpy()
    nan = np.isinf(values) | (np.isnan(values) & table[_VALUE].is_valid().to_numpy())
    findings.doubt(nan, lambda row: (f"row {row + 1}: {values[row]} is not a finite number", None), _VALUE)
    values = np.where(nan, np.nan, values)
    clock = Clock(starts_utc_s, None, step_s, offset_s)
    return checked_series(ValueColumn(CARBON_INTENSITY, values, 1.0, _VALUE), clock, findings)


def _check_schema(schema: Any, log: FaultLog) -> None:
    time, value = column_position(schema.names, _TIME, log), column_position(schema.names, _VALUE, log)
    if time >= 0 and not pa.types.is_timestamp(schema.types[time]):
        log.add(f"is of type {schema.types[time]}, expected a timestamp", path=_TIME)
    if value >= 0 and not (pa.types.is_floating(schema.types[value]) or pa.types.is_integer(schema.types[value])):
        log.add(f"is of type {schema.types[value]}, expected a number", path=_VALUE)


def _seconds(column: Any, log: FaultLog) -> NDArray[np.int64]:
    """Return whole seconds since 1970; a null stamp or a fraction of a second is a fault of the file."""
    stamps_ns = column.cast(pa.timestamp("ns", tz=column.type.tz)).cast(pa.int64())
    log.add_rows(column.is_null().to_numpy(), lambda row: (f"row {row + 1}: has no stamp", None), _TIME)
    log.raise_if_any()
    nanoseconds: NDArray[np.int64] = stamps_ns.to_numpy()
    log.add_rows(
        nanoseconds % NS_PER_S != 0, lambda row: (f"row {row + 1}: has a stamp that is not a whole second", None), _TIME
    )
    return nanoseconds // NS_PER_S
