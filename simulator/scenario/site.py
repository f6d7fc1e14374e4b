"""Sections `site` and `sites`: what surrounds the datacenter: weather, carbon intensity, price."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.scenario.facility import Facility
from simulator.scenario.names import FilePath, Fraction, Name, NonNegative, Positive
from simulator.signals.origin import FactorBasis, FactorBoundary

Celsius = Annotated[float, Field(ge=-60, le=60)]
HOURS_OF_DAY = 24


class ConstantWeather(Section):
    """The same outdoor air throughout."""

    kind: Literal["constant"]
    dry_bulb_c: Celsius
    """Outdoor air temperature."""
    relative_humidity: Fraction
    """Outdoor relative humidity, 0 to 1."""
    pressure_pa: Annotated[float, Field(ge=50_000, le=110_000)] = 101_325.0
    """Air pressure."""


class DailyWeather(Section):
    """The same day over and over: a cosine of temperature at constant moisture, in hourly steps."""

    kind: Literal["daily_cycle"]
    mean_c: Celsius
    """Mean outdoor air temperature."""
    amplitude_k: Annotated[float, Field(ge=0, le=25)]
    """Half of the difference between the warmest and the coldest hour."""
    warmest_hour_utc: Annotated[int, Field(ge=0, le=23)]
    """Hour of the day that is warmest."""
    dew_point_c: Celsius
    """Dew point, below the coldest hour's temperature."""
    pressure_pa: Annotated[float, Field(ge=50_000, le=110_000)] = 101_325.0
    """Air pressure."""


class EpwWeather(Section):
    """A typical year in an EnergyPlus weather file, matched by month, day and hour."""

    kind: Literal["epw"]
    file: FilePath
    """The file (.epw)."""


class OpenMeteoWeather(Section):
    """Hourly weather as the Open-Meteo archive returns it (JSON)."""

    kind: Literal["open_meteo"]
    file: FilePath
    """The file (.json)."""
    repeat_yearly: bool = False
    """Use the file's year for any year, matched by month, day and hour."""


Weather = Annotated[ConstantWeather | DailyWeather | EpwWeather | OpenMeteoWeather, Field(discriminator="kind")]


class Gaps(Section):
    """What to do about missing hours of a series inside the run; every filled gap is listed in the events."""

    fill: Literal["refuse", "interpolate", "hold"] = "refuse"
    """Refuse the file, interpolate linearly, or hold the last value."""
    longest_h: Positive = 3.0
    """Longest gap that may be filled."""


class StatedFactor(Section):
    """What a carbon intensity counts, where the values do not say it themselves."""

    basis: FactorBasis = "unstated"
    """Mix consumed in the area, mix generated in it, or the units that respond to a change in load (`marginal`)."""
    boundary: FactorBoundary = "unstated"
    """Emissions at the power stations, or of their life cycle."""
    provider: str = "unstated"
    """Who publishes the values."""


class ConstantCarbon(Section):
    """The same carbon intensity throughout."""

    kind: Literal["constant"]
    g_per_kwh: NonNegative
    """Emissions per energy taken from the grid (CO2e)."""
    factor: StatedFactor = StatedFactor()
    """What it counts."""


class DailyCarbon(Section):
    """24 hourly values, repeated every day."""

    kind: Literal["daily_profile"]
    g_per_kwh: Annotated[tuple[NonNegative, ...], Field(min_length=HOURS_OF_DAY, max_length=HOURS_OF_DAY)]
    """Carbon intensity of each hour of the day (UTC), from 00:00 on."""
    factor: StatedFactor = StatedFactor()
    """What it counts."""


class EiaCarbon(Section):
    """Hourly generation and average intensity of a US balancing area (columns `timestamp` and `avg_CI`)."""

    kind: Literal["eia"]
    file: FilePath
    """The file (.csv)."""
    gaps: Gaps = Gaps()
    """Missing hours."""
    repeat_yearly: bool = False
    """Use the file's year for any year, matched by month, day and hour."""


class CsvCarbon(Section):
    """Any CSV file with a time column and a carbon intensity in g/kWh."""

    kind: Literal["csv"]
    file: FilePath
    """The file (.csv)."""
    time_column: str
    """Header of the instants at which values begin to hold."""
    value_column: str
    """Header of the values."""
    time_zone: str | None = None
    """Zone of stamps that carry none: `UTC` or a fixed offset such as `+02:00`."""
    factor: StatedFactor = StatedFactor()
    """What the values count."""
    gaps: Gaps = Gaps()
    """Missing values."""
    repeat_yearly: bool = False
    """Use the file's year for any year, matched by month, day and hour."""


class ParquetCarbon(Section):
    """A Parquet file with `timestamp` (UTC) and `carbon_intensity` (g/kWh), as OpenDC uses them."""

    kind: Literal["parquet"]
    file: FilePath
    """The file (.parquet)."""
    factor: StatedFactor = StatedFactor()
    """What the values count."""
    gaps: Gaps = Gaps()
    """Missing values."""
    repeat_yearly: bool = False
    """Use the file's year for any year, matched by month, day and hour."""


Carbon = Annotated[ConstantCarbon | DailyCarbon | EiaCarbon | CsvCarbon | ParquetCarbon, Field(discriminator="kind")]


class ConstantPrice(Section):
    """The same energy price throughout."""

    kind: Literal["constant"]
    usd_per_kwh: float
    """Price of energy from the grid."""


class DailyPrice(Section):
    """24 hourly prices, repeated every day."""

    kind: Literal["daily_profile"]
    usd_per_kwh: Annotated[tuple[float, ...], Field(min_length=HOURS_OF_DAY, max_length=HOURS_OF_DAY)]
    """Price of each hour of the day (UTC), from 00:00 on."""


class MarketPrice(Section):
    """Hourly market prices (columns `Datetime (UTC)` and `Price (USD/MWh)`)."""

    kind: Literal["market_csv"]
    file: FilePath
    """The file (.csv)."""
    gaps: Gaps = Gaps()
    """Missing hours."""
    repeat_yearly: bool = False
    """Use the file's year for any year, matched by month, day and hour."""


Price = Annotated[ConstantPrice | DailyPrice | MarketPrice, Field(discriminator="kind")]


class Site(Section):
    """Where the datacenter stands."""

    weather: Weather
    """Outdoor air, which decides cooling."""
    carbon_intensity: Carbon
    """Emissions per energy taken from the grid (location-based)."""
    price: Price
    """Cost of energy taken from the grid."""


class NamedSite(Site):
    """One of several sites, each with its own weather, grid and building."""

    name: Name
    """Name of the site."""
    facility: Facility
    """Cooling and power distribution."""
