"""The engine draws no random numbers, reads no clock and no file: its result follows from what it is given."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ENGINE = Path(__file__).resolve().parents[2] / "simulator" / "engine"
FILES = sorted(ENGINE.rglob("*.py"))

FORBIDDEN_MODULES = {"random", "secrets", "uuid", "time", "datetime", "os", "pathlib", "io", "socket", "threading"}
FORBIDDEN_NAMES = {
    "random",
    "default_rng",
    "now_utc",
    "perf_counter",
    "monotonic",
    "open",
    "input",
    "print",
    "id",
    "hash",
}


def _imported(tree: ast.AST) -> set[str]:
    """Return the roots of everything that a module imports, and the dotted names."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names | {name.split(".")[0] for name in names}


def _used(tree: ast.AST) -> set[str]:
    """Return names called, and attributes of modules such as `np.random`."""
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return called | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ENGINE)))
def test_no_chance_no_clock_no_files(file: Path) -> None:
    tree = ast.parse(file.read_text())
    assert not _imported(tree) & (FORBIDDEN_MODULES | {"numpy.random"})
    assert not _used(tree) & FORBIDDEN_NAMES


def test_the_check_sees_what_it_looks_for() -> None:
    tree = ast.parse("import numpy as np\nfrom time import perf_counter\nx = np.random.default_rng()\ny = open('f')")
    assert {"time"} <= _imported(tree)
    assert {"random", "default_rng", "open"} <= _used(tree)
    assert len(FILES) > 30
