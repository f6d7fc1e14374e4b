from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.documents.plain_values import plain_value
from simulator.errors import InputError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_plain_values_stay_as_they_are(value: Any) -> None:
    assert json.dumps(plain_value(value, "f")) == json.dumps(value)


def test_the_copy_has_no_part_in_common_with_the_original() -> None:
    data = {"servers": [{"count": 1}]}
    copy = plain_value(data, "f")
    data["servers"][0]["count"] = 2
    data["servers"].append({"count": 3})
    assert copy == {"servers": [{"count": 1}]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        ((1, (2.5, None)), [1, [2.5, None]]),
        (MappingProxyType({"a": (1,)}), {"a": [1]}),
        (Path("data") / "trace.csv", "data/trace.csv"),
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "2024-01-02T03:04:05+00:00"),
        (datetime(2024, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "2024-01-02T01:00:00+00:00"),
        (datetime(2024, 1, 2), "2024-01-02T00:00:00"),  # without a zone, and refused as such by the format
    ],
)
def test_what_a_program_passes_becomes_what_one_would_write(value: Any, expected: Any) -> None:
    plain = plain_value(value, "f")
    assert plain == expected
    assert type(plain) is type(expected)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, {2, 3}]}, "scenario: a.1: cannot hold a value of type set"),
        ({"a": {"b": object()}}, "scenario: a.b: cannot hold a value of type object"),
        ({"a": {3: 4}}, "scenario: a: a key must be text, got 3"),
        (b"x", "scenario: cannot hold a value of type bytes"),
        (np.array([1j]), "scenario: 0: cannot hold a value of type complex"),
    ],
)
def test_what_has_no_place_in_a_document(value: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        plain_value(value, "scenario")
    assert str(caught.value) == message
