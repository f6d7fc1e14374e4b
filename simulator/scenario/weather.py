"""Sections of `weather`: outdoor air."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.scenario.names import Fraction
from simulator.scenario.series import DatedSeries, FileSeries

Celsius = Annotated[float, Field(ge=-60, le=60)]


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


class EpwWeather(FileSeries):
    """A typical year in an EnergyPlus weather file (.epw), matched by month, day and hour."""

    kind: Literal["epw"]


class Tmy3Weather(FileSeries):
    """A typical year of the U.S. NREL in its own form (TMY3, .csv), matched by month, day and hour."""

    kind: Literal["tmy3"]


class OpenMeteoWeather(DatedSeries):
    """Hourly weather as the Open-Meteo archive returns it (.json)."""

    kind: Literal["open_meteo"]


Weather = Annotated[
    ConstantWeather | DailyWeather | EpwWeather | Tmy3Weather | OpenMeteoWeather, Field(discriminator="kind")
]
