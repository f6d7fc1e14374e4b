"""Sections of `carbon_intensity`: emissions per energy taken from the grid."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.scenario.names import NonNegative
from simulator.scenario.series import HOURS_OF_DAY, DatedSeries
from simulator.signals.origin import FactorBasis, FactorBoundary


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


class EiaCarbon(DatedSeries):
    """Hourly generation and average intensity of a US balancing area (columns `timestamp` and `avg_CI`)."""

    kind: Literal["eia"]


class ElectricityMapsCarbon(DatedSeries):
    """Hourly intensity of a zone as Electricity Maps exports it (.csv)."""

    kind: Literal["electricity_maps"]
    boundary: Literal["direct", "life_cycle"]
    """Which of the two columns: emissions at the power stations, or of their life cycle."""


class GbCarbon(DatedSeries):
    """Half-hourly intensity of Great Britain as the API of its system operator answers (.json)."""

    kind: Literal["gb"]
    use: Literal["actual", "forecast", "actual_or_forecast"]
    """Which of the two series; `actual_or_forecast` takes the forecast where there is no actual, and counts it."""


class WattTimeCarbon(DatedSeries):
    """Marginal rates of WattTime (.csv), for differences between two runs; refused in an inventory."""

    kind: Literal["watttime"]
    value_column: str
    """Header of the rates, such as `MOER`, `value` or the name of a region."""
    unit: Literal["g_per_kwh", "lb_per_mwh"]
    """Unit of the rates, which the file does not say."""


class CsvCarbon(DatedSeries):
    """Any CSV file with a time column and a carbon intensity in g/kWh."""

    kind: Literal["csv"]
    time_column: str
    """Header of the instants at which values begin to hold."""
    value_column: str
    """Header of the values."""
    time_zone: str | None = None
    """Zone of stamps that carry none: `UTC`, an offset such as `+02:00` or a name such as `Europe/Berlin`."""
    factor: StatedFactor = StatedFactor()
    """What the values count."""


class ParquetCarbon(DatedSeries):
    """A Parquet file with `timestamp` (UTC) and `carbon_intensity` (g/kWh), as OpenDC uses them."""

    kind: Literal["parquet"]
    factor: StatedFactor = StatedFactor()
    """What the values count."""


Carbon = Annotated[
    ConstantCarbon
    | DailyCarbon
    | EiaCarbon
    | ElectricityMapsCarbon
    | GbCarbon
    | WattTimeCarbon
    | CsvCarbon
    | ParquetCarbon,
    Field(discriminator="kind"),
]
