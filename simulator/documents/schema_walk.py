"""Find, in a JSON Schema, what is allowed at a place of the data: known keys and ranges, for error messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def known_keys(root: Schema, data: Any, path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the schema knows at `path`, following the variants that the data's `kind`s choose."""
    return sorted({key for schema in _at(root, data, path) for key in schema.get("properties", {})})


def allowed_range(root: Schema, data: Any, path: tuple[str | int, ...]) -> str:
    """Return the range of numbers allowed at `path` in words, such as ``'> 0 and <= 1'``; empty when there is none."""
    for schema in _at(root, data, path):
        words = [
            f"{sign} {schema[keyword]:.12g}"
            for keyword, sign in (
                ("exclusiveMinimum", ">"),
                ("minimum", ">="),
                ("exclusiveMaximum", "<"),
                ("maximum", "<="),
            )
            if keyword in schema
        ]
        if words:
            return " and ".join(words)
    return ""


def _at(root: Schema, data: Any, path: tuple[str | int, ...]) -> Iterator[Schema]:
    schemas = list(_variants(root, root, data))
    node = data
    for key in path:
        if isinstance(node, dict):
            node = node.get(str(key))
        elif isinstance(node, list) and isinstance(key, int) and key < len(node):
            node = node[key]
        else:
            node = None
        schemas = [
            variant
            for schema in schemas
            for child in _children(schema, key)
            for variant in _variants(root, child, node)
        ]
    yield from schemas


def _children(schema: Schema, key: str | int) -> Iterator[Schema]:
    if isinstance(key, int):
        items = schema.get("items")
        if isinstance(items, dict):
            yield items
    elif key in schema.get("properties", {}):
        yield schema["properties"][key]
    elif isinstance(schema.get("additionalProperties"), dict):
        yield schema["additionalProperties"]


def _variants(root: Schema, schema: Schema, node: Any) -> Iterator[Schema]:
    """Yield the schema with references followed and unions narrowed by the data's discriminator."""
    if "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        yield from _variants(root, target, node)
        return
    choices = schema.get("oneOf") or schema.get("anyOf") or schema.get("allOf")
    if not choices:
        yield schema
        return
    discriminator = schema.get("discriminator")
    if discriminator and isinstance(node, dict):
        tag = node.get(discriminator["propertyName"])
        chosen = discriminator["mapping"].get(tag) if isinstance(tag, str) else None
        choices = [{"$ref": chosen}] if chosen else []
    for choice in choices:
        yield from _variants(root, choice, node)
