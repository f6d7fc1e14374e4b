from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, AwareDatetime, Field, ValidationError

from simulator.documents.validation import Section, try_validate
from simulator.documents.yaml_source import Document, parse_yaml


class Steps(Section):
    """A variant whose tag is also the name of a key."""

    kind: Literal["steps"]
    steps: Annotated[int, Field(ge=1)]
    """How many."""


class Hours(Section):
    """Another."""

    kind: Literal["hours"]
    duration_h: Annotated[float, Field(gt=0, le=24)]
    """How long."""
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Which share."""


Length = Annotated[Steps | Hours, Field(discriminator="kind")]


def _even(value: int) -> int:
    if value % 2:
        raise ValueError(f"must be even, got {value}")
    return value


class Hall(Section):
    """An entry of a list."""

    name: Annotated[str, Field(pattern="^[a-z]+$", max_length=8)]
    """Name."""
    count: Annotated[int, Field(ge=1, le=1_000_000)]
    """Servers."""


@dataclass(frozen=True)
class Limits:
    """A record of another layer, which is no section."""

    low: float = 0.0
    high: float = 1.0


class Plan(Section):
    """What the tests validate."""

    version: Annotated[Literal[1], Field(alias="schema")]
    """Version."""
    name: Annotated[str, Field(min_length=1)] = "plan"
    """Name."""
    start: AwareDatetime | None = None
    """Start."""
    length: Length | None = None
    """Length."""
    lengths: tuple[Length, ...] = ()
    """Lengths."""
    halls: Annotated[tuple[Hall, ...], Field(min_length=1, max_length=2)]
    """Halls."""
    precision: Literal["fp16", "bf16", "fp8"] = "bf16"
    """Format."""
    sort: bool = False
    """Sort."""
    even: Annotated[int, AfterValidator(_even)] = 2
    """Even."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Seed."""
    price_usd: float = 0.1
    """Price."""
    limits: Limits = Limits()
    """Limits."""


GOOD = "schema: 1\nhalls:\n  - {name: a, count: 2}\n"


def faults_of(text: str) -> list[str]:
    record, faults = try_validate(Plan, parse_yaml(text, "p.yaml"))
    assert (record is None) == bool(faults)
    return [str(fault) for fault in faults]


def test_a_good_document_becomes_a_record() -> None:
    text = GOOD + "length: {kind: hours, duration_h: 3}\nlengths: [{kind: steps, steps: 4}]\nprice_usd: -1\n"
    record, faults = try_validate(Plan, parse_yaml(text, "p"))
    assert faults == []
    assert record is not None
    assert record.length == Hours(kind="hours", duration_h=3.0)
    assert isinstance(record.length, Hours)
    assert isinstance(record.length.duration_h, float)
    assert record.lengths == (Steps(kind="steps", steps=4),)
    assert record.halls == (Hall(name="a", count=2),)
    with pytest.raises(ValidationError, match="frozen"):
        record.seed = 3  # type: ignore[misc]


# Each fault is added below the three good lines, so on line 4; or it replaces one of them.
ONE_FAULT = {
    "hals: 3": "p.yaml:4: hals: unknown key 'hals'; did you mean 'halls'?",
    "zzzzz: 3": (
        "p.yaml:4: zzzzz: unknown key 'zzzzz'; known: even, halls, length, lengths, limits, name, precision, "
        "price_usd, schema, seed, sort, start"
    ),
    "seed: -1": "p.yaml:4: seed: must be >= 0 and <= 4294967295, got -1",
    "seed: 4294967296": "p.yaml:4: seed: must be >= 0 and <= 4294967295, got 4294967296",
    "seed: '3'": "p.yaml:4: seed: must be a whole number >= 0 and <= 4294967295, got '3'",
    "seed: 3.0": "p.yaml:4: seed: must be a whole number >= 0 and <= 4294967295, got 3.0",
    "seed: true": "p.yaml:4: seed: must be a whole number >= 0 and <= 4294967295, got true",
    "seed:": "p.yaml:4: seed: must be a whole number >= 0 and <= 4294967295, got nothing",
    f"seed: {'9' * 60}": f"p.yaml:4: seed: must be >= 0 and <= 4294967295, got {'9' * 60}",
    "price_usd: .nan": "p.yaml:4: price_usd: must be a finite number, got nan",
    "price_usd: -.inf": "p.yaml:4: price_usd: must be a finite number, got -inf",
    "price_usd: cheap": "p.yaml:4: price_usd: must be a number, got 'cheap'",
    "price_usd: [1]": "p.yaml:4: price_usd: must be a number, got a list",
    "price_usd: {a: 1}": "p.yaml:4: price_usd: must be a number, got a mapping",
    "sort: no": "p.yaml:4: sort: must be true or false, got 'no'",
    "sort: 1": "p.yaml:4: sort: must be true or false, got 1",
    "name: 3": "p.yaml:4: name: must be text, got 3",
    "name: ''": "p.yaml:4: name: must have >= 1 characters, got ''",
    "even: 3": "p.yaml:4: even: must be even, got 3",
    "precision: bf61": "p.yaml:4: precision: 'bf61' is not known; did you mean 'bf16'?",
    "precision: 16": "p.yaml:4: precision: 16 is not known; did you mean 'fp16'?",
    "precision: x": "p.yaml:4: precision: 'x' is not known; known: bf16, fp16, fp8",
    "start: 2024-01-01": "p.yaml:4: start: must be an instant in UTC such as 2024-01-31T12:00:00Z, got '2024-01-01'",
    "start: 2024-01-01T00:00:00": (
        "p.yaml:4: start: must be an instant in UTC such as 2024-01-31T12:00:00Z, got '2024-01-01T00:00:00'"
    ),
    "start: 2024-13-01T00:00:00Z": (
        "p.yaml:4: start: must be an instant in UTC such as 2024-01-31T12:00:00Z, got '2024-13-01T00:00:00Z'"
    ),
    "start: 7": "p.yaml:4: start: must be an instant in UTC such as 2024-01-31T12:00:00Z, got 7",
    "lengths: {kind: steps}": "p.yaml:4: lengths: must be a list, got a mapping",
    "lengths: [3]": "p.yaml:4: lengths.0: must be a mapping of keys to values, got 3",
    "length: 3": "p.yaml:4: length: must be a mapping of keys to values, got 3",
    "length: {steps: 3}": "p.yaml:4: length: required key 'kind' is missing",
    "length: {kind: step}": "p.yaml:4: length.kind: 'step' is not known; did you mean 'steps'?",
    "length: {kind: 3}": "p.yaml:4: length.kind: 3 is not known; known: hours, steps",
    "length: {kind: [steps]}": "p.yaml:4: length.kind: a list is not known; did you mean 'steps'?",
    "length: {kind: {}}": "p.yaml:4: length.kind: a mapping is not known; known: hours, steps",
    "length: {kind: steps}": "p.yaml:4: length: required key 'steps' is missing",
    "length: {kind: steps, steps: 0}": "p.yaml:4: length.steps: must be >= 1, got 0",
    "length:\n  kind: steps\n  steps: x": "p.yaml:6: length.steps: must be a whole number >= 1, got 'x'",
    "length: {kind: hours, duration_h: 25}": "p.yaml:4: length.duration_h: must be > 0 and <= 24, got 25",
    "length: {kind: hours, duration_h: 1, share: 1}": "p.yaml:4: length.share: must be > 0 and < 1, got 1",
    "lengths:\n  - {kind: steps, steps: 1}\n  - {kind: hours, duration_h: .inf}": (
        "p.yaml:6: lengths.1.duration_h: must be a finite number > 0 and <= 24, got inf"
    ),
    "limits: {high: 2, hihg: 3}": "p.yaml:4: limits.hihg: unknown key 'hihg'; did you mean 'high'?",
    "limits: {low: x}": "p.yaml:4: limits.low: must be a number, got 'x'",
    "lengths:\n  - {kind: hours, duration_d: 1, duration_h: 2}": (
        "p.yaml:5: lengths.0.duration_d: unknown key 'duration_d'; did you mean 'duration_h'?"
    ),
}


