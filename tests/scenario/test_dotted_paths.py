"""Dotted paths: one grammar for `--set`, `load` and `replace`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.documents.yaml_source import Document, parse_yaml
from simulator.errors import InputError
from simulator.scenario.loader import Scenario, load_scenario, parse_setting
from simulator.scenario.paths import absolute_paths, with_values

DAY = {"kind": "daily_profile", "g_per_kwh": [float(hour) for hour in range(24)]}

# Path, value as text and as a program passes it, and where it must arrive in the record.
VALUES: list[tuple[str, str, Any, str]] = [
    ("seed", "7", 7, "record.seed"),
    ("servers.hall-a.count", "4", 4, "record.servers[0].count"),
    ("servers.0.count", "4", 4, "record.servers[0].count"),
    ("servers.hall-a.gpu_power_cap_w", "450", 450, "record.servers[0].gpu_power_cap_w"),
    ("workloads.tune.length.steps", "9", 9, "record.workloads[1].length.steps"),
    ("workloads.chat.slo.ttft_s", "1e-1", 0.1, "record.workloads[0].slo.ttft_s"),
    ("policies.placement", "spread", "spread", "record.policies.placement"),
    (
        "storage",
        "{write_gb_per_s: 2, idle_kw: 0.5, active_kw: 1}",
        {"write_gb_per_s": 2, "idle_kw": 0.5, "active_kw": 1},
        "record.storage.write_gb_per_s",
    ),
    ("site.carbon_intensity", str(DAY).replace("'", ""), DAY, "record.site.carbon_intensity.g_per_kwh[23]"),
    ("workloads.tune.rate", "{kind: achieved, tflop_per_s_per_accelerator: 300}",
     {"kind": "achieved", "tflop_per_s_per_accelerator": 300}, "record.workloads[1].rate.tflop_per_s_per_accelerator"),
    ("end", "{kind: work_done}", {"kind": "work_done"}, "record.end.kind"),
    ("name", "no", "no", "record.name"),
]  # fmt: skip


def at(scenario: Scenario, place: str) -> Any:
    return eval(place, {"record": scenario.record})


@pytest.mark.parametrize(("path", "text", "value", "place"), VALUES)
def test_set_load_and_replace_agree(folder: Path, path: str, text: str, value: Any, place: str) -> None:
    written = load_scenario(Path("tiny.yaml"), dict([parse_setting(f"{path}={text}")]))
    passed = load_scenario(Path("tiny.yaml"), {path: value})
    replaced = load_scenario(Path("tiny.yaml")).replace({path: value})
    assert written.record == passed.record == replaced.record
    leaf: Any = value
    while isinstance(leaf, dict | list):
        leaf = next(iter(leaf.values())) if isinstance(leaf, dict) and place.endswith(next(iter(leaf))) else leaf
        leaf = list(leaf.values())[-1] if isinstance(leaf, dict) else leaf[-1] if isinstance(leaf, list) else leaf
    assert at(written, place) == leaf


def test_the_original_stays_as_it_was(folder: Path) -> None:
    scenario = load_scenario(Path("tiny.yaml"))
    before = scenario.to_yaml()
    changed = scenario.replace({"servers.hall-a.count": 9, "policies.router": "round_robin"}, name="changed")
    assert scenario.to_yaml() == before
    assert (changed.name, changed.record.servers[0].count) == ("changed", 9)
    assert "policies" not in scenario.document.data


def test_changes_pile_up(folder: Path) -> None:
    scenario = (
        load_scenario(Path("tiny.yaml"), {"seed": 5}).replace({"servers.hall-a.count": 3}).replace({}, name="third")
    )
    assert (scenario.record.seed, scenario.record.servers[0].count, scenario.name) == (5, 3, "third")


def test_later_values_see_earlier_ones(folder: Path) -> None:
    halls = [{"name": "left", "profile": "dgx-h100", "count": 1}, {"name": "right", "profile": "dgx-h100", "count": 2}]
    values = {
        "servers": halls,
        "servers.right.count": 5,
        "workloads.chat.servers": "left",
        "workloads.tune.servers": "right",
    }
    record = load_scenario(Path("tiny.yaml"), values).record
    assert [(hall.name, hall.count) for hall in record.servers] == [("left", 1), ("right", 5)]
    assert halls[1]["count"] == 2


def test_a_name_goes_before_a_position() -> None:
    document = Document("f", {"servers": [{"name": "1", "count": 1}, {"name": "0", "count": 2}]})
    changed = with_values(document, {"servers.0.count": 9, "servers.1.count": 8}, Path(), "--set")
    assert changed.data == {"servers": [{"name": "1", "count": 8}, {"name": "0", "count": 9}]}


def test_positions_of_plain_lists() -> None:
    document = Document("f", {"hours": [1, 2, 3]})
    assert with_values(document, {"hours.1": 9}, Path(), "--set").data == {"hours": [1, 9, 3]}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "is not a path: a part is empty"),
        (".", "is not a path: a part is empty"),
        ("site.", "is not a path: a part is empty"),
        ("servers.hall-x.count", "'servers' has no 'hall-x'; did you mean 'hall-a'?"),
        ("servers.zzz", "'servers' has no 'zzz'; known: hall-a"),
        ("servers.-1.count", "'servers' has no '-1'; known: hall-a"),
        ("servers.².count", "'servers' has no '²'; known: hall-a"),
        ("hours.3", "'hours' has no '3'; it has 3 entries, counted from 0"),
        ("hours.0.x", "'hours.0' is a value, it has no 'x'"),
        ("name.first", "'name' is a value, it has no 'first'"),
        ("name.0.x", "'name' is a value, it has no '0'"),
        ("empty.0", "'empty' has no '0'; it has 0 entries, counted from 0"),
    ],
)
def test_paths_that_lead_nowhere(path: str, message: str) -> None:
    document = Document("f", {"name": "x", "servers": [{"name": "hall-a"}], "hours": [1, 2, 3], "empty": []})
    with pytest.raises(InputError) as caught:
        with_values(document, {path: 1}, Path(), "replace")
    (fault,) = caught.value.faults
    assert (fault.file, fault.line, fault.path, fault.message) == ("replace", None, path, message)
    assert document.data == {"name": "x", "servers": [{"name": "hall-a"}], "hours": [1, 2, 3], "empty": []}


def test_a_value_that_no_file_can_hold_is_named(folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario(Path("tiny.yaml")).replace({"end": {"kind": {1, 2}}})
    assert str(caught.value) == "replace: end.kind: cannot hold a value of type set"


def test_a_bad_value_in_an_added_section_belongs_to_the_option(folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario(Path("tiny.yaml"), {"storage.write_gb_per_s": -1, "storage.idle_kw": 1})
    assert [str(fault) for fault in caught.value.faults] == [
        "--set: storage.write_gb_per_s: must be > 0, got -1",
        "--set: storage: required key 'active_kw' is missing",
    ]


KEYS = st.sampled_from(["a", "b", "c"])
TREES = st.recursive(st.integers(), lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3), max_leaves=6)


@given(st.dictionaries(KEYS, TREES), st.lists(KEYS, min_size=1, max_size=4), st.integers())
def test_what_was_set_is_there_and_the_rest_is_untouched(tree: dict[str, Any], path: list[str], value: int) -> None:
    try:
        changed = with_values(Document("f", tree), {".".join(path): value}, Path(), "--set").data
    except InputError:
        node: Any = tree  # refused only where a number stands in the way
        for part in path[:-1]:
            node = node.get(part, {})
            if isinstance(node, int):
                return
        raise
    for key, before in tree.items():
        if key != path[0]:
            assert changed[key] == before
    for part in path:
        changed = changed[part]
    assert changed == value


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("file", "x.csv", "{base}/x.csv"),
        ("file", "../x.csv", "{parent}/x.csv"),
        ("file", "/data/x.csv", "/data/x.csv"),
        ("file", "", ""),
        ("file", 3, 3),
        ("requests", {"kind": "csv", "file": "x.csv"}, {"kind": "csv", "file": "{base}/x.csv"}),
        ("workloads", [{"requests": {"file": "x.csv"}}], [{"requests": {"file": "{base}/x.csv"}}]),
        ("profile", "dgx-h100", "dgx-h100"),
        ("profile", "own.yaml", "{base}/own.yaml"),
        ("profile", "sub/own", "{base}/sub/own"),  # a file without a suffix
        ("profile", "sub/other", "sub/other"),
        ("accelerator", "own.yml", "{base}/own.yml"),
        ("model", "config.json", "{base}/config.json"),
        ("model", "weights/llama", "{base}/weights/llama"),  # a folder with a config.json
        ("model", "meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),  # an alias, though a folder is called so too
        ("model", "llama-3.1-8b", "llama-3.1-8b"),  # likewise
        ("name", "own.yaml", "own.yaml"),
    ],
)
def test_which_values_are_file_names(tmp_path: Path, key: str, value: Any, expected: Any) -> None:
    for name in ("weights/llama", "sub", "meta-llama/Llama-3.1-8B", "llama-3.1-8b"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "weights/llama/config.json").write_text("{}")
    (tmp_path / "sub/own").write_text("")
    text = str(expected).replace("{base}", str(tmp_path)).replace("{parent}", str(tmp_path.parent))
    assert str(absolute_paths(value, key, tmp_path)) == text


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("a.b=3", "a.b", 3),
        ("a=", "a", None),
        ("a= 3 ", "a", 3),
        ("a=x=y", "a", "x=y"),
        ("a='3'", "a", "3"),
        ("a=[1, {b: c}]", "a", [1, {"b": "c"}]),
        ("a=2024-01-01T00:00:00Z", "a", "2024-01-01T00:00:00Z"),
        ("a=\n  b: 1\n  c: 2", "a", {"b": 1, "c": 2}),
        ("a=3 # comment", "a", 3),
    ],
)
def test_settings_as_typed(text: str, path: str, value: Any) -> None:
    assert parse_setting(text) == (path, value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive_the_command_line(number: float) -> None:
    assert parse_setting(f"a={number!r}") == ("a", number)


def test_lines_of_the_file_stay_with_what_the_file_says() -> None:
    document = parse_yaml("a: 1\nb:\n  c: 2\n  d: 3\n", "f.yaml")
    changed = with_values(document, {"b.c": 9}, Path(), "--set")
    assert str(changed.fault(("b", "c"), "x")) == "--set: b.c: x"
    assert str(changed.fault(("b", "d"), "x")) == "f.yaml:4: b.d: x"
    assert str(changed.fault(("b",), "x")) == "f.yaml:2: b: x"
