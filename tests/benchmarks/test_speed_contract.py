"""What `python -m benchmarks.speed` measures and writes, with a handful of requests and jobs."""

from __future__ import annotations

import json
import math
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

import simulator as sim
from benchmarks import speed
from simulator.results.summary import SUMMARY_FIELDS

COMMON = {
    "cpu_s", "wall_s", "peak_rss_mb", "events_per_cpu_s", "simpy_events_per_cpu_s", "plant_steps_per_cpu_s",
    "audits_ok", "summary",
}  # fmt: skip


@pytest.fixture(autouse=True)
def few_bare_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_BARE_EVENTS", 2000)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """A conversation trace whose rows are too long, of one token, and plain."""
    rows = ["2023-11-16 18:15:46.68,5000,400", "2023-11-16 18:15:47.01,1,1", "2023-11-16 18:15:48.5,300,20"]
    file = tmp_path / "conversation.csv"
    file.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" + "\n".join(rows) + "\n")
    return file


def check(figures: dict[str, Any], count: str, done: float) -> None:
    assert set(figures) == COMMON | {f"{count}_per_cpu_s"}
    assert set(figures["summary"]) == set(SUMMARY_FIELDS)
    for name in set(figures) - {"audits_ok", "summary"}:
        assert math.isfinite(figures[name])
        assert figures[name] > 0.0, name
    assert figures["audits_ok"] is True
    assert figures[f"{count}_per_cpu_s"] * figures["cpu_s"] == pytest.approx(done)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def arguments(trace: Path, **given: Any) -> Namespace:
    return Namespace(**{"requests": None, "jobs": None, "trace": trace, **given})


def test_fixed_lengths(trace: Path) -> None:
    figures = speed.CASES["serving-fixed"](arguments(trace, requests=25))
    check(figures, "requests", 25)
    assert figures["summary"]["prompt_tokens"] == 25 * 512
    assert figures["summary"]["output_tokens"] == 25 * 128


def test_conversation_lengths(trace: Path) -> None:
    figures = speed.CASES["serving-conversation"](arguments(trace, requests=7))
    check(figures, "requests", 7)
    # File order, again and again; prompt and answer together at most 4,096 tokens.
    assert figures["summary"]["prompt_tokens"] == 3 * (4096 - 400) + 2 * 1 + 2 * 300
    assert figures["summary"]["output_tokens"] == 3 * 400 + 2 * 1 + 2 * 20


def test_conversation_lengths_use_the_whole_trace_by_default(trace: Path) -> None:
    check(speed.CASES["serving-conversation"](arguments(trace)), "requests", 3)


def test_many_short_jobs(trace: Path) -> None:
    figures = speed.CASES["events"](arguments(trace, jobs=6))
    check(figures, "jobs", 6)
    assert figures["summary"]["training_steps"] == 60


def test_a_year_of_jobs(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The same hall and jobs over two hours instead of a year, which takes minutes.
    year = speed.training_year

    def hours(jobs: int) -> dict[str, Any]:
        data = {**year(jobs), "duration_h": 2}
        data["workloads"][0]["length"] = {"kind": "steps", "steps": 3}
        return data

    monkeypatch.setattr(speed, "training_year", hours)
    figures = speed.CASES["year"](arguments(trace, jobs=2))
    check(figures, "jobs", 1)
    assert figures["plant_steps_per_cpu_s"] * figures["cpu_s"] == pytest.approx(120)


@pytest.mark.parametrize("recorded", [False, True])
def test_a_constant_year(
    trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, recorded: bool
) -> None:
    weather = tmp_path / "none.json"
    if recorded:
        weather = request.getfixturevalue("shared") / "data/weather/open_meteo/US-CAL-CISO/2022.json"
    year = speed.constant_year
    assert year(weather)["duration_h"] == 8760
    monkeypatch.setattr(speed, "constant_year", lambda path: {**year(path), "duration_h": 2})
    figures = speed.CASES["year-constant"](arguments(trace, weather=weather))
    check(figures, "jobs", 1)
    assert figures["plant_steps_per_cpu_s"] * figures["cpu_s"] == pytest.approx(120)
    # Waiting for one another is no work.
    assert figures["summary"]["accelerator_busy_fraction"] > 0.85


def test_the_year_is_a_year() -> None:
    scenario = sim.from_dict(speed.training_year(5))
    record = scenario.record
    assert record.duration_h == 8760
    assert record.end.kind == "horizon"
    assert record.facility.plant_step_s == 60.0
    assert sum(group.count for group in record.servers) * 8 == 4096
    sim.check(scenario)


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out.json"
    monkeypatch.setattr(sys, "argv", ["speed", "events", "--jobs", "2", "--json", str(file)])
    speed.main()
    written = json.loads(file.read_text())
    assert json.loads(capsys.readouterr().out) == written
    assert written.pop("case") == "events"
    check(written, "jobs", 2)


def test_an_unknown_case_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["speed", "serving"])
    with pytest.raises(SystemExit):
        speed.main()
    assert "serving-fixed" in capsys.readouterr().err
