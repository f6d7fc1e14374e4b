"""Sections `site` and `sites`: what surrounds the datacenter: weather, carbon intensity, price."""

from __future__ import annotations

from simulator.documents.validation import Section
from simulator.scenario.carbon import Carbon
from simulator.scenario.contracts import Emissions
from simulator.scenario.facility import Facility
from simulator.scenario.footprint import Building, Water
from simulator.scenario.money import Tariff
from simulator.scenario.names import Name
from simulator.scenario.price import Price
from simulator.scenario.supply import Supply
from simulator.scenario.weather import Weather


class Site(Section):
    """Where the datacenter stands."""

    weather: Weather
    """Outdoor air, which decides cooling."""
    carbon_intensity: Carbon
    """Emissions per energy taken from the grid (location-based)."""
    price: Price
    """Cost of energy taken from the grid."""
    supply: Supply | None = None
    """Grid connection, generation on site, batteries, generators; absent: a grid without limits."""
    tariff: Tariff = Tariff()
    """Charges beside the energy."""
    emissions: Emissions = Emissions()
    """Contracts, further factors and leaks."""
    water: Water = Water()
    """Water beyond the site's pipe."""
    building: Building | None = None
    """Embodied emissions of the building; absent: not counted."""


class NamedSite(Site):
    """One of several sites, each with its own weather, grid and building."""

    name: Name
    """Name of the site."""
    facility: Facility
    """Cooling and power distribution."""
