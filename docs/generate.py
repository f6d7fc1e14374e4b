"""Writes docs/scenario.md from the schema of scenario files: ``python docs/generate.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulator.scenario.schema import ScenarioRecord

Schema = dict[str, Any]

PAGE = Path(__file__).with_name("scenario.md")
_INTRODUCTION = """# Scenario files

Generated from the schema by `python docs/generate.py`; do not edit.

A scenario is a YAML file. Every key carries its unit; a key that is not listed here is refused. Keys without a default
are required. Files named in a scenario are relative to it. `wattline validate FILE` reports every fault at once, and
`wattline schema` prints the same schema for editors.

A value can be set from outside by its dotted path, where entities of a list go by their name: `servers.hall-a.count=4`,
`workloads.chat.requests={kind: csv, file: trace.csv}`.
"""


def page() -> str:
    """Return the reference as Markdown."""
    root = ScenarioRecord.model_json_schema()
    parts = [_INTRODUCTION, *_section(root, "Scenario", root)]
    parts += [line for name in _order(root) for line in _section(root, name, root["$defs"][name])]
    return "\n".join(parts).rstrip() + "\n"


def _order(root: Schema) -> list[str]:
    """Return the names of all definitions in order of first mention."""
    found: list[str] = []

    def visit(node: Any) -> None:
        if isinstance(node, dict):
            reference = node.get("$ref")
            if reference is not None:
                name = reference.rsplit("/", 1)[-1]
                if name not in found:
                    found.append(name)
                    visit(root["$defs"][name])
            for key, value in node.items():
                if key not in ("$defs", "discriminator"):
                    visit(value)
        elif isinstance(node, list):
            for value in node:
                visit(value)

    visit({key: value for key, value in root.items() if key != "$defs"})
    return found


def _section(root: Schema, name: str, schema: Schema) -> Iterator[str]:
    yield f"\n## {name}\n"
    yield " ".join(schema.get("description", "").split())
    yield "\n| key | value | default | meaning |\n| --- | --- | --- | --- |"
    required = schema.get("required", [])
    for key, field in schema.get("properties", {}).items():
        default = "" if key in required else _default(field.get("default"))
        meaning = " ".join(_meaning(root, field).split()).replace("|", "\\|")
        yield f"| `{key}` | {_kind(root, field)} | {default} | {meaning} |"


def _meaning(root: Schema, field: Schema) -> str:
    """Return the description of a field; one that only names a section shares the section's."""
    if "description" not in field and "$ref" in field:
        field = root["$defs"][field["$ref"].rsplit("/", 1)[-1]]
    return str(field.get("description", ""))


def _default(value: Any) -> str:
    if value is None:
        return "absent"
    if isinstance(value, dict):
        return f"`kind: {value['kind']}`" if "kind" in value else "as listed there"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _kind(root: Schema, field: Schema) -> str:
    """Return the type of a field in words, with its range or its choices."""
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{choice}`" for choice in field["enum"])
    choices = field.get("oneOf") or field.get("anyOf")
    if choices:
        return ", ".join(_kind(root, choice) for choice in choices if choice.get("type") != "null")
    if field.get("type") == "array":
        return f"list of {_kind(root, field.get('items', {}))}"
    words = {"number": "number", "integer": "whole number", "string": "text", "boolean": "true or false"}
    limits = [
        f"{sign} {field[keyword]:,}"
        for keyword, sign in (("exclusiveMinimum", ">"), ("minimum", "≥"), ("exclusiveMaximum", "<"), ("maximum", "≤"))
        if keyword in field
    ]
    kind = "instant in UTC" if field.get("format") == "date-time" else words.get(field.get("type", ""), "value")
    return " ".join([kind, " and ".join(limits)]).strip()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
