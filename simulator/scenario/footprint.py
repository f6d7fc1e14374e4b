"""Sections `embodied`, `site.building` and `site.water`: what is embodied, and water beyond the pipe."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simulator.documents.validation import Section
from simulator.scenario.names import NonNegative, Positive

Scarcity = Annotated[float, Field(ge=0.1, le=100)]


class Building(Section):
    """Embodied emissions of the building with its power and cooling equipment, by IT capacity or by area."""

    kg_per_kw: NonNegative | None = None
    """Per kW of IT capacity (CO2e)."""
    kg_per_m2: NonNegative | None = None
    """Per floor area (CO2e); needs `area_m2`."""
    area_m2: Positive | None = None
    """Floor area."""
    lifetime_years: Positive
    """Years over which they are spread."""
    source: str | None = None
    """Where the figure comes from."""


class Embodied(Section):
    """Embodied emissions; those of servers and switches stand in their profiles."""

    uncertainty_factor: Annotated[float, Field(ge=1, le=10)] = 1.6
    """Factor either way within which nine of ten figures lie (docs/sources.md, embodied emissions)."""


class Water(Section):
    """Water beyond the site's pipe."""

    source_l_per_kwh: NonNegative | None = None
    """Water that power stations consume per energy from the grid; docs/sources.md lists published figures."""
    site_scarcity: Scarcity | None = None
    """AWARE factor of the basin of the site; 1 is the world average."""
    source_scarcity: Scarcity | None = None
    """AWARE factor of the basins of the power stations."""
