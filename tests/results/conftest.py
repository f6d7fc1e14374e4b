"""A small run of everything, and records made by hand, for the tests of what a run leaves behind."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simulator as sim
from simulator.assembly.build import assemble
from simulator.documents.yaml_text import YamlText
from simulator.records import (
    OUTCOMES,
    Chapter,
    HallFacts,
    RequestLog,
    RunRecords,
    SiteFacts,
    SiteRecords,
    StepColumns,
)
from simulator.results.context import RunContext, SiteContext
from simulator.signals.base import ConstantSignal


@dataclass(frozen=True)
class Finished:
    """What the engine left behind, before anything is computed from it."""

    records: RunRecords
    chapters: list[Chapter]
    context: RunContext


@pytest.fixture(scope="session")
def mixed_file(root: Path) -> Path:
    """Two halls, two services, three jobs, storage and a network in one hour."""
    return root / "tests/whole_runs/mixed.yaml"


@pytest.fixture(scope="session")
def mixed_run(mixed_file: Path) -> Finished:
    """The mixed scenario, run; not to be changed."""
    chapters: list[Chapter] = []
    assembly = assemble(sim.load(mixed_file), on_chapter=lambda _, chapter: chapters.append(chapter))
    records = assembly.datacenter.run()
    return Finished(records, chapters, assembly.context)


@pytest.fixture
def finished(mixed_run: Finished) -> Finished:
    """The mixed scenario, run: a copy that a test may tamper with."""
    return Finished(copy.deepcopy(mixed_run.records), copy.deepcopy(mixed_run.chapters), mixed_run.context)


@pytest.fixture(scope="session")
def result(mixed_file: Path) -> sim.Result:
    """Result of the mixed scenario; not to be changed."""
    return sim.run(mixed_file)


Row = tuple[int, float, float, float, float, int, str]
"""Output tokens, arrival, start, first token, end, tokens generated, outcome; -1 for what did not happen."""


@pytest.fixture(scope="session")
def make_log() -> Callable[[Iterable[Row]], RequestLog]:
    """Return a log of requests from rows."""

    def make(rows: Iterable[Row]) -> RequestLog:
        table = list(rows)
        log = RequestLog(np.full(len(table), 100, dtype=np.int64), np.array([row[0] for row in table], dtype=np.int64))
        for index, (_, arrival_s, scheduled_s, first_s, finished_s, generated, outcome) in enumerate(table):
            log.arrival_s[index] = arrival_s
            log.scheduled_s[index] = scheduled_s
            log.first_token_s[index] = first_s
            log.finished_s[index] = finished_s
            log.generated_tokens[index] = generated
            log.outcome[index] = OUTCOMES.index(outcome)
        return log

    return make


@pytest.fixture(scope="session")
def make_records() -> Callable[..., RunRecords]:
    """Return records made by hand; columns that are not given are zero."""

    def make(
        ends_s: list[float], columns: dict[str, list[float]], halls: tuple[HallFacts, ...] = (), **rest: Any
    ) -> RunRecords:
        zeros: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(ends_s)))
        zeros.update({name: np.array(values, dtype=float) for name, values in columns.items()})
        steps = StepColumns(0.0, np.array(ends_s), zeros)
        facts = SiteFacts("site", halls, rest.pop("network", None))
        site = SiteRecords(facts, steps, rest.pop("accounts", {}))
        empty = {"requests": {}, "jobs": (), "events": (), "event_count": 0}
        return RunRecords(duration_s=ends_s[-1], sites=(site,), **{**empty, **rest})

    return make


@pytest.fixture(scope="session")
def make_context() -> Callable[..., RunContext]:
    """Return a context made by hand."""

    def make(**given: Any) -> RunContext:
        plain = {
            "scenario": "by-hand",
            "resolved": YamlText({"name": "by-hand"}),
            "seed": 0,
            "start_utc": "2024-01-01T00:00:00+00:00",
            "sites": {"site": SiteContext(ConstantSignal(0.0), ConstantSignal(0.0))},
            "service_levels": {},
            "figures": (),
            "checksums": {},
            "notes": (),
        }
        return RunContext(**{**plain, **given})

    return make
