"""The kinds `hosts` and `supplies`: what counts as a measurement, and how a straight line is held against a curve."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks.validation import hosts, supplies
from benchmarks.validation.report import Report


def table(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def processors(tmp_path: Path, readings: list[tuple[float, float]]) -> Report:
    header = ["cpu", "mode", "cpu_load_pct", "cores_used", "power_w", "scope"]
    rows = [["cpu", "all_cores", f"{load}", "8", f"{watts}", "RAPL package"] for load, watts in readings]
    return hosts.validate(table(tmp_path / "curve.csv", header, rows))


def test_a_straight_curve_is_met_exactly_and_its_ends_are_given(tmp_path: Path) -> None:
    report = processors(tmp_path, [(0.0, 20.0), (25.0, 40.0), (50.0, 60.0), (75.0, 80.0), (100.0, 100.0)])
    assert [case.measured for case in report.cases] == [40.0, 60.0, 80.0]
    assert all(case.relative_error == pytest.approx(0.0, abs=1e-12) for case in report.cases)


def test_a_second_curve_of_one_processor_begins_where_the_load_falls_back(tmp_path: Path) -> None:
    one = [(0.0, 20.0), (25.0, 60.0), (50.0, 90.0), (75.0, 95.0), (100.0, 100.0)]
    report = processors(tmp_path, [*one, *[(load, 2.0 * watts) for load, watts in one]])
    errors = [case.relative_error for case in report.cases]
    assert len(errors) == 6
    assert errors[:3] == pytest.approx(errors[3:])
    assert errors[0] == pytest.approx(40.0 / 60.0 - 1.0)


def test_budgets_and_memories_are_not_compared(tmp_path: Path) -> None:
    header = ["name", "kind", "quantity", "value", "unit", "conditions", "source", "seen_status"]
    rows = [
        ["8x H200 node (air)", "server", "idle AC", "2370", "W", "", "", "seen: computed"],
        ["8x H200 node (air)", "server", "idle AC", "2370", "W", "", "", "from memory (verify)"],
        ["DGX H200 (8x H200)", "server", "max power", "10200", "W", "data sheet", "", "seen"],
        ["4x T4 node", "server", "idle AC", "200", "W", "", "", "seen: computed"],
    ]
    report = hosts.validate(table(tmp_path / "servers.csv", header, rows))
    (case,) = report.cases
    assert abs(case.relative_error) < 0.02
    assert len(report.skipped) == 3


def test_efficiencies_compare_what_is_lost_too(tmp_path: Path) -> None:
    header = ["component", "item", "load_pct", "value", "unit", "conditions", "source", "seen_status"]
    rows = [
        ["UPS", "Eaton 9395XR double conversion", "", ">97", "% efficiency", "", "", "seen"],
        ["UPS", "Eaton 9395XR double conversion", "", ">97", "% efficiency", "", "", "from memory (verify)"],
        ["UPS", "desk side", "", "95", "% efficiency", "", "", "seen"],
        ["Switch", "some", "", "1610", "W per switch", "", "", "seen"],
    ]
    report = supplies.validate(table(tmp_path / "supplies.csv", header, rows))
    efficiency, loss = report.cases
    assert efficiency.predicted + loss.predicted == pytest.approx(1.0)
    assert abs(efficiency.relative_error) < 0.005
    assert abs(loss.relative_error) < 0.1
    assert len(report.skipped) == 3


def test_a_file_of_neither_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no table"):
        hosts.validate(table(tmp_path / "other.csv", ["a", "b"], []))
