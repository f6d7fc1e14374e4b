"""What each command prints, writes and returns."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from simulator import api, cli
from simulator.errors import InvariantError
from simulator.results import balance
from simulator.results.result import TABLES

Wattline = Callable[..., Any]
FILES = {"manifest.json", "summary.json", "scenario.yaml", "power.png", "energy.png", *(f"{t}.parquet" for t in TABLES)}


@pytest.fixture
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the pictures, which take longer than everything else."""
    monkeypatch.setattr("simulator.results.plots.save_plots", lambda *_: [])


def test_the_version_is_that_of_the_distribution(wattline: Wattline, root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert wattline("--version").stdout.strip() == project["version"]


def test_run_reports_and_saves_under_the_name_of_the_scenario(folder: Path, wattline: Wattline) -> None:
    result = wattline("run", "tiny.yaml")
    assert result.exit_code == 0
    assert result.stderr == ""
    directory = folder / "runs" / "tiny"
    assert {path.name for path in directory.iterdir()} == FILES
    summary = json.loads((directory / "summary.json").read_text())
    assert result.stdout.startswith("tiny: 0.05 h from ")
    assert "saved to runs/tiny: summary.json, tables (Parquet), power.png, energy.png" in result.stdout
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line.strip()}
    assert rows["requests_completed"] == ["3"]  # the trace has three
    assert rows["output_tokens"] == ["35", "tokens"]  # 10 + 20 + 5
    assert rows["jobs_completed"] == ["1"]
    (pue,) = [line.split()[2] for line in result.stdout.splitlines() if line.startswith("interim pue ")]
    assert float(pue) == pytest.approx(summary["pue"], rel=1e-4)  # printed in five digits
    # At 0.1 USD and 400 g per kWh.
    assert float(rows["energy_cost_usd"][0]) == pytest.approx(0.1 * summary["facility_energy_kwh"], rel=1e-4)
    assert float(rows["operational_emissions_kg_co2e"][0]) == pytest.approx(
        0.4 * summary["facility_energy_kwh"], rel=1e-4
    )
    closed, of, all_of_them, close = rows["balances:"]
    assert (of, close) == ("of", "close")
    assert int(closed) == int(all_of_them) > 10
    for name in ("power.png", "energy.png"):
        assert (directory / name).read_bytes().startswith(b"\x89PNG")
    # Nothing half-written beside it.
    assert [path.name for path in directory.parent.iterdir()] == ["tiny"]


def test_settings_and_the_place_of_the_result(folder: Path, wattline: Wattline, no_plots: None) -> None:
    out = folder / "deep" / "er"
    options = ("--set", "servers.hall-a.gpu_power_cap_w=450", "--set", "name=capped", "--out", str(out))
    result = wattline("run", "tiny.yaml", *options)
    assert result.exit_code == 0
    assert "saved to deep/er: " in result.stdout
    assert not (folder / "runs").exists()
    saved = api.load_result(out)
    assert saved.name == "capped"
    assert "gpu_power_cap_w: 450" in saved.scenario
    elsewhere = wattline("run", "tiny.yaml", "--out", str(folder.parent / "outside-the-folder"))
    assert f"saved to {folder.parent / 'outside-the-folder'}: " in elsewhere.stdout.replace("\n", "")


