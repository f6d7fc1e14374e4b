from __future__ import annotations

from typing import Any

import pytest

from simulator.documents.schema_walk import allowed_range, known_keys

# A JSON Schema written by hand, with references, a discriminated and a plain union, a list and a free mapping.
SCHEMA: dict[str, Any] = {
    "$defs": {
        "Hall": {
            "properties": {"count": {"type": "integer", "minimum": 1, "maximum": 1_000_000}, "name": {"type": "string"}}
        },
        "Constant": {"properties": {"kind": {"const": "constant"}, "value": {"minimum": -60, "maximum": 60.5}}},
        "Daily": {
            "properties": {
                "kind": {"const": "daily"},
                "hours": {"type": "array", "items": {"exclusiveMinimum": 0, "exclusiveMaximum": 0.125}},
            }
        },
    },
    "properties": {
        "halls": {"type": "array", "items": {"$ref": "#/$defs/Hall"}},
        "weather": {
            "discriminator": {
                "propertyName": "kind",
                "mapping": {"constant": "#/$defs/Constant", "daily": "#/$defs/Daily"},
            },
            "oneOf": [{"$ref": "#/$defs/Constant"}, {"$ref": "#/$defs/Daily"}],
        },
        "cap_w": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]},
        "first": {"allOf": [{"$ref": "#/$defs/Hall"}]},
        "weights": {"additionalProperties": {"minimum": 0}},
        "seed": {"maximum": 2**32 - 1},
    },
}


@pytest.mark.parametrize(
    ("data", "path", "expected"),
    [
        ({}, (), ["cap_w", "first", "halls", "seed", "weather", "weights"]),
        ({"halls": [{}]}, ("halls", 0), ["count", "name"]),
        ({}, ("first",), ["count", "name"]),
        ({"weather": {"kind": "daily"}}, ("weather",), ["hours", "kind"]),
        ({"weather": {"kind": "constant"}}, ("weather",), ["kind", "value"]),
        ({"weather": {"kind": "stormy"}}, ("weather",), []),
        ({"weather": {"kind": ["daily"]}}, ("weather",), []),
        ({"weather": 3}, ("weather",), ["hours", "kind", "value"]),  # nothing chooses: all variants
        ({}, ("nowhere", "deeper"), []),
    ],
)
def test_known_keys(data: Any, path: tuple[str | int, ...], expected: list[str]) -> None:
    assert known_keys(SCHEMA, data, path) == expected


@pytest.mark.parametrize(
    ("data", "path", "expected"),
    [
        ({"halls": [{}, {}]}, ("halls", 1, "count"), ">= 1 and <= 1000000"),
        ({"halls": []}, ("halls", 5, "count"), ">= 1 and <= 1000000"),
        ({"halls": [{}]}, ("halls", 0, "name"), ""),
        ({"halls": [{}]}, ("halls", 0, "profile"), ""),
        ({"weather": {"kind": "constant"}}, ("weather", "value"), ">= -60 and <= 60.5"),
        ({"weather": {"kind": "daily"}}, ("weather", "value"), ""),
        ({"weather": {"kind": "daily", "hours": [1]}}, ("weather", "hours", 0), "> 0 and < 0.125"),
        ({}, ("cap_w",), "> 0"),
        ({}, ("weights", "anything"), ">= 0"),
        ({}, ("seed",), "<= 4294967295"),
        ({}, ("seed", 3), ""),
    ],
)
def test_allowed_range(data: Any, path: tuple[str | int, ...], expected: str) -> None:
    assert allowed_range(SCHEMA, data, path) == expected
