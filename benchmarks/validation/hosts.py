"""Kind `hosts`: servers at rest and at full load, and the shape of a processor's power between the two.

Two tables. One has measured input power of servers (idle, or training at full load): the shipped profile of that server
gives both, boards idle or at their limit. The other has processors under partial load (RAPL) and whole servers without
accelerators at both ends (SPECpower): between idle and full load the host is a straight line, so the ends of a measured
curve are given and the readings between are compared. Rows from memory, datasheets and budgets are no measurement.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.validation.report import Case, Report
from benchmarks.validation.rows import Row, has_rows, read_rows
from simulator.engine.compute.server_power import ServerPower
from simulator.profiles import catalogue

SERVER_COLUMNS = {"name", "kind", "quantity", "value", "seen_status"}
CURVE_COLUMNS = {"cpu", "mode", "cpu_load_pct", "power_w", "scope"}

_INLET_C = 24.0
_SERVERS = (
    (r"8x H100 node \(immersion", "smc-h100-immersion", True),
    (r"8x B200 node .*water", "hgx-b200-water", True),
    (r"8x H100 .*\(air\)", "dgx-h100", False),
    (r"8x H200 .*\(air\)", "dgx-h200", True),
    (r"8x B200 .*\(air\)", "dgx-b200", True),
    (r"8x A100-PCIe", "a100-pcie-8", True),
    (r"8x A100-SXM", "dgx-a100", False),
)
"""Pattern of the name, profile, whether the profile's host was taken from these measurements."""
_FULL = ("sustained AC", "max measured AC")
_CPU_SERVER, _ITS_CPU = "cpu-2socket", r"Platinum 8480\+"
_IN_FIT = "DL360 Gen11"
_SHORTEST = 5


def validate(path: Path) -> Report:
    """Compare the rows of either table, or of both in a folder."""
    report = Report("hosts")
    servers, curves = has_rows(path, SERVER_COLUMNS), has_rows(path, CURVE_COLUMNS)
    if servers:
        for row in read_rows(path, SERVER_COLUMNS):
            _server(row, report)
    if curves or not servers:
        _processors(read_rows(path, CURVE_COLUMNS), report)
    return report


def input_w(profile: str, full: bool) -> float:
    """Return the input of one server, its boards idle or at their limit."""
    server = catalogue.server(profile, Path()).record
    board_w = 0.0
    if server.accelerator is not None:
        power = catalogue.accelerator(server.accelerator, Path()).record.power
        board_w = power.cap_w if full else power.idle_w
    boards_w = np.array([server.accelerators * board_w])
    busy, traffic = np.array([1.0 if full else 0.0]), np.zeros(1)
    return ServerPower(server, _INLET_C).mean_power(boards_w, busy, traffic).input_w


def _server(row: Row, report: Report) -> None:
    case_id = f"{row['name']}, {row['quantity']}"
    full = row["quantity"].startswith(_FULL)
    if row["kind"] != "server" or row.get("unit") != "W" or not (full or row["quantity"].startswith("idle AC")):
        report.skip(case_id, "no input power of a server at rest or at full load")
    elif not row["seen_status"].startswith("seen"):
        report.skip(case_id, "from memory, or derived")
    else:
        for pattern, profile, fitted in _SERVERS:
            if re.match(pattern, row["name"]):
                metric = "full_load" if full else "idle"
                report.cases.append(Case(case_id, metric, "W", input_w(profile, full), float(row["value"]), fitted))
                return
        report.skip(case_id, "no profile of that server")


def _processors(rows: list[Row], report: Report) -> None:
    for curve in _curves([row for row in rows if row["scope"].startswith("RAPL")]):
        name = f"{curve[0]['cpu']}, {curve[0]['mode']}"
        if len(curve) < _SHORTEST:
            report.skip(name, "a curve of few readings")
        else:
            report.cases += _between(name, curve)
    for row in rows:
        if row["scope"].startswith("RAPL"):
            continue
        name, full = f"{row['cpu']}, {row['mode']}", float(row["cpu_load_pct"]) == 100.0
        if not re.search(_ITS_CPU, row["cpu"]) or "2 chips" not in row["mode"]:
            report.skip(name, f"not the processors of {_CPU_SERVER}, the one server profile without accelerators")
        else:
            metric, watts = "full_load" if full else "idle", input_w(_CPU_SERVER, full)
            report.cases.append(Case(name, metric, "W", watts, float(row["power_w"]), _IN_FIT in row["mode"]))


def _curves(rows: list[Row]) -> Iterator[list[Row]]:
    """Yield the curves of a table: a new one where the load falls back."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["cpu"], row["mode"]].append(row)
    for group in groups.values():
        curve: list[Row] = []
        for row in group:
            if curve and _load(row) < _load(curve[-1]) - 0.2:
                yield curve
                curve = []
            curve.append(row)
        yield curve


def _load(row: Row) -> float:
    return float(row["cpu_load_pct"]) / 100.0


def _between(name: str, curve: list[Row]) -> list[Case]:
    """Return the readings between the ends, as shares of full power, against the straight line."""
    first, last = curve[0], curve[-1]
    idle_w, full_w = float(first["power_w"]), float(last["power_w"])
    cases = []
    for row in curve[1:-1]:
        share = (_load(row) - _load(first)) / (_load(last) - _load(first))
        line_w = idle_w + share * (full_w - idle_w)
        cases.append(Case(f"{name} at {_load(row):.0%}", "partial_load", "W", line_w, float(row["power_w"])))
    return cases
