"""Write a calibrated profile: whole or not at all, and what its reader accepts."""

from __future__ import annotations

import json
from pathlib import Path

from simulator.errors import Fault, InputError
from simulator.profiles.calibrated import CalibratedProfile


def profile_text(profile: CalibratedProfile) -> str:
    """Return a profile as JSON."""
    return json.dumps(json.loads(profile.model_dump_json(by_alias=True)), indent=1, ensure_ascii=False) + "\n"


def write_profile(profile: CalibratedProfile, path: Path) -> None:
    """Write a profile under a temporary name and move it to its place.

    Raises:
        InputError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(profile_text(profile), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError([Fault(f"cannot be written: {error.strerror or error}", str(path))]) from None
