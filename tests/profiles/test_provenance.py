"""Sources of figures: how they are written, inherited, listed, and refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from simulator.documents.validation import Section
from simulator.errors import InputError
from simulator.profiles.sourced import Profile, load_profile


class Inner(Section):
    rate: float
    limits: tuple[float, ...] = ()
    by_format: dict[str, float]


class Record(Section):
    name: str
    count: int
    ready: bool = True
    aliases: tuple[str, ...] = ()
    inner: Inner
    maybe: float | None = None


TEXT = """\
name: thing
provenance: {kind: datasheet, source: the file}
count: 3
aliases: [a thing, that thing]
inner:
  provenance:
    kind: measured
    source: the block
    error: 4 %
  rate: {value: 2.5, kind: estimated, source: the figure, low: 2, high: 3, note: a guess}
  limits: [1.0, 2.0]
  by_format:
    bf16: 1.0
    fp8: {value: 2.0, kind: datasheet, source: the entry}
"""


def loaded(tmp_path: Path, text: str = TEXT) -> Profile[Record]:
    file = tmp_path / "thing.yaml"
    file.write_text(text, encoding="utf-8")
    return load_profile(Record, file, "thing.yaml")


def test_figures_are_separated_from_their_sources(tmp_path: Path) -> None:
    record = loaded(tmp_path).record
    assert (record.name, record.count, record.inner.rate, record.inner.limits) == ("thing", 3, 2.5, (1.0, 2.0))
    assert record.inner.by_format == {"bf16": 1.0, "fp8": 2.0}


@pytest.mark.parametrize(
    ("path", "source", "kind"),
    [
        ("", "the file", "datasheet"),
        ("count", "the file", "datasheet"),
        ("inner", "the block", "measured"),
        ("inner.limits", "the block", "measured"),
        ("inner.rate", "the figure", "estimated"),
        ("inner.by_format.bf16", "the block", "measured"),
        ("inner.by_format.fp8", "the entry", "datasheet"),
    ],
)
def test_the_nearest_source_counts(tmp_path: Path, path: str, source: str, kind: str) -> None:
    found = loaded(tmp_path).source_of(path)
    assert (found.source, found.kind) == (source, kind)


def test_a_figure_of_its_own_inherits_nothing_of_its_block(tmp_path: Path) -> None:
    profile = loaded(tmp_path)
    assert profile.source_of("inner.limits").error == "4 %"
    figure = profile.source_of("inner.rate")
    assert (figure.error, figure.low, figure.high, figure.note) == (None, 2.0, 3.0, "a guess")


def test_a_path_above_all_sources_is_unknown(tmp_path: Path) -> None:
    profile = loaded(tmp_path)
    bare = Profile(profile.record, {"inner": profile.source_of("inner")}, profile.file, profile.sha256)
    assert bare.source_of("inner.rate").source == "the block"
    with pytest.raises(KeyError):
        bare.source_of("count")


def test_figures_are_the_numbers_and_nothing_else(tmp_path: Path) -> None:
    """No names, no aliases, no switches, nothing that is absent; a list of numbers is one figure."""
    assert list(loaded(tmp_path).figures()) == [
        "count",
        "inner.rate",
        "inner.limits",
        "inner.by_format.bf16",
        "inner.by_format.fp8",
    ]


def test_the_checksum_is_that_of_the_file(tmp_path: Path) -> None:
    profile = loaded(tmp_path)
    assert profile.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert profile.file == "thing.yaml"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("provenance: {kind: datasheet, source: the file}\n", "", "thing.yaml:1: required key 'provenance' is missing"),
        ("kind: datasheet, source: the file", "kind: guessed, source: the file", "provenance.kind: 'guessed' is not"),
        ("{kind: datasheet, source: the file}", "{kind: datasheet}", "provenance: required key 'source' is missing"),
        ("source: the figure", 'source: ""', "inner.rate.source: must have >= 1 characters, got ''"),
        ("low: 2, high: 3", "lowest: 2", "inner.rate.lowest: unknown key 'lowest'; did you mean 'low'?"),
        ("provenance: {kind: datasheet, source: the file}", "provenance: the file", "required key 'kind' is missing"),
        ("count: 3", "count: three", "thing.yaml:3: count: must be a whole number, got 'three'"),
        ("value: 2.5", "value: fast", "inner.rate: must be a number, got 'fast'"),
    ],
)
def test_faults_name_line_and_field(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(InputError) as refused:
        loaded(tmp_path, TEXT.replace(old, new))
    assert complaint in str(refused.value)


def test_all_faults_are_said_at_once(tmp_path: Path) -> None:
    text = TEXT.replace("kind: estimated", "kind: dreamt").replace("count: 3", "count: many").replace("2.0]", "x]")
    with pytest.raises(InputError) as refused:
        loaded(tmp_path, text)
    assert {fault.path for fault in refused.value.faults} == {"inner.rate.kind", "count", "inner.limits.1"}
    assert all(fault.line for fault in refused.value.faults)
