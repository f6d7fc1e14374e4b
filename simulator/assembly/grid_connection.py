"""From section `supply.grid` to outages of the grid and to what it asks for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from simulator.assembly.faults import part
from simulator.assembly.generation import Surroundings
from simulator.engine.facility.regimes import GridCap, Span
from simulator.errors import Fault, InputError
from simulator.scenario import supply as section
from simulator.signals.grid_events import EventColumns, read_grid_events
from simulator.signals.plain_csv import CsvColumns, read_csv_series, stated_time_zone
from simulator.signals.quantities import Quantity
from simulator.units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE, SECONDS_PER_YEAR, WATTS_PER_KW
from simulator.workload.synthesis import stream

_LIMIT = Quantity("import_limit_w", 0.0)
_BELOW_NOTHING = -1e-9
"""Values of events must be above it: a limit may be nothing at all."""


class GridReader:
    """Reads outages and caps of a site's grid; what its files want said gathers in `notes`.

    Args:
        around: weather file and span of the run.
        seed: seed of the scenario and name of the site.
    """

    def __init__(self, around: Surroundings, seed: tuple[int, str]) -> None:
        self._around, self._seed = around, seed
        self.notes: list[str] = []

    def outages(self, grid: section.GridConnection) -> list[Span]:
        """Return when the grid is away, as listed and drawn, in order."""
        found = []
        for outage in grid.outages:
            start_s = self._seconds(outage.start)
            found.append(Span(start_s, start_s + outage.minutes * SECONDS_PER_MINUTE))
        if grid.random_outages is not None:
            found += _random_outages(grid.random_outages, self._around.window.duration_s, self._seed)
        return _merged(found)

    def caps(self, caps: Sequence[section.Cap]) -> list[GridCap]:
        """Return what the grid asks for, in order of time."""
        found: list[GridCap] = []
        for index, cap in enumerate(caps):
            with part(f"caps[{index}]"):
                found += self._cap(cap)
        found.sort(key=lambda cap: cap.span.start_s)
        for first, then in pairwise(found):
            if then.span.start_s < first.span.end_s:
                raise InputError([Fault("must not overlap", path="caps")])
        return found

    def _cap(self, cap: section.Cap) -> Iterator[GridCap]:
        if isinstance(cap, section.SeriesCap):
            yield from self._caps_of_file(cap)
            return
        if isinstance(cap, section.EventsCap):
            yield from self._events_of_file(cap)
            return
        start_s = self._seconds(cap.start)
        span = Span(start_s, start_s + cap.hours * SECONDS_PER_HOUR)
        if isinstance(cap, section.LimitCap):
            yield GridCap(span, cap.limit_kw * WATTS_PER_KW, 0.0, 0.0)
            return
        if (cap.reduction_fraction is None) == (cap.reduction_kw is None):
            raise ValueError("must have either reduction_fraction or reduction_kw")
        baseline_s = cap.baseline_h * SECONDS_PER_HOUR
        if start_s < baseline_s:
            raise ValueError(f"must start {cap.baseline_h:g} h or more after the scenario, for its baseline")
        power_w = (cap.reduction_kw or 0.0) * WATTS_PER_KW
        yield GridCap(span, None, cap.reduction_fraction or 0.0, baseline_s, power_w)

    def _caps_of_file(self, cap: section.SeriesCap) -> Iterator[GridCap]:
        columns = CsvColumns(cap.time_column, cap.value_column, WATTS_PER_KW)
        file, zone = self._around.base / cap.file, _zone(cap.time_zone)
        series = read_csv_series(file, columns, _LIMIT, time_zone=zone, corrupt=cap.corrupt)
        self.notes += series.notes
        window = self._around.window
        begins_s = series.starts_utc_s - window.start.timestamp()
        ends_s = np.minimum(np.append(begins_s[1:], np.inf), begins_s + series.step_s)
        for begin_s, end_s, limit_w in zip(begins_s, ends_s, series.values, strict=True):
            if end_s > 0.0 and begin_s < window.duration_s:
                yield GridCap(Span(max(float(begin_s), 0.0), float(end_s)), float(limit_w), 0.0, 0.0)

    def _events_of_file(self, cap: section.EventsCap) -> Iterator[GridCap]:
        with part("duration_column"):
            columns = EventColumns(
                start=cap.start_column,
                end=cap.end_column,
                duration=cap.duration_column,
                duration_unit_s=SECONDS_PER_HOUR if cap.duration_unit == "hours" else SECONDS_PER_MINUTE,
                value=cap.value_column,
                low=_BELOW_NOTHING if cap.value == "limit_kw" else 0.0,
                high=1.0 if cap.value == "reduction_fraction" else math.inf,
            )
        path, window = self._around.base / cap.file, self._around.window
        events, notes = read_grid_events(path, columns, _zone(cap.time_zone))
        self.notes += notes
        baseline_s = cap.baseline_h * SECONDS_PER_HOUR if cap.value != "limit_kw" else 0.0
        inside = 0
        for event in events:
            start_s, end_s = (t_s - window.start.timestamp() for t_s in (event.start_utc_s, event.end_utc_s))
            if end_s <= 0.0 or start_s >= window.duration_s:
                continue
            if start_s < baseline_s:
                message = f"begins less than {cap.baseline_h:g} h after the scenario, which its baseline needs"
                raise InputError([Fault(message, str(path), event.line)])
            inside += 1
            span = Span(max(start_s, 0.0), end_s)
            match cap.value:
                case "limit_kw":
                    yield GridCap(span, event.value * WATTS_PER_KW, 0.0, 0.0)
                case "reduction_fraction":
                    yield GridCap(span, None, event.value, baseline_s)
                case "reduction_kw":
                    yield GridCap(span, None, 0.0, baseline_s, event.value * WATTS_PER_KW)
        if inside < len(events):
            self.notes.append(f"{path}: {len(events) - inside:,} of {len(events):,} events lie outside the run")

    def _seconds(self, instant: datetime) -> float:
        """Return an instant in seconds since the start, which it must not precede."""
        seconds = (instant - self._around.window.start) / timedelta(seconds=1)
        if seconds < 0.0:
            raise ValueError(f"{instant.isoformat()} is before the start of the scenario")
        return seconds


def _zone(text: str | None) -> timezone | ZoneInfo | None:
    with part("time_zone"):
        return None if text is None else stated_time_zone(text)


def _random_outages(outages: section.RandomOutages, duration_s: float, seed: tuple[int, str]) -> list[Span]:
    """Draw outages: exponential times between their starts, exponential durations."""
    rng = stream(seed[0], f"{seed[1]}/outages")
    spans: list[Span] = []
    start_s = 0.0
    while True:
        start_s += rng.exponential(SECONDS_PER_YEAR / outages.per_year)
        if start_s >= duration_s:
            return spans
        spans.append(Span(start_s, start_s + rng.exponential(outages.mean_minutes * SECONDS_PER_MINUTE)))


def _merged(spans: list[Span]) -> list[Span]:
    """Return spans in order, those that touch as one."""
    result: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start_s):
        if result and span.start_s <= result[-1].end_s:
            result[-1] = Span(result[-1].start_s, max(result[-1].end_s, span.end_s))
        else:
            result.append(span)
    return result
