"""Section `site.emissions`: what an inventory needs beside the carbon intensity of the grid."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.scenario.carbon import Carbon
from simulator.scenario.names import Fraction, Name, NonNegative, Positive
from simulator.scenario.series import HOURS_OF_DAY, DatedSeries


class ConstantOutput(Section):
    """The same output throughout, as of a block of energy or a plant that always runs."""

    kind: Literal["constant"]
    capacity_factor: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Output / rated power."""


class DailyOutput(Section):
    """24 hourly outputs, repeated every day."""

    kind: Literal["daily_profile"]
    fractions: Annotated[tuple[Fraction, ...], Field(min_length=HOURS_OF_DAY, max_length=HOURS_OF_DAY)]
    """Output / rated power of each hour of the day (UTC), from 00:00 on."""


class SolarOutput(Section):
    """A solar plant under a clear sky: hours and seasons of its place, no clouds."""

    kind: Literal["solar"]
    latitude_deg: Annotated[float, Field(ge=-66, le=66)]
    """Latitude, north positive."""
    longitude_deg: Annotated[float, Field(ge=-180, le=180)]
    """Longitude, east positive."""
    capacity_factor: Annotated[float, Field(gt=0, le=0.4)]
    """Mean output of a year / rated power."""


class WindOutput(Section):
    """Wind turbines near the site, in the wind of its weather file."""

    kind: Literal["wind"]
    hub_height_m: Annotated[float, Field(ge=10, le=300)] = 100.0
    """Height of the hub."""
    shear_exponent: Annotated[float, Field(ge=0, le=1)] = 0.143
    """Exponent of the wind profile from 10 m up: 1/7 over open flat ground, more over rough ground."""
    profile: str = "wind-iec2"
    """Facility profile of the turbine, by name or path."""


class CsvOutput(DatedSeries):
    """A CSV file with a time column and the output of a plant, such as measured wind or solar generation."""

    kind: Literal["csv"]
    time_column: str
    """Header of the instants at which values begin to hold."""
    value_column: str
    """Header of the values."""
    rated_mw: Positive | None = None
    """Rated power of the plant, for values in MW; absent: values are output / rated power, 0 to 1."""
    time_zone: str | None = None
    """Zone of stamps that carry none: `UTC`, an offset such as `+02:00` or a name such as `Europe/Berlin`."""
    provider: str = "unstated"
    """Who publishes the values."""


Output = Annotated[ConstantOutput | DailyOutput | SolarOutput | WindOutput | CsvOutput, Field(discriminator="kind")]


class PowerPurchase(Section):
    """A power purchase agreement: a share of a plant's output, hour by hour, with its attributes."""

    kind: Literal["ppa"]
    name: Name
    """Name of the contract."""
    mw: Positive
    """Rated power of the share."""
    output: Output
    """Output of the plant by time."""
    g_per_kwh: NonNegative = 0.0
    """Emission factor of the plant."""
    same_grid: bool
    """The plant feeds the grid of the site; energy from elsewhere covers nothing."""
    renewable: bool = True
    """Counts towards the renewable energy factor."""


class Certificates(Section):
    """Energy attribute certificates without hours: they match the year as a whole, and no hour or month."""

    kind: Literal["certificates"]
    name: Name
    """Name of the purchase."""
    mwh_per_year: Positive
    """Amount retired for a year; a shorter run has its share of it."""
    g_per_kwh: NonNegative = 0.0
    """Emission factor that they carry."""
    same_grid: bool
    """Generated in the grid of the site; certificates from elsewhere cover nothing."""
    renewable: bool = True
    """Count towards the renewable energy factor."""


Instrument = Annotated[PowerPurchase | Certificates, Field(discriminator="kind")]


class Refrigerant(Section):
    """Refrigerant of the chillers, which leaks (scope 1)."""

    charge_kg: Positive
    """Refrigerant in all machines."""
    leak_fraction_per_year: Fraction
    """Share of the charge lost in a year."""
    warming_potential: NonNegative
    """Of the refrigerant over 100 years, kg CO2e per kg."""


class Emissions(Section):
    """Contracts, factors and leaks of a site."""

    grid_loss_fraction: Annotated[float, Field(gt=0, lt=0.5)] | None = None
    """Losses of transmission and distribution / generation, where `carbon_intensity` is per energy generated: they are
    scope 3 category 3. Absent: the intensity holds at the meter, and there is nothing to add."""
    supplier: Carbon | None = None
    """Factor of the supplier for what no instrument covers."""
    residual_mix: Carbon | None = None
    """Factor for what no instrument covers, where the supplier has none; absent: the grid average, claimed twice."""
    instruments: tuple[Instrument, ...] = ()
    """Contracts that cover energy from the grid in the market-based method."""
    marginal: Carbon | None = None
    """Marginal intensity of the grid, for the difference between two runs only."""
    refrigerant: Refrigerant | None = None
    """Refrigerant; absent: leaks are not counted."""
