"""From section `supply` to what a site's power comes from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from simulator.assembly.faults import FaultCollector, part
from simulator.assembly.generation import Surroundings, daily_thresholds, solar_power, wind_power
from simulator.assembly.site import SiteSignals
from simulator.documents.yaml_source import KeyPath
from simulator.engine.facility.battery_policy import Arbitrage, Backup, BatteryPolicy, PeakShaving, SelfConsumption
from simulator.engine.facility.generators import GeneratorParameters, Generators
from simulator.engine.facility.regimes import GridCap, Span, TimeLine
from simulator.engine.facility.store import Store
from simulator.engine.facility.supply import GridLimits, SiteSupply, SupplyParts
from simulator.errors import Fault, InputError
from simulator.physics.battery import Battery
from simulator.profiles import catalogue
from simulator.profiles.site_energy import BatteryRecord, GeneratorRecord
from simulator.profiles.sourced import Profile
from simulator.records import StoreFacts, SupplyFacts, UnitFacts
from simulator.scenario import supply as section
from simulator.signals.base import Signal
from simulator.signals.plain_csv import CsvColumns, read_csv_series, stated_time_zone
from simulator.signals.quantities import Quantity
from simulator.units import (
    JOULES_PER_KWH,
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    SECONDS_PER_MINUTE,
    SECONDS_PER_YEAR,
    WATTS_PER_KW,
)
from simulator.workload.synthesis import stream

_LIMIT = Quantity("import_limit_w", 0.0)


@dataclass(frozen=True, slots=True)
class SupplySpec:
    """What a site's power comes from.

    Args:
        supply: for the engine.
        facts: what is installed, for the results.
        profiles: profiles used.
        notes: what the readers of the files want said.
    """

    supply: SiteSupply
    facts: SupplyFacts
    profiles: tuple[Profile[Any], ...]
    notes: tuple[str, ...]


def supply_spec(
    described: section.Supply,
    around: Surroundings,
    signals: SiteSignals,
    seed: tuple[int, str],
    faults: FaultCollector,
    place: KeyPath,
) -> SupplySpec | None:
    """Return the supply of a site, or None after noting what is wrong.

    Args:
        described: the section.
        around: weather file and span of the run.
        signals: price and carbon intensity.
        seed: seed of the scenario and name of the site.
        faults: takes what is wrong.
        place: where the section stands.
    """
    before = faults.count
    builder = _Builder(described, around, signals, seed)
    for name in ("grid", "solar", "wind", "battery", "ups", "diesel"):
        with faults.at((*place, name)):
            getattr(builder, name)()
    if faults.count > before:
        return None
    return builder.spec()


class _Builder:
    """Takes the parts of a section one by one, so that each fault stands at its part."""

    def __init__(
        self, described: section.Supply, around: Surroundings, signals: SiteSignals, seed: tuple[int, str]
    ) -> None:
        self._described = described
        self._around = around
        self._signals = signals
        self._seed = seed
        self._outages: list[Span] = []
        self._caps: list[GridCap] = []
        self._solar: Signal | None = None
        self._wind: Signal | None = None
        self._battery: tuple[Store, BatteryPolicy] | None = None
        self._ups: Store | None = None
        self._generators: Generators | None = None
        self._tests: list[Span] = []
        self._profiles: list[Profile[Any]] = []
        self._notes: list[str] = []
        self._units: dict[str, UnitFacts] = {}
        self._stores: dict[str, StoreFacts] = {}

    def grid(self) -> None:
        grid, window = self._described.grid, self._around.window
        for outage in grid.outages:
            start_s = self._seconds(outage.start)
            self._outages.append(Span(start_s, start_s + outage.minutes * SECONDS_PER_MINUTE))
        if grid.random_outages is not None:
            self._outages += _random_outages(grid.random_outages, window.duration_s, self._seed)
        self._outages = _merged(self._outages)
        for index, cap in enumerate(grid.caps):
            with part(f"caps[{index}]"):
                self._caps += self._cap(cap)
        self._caps.sort(key=lambda cap: cap.span.start_s)
        for first, then in pairwise(self._caps):
            if then.span.start_s < first.span.end_s:
                raise InputError([Fault("must not overlap", path="caps")])

    def _cap(self, cap: section.Cap) -> Iterator[GridCap]:
        if isinstance(cap, section.SeriesCap):
            yield from self._caps_of_file(cap)
            return
        start_s = self._seconds(cap.start)
        span = Span(start_s, start_s + cap.hours * SECONDS_PER_HOUR)
        if isinstance(cap, section.LimitCap):
            yield GridCap(span, cap.limit_kw * WATTS_PER_KW, 0.0, 0.0)
            return
        baseline_s = cap.baseline_h * SECONDS_PER_HOUR
        if start_s < baseline_s:
            raise ValueError(f"must start {cap.baseline_h:g} h or more after the scenario, for its baseline")
        yield GridCap(span, None, cap.reduction_fraction, baseline_s)

    def _caps_of_file(self, cap: section.SeriesCap) -> Iterator[GridCap]:
        zone = stated_time_zone(cap.time_zone) if cap.time_zone is not None else None
        columns = CsvColumns(cap.time_column, cap.value_column, WATTS_PER_KW)
        series = read_csv_series(self._around.base / cap.file, columns, _LIMIT, time_zone=zone)
        window = self._around.window
        begins_s = series.starts_utc_s - window.start.timestamp()
        ends_s = np.minimum(np.append(begins_s[1:], np.inf), begins_s + series.step_s)
        for begin_s, end_s, limit_w in zip(begins_s, ends_s, series.values, strict=True):
            if end_s > 0.0 and begin_s < window.duration_s:
                yield GridCap(Span(max(float(begin_s), 0.0), float(end_s)), float(limit_w), 0.0, 0.0)

    def solar(self) -> None:
        solar = self._described.solar
        if solar is None:
            return
        profile = catalogue.solar(solar.profile or "solar-mono-si", self._around.base)
        self._solar, notes = solar_power(solar, profile.record, self._around)
        self._take("solar", solar.capacity_kw, profile, profile.record.embodied_kg_co2e_per_kw, notes)

    def wind(self) -> None:
        wind = self._described.wind
        if wind is None:
            return
        profile = catalogue.turbine(wind.profile or "wind-iec2", self._around.base)
        self._wind, notes = wind_power(wind, profile.record, self._around)
        self._take("wind", wind.capacity_kw, profile, profile.record.embodied_kg_co2e_per_kw, notes)

    def battery(self) -> None:
        battery = self._described.battery
        if battery is None:
            return
        profile = catalogue.battery(battery.profile, self._around.base)
        record = profile.record
        for name in ("initial_fraction", "reserve_fraction"):
            if not record.lowest_fraction <= getattr(battery, name) <= record.highest_fraction:
                window = f">= {record.lowest_fraction:g} and <= {record.highest_fraction:g}"
                allowed = f"{window}, the window of {record.name}"
                raise InputError([Fault(f"must be {allowed}, got {getattr(battery, name):g}", path=name)])
        parameters = _battery(battery, record)
        capacity_j = parameters.capacity_j
        store = Store(parameters, battery.initial_fraction * capacity_j, battery.reserve_fraction * capacity_j)
        self._battery = (store, self._policy(battery.policy, record))
        self._profiles.append(profile)
        self._stores["battery"] = StoreFacts(
            energy_j=capacity_j,
            power_w=parameters.discharge_w,
            initial_j=store.energy_j,
            charge_efficiency=record.charge_efficiency,
            discharge_efficiency=record.discharge_efficiency,
            standby_w=parameters.standby_w,
            cycle_life=record.cycle_life,
            lifetime_years=record.lifetime_years,
            embodied_kg_co2e=record.embodied_kg_co2e_per_kwh * battery.energy_kwh,
        )

    def _policy(self, policy: section.Policy, record: BatteryRecord) -> BatteryPolicy:
        match policy:
            case section.BackupPolicy():
                return Backup()
            case section.SelfConsumptionPolicy():
                return SelfConsumption()
            case section.PeakShavingPolicy():
                return PeakShaving(policy.target_kw * WATTS_PER_KW)
            case section.ArbitragePolicy():
                by_price = policy.kind == "price_arbitrage"
                signal = self._signals.price_usd_per_kwh if by_price else self._signals.carbon_g_per_kwh
                shares = (policy.charge_fraction, policy.discharge_fraction)
                round_trip = record.charge_efficiency * record.discharge_efficiency
                return Arbitrage(signal, *daily_thresholds(signal, self._around.window, shares, round_trip))

    def ups(self) -> None:
        ups = self._described.ups
        if ups is None:
            return
        power_w = ups.power_kw * WATTS_PER_KW
        energy_j = power_w * ups.minutes * SECONDS_PER_MINUTE
        recharge_w = ups.recharge_fraction * power_w
        # Its losses stand in the power chain, so this store has none of its own.
        battery = Battery(energy_j, 0.0, energy_j, recharge_w, power_w, 1.0, 1.0, 0.0, energy_j, 0.0)
        self._ups = Store(battery, energy_j, energy_j)
        self._stores["ups"] = StoreFacts(energy_j, power_w, energy_j, 1.0, 1.0, 0.0, None, None, None)

    def diesel(self) -> None:
        diesel = self._described.diesel
        if diesel is None:
            return
        profile = catalogue.generator(diesel.profile, self._around.base)
        parameters = _generators(diesel, profile.record)
        self._generators = Generators(parameters)
        if diesel.test is not None:
            self._tests = list(_test_spans(diesel.test, self._around.window.duration_s))
        size_kw = diesel.units * diesel.unit_kw
        self._take("diesel", size_kw, profile, profile.record.embodied_kg_co2e_per_kw, ())

    def spec(self) -> SupplySpec:
        """Return the whole."""
        grid = self._described.grid
        generators = self._generators
        limits = GridLimits(
            grid.import_limit_kw * WATTS_PER_KW if grid.import_limit_kw is not None else math.inf,
            grid.export_limit_kw * WATTS_PER_KW,
            grid.ramp_kw_per_min * WATTS_PER_KW / SECONDS_PER_MINUTE if grid.ramp_kw_per_min is not None else math.inf,
        )
        start_s = generators.parameters.start_s if generators is not None else math.inf
        parts = SupplyParts(
            limits=limits,
            time_line=TimeLine(self._outages, self._caps, self._tests, start_s),
            caps=tuple(self._caps),
            solar=self._solar,
            wind=self._wind,
            battery=self._battery[0] if self._battery is not None else None,
            policy=self._battery[1] if self._battery is not None else None,
            ups=self._ups,
            generators=generators,
        )
        facts = SupplyFacts(
            solar=self._units.get("solar"),
            wind=self._units.get("wind"),
            diesel=self._units.get("diesel"),
            battery=self._stores.get("battery"),
            ups=self._stores.get("ups"),
            fuel_l=generators.fuel_l if generators is not None else 0.0,
        )
        return SupplySpec(SiteSupply(parts), facts, tuple(self._profiles), tuple(dict.fromkeys(self._notes)))

    def _take(
        self, name: str, size_kw: float, profile: Profile[Any], embodied_kg_per_kw: float, notes: tuple[str, ...]
    ) -> None:
        years = profile.record.lifetime_years
        self._units[name] = UnitFacts(size_kw * WATTS_PER_KW, years, embodied_kg_per_kw * size_kw)
        self._profiles.append(profile)
        self._notes += notes

    def _seconds(self, instant: datetime) -> float:
        """Return an instant in seconds since the start, which it must not precede."""
        seconds = (instant - self._around.window.start) / timedelta(seconds=1)
        if seconds < 0.0:
            raise ValueError(f"{instant.isoformat()} is before the start of the scenario")
        return seconds


def _battery(battery: section.Battery, record: BatteryRecord) -> Battery:
    capacity_j, power_w = battery.energy_kwh * JOULES_PER_KWH, battery.power_kw * WATTS_PER_KW
    return Battery(
        capacity_j=capacity_j,
        lowest_j=record.lowest_fraction * capacity_j,
        highest_j=record.highest_fraction * capacity_j,
        charge_w=power_w,
        discharge_w=power_w,
        charge_efficiency=record.charge_efficiency,
        discharge_efficiency=record.discharge_efficiency,
        standby_w=record.standby_fraction * power_w,
        charge_taper_j=record.charge_taper_fraction * capacity_j,
        discharge_taper_j=record.discharge_taper_fraction * capacity_j,
    )


def _generators(diesel: section.Diesel, record: GeneratorRecord) -> GeneratorParameters:
    test = diesel.test
    return GeneratorParameters(
        units=diesel.units,
        unit_w=diesel.unit_kw * WATTS_PER_KW,
        fuel_curve=tuple((load, litres / JOULES_PER_KWH) for load, litres in record.fuel_l_per_kwh),
        start_s=record.start_s,
        tank_l=diesel.tank_l,
        refuel_below_l=diesel.refuel_below_fraction * diesel.tank_l,
        test_load_fraction=test.load_fraction if test is not None else 0.0,
        test_on_site=test is not None and test.load == "site",
    )


def _test_spans(test: section.GeneratorTest, duration_s: float) -> Iterator[Span]:
    start_s = test.first_h * SECONDS_PER_HOUR
    while start_s < duration_s:
        yield Span(start_s, start_s + test.minutes * SECONDS_PER_MINUTE)
        start_s += test.every_days * SECONDS_PER_DAY


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
