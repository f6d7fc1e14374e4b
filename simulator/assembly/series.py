"""From the sections of weather, carbon intensity and price to signals over the window of a run."""

from __future__ import annotations

from datetime import timezone
from pathlib import Path
from zoneinfo import ZoneInfo

from simulator.assembly.faults import part
from simulator.assembly.window import Window
from simulator.scenario import carbon as carbon_section
from simulator.scenario import price as price_section
from simulator.scenario import weather as weather_section
from simulator.scenario.contracts import CsvOutput
from simulator.scenario.series import FileSeries, Gaps
from simulator.signals.base import ConstantSignal, Signal
from simulator.signals.caiso_prices import read_caiso_prices
from simulator.signals.carbon_parquet import read_parquet_carbon
from simulator.signals.daily import DailyCycle, daily_profile
from simulator.signals.eia_carbon import read_eia_carbon
from simulator.signals.electricity_maps import read_electricity_maps
from simulator.signals.entsoe_prices import read_entsoe_prices
from simulator.signals.epw import read_epw
from simulator.signals.ercot_prices import read_ercot_prices
from simulator.signals.gaps import FilledGap, GapRule
from simulator.signals.gb_carbon import read_gb_carbon
from simulator.signals.market_prices import read_market_prices
from simulator.signals.nyiso_prices import read_nyiso_prices
from simulator.signals.open_meteo import read_open_meteo
from simulator.signals.origin import EmissionFactor, SignalOrigin
from simulator.signals.pjm_prices import read_pjm_prices
from simulator.signals.plain_csv import CsvColumns, read_csv_series, stated_time_zone
from simulator.signals.price_table import PER_MWH
from simulator.signals.quantities import CARBON_INTENSITY, OUTPUT_FRACTION, PRICE
from simulator.signals.series import Series
from simulator.signals.tmy3 import read_tmy3
from simulator.signals.watttime import read_watttime
from simulator.signals.weather import Weather, WeatherSeries, constant_weather

_HOUR_S = 3600
_USD_PER_KWH = {"usd_per_kwh": 1.0, "usd_per_mwh": PER_MWH}


