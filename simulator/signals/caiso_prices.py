"""Locational prices of the California ISO as OASIS gives them (report PRC_LMP and its kin, CSV), in USD/MWh.

Columns used: `INTERVALSTARTTIME_GMT`, `NODE`, `LMP_TYPE` and the value, which is `MW` day-ahead, `VALUE` or `PRC` in
the other markets. Traps. The price is in a column called MW. Each interval has a row per component (LMP, MCC, MCE, MCL,
MGHG): only LMP is a price. The rows of a file are in no order.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from simulator.documents.text_file import NS_PER_S, checked_text_file, parse_stamp
from simulator.documents.text_table import header_fields, read_text_table
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.price_table import PriceRows
from simulator.signals.series import LIMIT_BYTES, Series

_START, _NODE, _KIND = "INTERVALSTARTTIME_GMT", "NODE", "LMP_TYPE"
_VALUES = ("MW", "VALUE", "PRC", "LMP_PRC")


def read_caiso_prices(path: str | Path, node: str, corrupt: CorruptRule = "refuse") -> Series:
    """Return the price at a node in USD/kWh.

    Args:
        path: the file, unpacked.
        node: node or hub, as in column NODE, such as TH_NP15_GEN-APND.
        corrupt: what to do about rows that cannot be right.
    """
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    log = findings.log
    names = header_fields(file)
    value = next((name for name in _VALUES if name in names), _VALUES[0])
    table = read_text_table(file, (_START, value), log, where={_KIND: "LMP", _NODE: node})
    starts = table.instants((_START,), _utc_s, log)
    prices = table.numbers(value, findings.rows)
    rows = PriceRows(value, prices, starts, np.ones(len(starts), dtype=bool), table.lines).sorted()
    return rows.to_series(None, findings).described(f"CAISO OASIS, {node}")


def _utc_s(text: str) -> int:
    stamp_ns, zoned = parse_stamp(text)
    if not zoned:
        raise ValueError(f"{text!r} has no offset, expected a GMT stamp such as 2022-02-01T15:00:00-00:00")
    return stamp_ns // NS_PER_S
