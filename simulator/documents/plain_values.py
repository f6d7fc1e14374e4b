"""Turn what a program passes in place of a document into the plain values that a document holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from simulator.documents.yaml_source import KeyPath
from simulator.errors import Fault, InputError


def plain_value(value: Any, file: str, path: KeyPath = ()) -> Any:
    """Return a copy made of dict, list, str, int, float, bool and None only.

    NumPy numbers and arrays, tuples, paths and instants become what one would write in a file.

    Args:
        value: what was passed in.
        file: name used in messages.
        path: where the value stands.

    Raises:
        InputError: something in it has no place in a document.
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {_key(key, file, path): plain_value(item, file, (*path, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item, file, (*path, index)) for index, item in enumerate(value)]
    if isinstance(value, datetime):
        return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()
    if isinstance(value, Path):
        return str(value)
    raise InputError([Fault(f"cannot hold a value of type {type(value).__name__}", file, path=_dotted(path))])


def _key(key: Any, file: str, path: KeyPath) -> str:
    if isinstance(key, str):
        return key
    raise InputError([Fault(f"a key must be text, got {key!r}", file, path=_dotted(path))])


def _dotted(path: KeyPath) -> str:
    return ".".join(map(str, path))
