"""Whatever a run leaves behind, the ledger books every joule once, however the run is cut into chapters."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from simulator.records import Chapter, StepColumns
from simulator.results.ledger import Ledger, LedgerBuilder
from simulator.results.meter_clock import MeterClock
from simulator.signals.base import StepSignal

HALLS = ("a", "b")
SERVER_FIELDS = ("host_w", "leakage_w", "storage_w", "fabric_w", "nic_w", "fan_w", "psu_loss_w")
FACILITY_FIELDS = (
    "power.mechanical_power_w",
    "power.rack_loss_w",
    "power.busway_loss_w",
    "power.pdu_loss_w",
    "power.ups_loss_w",
    "power.transformer_loss_w",
    "power.other_power_w",
)
METER = "power.facility_power_w"
CLOCK = MeterClock(datetime(2024, 3, 31, 22, 40, tzinfo=UTC), 900)
KEYS = (("chat", "inference"), ("chat", "idle"), ("tune", "training"), ("", "idle"))
ROUNDING = 1e-12
"""A few hundred additions of numbers of one sign: each costs 1.1e-16 of the sum at most."""
levels = st.one_of(st.just(0.0), st.floats(1e-3, 1e6))


@st.composite
def chapters(draw: st.DrawFn) -> Chapter:
    """A run of up to six steps in which anything may be zero and any account may be absent."""
    lengths_s = draw(st.lists(st.floats(0.5, 4000.0), min_size=1, max_size=6))
    steps = len(lengths_s)
    names = [f"hall.{hall}.{field}" for hall in HALLS for field in SERVER_FIELDS] + ["network_w", *FACILITY_FIELDS]
    table = draw(hnp.arrays(np.float64, (len(names), steps), elements=levels))
    accounts = {}
    for hall in HALLS:
        for workload, phase in draw(st.lists(st.sampled_from(KEYS), unique=True)):
            accounts[hall, workload, phase] = draw(hnp.arrays(np.float64, (4, steps), elements=levels))
    writers = draw(st.lists(st.sampled_from(("", "tune")), unique=True))
    storage_j = {name: draw(hnp.arrays(np.float64, steps, elements=levels)) for name in writers}
    ends_s = np.cumsum(lengths_s)
    chapter = Chapter(StepColumns(0.0, ends_s, dict(zip(names, table, strict=True))), accounts, storage_j)
    chapter.steps.columns[METER] = by_step_j(chapter) / chapter.steps.durations_s
    return chapter


@st.composite
def step_signals(draw: st.DrawFn) -> StepSignal:
    """A signal over more than the longest run, positive so that nothing cancels."""
    gaps_s = draw(st.lists(st.floats(1.0, 2000.0), min_size=1, max_size=5))
    values = draw(st.lists(st.floats(1.0, 900.0), min_size=len(gaps_s) + 1, max_size=len(gaps_s) + 1))
    return StepSignal([0.0, *np.cumsum(gaps_s), 1e6], values)


def by_step_j(chapter: Chapter) -> np.ndarray:
    """What the meter counts in each step: everything that the chapter holds, added up once."""
    power_w = sum(column for name, column in chapter.steps.columns.items() if name != METER)
    accelerators_j = sum((reading[:3].sum(axis=0) for reading in chapter.accounts.values()), np.zeros(len(power_w)))
    return power_w * chapter.steps.durations_s + accelerators_j + sum(chapter.storage_j.values(), np.zeros(1))


def ledger_of(parts: list[Chapter], carbon: StepSignal, price: StepSignal) -> Ledger:
    builder = LedgerBuilder(carbon, price, CLOCK)
    for part in parts:
        builder.add(part)
    return builder.ledger


def cut(chapter: Chapter, first: int, last: int) -> Chapter:
    steps = chapter.steps
    columns = {name: column[first:last] for name, column in steps.columns.items()}
    return Chapter(
        StepColumns(float(steps.edges_s[first]), steps.ends_s[first:last], columns),
        {key: reading[:, first:last] for key, reading in chapter.accounts.items()},
        {name: energy_j[first:last] for name, energy_j in chapter.storage_j.items()},
    )


@given(chapters(), step_signals(), step_signals())
def test_every_joule_is_booked_once(chapter: Chapter, carbon: StepSignal, price: StepSignal) -> None:
    ledger = ledger_of([chapter], carbon, price)
    meter_j = by_step_j(chapter)
    assert ledger.total_j() == pytest.approx(meter_j.sum(), rel=ROUNDING)
    assert sum(ledger.total_j(phase) for phase in ("training", "inference", "idle")) == pytest.approx(
        ledger.total_j(), rel=ROUNDING
    )
    assert all((entry.energy_j >= 0.0).all() for entry in ledger.entries.values())
    held_s = sum(reading[3].sum() for reading in chapter.accounts.values())
    assert sum(entry.accelerator_s for entry in ledger.entries.values()) == pytest.approx(held_s, rel=ROUNDING)
    edges_s = chapter.steps.edges_s
    # g/kWh and USD/kWh of each step by the integral of the signal, one interval at a time.
    for signal, amount, units_per_kwh in ((carbon, "emissions_kg_co2e", 1e3), (price, "cost_usd", 1.0)):
        means = [signal.mean(start_s, end_s) for start_s, end_s in pairwise(edges_s)]
        expected = float(meter_j @ np.array(means)) / units_per_kwh / 3.6e6
        assert sum(getattr(entry, amount) for entry in ledger.entries.values()) == pytest.approx(expected, rel=ROUNDING)


@given(chapters(), step_signals())
def test_every_joule_drawn_falls_into_one_metering_interval(chapter: Chapter, signal: StepSignal) -> None:
    ledger, meter_j, edges_s = ledger_of([chapter], signal, signal), by_step_j(chapter), chapter.steps.edges_s
    count = CLOCK.count(float(edges_s[-1]))
    drawn_j = sum((entry.drawn.dense(count) for entry in ledger.entries.values()), np.zeros(count))
    # Each interval by the overlap of each step with it, as its power is its mean.
    starts_s = CLOCK.edges_s(0, count - 1)
    for interval, (start_s, end_s) in enumerate(pairwise(starts_s)):
        overlap_s = np.clip(np.minimum(edges_s[1:], end_s) - np.maximum(edges_s[:-1], start_s), 0.0, None)
        expected = float((meter_j * overlap_s / np.diff(edges_s)).sum())
        assert drawn_j[interval] == pytest.approx(expected, rel=1e-9, abs=1e-9 * meter_j.sum())


@given(chapters(), step_signals(), st.data())
def test_the_size_of_chapters_does_not_matter(chapter: Chapter, signal: StepSignal, data: st.DataObject) -> None:
    steps = len(chapter.steps.ends_s)
    inner = data.draw(st.lists(st.integers(1, max(steps - 1, 1)), unique=True).map(sorted))
    bounds = [0, *(bound for bound in inner if bound < steps), steps]
    parts = [cut(chapter, first, last) for first, last in pairwise(bounds)]
    whole, pieces = ledger_of([chapter], signal, signal), ledger_of(parts, signal, signal)
    assert set(whole.entries) == set(pieces.entries)
    for key, entry in whole.entries.items():
        other = pieces.entries[key]
        assert other.energy_j == pytest.approx(entry.energy_j, rel=ROUNDING)
        assert other.emissions_kg_co2e == pytest.approx(entry.emissions_kg_co2e, rel=ROUNDING)
        assert other.accelerator_s == pytest.approx(entry.accelerator_s, rel=ROUNDING)


@given(chapters(), step_signals(), st.floats(0.01, 100.0))
def test_the_ledger_scales_with_power(chapter: Chapter, signal: StepSignal, factor: float) -> None:
    # Shares are ratios, so a site that draws f times as much has f times every entry.
    larger = Chapter(
        StepColumns(0.0, chapter.steps.ends_s, {name: factor * w for name, w in chapter.steps.columns.items()}),
        {key: reading * np.array([[factor], [factor], [factor], [1.0]]) for key, reading in chapter.accounts.items()},
        {name: factor * energy_j for name, energy_j in chapter.storage_j.items()},
    )
    small, large = ledger_of([chapter], signal, signal), ledger_of([larger], signal, signal)
    for key, entry in small.entries.items():
        assert large.entries[key].energy_j == pytest.approx(factor * entry.energy_j, rel=1e-9)
