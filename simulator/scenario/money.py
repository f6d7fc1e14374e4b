"""Sections `site.tariff` and `money`: what is paid beside the energy, and for what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.scenario.names import Name, NonNegative, Positive
from simulator.scenario.price import Price

Hour = Annotated[int, Field(ge=0, le=24)]
Source = Annotated[str, Field(min_length=1)]


class DemandCharge(Section):
    """A charge on the month's highest mean power of a metering interval, for the site as a whole."""

    name: Name
    """Name of the charge."""
    usd_per_kw: NonNegative
    """Per kW of the month's peak."""
    interval_min: Literal[5, 10, 15, 30, 60] = 15
    """Metering interval over which power is averaged, aligned to the clock."""
    from_hour: Hour = 0
    """First hour of the day that counts, in the tariff's time zone."""
    to_hour: Hour = 24
    """End of the hours that count; before `from_hour`: over midnight."""


class Tariff(Section):
    """What the grid charges beside the energy; energy itself is `price`."""

    demand_charges: tuple[DemandCharge, ...] = ()
    """Charges on monthly peaks."""
    fixed_usd_per_month: NonNegative | None = None
    """Fixed charge."""
    export: Price | None = None
    """Price of energy sold to the grid; absent: it earns nothing."""
    diesel_usd_per_l: NonNegative | None = None
    """Price of diesel for generators; absent: its cost is not counted."""
    time_zone: str = "UTC"
    """Zone of months and hours: `UTC`, an offset such as `-08:00` or a name such as `America/Los_Angeles`."""


class Priced(Section):
    """What a thing costs and how long it lasts."""

    lifetime_years: Positive
    """Years over which its price is spread."""
    source: Source | None = None
    """Where the price comes from."""


class ServerPrice(Priced):
    """Price of the servers of a hall."""

    name: Name
    """Name of the hall."""
    accelerator_usd: NonNegative
    """One accelerator; 0 where the server's price holds them."""
    server_usd: NonNegative
    """One server without accelerators."""


class UnitPrice(Priced):
    """Price of one piece."""

    usd: NonNegative
    """One piece."""


class PowerPrice(Priced):
    """Price by power."""

    usd_per_kw: NonNegative
    """One kW."""


class EnergyPrice(Priced):
    """Price by energy content."""

    usd_per_kwh: NonNegative
    """One kWh."""


class CarbonPrice(Section):
    """A price on emissions, internal or by law."""

    usd_per_t: NonNegative
    """Per tonne of CO2e."""
    scope_2: Literal["location", "market_annual", "market_monthly", "market_hourly"] = "location"
    """Method by which energy from the grid counts."""
    embodied: bool = False
    """Whether the embodied emissions that fall into the run pay too."""


class Money(Section):
    """Capital, interest and carbon. There are no defaults for prices: what is not given is not counted."""

    discount_rate: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Rate per year of annuities and of present value; 0: straight line."""
    horizon_years: Positive | None = None
    """Years over which `compare` values one choice against another; absent: payback only."""
    carbon: CarbonPrice | None = None
    """Price of emissions."""
    servers: tuple[ServerPrice, ...] = ()
    """Prices of accelerators and servers, by hall."""
    switch: UnitPrice | None = None
    """Switches between servers, with optics and cables."""
    facility: PowerPrice | None = None
    """Building, power and cooling, per kW of IT capacity."""
    solar: PowerPrice | None = None
    """Photovoltaics, per kW of rated power (DC)."""
    wind: PowerPrice | None = None
    """Wind turbines, per kW of rated power."""
    battery: EnergyPrice | None = None
    """Stationary battery with its inverter, per kWh of nameplate energy."""
    diesel: PowerPrice | None = None
    """Diesel generators, per kW of rated power."""
