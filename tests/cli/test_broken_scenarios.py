"""Scenarios with something wrong: what the command line says of them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

CASES: dict[str, Any] = YAML(typ="safe").load(Path(__file__).with_name("broken_scenarios.yaml"))


def broken(folder: Path, case: str) -> str:
    """Write the scenario of a case over tiny.yaml and return its text."""
    text = (folder / "tiny.yaml").read_text()
    for old, new in CASES[case]["edits"].items():
        assert old in text, f"nothing to edit: {old}"
        text = text.replace(old, new, 1)
    (folder / "tiny.yaml").write_text(text)
    return text


def expected_lines(case: str, text: str) -> list[str]:
    lines = []
    for fault in CASES[case]["faults"]:
        place = f"tiny.yaml:{text[: text.index(fault['at'])].count(chr(10)) + 1}" if "at" in fault else ""
        lines.append(": ".join(filter(None, (place, fault.get("path"), fault["says"]))))
    return lines


def assert_says(stderr: str, expected: list[str]) -> None:
    *lines, count = stderr.splitlines()
    assert count == f"{len(expected)} fault{'s' if len(expected) > 1 else ''}"
    for line, pattern in zip(sorted(lines), sorted(expected), strict=True):
        assert re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), line), f"{line}\n is not\n{pattern}"


@pytest.mark.parametrize("case", CASES)
def test_each_fault_is_one_line_with_its_place(folder: Path, wattline: Callable[..., Any], case: str) -> None:
    text = broken(folder, case)
    before = sorted(folder.iterdir())
    result = wattline("run", "tiny.yaml")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert_says(result.stderr, expected_lines(case, text))
    assert sorted(folder.iterdir()) == before, "something was left behind"


@pytest.mark.parametrize(
    ("command", "case"), [("run", "many things at once"), ("validate", "many things that cannot work")]
)
def test_the_same_from_a_shell(folder: Path, command: str, case: str) -> None:
    text = broken(folder, case)
    done = subprocess.run(
        [sys.executable, "-m", "simulator.cli", command, "tiny.yaml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert_says(done.stderr, expected_lines(case, text))
    assert not (folder / "runs").exists()


def test_faults_stand_in_the_order_of_the_file(folder: Path, wattline: Callable[..., Any]) -> None:
    text = broken(folder, "many things at once")
    lines = wattline("validate", "tiny.yaml").stderr.splitlines()[:-1]
    numbers = [int(line.split(":")[1]) for line in lines]
    assert numbers == sorted(numbers)
    assert lines == expected_lines("many things at once", text)
