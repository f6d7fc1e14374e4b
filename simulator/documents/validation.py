"""Check a document against a pydantic model and say every fault in words, with range and nearest match."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from simulator.documents.schema_walk import allowed_range, known_keys
from simulator.documents.yaml_source import Document, KeyPath
from simulator.errors import Fault, InputError, nearest_match

ModelT = TypeVar("ModelT", bound=BaseModel)


class Section(BaseModel):
    """Base of every record read from a document: frozen, extra keys forbidden, no coercion, no NaN or infinity."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        validate_default=True,
    )


def validated(model: type[ModelT], document: Document) -> ModelT:
    """Return the document as a `model`.

    Raises:
        InputError: with one fault for each thing wrong.
    """
    result, faults = try_validate(model, document)
    if result is None:
        raise InputError(faults)
    return result


def try_validate(model: type[ModelT], document: Document) -> tuple[ModelT | None, list[Fault]]:
    """Return (record, no faults) or (None, every fault), for callers that have more to check."""
    try:
        # Through JSON, strict mode takes lists for tuples and ISO strings for instants, but no string for a number.
        return model.model_validate_json(json.dumps(document.data)), []
    except ValidationError as error:
        schema = model.model_json_schema()
        faults = [_fault(detail, document, schema) for detail in error.errors(include_url=False)]
        return None, list(dict.fromkeys(faults))


def _fault(detail: ErrorDetails, document: Document, schema: dict[str, Any]) -> Fault:
    path = _data_path(detail["loc"], document.data)
    kind = detail["type"]
    if kind == "missing":
        missing = str(detail["loc"][-1])
        return document.fault(
            path[:-1] if path and path[-1] == missing else path, f"required key '{missing}' is missing"
        )
    if kind == "extra_forbidden":
        key = str(detail["loc"][-1])
        choices = [name for name in known_keys(schema, document.data, path[:-1]) if name != key]
        return document.fault(path, f"unknown key '{key}'{nearest_match(key, choices)}")
    return document.fault(path, _message(detail, allowed_range(schema, document.data, path)))


def _message(detail: ErrorDetails, limits: str) -> str:
    kind, given = detail["type"], detail["input"]
    context: Mapping[str, Any] = detail.get("ctx", {})
    got = f", got {_shown(given)}"
    if kind in {"union_tag_invalid", "literal_error", "enum"}:
        return _choice_message(kind, given, context)
    if kind == "union_tag_not_found":
        return f"required key {context['discriminator']} is missing"
    if kind in {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}:
        return f"must be {limits}{got}"
    if kind == "finite_number":
        return f"must be a finite number{f' {limits}' if limits else ''}{got}"
    if kind in _EXPECTED:
        return f"must be {_EXPECTED[kind]}{f' {limits}' if limits else ''}{got}"
    if kind == "value_error":
        return str(context["error"])
    return detail["msg"].replace("Input should", "must") + got


_EXPECTED = {
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "tuple_type": "a list",
    "list_type": "a list",
}


def _choice_message(kind: str, given: Any, context: Mapping[str, Any]) -> str:
    if kind == "union_tag_invalid":
        word = str(context["tag"])
        choices = [choice.strip(" '") for choice in str(context["expected_tags"]).split(",")]
        key = str(context["discriminator"]).strip("'")
        return f"{key} '{word}' is not known{nearest_match(word, choices)}"
    listed = str(context["expected"]).replace(" or ", ", ")
    choices = [choice.strip(" '") for choice in listed.split(",")]
    return f"'{given}' is not known{nearest_match(str(given), choices)}"


def _data_path(loc: tuple[int | str, ...], data: Any) -> KeyPath:
    """Return the path in the data of an error location, which also holds the tags of the unions passed."""
    path: list[str | int] = []
    node = data
    for position, key in enumerate(loc):
        last = position == len(loc) - 1
        if isinstance(node, dict) and key not in node and not last:
            continue
        if isinstance(node, dict) and key not in node and key in {node.get("kind"), None}:
            continue
        path.append(key)
        if isinstance(node, dict):
            node = node.get(str(key))
        elif isinstance(node, list) and isinstance(key, int) and key < len(node):
            node = node[key]
        else:
            node = None
    return tuple(path)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value[:60]}'"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else str(value)
