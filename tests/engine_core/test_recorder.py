"""What plant steps yield: rows become columns, chapters join, sums stay."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from simulator.engine import recorder as module
from simulator.engine.compute.server_power import HallPower
from simulator.engine.facility.coupling import Facility, FacilityStep
from simulator.engine.facility.fixed_overhead import FixedOverheadPlant
from simulator.engine.facility.power_chain import PowerChain
from simulator.engine.recorder import Recorder
from simulator.records import Chapter

STEPS = 11
KEYS = [("h", "chat", "inference"), ("h", "chat", "idle"), ("h", "job", "training")]


def _hall(seed: int) -> HallPower:
    return HallPower(*(100.0 * seed + place for place in range(len(fields(HallPower)))))


def _site() -> Facility:
    return Facility(FixedOverheadPlant(0.25), PowerChain.without_losses(), 10.0)


class Story:
    """Eleven steps of two halls, with accounts that come and go, told to a recorder."""

    def __init__(self) -> None:
        rng, site = np.random.default_rng(5), _site()
        self.ends_s = np.cumsum(rng.uniform(1.0, 60.0, STEPS)).tolist()
        self.halls = [[_hall(2 * step), _hall(2 * step + 1)] for step in range(STEPS)]
        self.facility: list[FacilityStep] = [
            site.step(1.0 + step, 1000.0 * (step + 1), 20.0, 15.0) for step in range(STEPS)
        ]
        self.outside = [(7.0 + step, 3.0 * step, 20.0 + step, 15.0 - step) for step in range(STEPS)]
        self.accounts = {key: np.zeros((4, STEPS)) for key in KEYS}
        self.accounts[KEYS[0]][:] = rng.uniform(0.0, 1e6, (4, STEPS))
        self.accounts[KEYS[1]][0, 2:5] = (1.0, 2.0, 3.0)
        self.accounts[KEYS[2]][3, 9] = 4.0
        self.storage_j = {"": np.full(STEPS, 60.0), "job": np.where(np.arange(STEPS) == 9, 5.0, 0.0)}

    def tell(self) -> tuple[Any, list[Chapter]]:
        chapters: list[Chapter] = []
        recorder = Recorder(["h", "k"], chapters.append)
        assert recorder.last_end_s == 0.0
        for step in range(STEPS):
            for key, table in self.accounts.items():
                recorder.account(key, tuple(table[:, step]))
            for name, energy_j in self.storage_j.items():
                recorder.storage(name, float(energy_j[step]))
            recorder.step(self.ends_s[step], self.halls[step], self.facility[step], self.outside[step])
            assert recorder.last_end_s == self.ends_s[step]
        return recorder.finish(), chapters


@pytest.mark.parametrize("length", [1, 2, 5, 11, 2048])
def test_chapters_change_nothing(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    monkeypatch.setattr(module, "CHAPTER_STEPS", length)
    story = Story()
    (steps, totals), chapters = story.tell()
    assert len(chapters) == -(-STEPS // length)
    assert [len(chapter.steps.ends_s) for chapter in chapters[:-1]] == [length] * (len(chapters) - 1)
    assert steps.edges_s.tolist() == [0.0, *story.ends_s]
    assert np.concatenate([chapter.steps.durations_s for chapter in chapters]).tolist() == steps.durations_s.tolist()
    for name, column in steps.columns.items():
        assert np.concatenate([chapter.steps.columns[name] for chapter in chapters]).tolist() == column.tolist()
    for key, table in story.accounts.items():
        parts = [chapter.accounts.get(key, np.zeros((4, len(chapter.steps.ends_s)))) for chapter in chapters]
        assert np.concatenate(parts, axis=1).tolist() == table.tolist()
        assert totals[key] == pytest.approx(table.sum(axis=1), rel=1e-12)
    for name, energy_j in story.storage_j.items():
        parts = [chapter.storage_j.get(name, np.zeros(len(chapter.steps.ends_s))) for chapter in chapters]
        assert np.concatenate(parts).tolist() == energy_j.tolist()


def test_chapters_leave_out_accounts_without_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHAPTER_STEPS", 5)
    _, chapters = Story().tell()
    assert [set(chapter.accounts) for chapter in chapters] == [{*KEYS[:2]}, {KEYS[0], KEYS[2]}, {KEYS[0]}]
    assert [set(chapter.storage_j) for chapter in chapters] == [{""}, {"", "job"}, {""}]


def test_every_value_stands_under_its_name() -> None:
    story = Story()
    (steps, _), _ = story.tell()
    for index, name in enumerate(("h", "k")):
        for entry in fields(HallPower):
            column = steps.columns[f"hall.{name}.{entry.name}"]
            assert column.tolist() == [getattr(halls[index], entry.name) for halls in story.halls]
    for name in ("heat_w", "overhead_power_w", "heat_rejected_w", "makeup_water_kg", "chillers_running"):
        assert steps.columns[f"cooling.{name}"].tolist() == [getattr(step.cooling, name) for step in story.facility]
    for name in ("it_power_w", "mechanical_power_w", "other_power_w", "facility_power_w", "residual_w"):
        assert steps.columns[f"power.{name}"].tolist() == [getattr(step.power, name) for step in story.facility]
    site = ("network_w", "shared_storage_w", "dry_bulb_c", "wet_bulb_c")
    assert list(zip(*(steps.columns[name].tolist() for name in site), strict=True)) == story.outside
    assert steps.columns["heat_residual_j"].tolist() == [step.heat_residual_j for step in story.facility]
    assert steps.columns["power.it_power_w"].tolist() == [1000.0 * (step + 1) for step in range(STEPS)]


@pytest.mark.parametrize("length", [1, 3, 4, 2048])
def test_repeated_steps_are_counted_and_come_back(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    # Which step each instant shows: runs of the same objects, also across the end of a chapter.
    monkeypatch.setattr(module, "CHAPTER_STEPS", length)
    story, shows = Story(), [0, 0, 0, 1, 1, 2, 1, 1, 1, 1]
    readings = {
        KEYS[0]: [5.0, 5.0, 5.0, 0.0, 6.0, 6.0, 6.0, 7.0, 5.0, 5.0],
        KEYS[1]: [0, 2.0, 2.0, 0, 2.0, 2.0, 0, 0, 0, 1.0],
    }
    chapters: list[Chapter] = []
    recorder = Recorder(["h", "k"], chapters.append)
    for index, step in enumerate(shows):
        for key, values in readings.items():
            recorder.account(key, (values[index], 0.0, 0.0, 2.0 * values[index]))
        recorder.step(60.0 * (index + 1), story.halls[step], story.facility[step], story.outside[step])
    steps, totals = recorder.finish()
    assert steps.columns["hall.k.input_w"].tolist() == [story.halls[step][1].input_w for step in shows]
    assert steps.columns["dry_bulb_c"].tolist() == [story.outside[step][2] for step in shows]
    for key, values in readings.items():
        parts = [chapter.accounts.get(key, np.zeros((4, len(chapter.steps.ends_s)))) for chapter in chapters]
        assert np.concatenate(parts, axis=1)[0].tolist() == values
        assert totals[key].tolist() == pytest.approx([sum(values), 0.0, 0.0, 2.0 * sum(values)])
