"""Day-ahead prices as the ENTSO-E Transparency Platform exports them (CSV), in EUR/MWh.

Two layouts. Until 2024: `MTU (CET/CEST)`, `Day-ahead Price [EUR/MWh]`, `Currency`, with periods such as
`30.10.2022 02:00 - 30.10.2022 03:00`. Since: `MTU (CET/CEST)` or `MTU (UTC)`, `Area`, `Sequence`,
`Day-ahead Price (EUR/MWh)` and intraday columns, with periods such as `26/10/2025 02:00:00 (CEST) - ...`.

Traps. Times are local unless the header says UTC; the double hour of autumn stands twice, marked (CEST) and (CET) in
the newer layout. The hour that spring skips may have a row without a price, which says nothing. No price is written as
an empty field, `-`, `N/A` or `n/e`. Most zones have quarter hours since 2025. Other currencies than EUR are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.documents.clock_stamps import day_first_s
from simulator.documents.text_file import FaultLog, checked_text_file
from simulator.documents.text_table import TextTable, header_fields, read_text_table
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.local_clock import clock_to_utc
from simulator.signals.price_table import PriceRows
from simulator.signals.series import LIMIT_BYTES, Series

_ZONE = ZoneInfo("Europe/Brussels")
_LOCAL, _UTC = "MTU (CET/CEST)", "MTU (UTC)"
_PRICE = re.compile(r"Day-ahead Price [\[(](?P<currency>[A-Z]{3})/MWh[\])]")
_NONE = frozenset({"", "-", "N/A", "n/e"})
_PERIOD = re.compile(r"(?P<start>[^()]+?)\s*(?:\((?P<mark>CET|CEST|UTC)\))?\s+-\s+.+")


def read_entsoe_prices(
    path: str | Path,
    usd_per_eur: float,
    area: str | None = None,
    sequence: str | None = None,
    corrupt: CorruptRule = "refuse",
) -> Series:
    """Return the price of a bidding zone in USD/kWh.

    Args:
        path: the file.
        usd_per_eur: exchange rate, the same for the whole file.
        area: bidding zone, as in column Area, where a file has several.
        sequence: auction, as in column Sequence, where a file has several.
        corrupt: what to do about rows that cannot be right.
    """
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    log = findings.log
    names = header_fields(file)
    time, price = _UTC if _UTC in names else _LOCAL, _price_column(names, log)
    chosen = {name: value for name, value in (("Area", area), ("Sequence", sequence)) if value is not None}
    several = [name for name in ("Area", "Sequence") if name in names]
    table = read_text_table(file, (time, price, *several), log, where=chosen)
    _check_single(table, several, log)
    local_s = table.instants((time,), _start_s, log)
    prices = table.numbers(price, findings.rows, _NONE)
    if time == _UTC:
        starts, exists, zone = local_s, np.ones(len(local_s), dtype=bool), None
    else:
        second = _second_hours(table.columns[time])
        starts, exists = clock_to_utc(local_s, _ZONE, table.lines, findings, second, ~np.isnan(prices))
        zone = _ZONE
    findings.remark(f"prices in EUR are taken at {usd_per_eur:g} USD/EUR")
    rows = PriceRows(price, prices, starts, exists, table.lines)
    series = rows.to_series(zone, findings, usd_per_eur)
    return series.described("ENTSO-E day-ahead" + ("" if area is None else f", {area}"))


def _price_column(names: tuple[str, ...], log: FaultLog) -> str:
    found = [(name, match["currency"]) for name in names if (match := _PRICE.fullmatch(name))]
    if len(found) == 1 and found[0][1] != "EUR":
        log.add(f"prices are in {found[0][1]}, only EUR is supported", 1, found[0][0])
        log.raise_if_any()
    return found[0][0] if found else "Day-ahead Price (EUR/MWh)"


def _check_single(table: TextTable, names: Sequence[str], log: FaultLog) -> None:
    """Record every column that tells rows apart and has several values; one of them must be chosen."""
    for name in names:
        values = list(dict.fromkeys(table.columns[name]))
        if len(values) > 1:
            shown = ", ".join(repr(value) for value in values[:6])
            log.add(f"has {len(values)} values ({shown}); choose one by {name.lower()}", path=name)
    log.raise_if_any()


def _start_s(text: str) -> int:
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:60]!r} is not a period such as 30.10.2022 02:00 - 30.10.2022 03:00")
    return day_first_s(match["start"])


def _second_hours(texts: list[str]) -> NDArray[np.bool_] | None:
    """Return which rows are marked as standard time; None when the file marks none as daylight saving or standard."""
    marks = np.array([match["mark"] or "" if (match := _PERIOD.fullmatch(text)) else "" for text in texts])
    if not ((marks == "CEST") | (marks == "CET")).any():
        return None
    second: NDArray[np.bool_] = marks == "CET"
    return second
