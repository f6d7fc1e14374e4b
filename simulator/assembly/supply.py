"""From section `supply` to what a site's power comes from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.assembly.faults import FaultCollector
from simulator.assembly.generation import Surroundings, daily_thresholds, solar_power, wind_power
from simulator.assembly.grid_connection import GridReader
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
from simulator.units import (
    JOULES_PER_KWH,
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    SECONDS_PER_MINUTE,
    WATTS_PER_KW,
)


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
        reader = GridReader(self._around, self._seed)
        self._outages = reader.outages(self._described.grid)
        self._caps = reader.caps(self._described.grid.caps)
        self._notes += reader.notes

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
