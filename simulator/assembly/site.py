"""From section `site` to signals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulator.assembly.faults import FaultCollector, part
from simulator.assembly.window import Window
from simulator.documents.yaml_source import KeyPath
from simulator.scenario import site as section
from simulator.signals.base import ConstantSignal, Signal
from simulator.signals.carbon_parquet import read_parquet_carbon
from simulator.signals.daily import DailyCycle, daily_profile
from simulator.signals.eia_carbon import read_eia_carbon
from simulator.signals.epw import read_epw
from simulator.signals.gaps import FilledGap, GapRule
from simulator.signals.market_prices import read_market_prices
from simulator.signals.open_meteo import read_open_meteo
from simulator.signals.origin import EmissionFactor, SignalOrigin
from simulator.signals.plain_csv import CsvColumns, fixed_time_zone, read_csv_series
from simulator.signals.quantities import CARBON_INTENSITY
from simulator.signals.series import Series
from simulator.signals.weather import Weather, constant_weather

_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class SiteSignals:
    """What surrounds the datacenter, as signals over the run.

    Args:
        weather: outdoor air.
        carbon_g_per_kwh: carbon intensity of the grid.
        price_usd_per_kwh: price of energy.
        carbon_factor: what the carbon intensity counts.
        origins: where the signals come from.
        notes: what the readers of the files want said.
    """

    weather: Weather
    carbon_g_per_kwh: Signal
    price_usd_per_kwh: Signal
    carbon_factor: EmissionFactor
    origins: tuple[SignalOrigin, ...]
    notes: tuple[str, ...]


def site_signals(
    site: section.Site, base: Path, window: Window, faults: FaultCollector, place: KeyPath
) -> SiteSignals | None:
    """Return the signals of a site, or None after noting what is wrong.

    Args:
        site: the section.
        base: folder that relative file names refer to.
        window: start and duration of the run.
        faults: takes what is wrong.
        place: where the section stands.
    """
    reader = _SiteReader(base, window)
    weather: Weather | None = None
    carbon: tuple[Signal, EmissionFactor] | None = None
    price: Signal | None = None
    with faults.at((*place, "weather")):
        weather = reader.weather(site.weather)
    with faults.at((*place, "carbon_intensity")):
        carbon = reader.carbon(site.carbon_intensity)
        refusal = carbon[1].inventory_refusal()
        if refusal is not None:
            raise ValueError(refusal)
    with faults.at((*place, "price")):
        price = reader.price(site.price)
    if weather is None or carbon is None or price is None:
        return None
    signal, factor = carbon
    origins = tuple(reader.origins)
    return SiteSignals(weather, signal, price, factor, origins, tuple(dict.fromkeys(reader.notes)))


class _SiteReader:
    def __init__(self, base: Path, window: Window) -> None:
        self._base = base
        self._window = window
        self.notes: list[str] = []
        self.origins: list[SignalOrigin] = []

    def weather(self, weather: section.Weather) -> Weather:
        window = self._window
        match weather:
            case section.ConstantWeather():
                self._from_scenario("weather", None)
                return constant_weather(weather.dry_bulb_c, weather.relative_humidity, weather.pressure_pa)
            case section.DailyWeather():
                self._from_scenario("weather", _HOUR_S)
                cycle = DailyCycle(
                    weather.mean_c,
                    weather.amplitude_k,
                    weather.warmest_hour_utc,
                    weather.dew_point_c,
                    weather.pressure_pa,
                )
                return cycle.to_weather(window.start, window.duration_s)
            case section.EpwWeather():
                series = read_epw(self._base / weather.file)
                repeat = False  # a typical year repeats anyway
            case section.OpenMeteoWeather():
                series, repeat = read_open_meteo(self._base / weather.file), weather.repeat_yearly
        reading = series.to_weather(window.start, window.duration_s, repeat_yearly=repeat)
        self._from_file("weather", series.dry_bulb)
        self._note(reading.filled, reading.notes)
        return reading.weather

    def carbon(self, carbon: section.Carbon) -> tuple[Signal, EmissionFactor]:
        name = "carbon_intensity"
        match carbon:
            case section.ConstantCarbon():
                return ConstantSignal(carbon.g_per_kwh), self._stated(name, carbon.factor, None)
            case section.DailyCarbon():
                profile = daily_profile(carbon.g_per_kwh, self._window.start, self._window.duration_s)
                return profile, self._stated(name, carbon.factor, _HOUR_S)
            case section.EiaCarbon():
                series = read_eia_carbon(self._base / carbon.file)
            case section.CsvCarbon():
                with part("time_zone"):
                    zone = fixed_time_zone(carbon.time_zone) if carbon.time_zone is not None else None
                columns = CsvColumns(carbon.time_column, carbon.value_column)
                series = read_csv_series(self._base / carbon.file, columns, CARBON_INTENSITY, time_zone=zone)
                series = series.described(carbon.factor.provider, _factor(carbon.factor))
            case section.ParquetCarbon():
                series = read_parquet_carbon(self._base / carbon.file)
                series = series.described(carbon.factor.provider, _factor(carbon.factor))
        self._from_file(name, series)
        return self._signal(series, carbon.gaps, carbon.repeat_yearly), series.factor or EmissionFactor()

    def price(self, price: section.Price) -> Signal:
        match price:
            case section.ConstantPrice():
                self._from_scenario("price", None)
                return ConstantSignal(price.usd_per_kwh)
            case section.DailyPrice():
                self._from_scenario("price", _HOUR_S)
                return daily_profile(price.usd_per_kwh, self._window.start, self._window.duration_s)
            case section.MarketPrice():
                series = read_market_prices(self._base / price.file)
                self._from_file("price", series)
                return self._signal(series, price.gaps, price.repeat_yearly)

    def _signal(self, series: Series, gaps: section.Gaps, repeat_yearly: bool) -> Signal:
        rule = GapRule(gaps.fill, None if gaps.fill == "refuse" else gaps.longest_h)
        window = self._window
        reading = series.to_signal(window.start, window.duration_s, rule, repeat_yearly=repeat_yearly)
        self._note(reading.filled, reading.notes)
        return reading.signal

    def _stated(self, name: str, stated: section.StatedFactor, resolution_s: int | None) -> EmissionFactor:
        factor = _factor(stated)
        provider = "scenario" if stated.provider == "unstated" else stated.provider
        self.origins.append(SignalOrigin(name, provider, resolution_s, factor))
        return factor

    def _from_scenario(self, name: str, resolution_s: int | None) -> None:
        self.origins.append(SignalOrigin(name, "scenario", resolution_s))

    def _from_file(self, name: str, series: Series) -> None:
        self.origins.append(SignalOrigin(name, series.provider, series.step_s, series.factor))

    def _note(self, filled: tuple[FilledGap, ...], notes: tuple[str, ...]) -> None:
        self.notes.extend(notes)
        self.notes.extend(str(gap) for gap in filled)


def _factor(stated: section.StatedFactor) -> EmissionFactor:
    return EmissionFactor(stated.basis, stated.boundary)
