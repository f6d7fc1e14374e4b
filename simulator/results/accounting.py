"""How the energy of a site is accounted for: contracts, factors, tariff, water, assets and interest."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Literal

from simulator.results.estate import Estate
from simulator.signals.base import Signal
from simulator.units import JOULES_PER_MWH, SECONDS_PER_HOUR, WATTS_PER_MW

Matching = Literal["hourly", "monthly", "annual"]
MATCHINGS: tuple[Matching, ...] = ("hourly", "monthly", "annual")

Unmatched = Literal["supplier", "residual mix", "grid average"]
CarbonBasis = Literal["location", "market_annual", "market_monthly", "market_hourly"]


@dataclass(frozen=True, slots=True)
class Instrument:
    """A contract that covers energy from the grid.

    Args:
        name: name of the contract.
        output: output over rated power by time; None for certificates, which carry no hours.
        mw: rated power of the share, of a contract with hours.
        mwh_per_year: amount for a year, of certificates.
        g_per_kwh: emission factor.
        same_grid: generated in the grid of the site; otherwise it covers nothing.
        renewable: counts towards the renewable energy factor.
    """

    name: str
    output: Signal | None
    mw: float
    mwh_per_year: float
    g_per_kwh: float
    same_grid: bool
    renewable: bool

    @property
    def rated_w(self) -> float:
        """Rated power of the share."""
        return self.mw * WATTS_PER_MW

    @property
    def yearly_j(self) -> float:
        """Energy of a year, of certificates."""
        return self.mwh_per_year * JOULES_PER_MWH


@dataclass(frozen=True, slots=True)
class DemandCharge:
    """A charge on the highest mean power of a metering interval in each month.

    Args:
        name: name of the charge.
        usd_per_kw: per kW of the month's peak.
        interval_s: metering interval.
        from_hour: first hour of the day that counts.
        to_hour: end of the hours that count; before `from_hour`: over midnight.
    """

    name: str
    usd_per_kw: float
    interval_s: int
    from_hour: int
    to_hour: int


@dataclass(frozen=True, slots=True)
class Tariff:
    """What the grid charges beside the energy.

    Args:
        demand_charges: charges on monthly peaks.
        fixed_usd_per_month: fixed charge; None where there is none.
        export_usd_per_kwh: price of energy sold to the grid; None where it earns nothing.
        fuel_usd_per_l: price of diesel; None where it is not known.
        zone: time zone of months and hours.
    """

    demand_charges: tuple[DemandCharge, ...] = ()
    fixed_usd_per_month: float | None = None
    export_usd_per_kwh: Signal | None = None
    fuel_usd_per_l: float | None = None
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Accounting:
    """What the results must know to account for a site; the defaults add nothing to energy x carbon intensity.

    Args:
        unmatched_g_per_kwh: factor of what no instrument covers; None for the grid average.
        unmatched: what that factor is.
        instruments: contracts.
        grid_loss_fraction: losses of the grid over generation, where the carbon intensity is per energy generated.
        marginal_g_per_kwh: marginal intensity, for differences between two runs.
        refrigerant_kg_co2e_per_year: leaks of refrigerant; None where they are not counted.
        source_water_l_per_kwh: water of power stations; None where it is not known.
        site_scarcity: weight of water consumed at the site.
        source_scarcity: weight of water consumed at power stations.
        tariff: charges beside the energy.
        estate: what stands there and what it costs.
    """

    unmatched_g_per_kwh: Signal | None = None
    unmatched: Unmatched = "grid average"
    instruments: tuple[Instrument, ...] = ()
    grid_loss_fraction: float = 0.0
    marginal_g_per_kwh: Signal | None = None
    refrigerant_kg_co2e_per_year: float | None = None
    source_water_l_per_kwh: float | None = None
    site_scarcity: float | None = None
    source_scarcity: float | None = None
    tariff: Tariff = Tariff()
    estate: Estate = field(default_factory=Estate)

    @property
    def interval_s(self) -> int:
        """Metering interval in which every charge and every hour is a whole number of intervals."""
        return math.gcd(int(SECONDS_PER_HOUR), *(charge.interval_s for charge in self.tariff.demand_charges))


@dataclass(frozen=True, slots=True)
class Money:
    """Interest, horizon and the price of carbon, the same at all sites.

    Args:
        discount_rate: per year.
        horizon_years: over which choices are valued; None for payback only.
        carbon_usd_per_kg: price of emissions; None where there is none.
        carbon_basis: method by which energy from the grid counts.
        carbon_on_embodied: embodied emissions of the run pay too.
    """

    discount_rate: float = 0.0
    horizon_years: float | None = None
    carbon_usd_per_kg: float | None = None
    carbon_basis: CarbonBasis = "location"
    carbon_on_embodied: bool = False
