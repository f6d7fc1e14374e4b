"""Save a result to a directory and load it again.

A directory is written beside its place and moved there whole, so that a reader finds the old result or the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.documents.yaml_text import YamlText
from simulator.errors import Fault, InputError
from simulator.results.result import TABLES, Result
from simulator.results.summary import SUMMARY_FIELDS, Summary

MANIFEST = "manifest.json"
SUMMARY = "summary.json"
SCENARIO = "scenario.yaml"


def check_place(directory: Path) -> None:
    """Raise InputError if no result can be saved to a directory: it holds something else, or cannot be written."""
    directory = directory.resolve()
    try:
        taken = directory.exists() and not (directory / MANIFEST).is_file()
        if taken and (not directory.is_dir() or any(directory.iterdir())):
            raise InputError([Fault("exists and is not a result of Wattline; it is left alone", str(directory))])
        nearest = next(folder for folder in directory.parents if folder.exists())
    except OSError as error:
        raise InputError([Fault(f"cannot be written: {error.strerror}", str(directory))]) from None
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise InputError([Fault(f"cannot be written: {nearest} is no folder to write to", str(directory))])


def save(result: Result, directory: Path) -> Path:
    """Write a result to a directory; a result that is there already is replaced.

    Files: `summary.json`, `manifest.json`, `scenario.yaml` and one Parquet file per table.

    Raises:
        InputError: the place is taken by something that is not a result, or cannot be written.
    """
    check_place(directory)
    directory = directory.resolve()
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    except OSError as error:
        raise InputError([Fault(f"cannot be written: {error.strerror}", str(directory))]) from None
    try:
        _write(result, fresh)
        fresh.chmod(0o755)
        _put_in_place(fresh, directory)
    except OSError as error:
        raise InputError([Fault(f"cannot be written: {error.strerror}", str(directory))]) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return directory


def load(directory: Path) -> Result:
    """Read a result from a directory.

    Raises:
        InputError: a file is missing or not what it should be.
    """
    if not (directory / MANIFEST).is_file():
        raise InputError([Fault(f"is not a result: it has no {MANIFEST}", str(directory))])
    try:
        manifest = _manifest(directory)
        tables = {name: pd.read_parquet(directory / f"{name}.parquet") for name in TABLES}
        summary: dict[str, Any] = json.loads((directory / SUMMARY).read_text(encoding="utf-8"))
        scenario = (directory / SCENARIO).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError([Fault(f"is damaged: {' '.join(str(error).split())[:200]}", str(directory))]) from None
    if set(summary) != set(SUMMARY_FIELDS):
        raise InputError([Fault("was written by another version: its summary has other fields", str(directory))])
    return Result(resolved=YamlText.of(scenario), manifest=manifest, summary=Summary(**summary), **tables)


def _put_in_place(fresh: Path, directory: Path) -> None:
    """Move a directory to its place; what is there goes only when the move has worked."""
    if not directory.exists():
        fresh.rename(directory)
        return
    stale = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    old = directory.rename(stale / "old")
    try:
        fresh.rename(directory)
    except BaseException:
        old.rename(directory)
        raise
    finally:
        shutil.rmtree(stale)


def _write(result: Result, directory: Path) -> None:
    (directory / SCENARIO).write_text(result.scenario, encoding="utf-8")
    (directory / SUMMARY).write_text(_json(result.summary.as_dict()), encoding="utf-8")
    for name in TABLES:
        table = pa.Table.from_pandas(getattr(result, name), preserve_index=False)
        pq.write_table(table, directory / f"{name}.parquet", compression="zstd")
    files = {file.name: _sha256(file) for file in sorted(directory.iterdir())}
    # Written last: a directory without it is not a result.
    (directory / MANIFEST).write_text(_json({**result.manifest, "files": files}), encoding="utf-8")


def _manifest(directory: Path) -> dict[str, Any]:
    """Return the manifest of a directory whose files are all as they were saved.

    Raises:
        ValueError: it is no manifest, or a file is not what was saved.
    """
    manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    files = manifest.pop("files", None) if isinstance(manifest, dict) else None
    if not isinstance(files, dict):
        raise ValueError(f"{MANIFEST} lists no files")
    for name, digest in files.items():
        if _sha256(directory / name) != digest:
            raise ValueError(f"{name} is not what was saved")
    return dict(manifest)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=2, allow_nan=False) + "\n"
