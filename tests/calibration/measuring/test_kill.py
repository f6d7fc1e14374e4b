"""A measurement really killed, at random moments: what was closed stays, and it goes on to the end."""

from __future__ import annotations

from pathlib import Path

from benchmarks.kill_measure import kill_and_go_on


def test_killed_three_times_it_loses_no_closed_window(tmp_path: Path) -> None:
    found = kill_and_go_on(tmp_path / "measurement", kills=3, seed=4, budget_min=0.15, window_gap_s=0.5)
    assert found["kills"] == 3
    assert found["closed_windows_lost"] == found["corrupt_files"] == 0
    assert found["finished"]
    assert found["every_window_accounted_for"]
    assert found["window_names_unique"]
