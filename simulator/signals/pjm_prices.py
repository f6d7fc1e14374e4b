"""Prices of PJM as Data Miner 2 gives them (feeds da_hrl_lmps, rt_hrl_lmps and the joint one), CSV, in USD/MWh.

Columns used: `pnode_name`, `total_lmp_da` or `total_lmp_rt`, `datetime_beginning_utc`, `datetime_beginning_ept`,
`row_is_current`. Stamps are such as 1/15/2024 5:00:00 AM.

Traps. Of the two clocks only UTC is unambiguous; where it is present the other is checked against it, and a row on
which they disagree is corrupt. A file with Eastern Prevailing Time alone follows the rule for double hours. Rows that
are not current were superseded by a later version.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.documents.clock_stamps import month_first_s
from simulator.documents.text_file import checked_text_file
from simulator.documents.text_table import TextTable, header_fields, read_text_table
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.local_clock import clock_to_utc, utc_to_clock
from simulator.signals.price_table import PriceRows
from simulator.signals.series import LIMIT_BYTES, Series

_ZONE = ZoneInfo("America/New_York")
_UTC, _EPT, _NODE, _CURRENT = "datetime_beginning_utc", "datetime_beginning_ept", "pnode_name", "row_is_current"
_PRICES = {"day_ahead": "total_lmp_da", "real_time": "total_lmp_rt"}


def read_pjm_prices(
    path: str | Path, node: str, market: Literal["day_ahead", "real_time"], corrupt: CorruptRule = "refuse"
) -> Series:
    """Return the price at a node in USD/kWh.

    Args:
        path: the file.
        node: as in column pnode_name, such as DOM or WESTERN HUB.
        market: which of the two prices.
        corrupt: what to do about rows that cannot be right.
    """
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    names, price = header_fields(file), _PRICES[market]
    clocks = [name for name in (_UTC, _EPT) if name in names] or [_UTC]
    where = {_NODE: node, **({_CURRENT: "TRUE"} if _CURRENT in names else {})}
    table = read_text_table(file, (*clocks, price), findings.log, where=where)
    prices = table.numbers(price, findings.rows)
    starts, exists = _starts(table, clocks, ~np.isnan(prices), findings)
    return PriceRows(price, prices, starts, exists, table.lines).to_series(_ZONE, findings).described(f"PJM, {node}")


def _starts(
    table: TextTable, clocks: list[str], present: NDArray[np.bool_], findings: Findings
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return seconds UTC of each row, and which rows have a known instant."""
    read = {name: table.instants((name,), month_first_s, findings.log) for name in clocks}
    if _UTC not in read:
        return clock_to_utc(read[_EPT], _ZONE, table.lines, findings, present=present)
    utc_s = read[_UTC]
    if _EPT not in read:
        return utc_s, np.ones(len(utc_s), dtype=bool)
    expected = utc_to_clock(utc_s, _ZONE)
    agree: NDArray[np.bool_] = expected == read[_EPT]

    def describe(row: int) -> tuple[str, int]:
        here, there = table.columns[_UTC][row], table.columns[_EPT][row]
        return f"{here} UTC and {there} Eastern are not the same instant", int(table.lines[row])

    findings.doubt(~agree, describe, _EPT)
    return utc_s, agree
