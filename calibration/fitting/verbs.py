"""Verbs `fit` and `import` of the command line: fit, write, and tell what came out."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import RenderableType

from calibration.fitting.measurement import fit_measurement
from calibration.fitting.profile_text import profile_tables
from calibration.fitting.writing import write_profile
from calibration.published.imports import import_tables
from simulator.profiles.calibrated import CalibratedProfile


def fit(folder: Path, base: str | None, out: Path, peaks: str, samples: int) -> Iterator[RenderableType]:
    """Fit a measurement (see `fit_measurement`), write its profile, and yield what it holds."""
    yield from _written(fit_measurement(folder, base, _now(), git=_commit(), peaks=peaks, samples=samples), out)


def import_(kind: str, paths: Sequence[Path], base: str, out: Path) -> Iterator[RenderableType]:
    """Fit published tables (see `import_tables`), write their profile, and yield what it holds."""
    yield from _written(import_tables(kind, paths, base, out, _now(), _commit()), out)


def _written(profile: CalibratedProfile, out: Path) -> Iterator[RenderableType]:
    write_profile(profile, out)
    yield from profile_tables(profile)
    yield f"written: {out}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _commit() -> str:
    """Return the commit of the program's own repository; empty where it was installed from a package."""
    program = shutil.which("git")
    root = Path(__file__).resolve().parents[2]
    if program is None or not (root / ".git").exists():
        return ""
    done = subprocess.run([program, "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()
