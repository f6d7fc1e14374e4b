"""Files that are no scenarios, traces that are no traces, and settings that set nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NOT_SCENARIOS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "x.yaml:1: must be a mapping of keys to values, got an empty file"),
    "comments only": (b"# later\n\n", "x.yaml:1: must be a mapping of keys to values, got an empty file"),
    "a list": (b"- 1\n- 2\n", "x.yaml:1: must be a mapping of keys to values, got list '[1, 2]'"),
    "a word": (b"hello\n", "x.yaml:1: must be a mapping of keys to values, got str 'hello'"),
    "binary": (bytes(range(256)), "x.yaml: is not UTF-8 text (byte 128)"),
    "zeros": (b"schema: 1\nname: a\x00b\n", "x.yaml:2: holds the character U+0000"),
    "Latin-1": ("schema: 1\nname: café\n".encode("latin-1"), "x.yaml: is not UTF-8 text (byte 19)"),
    "UTF-16": ("schema: 1\n".encode("utf-16"), "x.yaml: is not UTF-8 text (byte 0)"),
    "ten megabytes": (
        b"schema: 1\n".ljust(10_000_000, b"#"),
        "x.yaml: 10,000,000 bytes are too many for a scenario or profile; allowed: 262,144",
    ),
    "a bomb": (
        b"schema: 1\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "x.yaml:2: anchors are not allowed (&a)",
    ),
    "an alias": (b"schema: 1\nname: *a\n", "x.yaml:2: aliases are not allowed (*a): write the value out"),
    "a tag": (b"schema: 1\nname: !!python/name:os\n", "x.yaml:2: tags are not allowed (!!python/name:os)"),
    "a key twice": (b"schema: 1\nname: a\nseed: 1\nname: b\n", "x.yaml:4: key 'name' stands twice, first on line 2"),
    "a tab": (b"site:\n\tprice: 1\n", "x.yaml:2: not valid YAML: found character '\\t' that cannot start any token"),
    "two documents": (b"schema: 1\n---\nschema: 1\n", "x.yaml:2: not valid YAML: but found another document"),
    "deep": (b"a: " + b"[" * 10_000, "x.yaml:1: nested deeper than 40 levels"),
    "no end": (b"schema: 1\nservers: [1\n", "x.yaml:3: not valid YAML: expected ',' or ']', but got '<stream end>'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", NOT_SCENARIOS)
def test_a_file_that_is_no_scenario(folder: Path, wattline: Callable[..., Any], kind: str) -> None:
    content, message = NOT_SCENARIOS[kind]
    (folder / "x.yaml").write_bytes(content)
    result = wattline("run", "x.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{message}\n1 fault\n"
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("kind", ["binary", "a bomb", "ten megabytes", "deep"])
def test_the_same_from_a_shell(folder: Path, kind: str) -> None:
    content, message = NOT_SCENARIOS[kind]
    (folder / "x.yaml").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-m", "simulator.cli", "run", "x.yaml"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{message}\n1 fault\n")
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.yaml", "nowhere.yaml: no such file"),
        ("nowhere/x.yaml", "nowhere/x.yaml: no such file (there is no folder 'nowhere')"),
        (".", ".: is a folder, not a file"),
        ("requests.csv/x.yaml", "requests.csv/x.yaml: cannot be read: Not a directory"),
        ("x" * 300, f"{'x' * 300}: cannot be read: File name too long"),
    ],
)
def test_a_name_that_is_no_file(folder: Path, wattline: Callable[..., Any], name: str, message: str) -> None:
    result = wattline("run", name)
    assert (result.exit_code, result.stderr) == (2, f"{message}\n1 fault\n")


@pytest.mark.parametrize(
    ("line", "key"),
    [(17, "    profile: dgx-h100"), (23, "    model: llama-3.1-8b"), (31, "      file: requests.csv")],
)
@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000 + "b"])
def test_names_inside_that_no_disk_holds(
    folder: Path, wattline: Callable[..., Any], line: int, key: str, name: str
) -> None:
    path = folder / "tiny.yaml"
    path.write_text(path.read_text().replace(key, f"{key.partition(':')[0]}: {name}", 1))
    result = wattline("run", "tiny.yaml")
    assert result.exit_code == 2
    fault, count = result.stderr.splitlines()
    assert fault.startswith(f"tiny.yaml:{line}: ")
    assert fault.endswith(("File name too long", "(there is no folder 'a')"))
    assert count == "1 fault"


@pytest.mark.parametrize("text", ['"dgx\\nh100"', "|\n      dgx\n      h100\n"])
def test_a_fault_about_text_of_two_lines_is_one_line(folder: Path, wattline: Callable[..., Any], text: str) -> None:
    path = folder / "tiny.yaml"
    path.write_text(path.read_text().replace("dgx-h100", text))
    result = wattline("run", "tiny.yaml")
    line, count = result.stderr.splitlines()
    assert line.startswith("tiny.yaml:17: servers.hall-a.profile: no server profile is called 'dgx h100")
    assert count == "1 fault"


HEADER = "arrival_s,prompt_tokens,output_tokens\n"
TRACES: dict[str, tuple[str, str, list[str]]] = {
    "malformed rows": (
        "csv",
        HEADER + "0.5,100,10\n1.5,abc,20\n2,3\n,1,1\n4,5,6,7\n",
        [
            "t.csv:3: prompt_tokens: 'abc' is not a finite number",
            "t.csv:4: has 2 fields, expected 3",
            "t.csv:5: arrival_s: is empty, expected a number",
            "t.csv:6: has 4 fields, expected 3",
        ],
    ),
    "nothing": ("csv", "", ["t.csv: is empty"]),
    "a header": ("csv", HEADER, ["t.csv:2: has no rows of data"]),
    "another header": (
        "csv",
        "arrival,prompt_tokens,output_tokens\n1,2,3\n",
        ["t.csv:1: the header has no column 'arrival_s'; did you mean 'arrival'?"],
    ),
    "time before time": ("csv", HEADER + "-1,100,10\n", ["t.csv:2: arrival_s: -1 is below 0 s"]),
    "time that turns": (
        "csv",
        HEADER + "2,100,10\n1,100,10\n",
        ["t.csv:3: arrival_s: arrives before the request above it; state sort to put the trace in order"],
    ),
    "no prompt": (
        "csv",
        HEADER + "2,0,10\n",
        ["t.csv:2: prompt_tokens: must be a whole number from 1 to 2^53, got 0"],
    ),
    "half a token": (
        "csv",
        HEADER + "2,9,1.5\n",
        ["t.csv:2: output_tokens: must be a whole number from 1 to 2^53, got 1.5"],
    ),
    "a stamp that is none": (
        "azure",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,374,44\nnoon,1,2\n",
        ["t.csv:3: TIMESTAMP: 'noon' is not a date and time such as 2022-06-01 13:00:00+00:00"],
    ),
}


@pytest.mark.parametrize("case", TRACES)
def test_a_bad_trace_is_named_by_its_own_file_and_line(folder: Path, wattline: Callable[..., Any], case: str) -> None:
    kind, content, faults = TRACES[case]
    (folder / "t.csv").write_text(content)
    path = folder / "tiny.yaml"
    path.write_text(path.read_text().replace("kind: csv\n      file: requests.csv", f"kind: {kind}\n      file: t.csv"))
    result = wattline("run", "tiny.yaml")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[:-1] == faults
    assert not (folder / "runs").exists()


SETTINGS = {
    "servers": "--set: must be path=value, got 'servers'",
    "=3": "--set: must be path=value, got '=3'",
    "servers.hall-b.count=3": "--set: servers.hall-b.count: 'servers' has no 'hall-b'; did you mean 'hall-a'?",
    "servers.1.count=3": "--set: servers.1.count: 'servers' has no '1'; known: hall-a",
    "servers.hall-a.cout=3": "--set: servers.hall-a.cout: unknown key 'cout'; did you mean 'count'?",
    "servers.hall-a.count=-3": "--set: servers.hall-a.count: must be >= 1 and <= 1000000, got -3",
    "servers.hall-a.count='3'": "--set: servers.hall-a.count: must be a whole number >= 1 and <= 1000000, got '3'",
    "servers.hall-a=3": "--set: servers.0: must be a mapping of keys to values, got 3",
    "servers=3": "--set: servers: must be a list, got 3",
    "polices.router=round_robin": "--set: polices: unknown key 'polices'; did you mean 'policies'?",
    "policies.router=robin": "--set: policies.router: 'robin' is not known; did you mean 'round_robin'?",
    "facility.cooling={kind: tank}": "--set: facility.cooling.kind: 'tank' is not known; known: "
    "air_cooled_chiller, air_economizer, chilled_water, direct_evaporative, direct_to_chip, dry_cooler, immersion, "
    "indirect_evaporative, rear_door",
    "a..b=3": "--set: a..b: is not a path: a part is empty",
    "seed.x=1": "--set: seed.x: 'seed' is a value, it has no 'x'",
    "seed.x.y=1": "--set: seed.x.y: 'seed' is a value, it has no 'x'",
    "seed=[1": "--set: seed: not valid YAML: expected ',' or ']', but got '<stream end>'",
    "seed=&a 1": "--set: seed: anchors are not allowed (&a)",
    "seed=": "--set: seed: must be a whole number >= 0 and <= 4294967295, got nothing",
    "seed=1\nname: other": "--set: seed: must be one value, got 2 keys",
    "seed=1\n---\nname: other": "--set: seed: not valid YAML: but found another document",
    "workloads.chat.requests.file=away.csv": "--set: workloads.chat.requests.file: no such file: '{folder}/away.csv'",
}


@pytest.mark.parametrize("setting", SETTINGS, ids=repr)
def test_a_setting_that_sets_nothing(folder: Path, wattline: Callable[..., Any], setting: str) -> None:
    result = wattline("run", "tiny.yaml", "--set", setting)
    assert result.exit_code == 2
    expected = SETTINGS[setting].replace("{folder}", str(folder))
    assert result.stderr == f"{expected}\n1 fault\n"
    assert not (folder / "runs").exists()


def test_all_bad_settings_are_reported_together(folder: Path, wattline: Callable[..., Any]) -> None:
    settings = ("servers.hall-b.count=3", "seed.x=1", "seed=2")
    result = wattline("validate", "tiny.yaml", *(part for text in settings for part in ("--set", text)))
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [SETTINGS[settings[0]], SETTINGS[settings[1]], "2 faults"]
