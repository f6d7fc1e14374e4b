"""Sections of `price`: cost of energy taken from the grid."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.scenario.series import HOURS_OF_DAY, DatedSeries


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


class MarketPrice(DatedSeries):
    """Hourly market prices (.csv with columns `Datetime (UTC)` and `Price (USD/MWh)`)."""

    kind: Literal["market_csv"]


class CaisoPrice(DatedSeries):
    """Locational prices of the California ISO, as OASIS gives them (.csv)."""

    kind: Literal["caiso"]
    node: str
    """Node or hub, as in column NODE, such as `TH_NP15_GEN-APND`."""


class ErcotPrice(DatedSeries):
    """Settlement point prices of ERCOT, day-ahead or real-time (.csv)."""

    kind: Literal["ercot"]
    settlement_point: str
    """Hub, load zone or node, such as `HB_NORTH`."""


class NyisoPrice(DatedSeries):
    """Zonal or generator prices of the New York ISO (.csv)."""

    kind: Literal["nyiso"]
    name: str
    """Zone or generator, as in column Name, such as `N.Y.C.`."""
    stamps: Literal["start", "end"]
    """Whether a stamp is the start of its interval (day-ahead and hourly files) or its end (real-time files)."""


class PjmPrice(DatedSeries):
    """Hourly prices of PJM, as Data Miner gives them (.csv)."""

    kind: Literal["pjm"]
    node: str
    """As in column pnode_name, such as `DOM`."""
    market: Literal["day_ahead", "real_time"]
    """Which of the two prices."""


class EntsoePrice(DatedSeries):
    """Day-ahead prices as the ENTSO-E Transparency Platform exports them (.csv, EUR/MWh)."""

    kind: Literal["entsoe"]
    usd_per_eur: Annotated[float, Field(gt=0.1, lt=10)]
    """Exchange rate, the same for the whole file."""
    area: str | None = None
    """Bidding zone, as in column Area, where a file has several."""
    sequence: str | None = None
    """Auction, as in column Sequence, where a file has several."""


class CsvPrice(DatedSeries):
    """Any CSV file with a time column and a price."""

    kind: Literal["csv"]
    time_column: str
    """Header of the instants at which prices begin to hold."""
    value_column: str
    """Header of the prices."""
    unit: Literal["usd_per_kwh", "usd_per_mwh"]
    """Unit of the prices."""
    time_zone: str | None = None
    """Zone of stamps that carry none: `UTC`, an offset such as `+02:00` or a name such as `Europe/Berlin`."""
    provider: str = "unstated"
    """Who publishes the prices."""


Price = Annotated[
    ConstantPrice | DailyPrice | MarketPrice | CaisoPrice | ErcotPrice | NyisoPrice | PjmPrice | EntsoePrice | CsvPrice,
    Field(discriminator="kind"),
]
