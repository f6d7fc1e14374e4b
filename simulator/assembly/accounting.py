"""From sections `tariff`, `emissions`, `water`, `embodied` and `money` to how a site is accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo

from simulator.assembly.contracts import ContractReader, contract_notes, leak_kg
from simulator.assembly.faults import FaultCollector, part
from simulator.assembly.generation import Surroundings
from simulator.assembly.series import SeriesReader
from simulator.documents.yaml_source import KeyPath
from simulator.profiles.site_energy import TurbineRecord
from simulator.profiles.sourced import Profile
from simulator.results.accounting import Accounting, DemandCharge, Money, Tariff
from simulator.results.estate import Asset, Estate, Price
from simulator.scenario import footprint, money
from simulator.scenario.facility import ModelledFacility
from simulator.scenario.schema import LocatedSite, ScenarioRecord
from simulator.signals.origin import SignalOrigin
from simulator.signals.plain_csv import stated_time_zone
from simulator.units import GRAMS_PER_KG, SECONDS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class AccountingSpec:
    """How a site is accounted for, and what its series want said.

    Args:
        accounting: for the results.
        origins: where the series come from.
        notes: what their readers assumed.
        profiles: profiles used.
    """

    accounting: Accounting
    origins: tuple[SignalOrigin, ...]
    notes: tuple[str, ...]
    profiles: tuple[Profile[TurbineRecord], ...]


def money_of(section: money.Money | None) -> Money:
    """Return interest, horizon and the price of carbon."""
    if section is None:
        return Money()
    carbon = section.carbon
    return Money(
        discount_rate=section.discount_rate,
        horizon_years=section.horizon_years,
        carbon_usd_per_kg=carbon.usd_per_t / GRAMS_PER_KG if carbon is not None else None,
        carbon_basis=carbon.scope_2 if carbon is not None else "location",
        carbon_on_embodied=carbon.embodied if carbon is not None else False,
    )


def accounting_spec(
    record: ScenarioRecord, located: LocatedSite, around: Surroundings, faults: FaultCollector
) -> AccountingSpec:
    """Return how a site is accounted for; what is wrong goes to `faults`.

    Args:
        record: the scenario.
        located: the site.
        around: its weather over the run.
        faults: takes what is wrong.
    """
    return _Accountant(record, located, around, faults).spec()


class _Accountant:
    def __init__(
        self, record: ScenarioRecord, located: LocatedSite, around: Surroundings, faults: FaultCollector
    ) -> None:
        self._record, self._located, self._around, self._faults = record, located, around, faults
        self._reader = SeriesReader(around.base, around.window)

    def spec(self) -> AccountingSpec:
        """Return the specification."""
        site, emissions = self._located.surroundings, self._located.surroundings.emissions
        contracts = ContractReader(self._reader, self._around, self._faults, self._place("emissions"))
        unmatched, kind = contracts.unmatched(emissions)
        accounting = Accounting(
            unmatched_g_per_kwh=unmatched,
            unmatched=kind,
            instruments=contracts.instruments(emissions),
            grid_loss_fraction=emissions.grid_loss_fraction or 0.0,
            marginal_g_per_kwh=contracts.marginal(emissions),
            refrigerant_kg_co2e_per_year=leak_kg(emissions.refrigerant),
            source_water_l_per_kwh=site.water.source_l_per_kwh,
            site_scarcity=site.water.site_scarcity,
            source_scarcity=site.water.source_scarcity,
            tariff=self._tariff(site.tariff),
            estate=self._estate(),
        )
        notes = [*self._reader.notes, *contract_notes(accounting)]
        return AccountingSpec(
            accounting, tuple(self._reader.origins), tuple(dict.fromkeys(notes)), tuple(contracts.profiles)
        )

    def _place(self, *path: str) -> KeyPath:
        return (*self._located.place, *path)

    def _tariff(self, section: money.Tariff) -> Tariff:
        zone: tzinfo = UTC
        with self._faults.at(self._place("tariff", "time_zone")):
            zone = stated_time_zone(section.time_zone)
        charges = []
        for charge in section.demand_charges:
            if charge.from_hour == charge.to_hour:
                place = self._place("tariff", "demand_charges", charge.name, "to_hour")
                self._faults.add(place, f"must differ from from_hour, got {charge.to_hour} twice")
            interval_s = round(charge.interval_min * SECONDS_PER_MINUTE)
            charges.append(DemandCharge(charge.name, charge.usd_per_kw, interval_s, charge.from_hour, charge.to_hour))
        export = None
        if section.export is not None:
            with self._faults.at(self._place("tariff", "export")):
                export = self._reader.price(section.export, "export_price")
        return Tariff(tuple(charges), section.fixed_usd_per_month, export, section.diesel_usd_per_l, zone)

    def _estate(self) -> Estate:
        factor = self._record.embodied.uncertainty_factor
        prices = dict(_prices(self._record.money)) if self._record.money is not None else {}
        return Estate(self._building(), prices, factor)

    def _building(self) -> tuple[Asset, ...]:
        """Return the building's footprint and price; per kW of IT capacity only where the capacity is known."""
        building = self._located.surroundings.building
        price = self._record.money.facility if self._record.money is not None else None
        facility = self._located.facility
        capacity_kw = facility.it_capacity_kw if isinstance(facility, ModelledFacility) else None
        found = []
        if building is not None:
            with self._faults.at(self._place("building")):
                count, kg = _building_kg(building, capacity_kw)
                source, years = building.source or "", building.lifetime_years
                found.append(Asset("building", "nameplate", "", count, kg, years, source=source))
        if price is not None:
            with self._faults.at(("money", "facility", "usd_per_kw")):
                found.append(
                    Asset("plant", "nameplate", "", _known(capacity_kw), price=_price(price, price.usd_per_kw))
                )
        return tuple(found)


def _prices(prices: money.Money) -> Iterator[tuple[tuple[str, str], Price]]:
    """Yield prices by name of the asset and hall."""
    for hall in prices.servers:
        yield ("accelerators", hall.name), _price(hall, hall.accelerator_usd)
        yield ("servers", hall.name), _price(hall, hall.server_usd)
    if prices.switch is not None:
        yield ("switches", ""), _price(prices.switch, prices.switch.usd)
    if prices.battery is not None:
        yield ("battery", ""), _price(prices.battery, prices.battery.usd_per_kwh)
    for name, section in (("solar", prices.solar), ("wind", prices.wind), ("diesel", prices.diesel)):
        if section is not None:
            yield (name, ""), _price(section, section.usd_per_kw)


def _price(section: money.Priced, usd: float) -> Price:
    return Price(usd, section.lifetime_years, section.source or "")


def _known(capacity_kw: float | None) -> float:
    if capacity_kw is None:
        raise ValueError("is per kW of IT capacity, which a building of published PUE does not have")
    return capacity_kw


def _building_kg(building: footprint.Building, capacity_kw: float | None) -> tuple[float, float]:
    """Return the size of a building and the emissions of a unit of it."""
    if (building.kg_per_kw is None) == (building.kg_per_m2 is None):
        raise ValueError("must have either kg_per_kw or kg_per_m2")
    if building.kg_per_kw is not None:
        with part("kg_per_kw"):
            return _known(capacity_kw), building.kg_per_kw
    if building.area_m2 is None or building.kg_per_m2 is None:
        raise ValueError("kg_per_m2 needs area_m2")
    return building.area_m2, building.kg_per_m2
