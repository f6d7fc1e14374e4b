from __future__ import annotations

import io
import json
import math
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from simulator.documents.yaml_source import MAX_BYTES, MAX_DEPTH, Document, parse_yaml, read_yaml
from simulator.errors import Fault, InputError


def fault_of(text: str) -> tuple[int | None, str, str]:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "f.yaml")
    (fault,) = caught.value.faults
    assert fault.file == "f.yaml"
    return fault.line, fault.path, fault.message


# The tables of the core schema, YAML 1.2.2 section 10.3.2; what matches no row there is text.
SCALARS: dict[str, Any] = {
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "0": 0, "12": 12, "-7": -7, "+12": 12, "017": 17, "0o17": 15, "0x1F": 31, "0xff": 255,
    "0.": 0.0, "-0.0": -0.0, ".5": 0.5, "+.5": 0.5, "5.": 5.0, "1e3": 1000.0, "1E+3": 1000.0, "12e03": 12000.0,
    "-2E+05": -200000.0, "300e9": 3e11, "1.e3": 1000.0, "1e-400": 0.0,
    ".inf": math.inf, "+.INF": math.inf, "-.Inf": -math.inf, "1e400": math.inf,
    "no": "no", "No": "No", "yes": "yes", "on": "on", "off": "off", "y": "y", "n": "n", "tRUE": "tRUE", "nULL": "nULL",
    "2024-01-01": "2024-01-01", "2024-01-01T00:00:00Z": "2024-01-01T00:00:00Z", "12:30:45": "12:30:45", "1:30": "1:30",
    "1_000": "1_000", "1,000": "1,000", "0b101": "0b101", "0X1F": "0X1F", "-0x1F": "-0x1F", "0o8": "0o8", "e3": "e3",
    "1e": "1e", ".": ".", "-.nan": "-.nan", ".iNf": ".iNf", "=": "=", "<<": "<<", "1.2.3": "1.2.3", "2N": "2N",
    "'12'": "12", '"12"': "12", "'true'": "true", "'~'": "~", '""': "", "'it''s'": "it's", '"a\\tb\\u00e9"': "a\tbé",
}  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_scalars_are_those_of_the_core_schema(text: str) -> None:
    value = parse_yaml(f"a: {text}", "f").data["a"]
    assert value == SCALARS[text]
    assert type(value) is type(SCALARS[text])


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_not_a_number(text: str) -> None:
    assert math.isnan(parse_yaml(f"a: {text}", "f").data["a"])


def test_a_yaml_1_1_directive_does_not_bring_back_its_booleans() -> None:
    assert parse_yaml("%YAML 1.1\n---\na: no\nb: 1_000\n", "f").data == {"a": "no", "b": "1_000"}


def test_blocks_of_text_are_text() -> None:
    data = parse_yaml("a: |\n  12\n  13\nb: >-\n  7\n", "f").data
    assert data == {"a": "12\n13\n", "b": "7"}


@given(st.floats(allow_nan=False) | st.integers(-(10**40), 10**40))
def test_numbers_come_back_as_python_writes_them(number: float) -> None:
    text = repr(number).replace("inf", ".inf")
    value = parse_yaml(f"a: {text}", "f").data["a"]
    assert value == number
    assert type(value) is type(number)


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cn", "Co", "Cf")), max_size=20
)
KEYS = WORDS.filter(str.isprintable)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, PLAIN, max_size=4), st.sampled_from([None, 2]))
def test_json_is_yaml(data: dict[str, Any], indent: int | None) -> None:
    assert parse_yaml(json.dumps(data, indent=indent, ensure_ascii=False), "f").data == data


@given(st.dictionaries(KEYS, PLAIN, max_size=4))
def test_what_another_writer_wrote_in_blocks_is_read_back(data: dict[str, Any]) -> None:
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    stream = io.StringIO()
    writer.dump(data, stream)
    assert parse_yaml(stream.getvalue(), "f").data == data


NESTED = """\
# a comment
name: hall
site:
  weather: {kind: constant,
            dry_bulb_c: 18}

servers:
  - name: hall-a
    count: 2
  - {name: hall-b, count: 3}
levels:
  - 1
  -
    2
"""


