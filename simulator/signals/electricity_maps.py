"""Hourly carbon intensity as Electricity Maps exports it (CSV): consumption mix by flow tracing, in gCO2eq/kWh.

Columns used: `Datetime (UTC)`, `Carbon intensity gCO₂eq/kWh (direct)` or `... (Life cycle)`, which older files call
`(LCA)`, `Zone id`, `Data estimated`; files differ in capitals. Source of what is counted: wiki of
electricitymaps-contrib, "Carbon Intensity calculations" (perspective of a consumer, imports included).

Traps. The two intensities differ by a factor in clean grids, so the scenario has to choose. Hours that the provider
estimated look like measured ones but for the flag: they are counted in the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from simulator.documents.text_file import NS_PER_S, FaultLog, checked_text_file, parse_stamp
from simulator.documents.text_table import TextTable, header_fields, read_text_table
from simulator.errors import nearest_match
from simulator.signals.checked_series import checked_series
from simulator.signals.columns import Clock, ValueColumn
from simulator.signals.findings import CorruptRule, Findings
from simulator.signals.origin import EmissionFactor
from simulator.signals.quantities import CARBON_INTENSITY
from simulator.signals.series import LIMIT_BYTES, Series

_TIME, _ZONE, _ESTIMATED = "datetime (utc)", "zone id", "data estimated"
_INTENSITY = "carbon intensity gco₂eq/kwh"
_VALUES = {"direct": (f"{_INTENSITY} (direct)",), "life_cycle": (f"{_INTENSITY} (life cycle)", f"{_INTENSITY} (lca)")}


def read_electricity_maps(
    path: str | Path, boundary: Literal["direct", "life_cycle"], corrupt: CorruptRule = "refuse"
) -> Series:
    """Return the carbon intensity of a zone in g/kWh; an empty value is a gap.

    Args:
        path: the file.
        boundary: which of the two columns.
        corrupt: what to do about rows that cannot be right.
    """
    file = checked_text_file(path, LIMIT_BYTES)
    findings = Findings(str(path), corrupt)
    log = findings.log
    names = header_fields(file)
    time, value, zone = (_column(names, known, log) for known in ((_TIME,), _VALUES[boundary], (_ZONE,)))
    log.raise_if_any()
    estimated = next((name for name in names if name.lower() == _ESTIMATED), None)
    table = read_text_table(file, (time, value, zone, *([estimated] if estimated else [])), log)
    zones = list(dict.fromkeys(table.columns[zone]))
    if len(zones) > 1:
        log.add(f"has rows of {len(zones)} zones ({', '.join(zones[:6])}), expected one", path=zone)
        log.raise_if_any()
    _remark_estimates(table, estimated, findings)
    clock = Clock(table.instants((time,), _utc_s, log), table.lines)
    column = ValueColumn(CARBON_INTENSITY, table.numbers(value, findings.rows), 1.0, value)
    factor = EmissionFactor("average_consumption", boundary)
    return checked_series(column, clock, findings).described(f"Electricity Maps, {zones[0]}", factor)


def _column(names: Sequence[str], known: tuple[str, ...], log: FaultLog) -> str:
    """Return the name of a column as the header writes it; record a fault when it has none."""
    for name in names:
        if name.lower() in known:
            return name
    log.add(f"the header has no column {known[0]!r}{nearest_match(known[0], names)}", 1)
    return known[0]


def _remark_estimates(table: TextTable, column: str | None, findings: Findings) -> None:
    if column is None:
        findings.remark("does not say which values the provider estimated")
        return
    count = sum(text.lower() == "true" for text in table.columns[column])
    if count:
        findings.remark(f"{count:,} of {len(table.lines):,} values of the file were estimated by the provider")


def _utc_s(text: str) -> int:
    stamp_ns, _ = parse_stamp(text)
    return stamp_ns // NS_PER_S
