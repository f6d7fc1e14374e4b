"""Saved results: whole or not there, the same when read back, and nothing of someone else's is touched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import simulator as sim
from simulator.results import store
from simulator.results.result import TABLES, Result

FILES = {"summary.json", "manifest.json", "scenario.yaml", *(f"{name}.parquet" for name in TABLES)}
Write = Callable[..., None]


def same(left: Result, right: Result) -> None:
    assert left.summary == right.summary
    assert left.manifest == right.manifest
    assert left.scenario == right.scenario
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(left, name), getattr(right, name), check_exact=True)


def contents(directory: Path) -> dict[str, bytes]:
    return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()}


def test_what_is_saved_is_what_is_loaded(result: sim.Result, tmp_path: Path) -> None:
    directory = sim.save(result, tmp_path / "new" / "run")
    assert directory == tmp_path / "new" / "run"
    assert {file.name for file in directory.iterdir()} == FILES
    same(sim.load_result(directory), result)
    # Nothing is left beside it, and others may read it.
    assert [entry.name for entry in directory.parent.iterdir()] == ["run"]
    assert directory.stat().st_mode & 0o777 == 0o755


def test_the_scenario_that_is_saved_runs_again(result: sim.Result, tmp_path: Path) -> None:
    directory = sim.save(result, tmp_path / "run")
    again = sim.load(directory / "scenario.yaml")
    assert again.to_yaml() == result.scenario
    assert sim.run(again).summary == result.summary


def test_saving_again_replaces_the_whole(result: sim.Result, tmp_path: Path) -> None:
    directory = sim.save(result, tmp_path / "run")
    (directory / "power.png").write_bytes(b"a picture of the last run")
    sim.save(result, directory)
    assert {file.name for file in directory.iterdir()} == FILES
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def test_an_empty_folder_may_be_used(result: sim.Result, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    same(sim.load_result(sim.save(result, tmp_path / "run")), result)


@pytest.mark.parametrize("failing", [name for name in sorted(FILES) if name.endswith(("json", "parquet"))])
@pytest.mark.parametrize("there_before", [False, True])
def test_a_kill_while_writing_leaves_the_old_or_nothing(
    result: sim.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, there_before: bool
) -> None:
    directory = tmp_path / "run"
    if there_before:
        sim.save(result, directory)
    before = contents(tmp_path)

    def dies(wrapped: Callable[..., object]) -> Callable[..., object]:
        def write(*args: object, **options: object) -> object:
            if any(isinstance(item, Path) and item.name == failing for item in args):
                raise KeyboardInterrupt
            return wrapped(*args, **options)

        return write

    monkeypatch.setattr(Path, "write_text", dies(Path.write_text))
    monkeypatch.setattr(store.pq, "write_table", dies(store.pq.write_table))
    with pytest.raises(KeyboardInterrupt):
        sim.save(result, directory)
    assert contents(tmp_path) == before
    assert directory.exists() == there_before


def test_the_manifest_is_written_last(result: sim.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A process that dies without any clean-up leaves a folder that no one takes for a result.
    order: list[str] = []
    write_text = Path.write_text

    def noted(path: Path, *args: object, **options: object) -> object:
        order.append(path.name)
        assert path.name != "manifest.json" or {file.name for file in path.parent.iterdir()} == FILES - {path.name}
        return write_text(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", noted)
    sim.save(result, tmp_path / "run")
    assert order[-1] == "manifest.json"


def test_a_move_that_fails_keeps_the_old_result(
    result: sim.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = sim.save(result, tmp_path / "run")
    before = contents(tmp_path)
    rename = Path.rename

    def fails_into_place(path: Path, target: Path) -> Path:
        if target == directory and path.name != "old":
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails_into_place)
    with pytest.raises(sim.InputError, match="cannot be written"):
        sim.save(result, directory)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_not_a_result_is_left_alone(result: sim.Result, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "thesis"
    if kind == "folder":
        place.mkdir()
        (place / "chapter-1.txt").write_text("do not lose me")
    else:
        place.write_text("do not lose me")
    before = contents(tmp_path)
    with pytest.raises(sim.InputError) as caught:
        sim.save(result, place)
    assert str(caught.value) == f"{place}: exists and is not a result of Wattline; it is left alone"
    assert contents(tmp_path) == before


def test_a_place_that_cannot_be_written(result: sim.Result, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(sim.InputError, match="cannot be written"):
        sim.save(result, tmp_path / "file" / "run")


def test_a_full_disk_is_reported(result: sim.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.pq, "write_table", full)
    with pytest.raises(sim.InputError, match="cannot be written: No space left on device"):
        sim.save(result, tmp_path / "run")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("lost", sorted(FILES))
def test_a_result_with_a_lost_file_is_refused(result: sim.Result, tmp_path: Path, lost: str) -> None:
    directory = sim.save(result, tmp_path / "run")
    (directory / lost).unlink()
    with pytest.raises(sim.InputError) as caught:
        sim.load_result(directory)
    (fault,) = caught.value.faults
    assert fault.file == str(directory)
    assert fault.message.startswith("is not a result" if lost == "manifest.json" else "is damaged")


@pytest.mark.parametrize("changed", sorted(FILES - {"manifest.json"}))
def test_a_file_that_was_changed_afterwards_is_noticed(result: sim.Result, tmp_path: Path, changed: str) -> None:
    directory = sim.save(result, tmp_path / "run")
    file = directory / changed
    content = bytearray(file.read_bytes())
    # One digit of a number of the summary, one letter of the scenario, one byte in the middle of a table.
    at = content.rindex(b"9") if changed == "summary.json" else len(content) // 2
    content[at] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(sim.InputError, match=f"is damaged: {changed} is not what was saved"):
        sim.load_result(directory)


def test_checksums_of_files_and_inputs(result: sim.Result, root: Path, tmp_path: Path) -> None:
    directory = sim.save(result, tmp_path / "run")
    manifest = json.loads((directory / "manifest.json").read_text())
    assert set(manifest["files"]) == FILES - {"manifest.json"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((directory / name).read_bytes()).hexdigest() == digest
    inputs = manifest["checksums"]
    for file in ("accelerators/h100-sxm-80gb.yaml", "models/bert-large.yaml", "facilities/chilled-water.yaml"):
        (found,) = [digest for name, digest in inputs.items() if name.endswith(file)]
        assert hashlib.sha256((root / "simulator/data" / file).read_bytes()).hexdigest() == found


def test_another_version_is_refused(result: sim.Result, tmp_path: Path) -> None:
    directory = sim.save(result, tmp_path / "run")
    summary = json.loads((directory / "summary.json").read_text())
    summary["facility_energy_mwh"] = summary.pop("facility_energy_kwh") / 1e3
    text = json.dumps(summary)
    (directory / "summary.json").write_text(text)
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["files"]["summary.json"] = hashlib.sha256(text.encode()).hexdigest()
    (directory / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(sim.InputError, match="another version: its summary has other fields"):
        sim.load_result(directory)


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff"])
def test_a_manifest_that_is_none(result: sim.Result, tmp_path: Path, text: str) -> None:
    directory = sim.save(result, tmp_path / "run")
    (directory / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(sim.InputError, match="is damaged"):
        sim.load_result(directory)
