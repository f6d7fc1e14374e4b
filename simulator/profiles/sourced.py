"""Profiles: YAML records in which every figure carries its source.

A profile file has a `provenance` block for the file; any block inside may have its own, and any single figure may be
written as `{value: ..., kind: ..., source: ...}`. The most specific one counts. Loading separates the figures from
their sources, so the rest of the program sees plain numbers and the report still knows where each came from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from simulator.documents.validation import Section, try_validate
from simulator.documents.yaml_source import Document, KeyPath, read_yaml
from simulator.errors import Fault, InputError

Kind = Literal["measured", "datasheet", "estimated"]

RecordT = TypeVar("RecordT", bound=BaseModel)


class Provenance(Section):
    """Where figures come from."""

    kind: Kind
    """`measured`: read from or fitted to a measurement; `datasheet`: stated by the maker; `estimated`: assumed."""
    source: Annotated[str, Field(min_length=1)]
    """Document, table or data set, exact enough to find it again."""
    note: str | None = None
    """How the figure follows from the source, and its traps."""
    error: str | None = None
    """Error of a fit, and on what it was measured."""
    low: float | None = None
    """Lower end of the plausible range, in the unit of the figure."""
    high: float | None = None
    """Upper end of the plausible range."""


@dataclass(frozen=True, slots=True)
class Profile(Generic[RecordT]):
    """A loaded profile: the record, the source of each of its figures, and the file that it came from.

    Args:
        record: the validated figures.
        sources: provenance by dotted field path; a path without entry has that of its nearest ancestor.
        file: the file as named to the user.
        sha256: checksum of the file.
        notes: what a report should say of the whole profile.
    """

    record: RecordT
    sources: Mapping[str, Provenance]
    file: str
    sha256: str
    notes: tuple[str, ...] = ()

    def source_of(self, path: str) -> Provenance:
        """Return the provenance of a field, by dotted path."""
        parts = path.split(".")
        for length in range(len(parts), -1, -1):
            found = self.sources.get(".".join(parts[:length]))
            if found is not None:
                return found
        raise KeyError(path)

    def values(self) -> dict[str, float | None]:
        """Return every number of the record by dotted path; None for a list of numbers."""
        data = self.record.model_dump()
        found = {path: figure_at(data, path) for path in number_paths(data)}
        return {path: float(value) if isinstance(value, int | float) else None for path, value in found.items()}

    def figures(self) -> dict[str, Provenance]:
        """Return the provenance of every number of the record, by dotted path."""
        return {path: self.source_of(path) for path in number_paths(self.record.model_dump())}


def load_profile(model: type[RecordT], path: Path, shown_as: str | None = None) -> Profile[RecordT]:
    """Read, separate and validate one profile file.

    Raises:
        InputError: with every fault of the file.
    """
    document = read_yaml(path, shown_as)
    separator = _Separator(document)
    plain = separator.plain(document.data, ())
    stripped = Document(document.file, plain, document.lines)
    try:
        record, faults = try_validate(model, stripped)
    except InputError as error:
        # Parameter records check how their numbers relate, and name the field.
        record = None
        faults = [document.fault(("parameters", *fault.path.split(".")), fault.message) for fault in error.faults]
    wrong_kind = [fault for fault in faults if fault.path == "profile"]
    faults = [*separator.faults, *(wrong_kind or faults)]
    if "" not in separator.sources:
        faults.append(document.fault((), "required key 'provenance' is missing"))
    if record is None or faults:
        raise InputError(faults)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Profile(record, separator.sources, document.file, digest)


class _Separator:
    """Splits a profile's data into plain values and provenance by path."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.sources: dict[str, Provenance] = {}
        self.faults: list[Fault] = []

    def plain(self, value: Any, path: KeyPath) -> Any:
        if isinstance(value, list):
            return [self.plain(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if "value" in value:
            self._take({key: item for key, item in value.items() if key != "value"}, path)
            return self.plain(value["value"], (*path, "value"))
        if "provenance" in value:
            self._take(value["provenance"], path, (*path, "provenance"))
        return {key: self.plain(item, (*path, key)) for key, item in value.items() if key != "provenance"}

    def _take(self, data: Any, path: KeyPath, place: KeyPath | None = None) -> None:
        where = path if place is None else place
        part = Document(
            self.document.file, data if isinstance(data, dict) else {}, {(): self.document.place(where)[1] or 1}
        )
        provenance, faults = try_validate(Provenance, part)
        prefix = ".".join(map(str, where))
        self.faults += [Fault(f.message, f.file, f.line, ".".join(filter(None, (prefix, f.path)))) for f in faults]
        if provenance is not None:
            self.sources[".".join(str(key) for key in path)] = provenance


def figure_at(data: Any, path: str) -> Any:
    """Return what stands at a dotted path of plain data."""
    for part in path.split("."):
        data = data[part]
    return data


def number_paths(value: Any, prefix: str = "") -> list[str]:
    """Return the dotted path of every number of plain data; a list of numbers counts as one figure."""
    if isinstance(value, dict):
        return [
            path
            for key, item in value.items()
            for path in number_paths(item, f"{prefix}.{key}" if prefix else str(key))
        ]
    if isinstance(value, list | tuple):
        return [prefix] if any(number_paths(item, prefix) for item in value) else []
    number = isinstance(value, int | float) and not isinstance(value, bool) and prefix != "schema_version"
    return [prefix] if number else []
