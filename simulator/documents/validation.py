"""Check a document against a pydantic model and say every fault in words, with range and nearest match."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from simulator.documents.schema_walk import allowed_range, known_keys
from simulator.documents.yaml_source import Document, KeyPath, child
from simulator.errors import Fault, nearest_match

ModelT = TypeVar("ModelT", bound=BaseModel)

_SHOWN_CHARACTERS = 60


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


def try_validate(model: type[ModelT], document: Document) -> tuple[ModelT | None, list[Fault]]:
    """Return (record, no faults) or (None, every fault), for callers that have more to check."""
    try:
        # Through JSON, strict mode takes lists for tuples and ISO strings for instants, but no string for a number.
        return model.model_validate_json(json.dumps(document.data)), []
    except ValidationError as error:
        schema = model.model_json_schema()
        details = (detail for detail in error.errors(include_url=False) if not _is_echo(detail))
        faults = [_fault(detail, document, schema) for detail in details]
        return None, list(dict.fromkeys(faults))


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether a list counts as too short only because entries with faults of their own are not counted."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _fault(detail: ErrorDetails, document: Document, schema: dict[str, Any]) -> Fault:
    path = _data_path(detail["loc"], document.data)
    kind = detail["type"]
    if kind == "missing":
        missing = str(detail["loc"][-1])
        return document.fault(
            path[:-1] if path and path[-1] == missing else path, f"required key '{missing}' is missing"
        )
    if kind in {"extra_forbidden", "unexpected_keyword_argument"}:
        key = str(detail["loc"][-1])
        choices = [name for name in known_keys(schema, document.data, path[:-1]) if name != key]
        return document.fault(path, f"unknown key '{key}'{nearest_match(key, choices)}")
    if kind == "union_tag_invalid":
        path = (*path, detail["ctx"]["discriminator"].strip("'"))
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
    if kind in _LIMIT_WORDS:
        words, limit = _LIMIT_WORDS[kind]
        size = _shown(given) if isinstance(given, str) else len(given)
        return f"must have {words.format(context[limit])}, got {size}"
    if kind.startswith(("datetime", "timezone")):
        return f"must be an instant in UTC such as 2024-01-31T12:00:00Z{got}"
    if kind == "string_pattern_mismatch":
        return f"must match {context['pattern']}{got}"
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


_LIMIT_WORDS = {
    "too_short": (">= {} entries", "min_length"),
    "too_long": ("<= {} entries", "max_length"),
    "string_too_short": (">= {} characters", "min_length"),
    "string_too_long": ("<= {} characters", "max_length"),
}


def _choice_message(kind: str, given: Any, context: Mapping[str, Any]) -> str:
    if kind == "union_tag_invalid":
        given = given.get(str(context["discriminator"]).strip("'"))
        expected = str(context["expected_tags"])
    else:
        expected = str(context["expected"]).replace(" or ", ", ")
    if "'" not in expected:  # numbers, beside which the same digits as text would read as if they were right
        return f"must be {expected}, got {_shown(given)}"
    choices = [choice.strip(" '") for choice in expected.split(",")]
    return f"{_shown(given)} is not known{nearest_match(str(given), choices)}"


def _data_path(loc: tuple[int | str, ...], data: Any) -> KeyPath:
    """Return the path in the data of an error location, which also holds the tags of the unions passed."""
    path: list[str | int] = []
    node = data
    tagged = False
    for key in loc:
        if isinstance(node, dict) and not tagged and key == node.get("kind"):
            # A variant's tag stands before its keys, one of which may have the same name.
            tagged = True
            continue
        tagged = False
        path.append(key)
        node = child(node, key)
    return tuple(path)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value[:_SHOWN_CHARACTERS]}'"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return str(value)[:_SHOWN_CHARACTERS]
