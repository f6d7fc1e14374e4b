"""Load a scenario file: parse, validate, check references, and report every fault together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.documents.validation import try_validate
from simulator.documents.yaml_source import Document, parse_yaml, read_yaml
from simulator.documents.yaml_text import YamlText
from simulator.errors import Fault, InputError
from simulator.scenario.paths import absolute_paths, with_values
from simulator.scenario.references import reference_faults
from simulator.scenario.schema import ScenarioRecord


@dataclass(frozen=True, slots=True)
class Scenario:
    """A valid scenario and where it came from.

    Args:
        record: the frozen, canonical content.
        document: the data as written, for further changes and for messages.
        base: folder that relative file names refer to.
    """

    record: ScenarioRecord
    document: Document
    base: Path

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return self.record.name

    def replace(self, values: Mapping[str, Any], name: str | None = None) -> Scenario:
        """Return a copy with values set at dotted paths.

        Args:
            values: new values by dotted path, such as ``{"servers.hall-a.gpu_power_cap_w": 450}``; relative file names
                refer to the working directory.
            name: name of the copy.

        Raises:
            InputError: a path leads nowhere or the result is not valid.
        """
        changes = {**values, **({"name": name} if name is not None else {})}
        return scenario_from(with_values(self.document, changes, Path.cwd(), "replace"), self.base)

    def resolved(self) -> YamlText:
        """Return the resolved scenario: defaults written out, file names absolute."""
        data = json.loads(self.record.model_dump_json(by_alias=True, exclude_none=True))
        return YamlText(absolute_paths(data, "", self.base))

    def to_yaml(self) -> str:
        """Return the resolved scenario as YAML."""
        return str(self.resolved())


def load_scenario(path: Path, values: Mapping[str, Any] | None = None) -> Scenario:
    """Load a scenario file.

    Args:
        path: the YAML file.
        values: values to set at dotted paths before validation, as `--set` does.

    Raises:
        InputError: with every fault of the file.
    """
    document = read_yaml(path)
    if values:
        document = with_values(document, values, Path.cwd(), "--set")
    return scenario_from(document, path.parent)


def scenario_from(document: Document, base: Path) -> Scenario:
    """Return the scenario of a parsed document.

    Args:
        document: the document.
        base: folder that relative file names refer to.

    Raises:
        InputError: with every fault.
    """
    record, faults = try_validate(ScenarioRecord, document)
    faults = [*faults, *reference_faults(document, base)]
    if record is None or faults:
        raise InputError(sorted(dict.fromkeys(faults), key=_order))
    return Scenario(record.canonical(), document, base)


def parse_setting(text: str) -> tuple[str, Any]:
    """Return (dotted path, value) of a ``path=value`` option; the value is read as YAML.

    Raises:
        InputError: there is no ``=`` or the value is not YAML.
    """
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise InputError([Fault(f"must be path=value, got '{text}'", "--set")])
    try:
        data = parse_yaml(f"value: {value}", "--set").data
    except InputError as error:
        raise InputError(Fault(fault.message, "--set", path=path) for fault in error.faults) from None
    if len(data) != 1:
        raise InputError([Fault(f"must be one value, got {len(data)} keys", "--set", path=path)])
    return path, data["value"]


def _order(fault: Fault) -> tuple[bool, str, int]:
    return fault.line is None, fault.file, fault.line or 0
