"""The house's own rules, as far as a machine can check them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

LONGEST_FILE = 400
"""Lines; a file is a room, and a longer one holds two."""


def _python_files(root: Path) -> list[Path]:
    folders = ("simulator", "benchmarks", "tests", "docs")
    return [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["importlinter.cli"]],
    ids=["ruff", "ruff-format", "mypy", "import-linter"],
)
def test_checkers_pass(command: list[str], root: Path) -> None:
    if command == ["importlinter.cli"]:
        line = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    else:
        line = [sys.executable, "-m", *command]
    done = subprocess.run(line, cwd=root, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_rooms(root: Path) -> None:
    lengths = {str(path.relative_to(root)): len(path.read_text().splitlines()) for path in _python_files(root)}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_every_module_says_what_it_holds(root: Path) -> None:
    silent = [
        str(path.relative_to(root))
        for path in _python_files(root)
        if not path.name.startswith("test_") and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert silent == []


def test_nothing_is_left_open(root: Path) -> None:
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error")
    found = [
        f"{path.relative_to(root)}: {word}"
        for path in _python_files(root)
        for word in words
        if word in path.read_text()
    ]
    assert found == []


def test_no_module_is_called_after_nothing(root: Path) -> None:
    nameless = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base_classes"}
    assert [str(path) for path in (root / "simulator").rglob("*.py") if path.stem in nameless] == []
