"""Weather as the cooling models need it: dry bulb, wet bulb, relative humidity and pressure over time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from simulator.errors import Fault, InputError
from simulator.physics.psychrometrics import wet_bulb_c
from simulator.signals.base import ConstantSignal, Signal, StepSignal
from simulator.signals.checked_series import make_series
from simulator.signals.columns import Clock, ValueColumn
from simulator.signals.findings import Findings
from simulator.signals.gaps import REFUSE_GAPS, FilledGap, GapRule
from simulator.signals.quantities import DRY_BULB, PRESSURE, RELATIVE_HUMIDITY
from simulator.signals.series import Series, Steps
from simulator.signals.settle import settle


@dataclass(frozen=True, slots=True)
class Weather:
    """The air outside, as four signals over the same span; relative humidity is 0 to 1."""

    dry_bulb_c: Signal
    wet_bulb_c: Signal
    relative_humidity: Signal
    pressure_pa: Signal


class OutdoorMeans:
    """Means of the weather over steps that follow one another, read once for as long as nothing changes.

    Args:
        weather: the air outside.
    """

    def __init__(self, weather: Weather) -> None:
        self._signals = (weather.dry_bulb_c, weather.wet_bulb_c, weather.pressure_pa)
        self._values = (0.0, 0.0, 0.0)
        self._from_s = math.inf
        self._until_s = -math.inf

    def over(self, start_s: float, end_s: float) -> tuple[float, float, float]:
        """Return mean dry bulb (degC), wet bulb (degC) and pressure (Pa) over a step."""
        if self._from_s <= start_s and end_s <= self._until_s:
            return self._values
        changes_s = min(signal.next_change(start_s) for signal in self._signals)
        dry_bulb, wet_bulb, pressure = self._signals
        if end_s > changes_s:
            return dry_bulb.mean(start_s, end_s), wet_bulb.mean(start_s, end_s), pressure.mean(start_s, end_s)
        self._from_s, self._until_s = start_s, changes_s
        self._values = (dry_bulb.at(start_s), wet_bulb.at(start_s), pressure.at(start_s))
        return self._values


@dataclass(frozen=True, slots=True)
class WeatherReading:
    """Weather and what its file did not say: the gaps that were filled and the notes for the report."""

    weather: Weather
    filled: tuple[FilledGap, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WeatherSeries:
    """The three series of a weather file, from which the wet bulb follows."""

    dry_bulb: Series
    relative_humidity: Series
    pressure: Series

    def to_weather(
        self, start_utc: datetime, duration_s: float, gap_rule: GapRule = REFUSE_GAPS, *, repeat_yearly: bool = False
    ) -> WeatherReading:
        """Return the weather of a scenario's window, from 0 s; see `Series.to_signal`.

        The wet bulb is computed for each step of the window, after gaps in the other three are filled.
        """
        read: list[Steps] = []
        faults: dict[Fault, None] = {}
        for series in (self.dry_bulb, self.relative_humidity, self.pressure):
            try:
                read.append(series.to_steps(start_utc, duration_s, gap_rule, repeat_yearly=repeat_yearly))
            except InputError as error:
                faults.update(dict.fromkeys(error.faults))
        if faults:
            raise InputError(faults)
        dry_bulb, humidity, pressure = read
        edges_s = np.unique(np.concatenate([steps.edges_s for steps in read]))
        wet_bulbs_c = _wet_bulbs_c(*(steps.at(edges_s[:-1]) for steps in read))
        weather = Weather(
            dry_bulb_c=StepSignal(dry_bulb.edges_s, dry_bulb.values),
            wet_bulb_c=StepSignal(edges_s, wet_bulbs_c),
            relative_humidity=StepSignal(humidity.edges_s, humidity.values),
            pressure_pa=StepSignal(pressure.edges_s, pressure.values),
        )
        filled = tuple(gap for steps in read for gap in steps.filled)
        notes = tuple(dict.fromkeys(note for steps in read for note in steps.notes))
        return WeatherReading(weather, filled, notes)


def constant_weather(dry_bulb_c: float, relative_humidity: float, pressure_pa: float) -> Weather:
    """Return weather that never changes.

    Args:
        dry_bulb_c: -90 to 60 deg C.
        relative_humidity: 0 to 1.
        pressure_pa: 31,000 to 120,000 Pa; `psychrometrics.pressure_at_altitude_pa` gives it for an elevation.
    """
    for quantity, value in ((DRY_BULB, dry_bulb_c), (RELATIVE_HUMIDITY, relative_humidity), (PRESSURE, pressure_pa)):
        if not quantity.low <= value <= quantity.high:
            raise ValueError(f"{quantity.name} must be {quantity.low:g} to {quantity.high:g}, got {value}")
    return Weather(
        dry_bulb_c=ConstantSignal(dry_bulb_c),
        wet_bulb_c=ConstantSignal(wet_bulb_c(dry_bulb_c, relative_humidity, pressure_pa)),
        relative_humidity=ConstantSignal(relative_humidity),
        pressure_pa=ConstantSignal(pressure_pa),
    )


def checked_weather(
    columns: tuple[ValueColumn, ValueColumn, ValueColumn],
    clock: Clock,
    findings: Findings,
    provider: str,
) -> WeatherSeries:
    """Return the series of a file from its dry bulb, relative humidity and pressure, or raise all of its faults."""
    settled, clock = settle(columns, clock, findings)
    dry_bulb, humidity, pressure = (make_series(column, clock, findings).described(provider) for column in settled)
    return WeatherSeries(dry_bulb, humidity, pressure)


def _wet_bulbs_c(
    dry_bulb_c: NDArray[np.float64], relative_humidity: NDArray[np.float64], pressure_pa: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return wet bulbs, each distinct state computed once: the iteration is slow and weather repeats itself."""
    states = np.column_stack((dry_bulb_c, relative_humidity, pressure_pa))
    distinct, which = np.unique(states, axis=0, return_inverse=True)
    wet_bulbs_c: NDArray[np.float64] = wet_bulb_c(*distinct.T)[which]
    return wet_bulbs_c
