"""The report as text: five digits, nothing cut off, nothing about what did not run."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

import simulator as sim
from benchmarks.bases import scenario
from simulator.profiles import catalogue
from simulator.results import text_report
from simulator.results.text_report import number

WIDTH = 160


def printed(parts: Iterable[RenderableType]) -> list[str]:
    """Return the lines that a pipe gets."""
    console = Console(width=WIDTH, file=io.StringIO())
    for part in parts:
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def value_of(lines: list[str], field: str) -> str:
    (line,) = [line for line in lines if line.startswith(f"{field} ")]
    return line.split()[1]


@pytest.fixture(scope="module")
def lines(result: sim.Result) -> list[str]:
    return printed(text_report.report(result))


def test_scalars_are_those_of_the_summary(result: sim.Result, lines: list[str]) -> None:
    assert lines[0].startswith("mixed: 1 h from ")
    for name in ("facility_energy_kwh", "training_mfu", "operational_emissions_kg_co2e"):
        shown = float(value_of(lines, name).replace(",", ""))
        # Half a unit of the fifth digit.
        assert shown == pytest.approx(getattr(result.summary, name), rel=5.1e-5)
    for name in ("pue", "pue_category_1", "pue_category_2", "itue", "tue", "cue_kg_per_kwh", "wue_l_per_kwh", "ref"):
        (line,) = [line for line in lines if f" {name} " in line]
        prefix, _, shown_text = line.split()[:3]
        assert prefix == "interim", "an hour is no year"
        assert float(shown_text) == pytest.approx(getattr(result.summary, name), rel=5.1e-5)
    assert result.manifest["kpi_basis"] == "interim"
    (ttft,) = [line for line in lines if line.startswith("time to first token")]
    mean, p50, p90, p99 = (float(text) for text in ttft.split()[4:])
    summary = result.summary
    expected = (summary.ttft_mean_s, summary.ttft_p50_s, summary.ttft_p90_s, summary.ttft_p99_s)
    assert (mean, p50, p90, p99) == pytest.approx(expected, rel=5.1e-5)


def test_everything_that_ran_has_its_section(lines: list[str]) -> None:
    headings = ["energy", "facility: interim figures, of less than a year", "emissions", "water", "cost",
                "inference", "latency of completed requests (s)", "training", "electrical chain",
                "workloads", "latency by workload (s)", "emissions by workload (kg CO2e)", "cost by workload (USD)",
                "per million tokens",
                "jobs", "signals", "events", "figures that this run rests on"]  # fmt: skip
    places = [[line.rstrip() for line in lines].index(heading) for heading in headings]
    assert places == sorted(places)
    assert lines[-1] == "balances: 24 of 24 close"


def test_signals_say_what_they_are(result: sim.Result, lines: list[str]) -> None:
    (carbon,) = [line.split() for line in lines if "carbon_intensity" in line and "unstated" in line]
    assert carbon == ["site", "carbon_intensity", "scenario", "3,600", "unstated,", "unstated"]


def test_all_workloads_jobs_and_profiles_are_named(result: sim.Result, lines: list[str]) -> None:
    first_words = {line.split()[0] for line in lines if line.strip()}
    assert set(result.workloads.workload) <= first_words
    assert set(result.jobs.name) <= first_words
    assert set(result.figures.profile) <= first_words
    (total,) = [line.split()[1:] for line in lines if line.startswith("all ")]
    assert sum(int(text.replace(",", "")) for text in total) == len(result.figures)


def serving_only() -> dict[str, object]:
    workload = {
        "kind": "inference", "name": "chat", "model": "llama-3.2-1b", "servers": "hall", "replicas": 1,
        "requests": {"kind": "closed_loop", "clients": 1, "requests": 3,
                     "prompt_tokens": {"kind": "constant", "tokens": 50},
                     "output_tokens": {"kind": "constant", "tokens": 20}},
    }  # fmt: skip
    return scenario("serving", [{"name": "hall", "profile": "l40s-pcie-4", "count": 1}], [workload])


def training_only() -> dict[str, object]:
    workload = {
        "kind": "training", "name": "job", "model": "bert-large", "servers": "hall", "parallelism": {"data": 4},
        "method": {"kind": "full"}, "sequence_tokens": 512, "batch_sequences": 64,
        "length": {"kind": "steps", "steps": 10},
    }  # fmt: skip
    plain = {"kind": "published_pue", "pue": 1.2}
    return scenario("training", [{"name": "hall", "profile": "l40s-pcie-4", "count": 1}], [workload], facility=plain)


def test_a_run_without_training_does_not_speak_of_it() -> None:
    text = "\n".join(printed(text_report.report(sim.run(sim.from_dict(serving_only())))))
    assert "requests_completed" in text
    for word in ("training_mfu", "training\n", "jobs\n", "jobs_completed", "events\n", "job_"):
        assert word not in text


def test_a_run_without_serving_does_not_speak_of_it() -> None:
    text = "\n".join(printed(text_report.report(sim.run(sim.from_dict(training_only())))))
    assert "training_mfu" in text
    for word in ("requests_", "token\n", "latency", "goodput", "slo_", "water", "wue", "free_cooling"):
        assert word not in text


def test_nothing_is_cut_off(mixed_file: Path, tmp_path: Path) -> None:
    # Names as long as the format allows; where a column is narrower, the rest follows in the next line.
    names = {"chat": f"chat-{'0123456789' * 5}", "second": f"second-{'0123456789' * 5}", "hall-a": f"hall-{'z' * 55}"}
    content = mixed_file.read_text()
    for short, long in names.items():
        content = re.sub(rf"\b{short}\b", long, content)
    (tmp_path / "long.yaml").write_text(content)
    shown = printed(text_report.report(sim.run(tmp_path / "long.yaml")))
    assert not any("…" in line for line in shown)
    assert all(len(line) <= WIDTH for line in shown)
    table = shown[shown.index(next(line for line in shown if line.rstrip() == "workloads")) :]
    rows = [[line.split()[0], following.strip()] for line, following in pairwise(table) if line.strip()]
    for workload in (names["chat"], names["second"]):
        assert any("".join(row) == workload or row[0] == workload for row in rows)


def test_long_tables_say_what_they_leave_out(result: sim.Result) -> None:
    events = pd.concat([result.events] * 20, ignore_index=True)
    shown = printed(text_report.report(replace(result, events=events)))
    (caption,) = [line.strip() for line in shown if line.strip().startswith("the first 40 of")]
    assert caption == f"the first 40 of {len(events)}; all are in the saved table"
    kinds = [line for line in shown if re.search(r"job_(started|completed)|requests_refused", line)]
    assert len(kinds) == 40


def test_a_comparison_shows_changes_in_percent(result: sim.Result) -> None:
    other = replace(
        result,
        manifest={**result.manifest, "scenario": "other"},
        summary=replace(result.summary, facility_energy_kwh=result.summary.facility_energy_kwh * 1.25, pue=None),
    )
    shown = printed([text_report.comparison(sim.compare(result, other))])
    (energy,) = [line.split() for line in shown if line.startswith("facility_energy_kwh")]
    assert (energy[1], energy[-1]) == ("kWh", "+25.00%")
    (pue,) = [line.split() for line in shown if line.startswith("pue ")]
    assert pue == ["pue", number(result.summary.pue)]
    # Zero in both runs: there is no change to give.
    (other_row,) = [line.split() for line in shown if line.startswith("preemptions")]
    assert len(other_row) == (4 if result.summary.preemptions else 3)


@pytest.mark.parametrize("name", ["h100-sxm-80gb", "dgx-h100", "llama-3.1-8b", "infiniband-ndr", "power-chain"])
def test_a_profile_shows_every_figure_with_its_source(name: str) -> None:
    profile = catalogue.any_profile(name)
    shown = printed([text_report.profile(profile)])
    assert not any("…" in line for line in shown)
    together = re.sub(r"\s", "", "".join(shown))
    for path, source in profile.figures().items():
        assert path in {line.split()[0] for line in shown if line.strip()} or path in together
        assert source.kind in together


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_numbers_have_at_most_five_digits(value: float) -> None:
    text = number(value)
    read = float(text.replace(",", ""))
    if value.is_integer():
        assert read == value
        return
    assert read == pytest.approx(value, rel=5.0001e-5)
    digits = re.sub(r"e.*", "", text).replace(",", "").replace("-", "").replace(".", "").lstrip("0")
    assert len(digits) <= 5 or set(digits[5:]) == {"0"}
    # Behind the point, five digits are the limit for all.
    if "." in text:
        assert len(digits) <= 5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9.99996, "10.000"),
        (99999.6, "100,000"),
        (0.00009999996, "0.00010000"),
        (0.000012345678, "1.2346e-05"),
        (-1234.5678, "-1,234.6"),
        (2.5e12, "2,500,000,000,000"),
        (2.5e12 + 0.5, "2.5000e+12"),
        (float("nan"), ""),
        (pd.NA, ""),
        (None, ""),
        (True, "True"),
        ([1, 2.5], "1, 2.5000"),
        (0.0, "0"),
    ],
)
def test_numbers_by_hand(value: object, text: str) -> None:
    assert number(value) == text
