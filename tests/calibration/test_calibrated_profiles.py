"""A calibrated profile from its windows to the report of a run, and what its reader refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import simulator as sim
from benchmarks.bases import scenario
from benchmarks.synthetic_windows import Truth
from simulator.errors import InputError
from simulator.profiles import catalogue
from simulator.profiles.calibrated import CalibratedProfile
from simulator.results import text_report


def content(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def test_every_figure_has_a_source_and_the_fitted_ones_an_interval(profile_file: Path) -> None:
    profile = catalogue.accelerator("profile.json", profile_file.parent)
    figures = profile.figures()
    fitted = {path for path, source in figures.items() if source.source.startswith("synthetic-h100")}
    assert fitted == set(Truth().values)
    for path in fitted:
        source = figures[path]
        value = profile.values()[path]
        assert source.kind == "measured"
        assert source.low is not None
        assert source.high is not None
        assert value is not None
        assert source.low <= value <= source.high
    base = catalogue.accelerator("h100-sxm-80gb", Path())
    rest = figures.keys() - fitted
    assert {path: figures[path] for path in rest} == {path: base.figures()[path] for path in rest}
    assert {path: profile.values()[path] for path in rest} == {path: base.values()[path] for path in rest}


def test_the_file_fits_its_schema_and_says_what_physics_asks(profile_file: Path) -> None:
    data = content(profile_file)
    jsonschema.validate(data, CalibratedProfile.model_json_schema())
    assert data["base"]["profile"] == "h100-sxm-80gb"
    for entry in data["model"]["parameters"]:
        if "fraction" in entry["name"]:
            assert entry["high"] <= 1.0
        assert entry["bootstrap_low"] is None or entry["bootstrap_low"] <= entry["bootstrap_high"]
    # Energy is at least idle power times time: kernels never draw less than a board that only waits.
    power = data["accelerator"]["power"]
    assert power["static_w"] >= power["idle_context_w"] >= power["idle_w"]
    forms = {report["name"]: {entry["form"] for entry in report["candidates"]} for report in data["fit"]}
    assert forms["products and elementwise"] == {"smooth maximum", "maximum", "sum"}
    assert forms["board power"] == {"linear", "concave"}
    held_out = {report["name"]: report["holdout_mape"] for report in data["fit"] if report["groups"]}
    assert all(0.0 < error < 0.06 for error in held_out.values()), held_out


def run(accelerator: str, folder: Path) -> sim.Result:
    workload = {
        "kind": "inference",
        "name": "chat",
        "model": "llama-3.1-8b",
        "precision": "bf16",
        "servers": "hall",
        "replicas": 1,
        "parallelism": {"tensor": 1},
        "engine": {"max_batch_tokens": 4096},
        "requests": {
            "kind": "closed_loop",
            "clients": 16,
            "requests": 64,
            "prompt_tokens": {"kind": "constant", "tokens": 500},
            "output_tokens": {"kind": "constant", "tokens": 100},
        },
    }
    hall = {"name": "hall", "profile": "dgx-h100", "count": 1, "accelerator": accelerator}
    return sim.run(sim.from_dict(scenario("calibrated", [hall], [workload]), base=folder))


def test_a_run_takes_it_by_path_and_reports_its_uncertainty(profile_file: Path) -> None:
    result = run("profile.json", profile_file.parent)
    figures = result.figures[result.figures.profile == "synthetic-h100"].set_index("name")
    static = figures.loc["power.static_w"]
    assert static.kind == "measured"
    assert static.low < static.value < static.high
    assert static.value == pytest.approx(Truth()["power.static_w"], rel=0.1)
    notes = result.events[result.events.kind == "note"].detail
    assert notes.str.contains("gain is uncertain by 2.9%").any()
    titles = [getattr(part, "title", "") for part in text_report.report(result)]
    assert "measured figures with a range" in titles
    # The synthetic board decodes faster than the shipped one reads, and differs in what it draws.
    shipped = run("h100-sxm-80gb", profile_file.parent)
    assert result.summary.tpot_mean_s != shipped.summary.tpot_mean_s
    assert "synthetic-h100" not in set(shipped.figures.profile)


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a value that is not that of the accelerator": (
        lambda data: data["accelerator"]["gemm"].update(memory_fraction=0.5),
        "gemm.memory_fraction is",
    ),
    "a figure without source": (lambda data: data["inherited"].pop(0), "is neither fitted nor inherited"),
    "a figure with two sources": (
        lambda data: data["inherited"].append({**data["inherited"][0], "name": "gemm.sharpness"}),
        "gemm.sharpness is both fitted and inherited",
    ),
    "a fraction above one": (
        lambda data: data["accelerator"]["gemm"].update(elementwise_fraction=1.2),
        "accelerator.gemm.elementwise_fraction: must be > 0 and <= 1, got 1.2",
    ),
    "an interval beside the value": (
        lambda data: data["model"]["parameters"][0].update(low=0.9, high=0.95),
        "must lie in 0.9 to 0.95",
    ),
    "a matrix that is no covariance": (
        lambda data: data["model"]["covariance"][0]["matrix"][0].__setitem__(0, -1.0),
        "covariance must be positive semidefinite",
    ),
    "another format": (lambda data: data.update(schema="other"), "must be 'wattline-calibrated-accelerator'"),
    "another version": (lambda data: data.update(schema_version=2), "schema_version: must be 1, got 2"),
    "an unknown key": (lambda data: data["device"].update(colour="green"), "unknown key 'colour'"),
    "windows that are not those of the fit": (
        lambda data: data["raw"].update(sha256="0" * 64), "it is not what was fitted"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_is_refused_with_its_place(profile_file: Path, tmp_path: Path, name: str) -> None:
    change, message = FAULTS[name]
    data = content(profile_file)
    change(data)
    shutil.copy(profile_file.parent / "windows.parquet", tmp_path)
    (tmp_path / "broken.json").write_text(json.dumps(data, indent=1))
    with pytest.raises(InputError) as raised:
        catalogue.accelerator("broken.json", tmp_path)
    found = [fault for fault in raised.value.faults if message in str(fault)]
    assert found, str(raised.value)
    assert found[0].file == "broken.json"
    assert found[0].line is not None


def test_a_missing_profile_is_refused_where_the_scenario_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        run("absent.json", tmp_path)


def test_a_profile_without_its_windows_still_serves(profile_file: Path, tmp_path: Path) -> None:
    shutil.copy(profile_file, tmp_path)
    assert catalogue.accelerator("profile.json", tmp_path).record.name == "synthetic-h100"