@pytest.mark.parametrize("line", ONE_FAULT, ids=lambda line: line[:32].replace("\n", " "))
def test_one_fault_is_one_line_with_value_and_range_or_nearest_match(line: str) -> None:
    assert faults_of(GOOD + line + "\n") == [ONE_FAULT[line]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("halls: [{name: a, count: 1}]", ["p.yaml:1: required key 'schema' is missing"]),
        ("schema: 2\nhalls: [{name: a, count: 1}]", ["p.yaml:1: schema: must be 1, got 2"]),
        ("schema: '1'\nhalls: [{name: a, count: 1}]", ["p.yaml:1: schema: must be 1, got '1'"]),
        ("schema: 1\nhalls: []", ["p.yaml:2: halls: must have >= 1 entries, got 0"]),
        (
            "schema: 1\nhalls: [{name: a, count: 1}, {name: b, count: 1}, {name: c, count: 1}]",
            ["p.yaml:2: halls: must have <= 2 entries, got 3"],
        ),
        (
            "schema: 1\nhalls:\n  - name: Hall A\n    count: 1\n  - name: abcdefghi\n    count: 0",
            [
                "p.yaml:3: halls.Hall A.name: must match ^[a-z]+$, got 'Hall A'",
                "p.yaml:5: halls.abcdefghi.name: must have <= 8 characters, got 'abcdefghi'",
                "p.yaml:6: halls.abcdefghi.count: must be >= 1 and <= 1000000, got 0",
            ],
        ),
        (
            "schema: 1\nhalls:\n  - name: a\n    count_kw: 3",
            [
                "p.yaml:3: halls.a: required key 'count' is missing",
                "p.yaml:4: halls.a.count_kw: unknown key 'count_kw'; did you mean 'count'?",
            ],
        ),
    ],
)
def test_lists_and_versions(text: str, expected: list[str]) -> None:
    assert faults_of(text) == expected


def test_every_fault_of_a_document_is_reported() -> None:
    lines = [line for line in ONE_FAULT if "\n" not in line]
    keys = {line.split(":")[0]: line for line in lines}  # the last of each key
    expected = {ONE_FAULT[line].partition(": ")[2] for line in keys.values()}
    found = faults_of(GOOD + "\n".join(keys.values()))
    assert {fault.partition(": ")[2] for fault in found} == expected
    assert len(found) == len(keys)


def test_a_long_text_is_cut_short_in_the_message() -> None:
    assert faults_of(GOOD + f"precision: {'x' * 5000}") == [
        f"p.yaml:4: precision: '{'x' * 60}' is not known; known: bf16, fp16, fp8"
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["steps", "hours"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "steps", "duration_h", "share", "count", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)
FIELDS = (*(field.alias or name for name, field in Plan.model_fields.items()), "x")


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6))
def test_any_data_becomes_a_record_or_faults_about_it(data: dict[str, Any]) -> None:
    record, faults = try_validate(Plan, Document("p", data, {(): 1}))
    assert (record is None) == bool(faults)
    for fault in faults:
        # The place is one of the data, or of a key that is wrong or missing right below it.
        node: Any = data
        for part in fault.path.split(".") if fault.path else ():
            assert isinstance(node, dict | list), fault
            node = node.get(part) if isinstance(node, dict) else node[int(part)]
        assert "Input should" not in fault.message, fault
