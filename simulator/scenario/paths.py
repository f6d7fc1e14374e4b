"""Dotted paths: one grammar for `--set`, `replace` and sweeps.

`servers.hall-a.gpu_power_cap_w` walks mappings by key and lists by the `name` of their entries (or by position). A path
may name a key that the file leaves out; whether the format knows it is decided when the result is validated.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulator.documents.plain_values import plain_value
from simulator.documents.yaml_source import Document, KeyPath
from simulator.errors import Fault, InputError, nearest_match

_PATH_KEYS = ("file",)
_NAME_OR_PATH_KEYS = ("profile", "model", "accelerator", "software")


def with_values(document: Document, values: Mapping[str, Any], base: Path, option: str) -> Document:
    """Return a copy of a document with values set at dotted paths.

    Args:
        document: the document; it stays as it is.
        values: new values by dotted path.
        base: folder that relative file names in the values refer to.
        option: where the values come from, for messages, such as ``--set``.

    Raises:
        InputError: with every path that leads nowhere.
    """
    result = Document(document.file, copy.deepcopy(document.data), dict(document.lines), dict(document.origins))
    faults: list[Fault] = []
    for dotted, value in values.items():
        try:
            path = _set(result.data, dotted, plain_value(value, option, (dotted,)), base)
            result.origins[path] = option
        except LookupError as error:
            faults.append(Fault(str(error.args[0]), option, path=dotted))
    if faults:
        raise InputError(faults)
    return result


def _set(data: Any, dotted: str, value: Any, base: Path) -> KeyPath:
    """Set a value and return the path of what is new: the value, or the first mapping added around it."""
    parts = dotted.split(".")
    if not all(parts):
        raise LookupError("is not a path: a part is empty")
    node, path, added = data, [], 0
    for depth, part in enumerate(parts[:-1]):
        key = _key(node, part, parts[:depth])
        path.append(key)
        if isinstance(node, dict) and node.get(part) is None:
            node[part] = {}
            added = added or len(path)
        node = node[key]
    key = _key(node, parts[-1], parts[:-1])
    node[key] = absolute_paths(value, str(key), base)
    return tuple(path[:added]) if added else (*path, key)


def _key(node: Any, part: str, parents: list[str]) -> str | int:
    """Return the key of `part` in a mapping or list."""
    if isinstance(node, dict):
        return part
    place = ".".join(parents)
    if not isinstance(node, list):
        raise LookupError(f"'{place}' is a value, it has no '{part}'")
    names = [item.get("name") if isinstance(item, dict) else None for item in node]
    if part in names:
        return names.index(part)
    if part.isdecimal() and int(part) < len(node):
        return int(part)
    known = [name for name in names if isinstance(name, str)]
    hint = nearest_match(part, known) or f"; it has {len(node)} entries, counted from 0"
    raise LookupError(f"'{place}' has no '{part}'{hint}")


def absolute_paths(value: Any, key: str, base: Path) -> Any:
    """Return a value with the file names in it made absolute."""
    if isinstance(value, Mapping):
        return {name: absolute_paths(item, str(name), base) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [absolute_paths(item, key, base) for item in value]
    is_path = key in _PATH_KEYS or (
        key in _NAME_OR_PATH_KEYS and isinstance(value, str) and _looks_like_path(value, base)
    )
    return str((base / value).resolve()) if is_path and isinstance(value, str) and value else value


def _looks_like_path(value: str, base: Path) -> bool:
    """Whether the catalogue would open a file of this name; `org/model` may also be an alias."""
    if value.endswith((".yaml", ".yml", ".json")):
        return True
    path = base / value
    return "/" in value and (path.is_file() or (path / "config.json").is_file())