def test_every_value_knows_its_line() -> None:
    lines = parse_yaml(NESTED, "f").lines
    # Lines counted by hand in the text above.
    assert lines == {
        (): 2, ("name",): 2, ("site",): 3, ("site", "weather"): 4, ("site", "weather", "kind"): 4,
        ("site", "weather", "dry_bulb_c"): 5, ("servers",): 7, ("servers", 0): 8, ("servers", 0, "name"): 8,
        ("servers", 0, "count"): 9, ("servers", 1): 10, ("servers", 1, "name"): 10, ("servers", 1, "count"): 10,
        ("levels",): 11, ("levels", 0): 12, ("levels", 1): 14,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "line", "shown"),
    [
        (("servers", 1, "count"), 10, "servers.hall-b.count"),
        (("servers", 1, "cap"), 10, "servers.hall-b.cap"),  # not in the file: the line of what holds it
        (("servers", 7, "cap"), 7, "servers.7.cap"),
        (("levels", 1), 14, "levels.1"),
        (("policies", "router"), 2, "policies.router"),
        (("name", "first"), 2, "name.first"),
    ],
)
def test_a_fault_stands_at_the_nearest_line_and_goes_by_names(path: tuple[Any, ...], line: int, shown: str) -> None:
    fault = parse_yaml(NESTED, "f.yaml").fault(path, "is wrong")
    assert str(fault) == f"f.yaml:{line}: {shown}: is wrong"


def test_a_value_from_an_option_has_the_option_for_a_place() -> None:
    document = parse_yaml(NESTED, "f.yaml")
    changed = Document("f.yaml", document.data, document.lines, {("servers", 1): "--set"})
    assert changed.place(("servers", 1, "count")) == ("--set", None)
    assert changed.place(("servers", 0, "count")) == ("f.yaml", 9)


REFUSED = {
    "a: &x 1": (1, "", "anchors are not allowed (&x)"),
    "a: 1\nb: {c: &x [1]}": (2, "", "anchors are not allowed (&x)"),
    "a: *x": (1, "", "aliases are not allowed (*x): write the value out"),
    "a: 1\nb: !!int '2'": (2, "", "tags are not allowed (!!int)"),
    "a: !!python/object:os.system ls": (1, "", "tags are not allowed (!!python/object:os.system)"),
    "a: !hall {b: 1}": (1, "", "tags are not allowed (!hall)"),
    "a:\n  b: 1\n  b: 2": (3, "a", "key 'b' stands twice, first on line 2"),
    "s:\n- name: x\n  b: 1\n  'b': 2": (4, "s.x", "key 'b' stands twice, first on line 3"),
    "a: 1\n? [b]\n: 2": (2, "", "a key must be a word"),
    'a: 1\n"b\\nc": 2': (2, "", "a key must be a word"),
    'a: "x\\0y"': (1, "a", "holds the character U+0000"),
    'a: 1\nb: ["\\ud800"]': (2, "b.0", "holds the character U+D800"),
    'a: "\\e[31m"': (1, "a", "holds the character U+001B"),
    "a: 1\nb: x\x00y": (2, "", "holds the character U+0000"),
    "a: " + "9" * 61: (1, "a", "a number of 61 digits is too long; allowed: 60"),
    "a: 0x" + "f" * 99_999: (1, "a", "a number of 100,001 digits is too long; allowed: 60"),
    "": (1, "", "must be a mapping of keys to values, got an empty file"),
    "# nothing\n": (1, "", "must be a mapping of keys to values, got an empty file"),
    "- a\n- b": (1, "", "must be a mapping of keys to values, got list '['a', 'b']'"),
    "hello": (1, "", "must be a mapping of keys to values, got str 'hello'"),
    "a: 1\n---\nb: 2": (2, "", "not valid YAML: but found another document"),
    "a:\n\tb: 1": (2, "", "not valid YAML: found character '\\t' that cannot start any token"),
    "a: 1: 2": (1, "", "not valid YAML: mapping values are not allowed here"),
    "a: [1\nb: 2": (2, "", "not valid YAML: expected ',' or ']', but got ':'"),
    "a: 'x": (1, "", "not valid YAML: found unexpected end of stream"),
    'a: "\\U00110000"': (None, "", "not valid YAML: chr() arg not in range(0x110000)"),
    'a: "\\UFFFFFFFF"': (None, "", "not valid YAML: Python int too large to convert to C int"),
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: repr(text[:24]))
def test_what_is_refused_is_said_with_its_line(text: str) -> None:
    assert fault_of(text) == REFUSED[text]


