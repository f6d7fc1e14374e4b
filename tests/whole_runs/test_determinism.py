"""The same scenario and seed give the same bytes, in whatever order the file lists things and wherever it runs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

import simulator as sim
from simulator.results.result import TABLES

FILES = ["scenario.yaml", "summary.json", *(f"{name}.parquet" for name in TABLES)]


@pytest.fixture(scope="module")
def mixed(root: Path) -> Path:
    return root / "tests/whole_runs/mixed.yaml"


def digests(directory: Path) -> dict[str, str]:
    return {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in FILES}


@pytest.fixture(scope="module")
def first(mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return digests(sim.save(sim.run(mixed), tmp_path_factory.mktemp("first") / "run"))


def test_the_scenario_is_worth_the_test(mixed: Path) -> None:
    """Whatever might disturb determinism happens in it."""
    result = sim.run(mixed)
    assert {"completed", "in_flight", "longer_than_context", "longer_than_kv_cache"} == set(result.requests.outcome)
    assert set(result.jobs.outcome) == {"completed", "running"}
    assert result.jobs.queue_s.max() > 0.0
    assert result.summary.preemptions > 0
    assert result.jobs.checkpoints.sum() > 3


def test_twice_the_same(mixed: Path, first: dict[str, str], tmp_path: Path) -> None:
    assert digests(sim.save(sim.run(mixed), tmp_path / "run")) == first


@pytest.mark.parametrize("section", ["servers", "workloads", "both", "keys"])
def test_the_order_in_the_file_does_not_matter(
    mixed: Path, first: dict[str, str], tmp_path: Path, section: str
) -> None:
    yaml = YAML()
    data = yaml.load(mixed)
    for name in ("servers", "workloads"):
        if section in (name, "both"):
            data[name].reverse()
    if section == "keys":
        data = dict(reversed(list(data.items())))
        data["workloads"] = [dict(reversed(list(workload.items()))) for workload in data["workloads"]]
    with (tmp_path / "other.yaml").open("w") as stream:
        yaml.dump(data, stream)
    assert (tmp_path / "other.yaml").read_text() != mixed.read_text()
    assert digests(sim.save(sim.run(tmp_path / "other.yaml"), tmp_path / "run")) == first


def test_another_process_with_another_hash_seed(root: Path, mixed: Path, first: dict[str, str], tmp_path: Path) -> None:
    # Sets of strings are walked in another order there.
    code = "import sys, simulator as sim; sim.save(sim.run(sys.argv[1]), sys.argv[2])"
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "TZ": "Pacific/Auckland"}
    command = [sys.executable, "-c", code, str(mixed), str(tmp_path / "run")]
    subprocess.run(command, check=True, cwd=root, env=environment)
    assert digests(tmp_path / "run") == first


def test_the_name_of_a_run_changes_its_name_only(mixed: Path, first: dict[str, str], tmp_path: Path) -> None:
    other = sim.load(mixed).replace({}, name="another-name")
    found = digests(sim.save(sim.run(other), tmp_path / "run"))
    assert {name for name in FILES if found[name] != first[name]} == {"scenario.yaml"}


def test_the_manifest_differs_in_times_only(mixed: Path, tmp_path: Path) -> None:
    manifests = []
    for name in ("one", "two"):
        directory = sim.save(sim.run(mixed), tmp_path / name)
        manifests.append(json.loads((directory / "manifest.json").read_text()))
    one, two = manifests
    assert {key for key in one if one[key] != two[key]} <= {"wall_s", "cpu_s"}


def test_another_seed_changes_the_requests(mixed: Path) -> None:
    scenario = sim.load(mixed)
    base, other = sim.run(scenario), sim.run(scenario.replace({"seed": 6}))
    for name in ("chat", "batch"):
        one, two = (result.requests[result.requests.workload == name] for result in (base, other))
        count = min(len(one), len(two))
        columns = ["prompt_tokens", "output_tokens"]
        assert not one[columns][:count].reset_index(drop=True).equals(two[columns][:count].reset_index(drop=True))
    # Jobs draw nothing.
    pd.testing.assert_frame_equal(base.jobs, other.jobs)


@pytest.mark.parametrize(("kept", "dropped"), [("chat", "batch"), ("batch", "chat")])
def test_a_workload_draws_from_streams_of_its_own(mixed: Path, kept: str, dropped: str) -> None:
    # Without the other service in another hall, nothing about these requests may change, to the last bit.
    yaml = YAML(typ="safe")
    data = yaml.load(mixed)
    whole = sim.run(sim.from_dict(data))
    data["workloads"] = [workload for workload in data["workloads"] if workload["name"] != dropped]
    alone = sim.run(sim.from_dict(data))
    expected = whole.requests[whole.requests.workload == kept].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone.requests, expected, check_exact=True)
    assert dropped not in set(alone.workloads.workload)
