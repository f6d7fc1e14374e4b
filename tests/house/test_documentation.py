"""What the documentation says must be so."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "scenarios/README.md", "simulator/data/SOURCES.md")


def _pages(root: Path) -> list[Path]:
    return [*(root / page for page in PAGES), *sorted((root / "docs").glob("*.md"))]


def test_links_lead_somewhere(root: Path) -> None:
    broken = []
    for page in _pages(root):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            if not target.startswith(("http://", "https://")) and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_scenario_reference_is_current(root: Path) -> None:
    spec = importlib.util.spec_from_file_location("generate", root / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (root / "docs/scenario.md").read_text() == module.page(), "run python docs/generate.py"


def test_sections_cited_by_profiles_exist(root: Path) -> None:
    titles = {
        line[3:].strip().lower() for line in (root / "docs/sources.md").read_text().splitlines() if line[:3] == "## "
    }
    cited = set()
    for path in sorted((root / "simulator").rglob("*")):
        if path.suffix in (".yaml", ".py"):
            cited |= {
                found.lower() for found in re.findall(r"docs/sources\.md, ([a-z ]+?)(?=[:;.,)\"]|$)", path.read_text())
            }
    assert cited
    assert cited <= titles, cited - titles


def test_scenarios_are_listed(root: Path) -> None:
    listed = (root / "scenarios/README.md").read_text()
    assert [path.name for path in (root / "scenarios").glob("*.yaml") if f"({path.name})" not in listed] == []


@pytest.mark.parametrize("start", ["pip install -e . && wattline run", "pip install -e '.[dev]' && pytest"])
def test_readme_has_its_two_commands(root: Path, start: str) -> None:
    lines = (root / "README.md").read_text().splitlines()
    assert sum(line.startswith(start) for line in lines) == 1


def test_ci_runs_the_test_command_of_the_readme(root: Path) -> None:
    script = (root / ".ci/run").read_text()
    assert "README.md" in script
    assert subprocess.run(["bash", "-n", str(root / ".ci/run")], check=False).returncode == 0


def test_changelog_knows_the_version(root: Path) -> None:
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    assert f"## {version}" in (root / "CHANGELOG.md").read_text()


def test_the_project_speaks_of_itself(root: Path) -> None:
    done = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a checkout: the list of tracked files is git's")
    foreign = re.compile(r"(?<![\w./])/(work|root|home)/|" + "design" + " brief", re.IGNORECASE)
    found = []
    for name in done.stdout.splitlines():
        path = root / name
        if path.suffix in (".py", ".md", ".yaml", ".toml", ".ipynb", "") and path.is_file():
            found += [f"{name}: {match.group(0)}" for match in foreign.finditer(path.read_text(errors="replace"))]
    assert found == []
