"""A folder with a small scenario in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def folder(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working directory that holds tiny.yaml and its requests."""
    for name in ("tiny.yaml", "requests.csv"):
        shutil.copy(root / "tests/scenario" / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path
