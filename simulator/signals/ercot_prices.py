"""Settlement point prices of ERCOT (day-ahead NP4-190, real-time NP6-905, and the yearly archives), CSV, in USD/MWh.

Columns used: `DeliveryDate`, `HourEnding` day-ahead or `DeliveryHour` and `DeliveryInterval` (1 to 4) in real time,
`SettlementPoint` or `SettlementPointName`, `SettlementPointPrice`, `DSTFlag`; the archives write the same names with
blanks and call the flag `Repeated Hour Flag`.

Traps. An hour is named by its end, 1 to 24, in Central Prevailing Time. `DSTFlag` does not mean daylight saving: it is
Y in the second of the two equal hours of autumn, else N. In spring there is no hour ending 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.documents.clock_stamps import hour_ending_s
from simulator.documents.text_file import FaultLog, checked_text_file
from simulator.documents.text_table import TextTable, header_fields, read_text_table
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.local_clock import clock_to_utc
from simulator.signals.price_table import PriceRows
from simulator.signals.series import LIMIT_BYTES, Series

_ZONE = ZoneInfo("America/Chicago")
_QUARTER_S = 900


def read_ercot_prices(path: str | Path, settlement_point: str, corrupt: CorruptRule = "refuse") -> Series:
    """Return the price at a settlement point in USD/kWh.

    Args:
        path: the file, unpacked.
        settlement_point: hub, load zone or node, such as HB_NORTH.
        corrupt: what to do about rows that cannot be right.
    """
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    log = findings.log
    names = header_fields(file)
    day, point, price = (
        _column(names, *known)
        for known in (("DeliveryDate",), ("SettlementPointName", "SettlementPoint"), ("SettlementPointPrice",))
    )
    hour = _column(names, "HourEnding", "DeliveryHour")
    quarter = _column(names, "DeliveryInterval") if hour.replace(" ", "") == "DeliveryHour" else None
    flag = _column(names, "DSTFlag", "RepeatedHourFlag")
    flagged = flag in names
    wanted = [day, hour, price, *([quarter] if quarter else []), *([flag] if flagged else [])]
    table = read_text_table(file, wanted, log, where={point: settlement_point})
    if quarter is None:
        local_s = table.instants((day, hour), hour_ending_s, log)
    else:
        local_s = table.instants((day, hour, quarter), _quarter_start_s, log)
    second = _flags(table, flag, log) if flagged else None
    prices = table.numbers(price, findings.rows)
    starts, exists = clock_to_utc(local_s, _ZONE, table.lines, findings, second, ~np.isnan(prices))
    rows = PriceRows(price, prices, starts, exists, table.lines)
    return rows.to_series(_ZONE, findings).described(f"ERCOT, {settlement_point}")


def _column(names: Sequence[str], *known: str) -> str:
    """Return the name of a column as the header has it, with or without blanks; the first known one if it has none."""
    squeezed = {name.replace(" ", ""): name for name in names}
    return next((squeezed[name] for name in known if name in squeezed), known[0])


def _quarter_start_s(day: str, hour: str, quarter: str) -> int:
    if quarter not in ("1", "2", "3", "4"):
        raise ValueError(f"{quarter!r} is not an interval from 1 to 4")
    return hour_ending_s(day, hour) + (int(quarter) - 1) * _QUARTER_S


def _flags(table: TextTable, flag: str, log: FaultLog) -> NDArray[np.bool_]:
    given = table.columns[flag]
    texts = np.array(given)
    unknown = (texts != "Y") & (texts != "N")
    log.add_rows(unknown, lambda row: (f"{given[row]!r} is neither Y nor N", int(table.lines[row])), flag)
    log.raise_if_any()
    second: NDArray[np.bool_] = texts == "Y"
    return second