class SeriesReader:
    """Reads the series of one site; what they are and what was assumed gathers in `origins` and `notes`.

    Args:
        base: folder that relative file names refer to.
        window: start and duration of the run.
    """

    def __init__(self, base: Path, window: Window) -> None:
        self._base = base
        self._window = window
        self.notes: list[str] = []
        self.origins: list[SignalOrigin] = []

    def weather(self, section: weather_section.Weather) -> Weather:
        """Return the outdoor air."""
        window = self._window
        match section:
            case weather_section.ConstantWeather():
                self._from_scenario("weather", None)
                return constant_weather(section.dry_bulb_c, section.relative_humidity, section.pressure_pa)
            case weather_section.DailyWeather():
                self._from_scenario("weather", _HOUR_S)
                cycle = DailyCycle(
                    section.mean_c,
                    section.amplitude_k,
                    section.warmest_hour_utc,
                    section.dew_point_c,
                    section.pressure_pa,
                )
                return cycle.to_weather(window.start, window.duration_s)
        series = self._weather_series(section)
        repeat = isinstance(section, weather_section.OpenMeteoWeather) and section.repeat_yearly
        reading = series.to_weather(window.start, window.duration_s, gap_rule(section.gaps), repeat_yearly=repeat)
        self._from_file("weather", series.dry_bulb)
        self._note(reading.filled, reading.notes)
        return reading.weather

    def carbon(self, section: carbon_section.Carbon, name: str = "carbon_intensity") -> tuple[Signal, EmissionFactor]:
        """Return a carbon intensity in g/kWh and what it counts.

        Args:
            section: section of the scenario.
            name: name of the signal.
        """
        window = self._window
        match section:
            case carbon_section.ConstantCarbon():
                return ConstantSignal(section.g_per_kwh), self._stated(name, section.factor, None)
            case carbon_section.DailyCarbon():
                profile = daily_profile(section.g_per_kwh, window.start, window.duration_s)
                return profile, self._stated(name, section.factor, _HOUR_S)
        series = self._carbon_series(section)
        self._from_file(name, series)
        return self._signal(series, section.gaps, section.repeat_yearly), series.factor or EmissionFactor()

    def price(self, section: price_section.Price, name: str = "price") -> Signal:
        """Return the price of energy in USD/kWh.

        Args:
            section: section of the scenario.
            name: name of the signal.
        """
        window = self._window
        match section:
            case price_section.ConstantPrice():
                self._from_scenario(name, None)
                return ConstantSignal(section.usd_per_kwh)
            case price_section.DailyPrice():
                self._from_scenario(name, _HOUR_S)
                return daily_profile(section.usd_per_kwh, window.start, window.duration_s)
        series = self._price_series(section)
        self._from_file(name, series)
        return self._signal(series, section.gaps, section.repeat_yearly)

    def output(self, section: CsvOutput, name: str) -> Signal:
        """Return the output of a plant over its rated power, which goes by `name`."""
        columns = CsvColumns(section.time_column, section.value_column, 1.0 / (section.rated_mw or 1.0))
        zone = _zone(section.time_zone)
        series = read_csv_series(
            self._path(section), columns, OUTPUT_FRACTION, time_zone=zone, corrupt=section.corrupt
        ).described(section.provider)
        self._from_file(name, series)
        return self._signal(series, section.gaps, section.repeat_yearly)

    def _weather_series(
        self, section: weather_section.EpwWeather | weather_section.Tmy3Weather | weather_section.OpenMeteoWeather
    ) -> WeatherSeries:
        path = self._path(section)
        match section:
            case weather_section.EpwWeather():
                return read_epw(path, section.corrupt)
            case weather_section.Tmy3Weather():
                return read_tmy3(path, section.corrupt)
            case weather_section.OpenMeteoWeather():
                return read_open_meteo(path, section.corrupt)

    def _carbon_series(
        self,
        section: carbon_section.EiaCarbon
        | carbon_section.ElectricityMapsCarbon
        | carbon_section.GbCarbon
        | carbon_section.WattTimeCarbon
        | carbon_section.CsvCarbon
        | carbon_section.ParquetCarbon,
    ) -> Series:
        path, corrupt = self._path(section), section.corrupt
        match section:
            case carbon_section.EiaCarbon():
                return read_eia_carbon(path, corrupt)
            case carbon_section.ElectricityMapsCarbon():
                return read_electricity_maps(path, section.boundary, corrupt)
            case carbon_section.GbCarbon():
                return read_gb_carbon(path, section.use, corrupt)
            case carbon_section.WattTimeCarbon():
                return read_watttime(path, section.value_column, section.unit, corrupt)
            case carbon_section.CsvCarbon():
                columns, zone = CsvColumns(section.time_column, section.value_column), _zone(section.time_zone)
                series = read_csv_series(path, columns, CARBON_INTENSITY, time_zone=zone, corrupt=corrupt)
            case carbon_section.ParquetCarbon():
                series = read_parquet_carbon(path, corrupt=corrupt)
        return series.described(section.factor.provider, _factor(section.factor))

    def _price_series(
        self,
        section: price_section.MarketPrice
        | price_section.CaisoPrice
        | price_section.ErcotPrice
        | price_section.NyisoPrice
        | price_section.PjmPrice
        | price_section.EntsoePrice
        | price_section.CsvPrice,
    ) -> Series:
        path, corrupt = self._path(section), section.corrupt
        match section:
            case price_section.MarketPrice():
                return read_market_prices(path, corrupt)
            case price_section.CaisoPrice():
                return read_caiso_prices(path, section.node, corrupt)
            case price_section.ErcotPrice():
                return read_ercot_prices(path, section.settlement_point, corrupt)
            case price_section.NyisoPrice():
                return read_nyiso_prices(path, section.name, section.stamps, corrupt)
            case price_section.PjmPrice():
                return read_pjm_prices(path, section.node, section.market, corrupt)
            case price_section.EntsoePrice():
                return read_entsoe_prices(path, section.usd_per_eur, section.area, section.sequence, corrupt)
            case price_section.CsvPrice():
                columns = CsvColumns(section.time_column, section.value_column, _USD_PER_KWH[section.unit])
                zone = _zone(section.time_zone)
                series = read_csv_series(path, columns, PRICE, time_zone=zone, corrupt=corrupt)
                return series.described(section.provider)

    def _path(self, section: FileSeries) -> Path:
        return self._base / section.file

    def _signal(self, series: Series, gaps: Gaps, repeat_yearly: bool) -> Signal:
        window = self._window
        reading = series.to_signal(window.start, window.duration_s, gap_rule(gaps), repeat_yearly=repeat_yearly)
        self._note(reading.filled, reading.notes)
        return reading.signal

    def _stated(self, name: str, stated: carbon_section.StatedFactor, resolution_s: int | None) -> EmissionFactor:
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


def gap_rule(gaps: Gaps) -> GapRule:
    """Return the rule of a section."""
    return GapRule(gaps.fill, None if gaps.fill == "refuse" else gaps.longest_h)


def _zone(text: str | None) -> timezone | ZoneInfo | None:
    with part("time_zone"):
        return None if text is None else stated_time_zone(text)


def _factor(stated: carbon_section.StatedFactor) -> EmissionFactor:
    return EmissionFactor(stated.basis, stated.boundary)