@given(
    st.text(st.sampled_from("ab01.-+:,?#&*!|>%@`'\"\\[]{}~= \t\n\r\0\x85é\u2028xUu"), max_size=30)
    | st.text(max_size=30)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    faults: tuple[Fault, ...] = ()
    try:
        parse_yaml(text, "f")
    except InputError as error:
        faults = error.faults
    assert all(fault.line is None or 1 <= fault.line <= len(text.splitlines()) + 1 for fault in faults)


def test_all_refusals_of_a_file_come_together() -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml('a: 1\na: 2\nb: "\\0"\n? {x: y}\n: 3', "f")
    assert [fault.line for fault in caught.value.faults] == [2, 3, 4]


def test_a_bomb_of_aliases_never_goes_off() -> None:
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 30)]
    assert fault_of("l0: &l0 [x]\n" + "\n".join(levels)) == (1, "", "anchors are not allowed (&l0)")


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_nesting_has_a_limit(brackets: str) -> None:
    opening, closing = ("[", "]") if brackets == "[]" else ("{a: ", "}")
    inside = MAX_DEPTH - 2  # the root and the innermost scalar are levels too
    parse_yaml(f"a: {opening * inside}1{closing * inside}", "f")
    for depth in (inside + 1, 20_000):
        assert fault_of(f"a: {opening * depth}1{closing * depth}") == (1, "", "nested deeper than 40 levels")


def test_files_of_any_make(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    for content in (b"a: 1\nb: \xc3\xa9\n", b"\xef\xbb\xbfa: 1\nb: \xc3\xa9\n", b"a: 1\r\nb: \xc3\xa9\r\n"):
        path.write_bytes(content)
        document = read_yaml(path)
        assert document.data == {"a": 1, "b": "é"}
        assert document.lines[("b",)] == 2
        assert document.file == str(path)
    assert read_yaml(path, "servers/x.yaml").file == "servers/x.yaml"


def test_a_file_at_the_limit_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: 1\n#".ljust(MAX_BYTES, b"-"))
    assert read_yaml(path).data == {"a": 1}
    path.write_bytes(b"a: 1\n#".ljust(MAX_BYTES + 1, b"-"))
    with pytest.raises(InputError, match="262,145 bytes are too many for a scenario or profile; allowed: 262,144"):
        read_yaml(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: caf\xe9", "is not UTF-8 text (byte 6)"),
        (bytes(range(256)), "is not UTF-8 text (byte 128)"),
        ("a: 1".encode("utf-16"), "is not UTF-8 text (byte 0)"),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_yaml(path, "x.yaml")
    assert str(caught.value) == f"x.yaml: {message}"


def test_names_that_lead_to_no_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("a: 1")
    for name, message in {
        "missing.yaml": "no such file",
        ".": "is a folder, not a file",
        "a" * 300: "cannot be read: File name too long",
        "a\0b": "cannot be read: embedded null byte",
        "plain/x.yaml": "cannot be read: Not a directory",
    }.items():
        with pytest.raises(InputError) as caught:
            read_yaml(tmp_path / name, "x")
        assert str(caught.value) == f"x: {message}"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_up_to_the_limit(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write(content: bytes) -> None:
        with pipe.open("wb", buffering=0) as stream:
            try:
                stream.write(content)
            except BrokenPipeError:  # the reader has had enough
                return

    for content, expected in ((b"a: 1", None), (b"a" * (2 * MAX_BYTES), "262,145 bytes are too many")):
        thread = threading.Thread(target=write, args=(content,))
        thread.start()
        if expected is None:
            assert read_yaml(pipe).data == {"a": 1}
        else:
            with pytest.raises(InputError, match=expected):
                read_yaml(pipe)
        thread.join()
