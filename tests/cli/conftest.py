"""A folder with a small scenario in it, and the command line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from simulator.cli import app

Run = Callable[..., Result]


@pytest.fixture
def folder(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working directory that holds tiny.yaml and its requests."""
    for name in ("tiny.yaml", "requests.csv"):
        shutil.copy(root / "tests/scenario" / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def wattline() -> Run:
    """Run the command line in this process; what it does not turn into an exit code on purpose is raised."""

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