def test_a_run_replaces_a_result_but_nothing_else(
    folder: Path, wattline: Wattline, no_plots: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wattline("run", "tiny.yaml", "--out", "here").exit_code == 0
    assert wattline("run", "tiny.yaml", "--out", "here", "--set", "name=again").exit_code == 0
    assert api.load_result(folder / "here").name == "again"
    (folder / "empty").mkdir()
    assert wattline("run", "tiny.yaml", "--out", "empty").exit_code == 0

    thesis = folder / "thesis"
    thesis.mkdir()
    (thesis / "chapter.txt").write_text("years of work")
    (folder / "a-file").write_text("mine")

    def never(*_: object) -> None:
        raise AssertionError("a run was made of which the result has no place to go")

    monkeypatch.setattr(api, "run", never)
    for name in ("thesis", "a-file", "a-file/below", "x" * 300):
        result = wattline("run", "tiny.yaml", "--out", name)
        assert result.exit_code == 2, name
        assert result.stderr.endswith("1 fault\n")
    assert (
        "thesis: exists and is not a result of Wattline; it is left alone"
        in wattline("run", "tiny.yaml", "--out", "thesis").stderr
    )
    assert [path.name for path in thesis.iterdir()] == ["chapter.txt"]
    assert (folder / "a-file").read_text() == "mine"


def test_both_ways_of_serving_give_the_same_summary(folder: Path, wattline: Wattline, no_plots: None) -> None:
    for engine in ("stretch", "iteration"):
        assert wattline("run", "tiny.yaml", "--engine", engine, "--out", engine).exit_code == 0
    fast, slow = (api.load_result(folder / engine) for engine in ("stretch", "iteration"))
    assert (fast.manifest["serving_engine"], slow.manifest["serving_engine"]) == ("stretch", "iteration")
    for name, value in fast.summary.as_dict().items():
        # Sums of some hundred iterations in another order.
        expected = None if value is None else pytest.approx(value, rel=1e-9)
        assert getattr(slow.summary, name) == expected, name


def test_a_saved_scenario_runs_again_from_anywhere(
    folder: Path, wattline: Wattline, no_plots: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any
) -> None:
    assert wattline("run", "tiny.yaml", "--set", "duration_h=0.04", "--out", "first").exit_code == 0
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    assert wattline("run", folder / "first" / "scenario.yaml", "--out", "second").exit_code == 0
    first, second = api.load_result(folder / "first"), api.load_result(elsewhere / "second")
    assert second.summary == first.summary
    assert second.scenario == first.scenario
    assert second.manifest["checksums"] == first.manifest["checksums"]
    pd.testing.assert_frame_equal(second.energy, first.energy)


def test_a_balance_that_does_not_close_fails_the_run(
    folder: Path, wattline: Wattline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(balance, "RELATIVE_TOLERANCE", -1e-9)  # now even a perfect balance is off
    result = wattline("run", "tiny.yaml")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(
        "the run ended, but its numbers must not be used: balances that do not close:\naccelerator energy by workload"
    )
    assert not (folder / "runs").exists()


def test_a_bug_of_ours_is_said_to_be_one(folder: Path, wattline: Wattline, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise InvariantError("time ran backwards")

    monkeypatch.setattr(api, "run", fail)
    result = wattline("run", "tiny.yaml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "internal error, please report it: time ran backwards\n"


def test_a_terminal_sees_how_far_the_run_is(
    folder: Path, wattline: Wattline, no_plots: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(cli, "_err", Console(file=screen, force_terminal=True, width=100))
    assert wattline("run", "tiny.yaml").exit_code == 0
    assert "tiny" in screen.getvalue()
    assert "%" in screen.getvalue()


def test_validate_reports_on_every_file(folder: Path, wattline: Wattline) -> None:
    text = (folder / "tiny.yaml").read_text()
    (folder / "bad.yaml").write_text(text.replace("count: 2", "count: 0"))
    (folder / "worse.yaml").write_text(text.replace("seed: 1", "seed: -1").replace("replicas: 2", "replicas: 0"))
    good = wattline("validate", "tiny.yaml", "tiny.yaml")
    assert (good.exit_code, good.stdout, good.stderr) == (0, "tiny.yaml: ok\ntiny.yaml: ok\n", "")
    mixed = wattline("validate", "bad.yaml", "tiny.yaml", "worse.yaml", "nowhere.yaml")
    assert mixed.exit_code == 2
    assert mixed.stdout == "tiny.yaml: ok\n"
    assert mixed.stderr.splitlines() == [
        "bad.yaml:18: servers.hall-a.count: must be >= 1 and <= 1000000, got 0",
        "1 fault",
        "worse.yaml:4: seed: must be >= 0 and <= 4294967295, got -1",
        "worse.yaml:26: workloads.chat.replicas: must be >= 1 and <= 1000000, got 0",
        "2 faults",
        "nowhere.yaml: no such file",
        "1 fault",
    ]
    assert not (folder / "runs").exists()


def test_validate_takes_settings_for_all_files(folder: Path, wattline: Wattline) -> None:
    assert wattline("validate", "tiny.yaml", "--set", "servers.hall-a.count=1").exit_code == 0
    assert wattline("validate", "tiny.yaml", "--set", "servers.hall-a.count=0").exit_code == 2
    assert wattline("validate", "tiny.yaml", "--set", "nonsense").stderr == (
        "--set: must be path=value, got 'nonsense'\n1 fault\n"
    )


def test_compare_shows_the_change_against_the_first(folder: Path, wattline: Wattline, no_plots: None) -> None:
    for name, price in (("base", 0.1), ("dear", 0.15)):
        options = ("--set", f"name={name}", "--set", f"site.price.usd_per_kwh={price}", "--out", name)
        assert wattline("run", "tiny.yaml", *options).exit_code == 0
    result = wattline("compare", "base", "dear")
    assert result.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line.strip()}
    assert rows["field"] == ["unit", "base", "dear", "change", "dear"]
    assert rows["energy_cost_usd"][-1] == "+50.00%"
    assert rows["facility_energy_kwh"][-1] == "+0.00%"
    assert wattline("compare", "base").exit_code == 0


def test_compare_takes_a_marginal_factor_and_names_runs_by_their_directories(
    folder: Path, wattline: Wattline, no_plots: None
) -> None:
    """Twice the same scenario: nothing changes, and nothing is confused."""
    for name in ("one", "two"):
        assert wattline("run", "tiny.yaml", "--out", name).exit_code == 0
    factor = "{kind: constant, g_per_kwh: 500, factor: {basis: marginal}}"
    result = wattline("compare", "one", "two", "--marginal", factor)
    assert result.exit_code == 0
    assert "two against one" in result.stdout
    (line,) = [line for line in result.stdout.splitlines() if "marginal_change_kg_co2e" in line]
    assert line.split() == ["marginal_change_kg_co2e", "0", "kg", "CO2e,", "no", "inventory"]
    assert "marginal_change" not in wattline("compare", "one", "two").stdout
    for bad, message in (("400", "--marginal: must be a section"), ("{kind: constant, g_per_kwh: 1}", "is unstated")):
        refused = wattline("compare", "one", "two", "--marginal", bad)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert message in refused.stderr


def test_compare_refuses_what_is_no_result(folder: Path, wattline: Wattline) -> None:
    for names in (["nowhere"], ["."], ["tiny.yaml"]):
        result = wattline("compare", *names)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"{names[0]}: is not a result: it has no manifest.json\n1 fault\n"


def test_profiles_lists_every_shipped_file(root: Path, wattline: Wattline) -> None:
    listed = wattline("profiles")
    assert listed.exit_code == 0
    words = listed.stdout.replace(",", " ").split()
    folders = sorted(path for path in (root / "simulator/data").iterdir() if path.is_dir())
    assert {word for word in words if word.endswith(":")} == {f"{path.name}:" for path in folders}
    names = [path.stem for folder in folders for path in folder.glob("*.yaml")]
    assert sorted(word for word in words if not word.endswith(":")) == sorted(names)


def test_a_profile_is_shown_with_the_source_of_every_figure(wattline: Wattline) -> None:
    shown = wattline("profiles", "h100-sxm-80gb")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("h100-sxm-80gb: NVIDIA H100 SXM5 80 GB")
    rows = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines() if line.strip()}
    # Dense peak of bf16 and the board power, as on NVIDIA's data sheet.
    assert rows["peak_flop_per_s.bf16"][:2] == ["989,000,000,000,000", "datasheet"]
    assert rows["power.cap_w"][:2] == ["700", "datasheet"]


@pytest.mark.parametrize("name", ["dgx-h100", "llama-3.1-8b", "infiniband-ndr", "chilled-water", "power-chain"])
def test_profiles_of_every_kind_are_found_by_name(wattline: Wattline, name: str) -> None:
    shown = wattline("profiles", name)
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"{name}: ")


def test_profiles_names_the_nearest(wattline: Wattline) -> None:
    result = wattline("profiles", "dgx-h10")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "no profile is called 'dgx-h10'; did you mean 'dgx-h100'?\n1 fault\n"


@pytest.mark.parametrize(
    "arguments", [["run"], ["run", "tiny.yaml", "--bogus"], ["validate"], ["compare"], ["simulate"], []]
)
def test_a_wrong_call_shows_how_it_is_done(folder: Path, wattline: Wattline, arguments: list[str]) -> None:
    result = wattline(*arguments)
    assert result.exit_code == 2
    assert "Usage: wattline" in result.stdout + result.stderr


def test_help_names_every_command(wattline: Wattline) -> None:
    result = wattline("--help")
    assert result.exit_code == 0
    for command in ("run", "validate", "schema", "compare", "profiles"):
        assert command in result.stdout
        assert wattline(command, "--help").exit_code == 0


def test_the_installed_command_runs(folder: Path) -> None:
    script = Path(sys.executable).with_name("wattline")
    if not script.exists():
        pytest.skip("needs the package installed with its command")
    done = subprocess.run([script, "run", "tiny.yaml", "--out", "out"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "saved to out: " in done.stdout
    # Tables of a pipe are not folded to the width of a terminal.
    assert max(len(line) for line in done.stdout.splitlines()) > 80
