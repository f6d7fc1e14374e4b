"""What stands at a site: embodied emissions and capital, and the part of them that falls into a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from simulator.physics.embodied import sci_embodied_kg
from simulator.physics.finance import capital_recovery_factor
from simulator.records import SiteFacts, SiteRecords, StoreFacts
from simulator.units import JOULES_PER_KWH, SECONDS_PER_YEAR, WATTS_PER_KW

SharedBy = Literal["hall", "accelerators", "nameplate"]


@dataclass(frozen=True, slots=True)
class Price:
    """A price and how it is spread.

    Args:
        usd: of one.
        years: lifetime over which it is spread.
        source: where it comes from.
    """

    usd: float
    years: float
    source: str


@dataclass(frozen=True, slots=True)
class Asset:
    """Things of one kind.

    Args:
        name: what they are.
        shared_by: how workloads share them.
        hall: hall that they stand in; empty when the site shares them.
        count: number, or kW, kWh or m2.
        embodied_kg_co2e: of one; None where nothing is known.
        embodied_years: lifetime over which that is spread.
        price: price of one; None where none is given.
        worn_fraction: share of the life that use took in the run, where it counts when it exceeds the share of time.
        source: of the footprint, as the scenario says; empty for those of profiles.
    """

    name: str
    shared_by: SharedBy
    hall: str
    count: float
    embodied_kg_co2e: float | None = None
    embodied_years: float = 1.0
    price: Price | None = None
    worn_fraction: float = 0.0
    source: str = ""

    def embodied_kg(self, duration_s: float) -> float:
        """Return the embodied emissions that fall into a run, by time or by wear, whichever is more."""
        total_kg = self.count * (self.embodied_kg_co2e or 0.0)
        by_time_kg = sci_embodied_kg(total_kg, self.embodied_years * SECONDS_PER_YEAR, duration_s)
        return max(by_time_kg, self.worn_fraction * total_kg)

    @property
    def capital_usd(self) -> float:
        """Price of all."""
        return self.count * self.price.usd if self.price is not None else 0.0

    def run_usd(self, discount_rate: float, duration_s: float) -> float:
        """Return the part of the price that falls into a run, as an annuity over the lifetime."""
        if self.price is None:
            return 0.0
        factor = capital_recovery_factor(discount_rate, self.price.years)
        return self.capital_usd * factor * duration_s / SECONDS_PER_YEAR


Prices = dict[tuple[str, str], Price]
"""Prices by name of the asset and hall, empty for assets that the site shares."""


@dataclass(frozen=True, slots=True)
class Estate:
    """What the scenario says of what stands at a site.

    Args:
        shared: the building, with its price.
        prices: prices of what the records know; what has none is not priced.
        uncertainty_factor: factor either way within which nine of ten embodied figures lie.
    """

    shared: tuple[Asset, ...] = ()
    prices: Prices = field(default_factory=dict)
    uncertainty_factor: float = 1.6


def assets_of(site: SiteRecords, estate: Estate) -> tuple[Asset, ...]:
    """Return everything that stands at a site."""
    found = (*_it(site.facts, estate.prices), *_supply(site, estate.prices), *estate.shared)
    return tuple(asset for asset in found if asset.count)


def _it(facts: SiteFacts, prices: Prices) -> Iterator[Asset]:
    for hall in facts.halls:
        life = hall.lifetime_years
        for name, count, kg in (
            ("accelerators", hall.accelerators, hall.accelerator_embodied_kg_co2e),
            ("servers", hall.servers, hall.server_embodied_kg_co2e),
        ):
            yield Asset(name, "hall", hall.name, count, kg, life, prices.get((name, hall.name)))
    if facts.network is not None:
        network, price = facts.network, prices.get(("switches", ""))
        kg, life = network.embodied_kg_co2e, network.lifetime_years
        yield Asset("switches", "accelerators", "", network.switches, kg, life, price)


def _supply(site: SiteRecords, prices: Prices) -> Iterator[Asset]:
    """Yield generation and storage, by kW and kWh."""
    supply = site.facts.supply
    if supply is None:
        return
    for name, unit in (("solar", supply.solar), ("wind", supply.wind), ("diesel", supply.diesel)):
        if unit is not None:
            kw = unit.rated_w / WATTS_PER_KW
            yield Asset(
                name, "nameplate", "", kw, unit.embodied_kg_co2e / kw, unit.lifetime_years, prices.get((name, ""))
            )
    store = supply.battery
    if store is not None:
        kwh = store.energy_j / JOULES_PER_KWH
        kg = store.embodied_kg_co2e / kwh if store.embodied_kg_co2e is not None else None
        yield Asset(
            "battery",
            "nameplate",
            "",
            kwh,
            kg,
            store.lifetime_years if store.lifetime_years is not None else 1.0,
            prices.get(("battery", "")),
            _worn(site, store),
        )


def _worn(site: SiteRecords, store: StoreFacts) -> float:
    """Return the share of a battery's cycles that the run took."""
    if store.cycle_life is None:
        return 0.0
    given_j = float(site.steps.columns["supply.battery_discharge_w"] @ site.steps.durations_s)
    return given_j / store.energy_j / store.cycle_life
