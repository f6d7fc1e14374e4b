"""Reads calibrated profiles: the JSON file with the line of every fault, and the raw windows beside it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from simulator.documents.validation import try_validate
from simulator.documents.yaml_source import Document, read_yaml
from simulator.errors import Fault, InputError
from simulator.profiles.accelerators import AcceleratorRecord
from simulator.profiles.calibrated import SCHEMA, CalibratedProfile
from simulator.profiles.sourced import Profile


def load_calibrated(path: Path, shown_as: str) -> Profile[AcceleratorRecord]:
    """Read and check a calibrated profile; its raw windows are checked where they are at hand.

    Raises:
        InputError: with every fault of the file.
    """
    content, document = read_calibrated(path, shown_as)
    fault = _raw_fault(content, path, document)
    if fault is not None:
        raise InputError([fault])
    sources = content.sources()
    notes = _notes(content)
    return Profile(content.accelerator, sources, shown_as, hashlib.sha256(path.read_bytes()).hexdigest(), notes)


def read_calibrated(path: Path, shown_as: str) -> tuple[CalibratedProfile, Document]:
    """Return the whole content of a calibrated profile, and its document for faults.

    Raises:
        InputError: with every fault of the file.
    """
    document = read_yaml(path, shown_as)  # JSON is YAML, read with lines
    if document.data.get("schema") != SCHEMA:
        raise InputError([document.fault(("schema",), f"must be '{SCHEMA}', got '{document.data.get('schema')}'")])
    content, faults = try_validate(CalibratedProfile, document)
    if content is None or faults:
        raise InputError(faults)
    return content, document


def _raw_fault(content: CalibratedProfile, path: Path, document: Document) -> Fault | None:
    if content.raw is None:
        return None
    raw = path.parent / content.raw.path
    if not raw.is_file():
        return None
    found = hashlib.sha256(raw.read_bytes()).hexdigest()
    if found == content.raw.sha256:
        return None
    return document.fault(("raw", "sha256"), f"{content.raw.path} has the checksum {found}: it is not what was fitted")


def _notes(content: CalibratedProfile) -> tuple[str, ...]:
    shared = content.uncertainty
    energy = [report for report in content.fit if report.quantity == "energy"]
    notes = []
    if energy:
        notes.append(
            f"{content.id}: board energy rests on one sensor, whose gain is uncertain by {shared.common_gain_rel:.1%} "
            f"(k = 1, common to all its figures), and on one board; boards differ by {shared.unit_spread_rel:.1%}"
        )
    else:
        notes.append(f"{content.id}: only time was measured; figures of power are those of {content.base.profile}")
    return (*notes, *(f"{content.id}: {note}" for note in content.notes))
