"""The functions of `import simulator as sim`."""

from __future__ import annotations

import ast
import hashlib
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

import simulator as sim
from simulator.assembly import sites


@pytest.fixture
def data(folder: Path) -> dict[str, Any]:
    """The small scenario as plain data, without its trace."""
    content: dict[str, Any] = YAML(typ="safe").load(folder / "tiny.yaml")
    content["start"] = "2024-01-01T00:00:00Z"
    return content


def test_the_public_names_are_these() -> None:
    names = {
        "ArrivalProcess", "AuditError", "Controller", "Fault", "InputError", "InvariantError", "Result", "Scenario",
        "SetPowerCap", "Signal", "Summary", "View", "WattlineError", "check", "choices", "compare", "from_dict",
        "load", "load_result", "run", "save",
    }  # fmt: skip
    assert set(sim.__all__) == names
    assert all(getattr(sim, name).__doc__ for name in names)
    assert {error.__name__ for error in sim.WattlineError.__subclasses__()} == {
        "InputError",
        "AuditError",
        "InvariantError",
    }


def test_nothing_inside_imports_the_package_root(root: Path) -> None:
    """Else every module would hang on every other one."""
    for path in sorted((root / "simulator").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert all(alias.name != "simulator" for alias in node.names), path


def test_importing_does_not_import_what_only_some_runs_need() -> None:
    code = "import simulator, sys; print(sorted({'matplotlib', 'rich', 'typer', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_load_run_save_load_again(folder: Path) -> None:
    scenario = sim.load("tiny.yaml")
    assert scenario.name == "tiny"
    assert scenario.base == Path()
    result = sim.run(scenario)
    directory = sim.save(result, "kept")
    assert directory == folder / "kept"
    again = sim.load_result("kept")
    assert again.summary == result.summary
    assert again.manifest == result.manifest
    assert again.scenario == result.scenario == scenario.to_yaml()


def test_run_takes_a_path(folder: Path) -> None:
    assert (
        sim.run("tiny.yaml").summary == sim.run(folder / "tiny.yaml").summary == sim.run(sim.load("tiny.yaml")).summary
    )


def test_the_manifest_says_what_the_run_was_made_from(folder: Path) -> None:
    manifest = sim.run(sim.load("tiny.yaml", {"seed": 5})).manifest
    assert (manifest["scenario"], manifest["seed"], manifest["start_utc"]) == ("tiny", 5, "2024-01-01T00:00:00+00:00")
    assert manifest["simulated_s"] == pytest.approx(180.0)  # 0.05 h
    assert manifest["wall_s"] >= manifest["cpu_s"] * 0.5 >= 0.0
    trace = hashlib.sha256((folder / "requests.csv").read_bytes()).hexdigest()
    assert manifest["checksums"]["workloads.chat.requests.file requests.csv"] == trace
    used = {"servers/dgx-h100", "accelerators/h100-sxm-80gb", "models/llama-3.1-8b", "facilities/chilled-water"}
    assert {f"profile {name}.yaml" for name in used} <= set(manifest["checksums"])


def test_files_of_one_name_have_a_checksum_each(folder: Path) -> None:
    for name, value in (("carbon", 100), ("other", 200)):
        (folder / name).mkdir()
        (folder / name / "series.csv").write_text(f"time,value\n2024-01-01T00:00:00Z,{value}\n2024-01-01T01:00:00Z,1\n")
    (folder / "other" / "series.csv").write_text("Country,ISO3 Code,Datetime (UTC),Datetime (Local),Price (EUR/MWhe)\n")
    csv = {"kind": "csv", "time_column": "time", "value_column": "value", "file": "carbon/series.csv"}
    requests = folder / "other" / "series.csv"
    requests.write_text((folder / "requests.csv").read_text())
    values = {"site.carbon_intensity": csv, "workloads.chat.requests.file": requests}
    checksums = sim.run(sim.load("tiny.yaml", values)).manifest["checksums"]
    sums = {name: value for name, value in checksums.items() if not name.startswith("profile ")}
    assert sums == {
        "site.carbon_intensity.file series.csv": hashlib.sha256(
            (folder / "carbon/series.csv").read_bytes()
        ).hexdigest(),
        "workloads.chat.requests.file series.csv": hashlib.sha256(requests.read_bytes()).hexdigest(),
    }


def test_progress_is_told_of_every_plant_step(folder: Path) -> None:
    seen: list[float] = []
    sim.run(sim.load("tiny.yaml", {"facility.plant_step_s": 45}), progress=seen.append)
    assert seen == [45.0, 90.0, 135.0]  # the run ends at 180 s


def test_from_dict_is_the_file(folder: Path, data: dict[str, Any]) -> None:
    assert sim.from_dict(data).record == sim.load("tiny.yaml").record
    assert sim.from_dict(data, base=folder).record == sim.load("tiny.yaml").record


def test_from_dict_takes_what_programs_have(data: dict[str, Any]) -> None:
    data["start"] = datetime(2024, 1, 1, tzinfo=UTC)
    data["servers"][0]["count"] = np.int64(2)
    data["site"]["price"] = {"kind": "daily_profile", "usd_per_kwh": np.linspace(0.05, 0.28, 24)}
    data["servers"] = tuple(data["servers"])
    record = sim.from_dict(data).record
    assert record.start == datetime(2024, 1, 1, tzinfo=UTC)
    assert record.site.price.usd_per_kwh[23] == pytest.approx(0.28)  # type: ignore[union-attr]


def test_from_dict_does_not_hold_on_to_the_data(data: dict[str, Any]) -> None:
    scenario = sim.from_dict(data)
    data["servers"][0]["count"] = 0
    assert scenario.replace({"seed": 3}).record.servers[0].count == 2


def test_from_dict_names_its_faults(data: dict[str, Any]) -> None:
    data["servers"][0]["count"] = -1
    data["sed"] = 1
    with pytest.raises(sim.InputError) as caught:
        sim.from_dict(data)
    assert {str(fault) for fault in caught.value.faults} == {
        "scenario: servers.hall-a.count: must be >= 1 and <= 1000000, got -1",
        "scenario: sed: unknown key 'sed'; did you mean 'seed'?",
    }
    with pytest.raises(sim.InputError, match=r"^scenario: seed: cannot hold a value of type set$"):
        sim.from_dict({**data, "seed": {1}})


def test_check_finds_what_loading_cannot(folder: Path) -> None:
    sim.check(sim.load("tiny.yaml"))
    scenario = sim.load("tiny.yaml", {"workloads.chat.parallelism.tensor": 3})
    with pytest.raises(sim.InputError, match="must divide the 32 heads"):
        sim.check(scenario)


def test_a_scenario_without_faults_and_parts_is_a_bug(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "site_signals", lambda *_: None)
    with pytest.raises(sim.InvariantError, match="missing parts"):
        sim.check(sim.load("tiny.yaml"))


def test_faults_are_kept_apart_and_printed_together() -> None:
    faults = [sim.Fault("is wrong", "a.yaml", 3, "servers.x"), sim.Fault("is missing", "b.csv"), sim.Fault("no")]
    error = sim.InputError(iter(faults))
    assert error.faults == tuple(faults)
    assert str(error) == "a.yaml:3: servers.x: is wrong\nb.csv: is missing\nno"
    assert sim.InputError("no").faults == (sim.Fault("no"),)
