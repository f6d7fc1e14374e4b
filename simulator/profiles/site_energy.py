"""Profiles of what a site has beside its grid connection: batteries, arrays, turbines, generators, per unit of size."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from simulator.documents.validation import Section

Fraction = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Points = Annotated[tuple[tuple[float, float], ...], Field(min_length=2)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


class _SiteRecord(Section):
    """What the profiles of this file share."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    """Version of the profile format."""
    name: str
    """Name used in scenarios."""
    lifetime_years: Positive
    """Over which embodied emissions are spread."""


class BatteryRecord(_SiteRecord):
    """A stationary battery with its inverter, per unit of nameplate energy and power."""

    profile: Literal["facility-battery"]
    """What this file describes."""
    charge_efficiency: Share
    """Energy stored / energy taken at the terminals."""
    discharge_efficiency: Share
    """Energy given at the terminals / energy drawn from the store."""
    standby_fraction: Fraction
    """Constant drain of the store, as a share of rated power."""
    lowest_fraction: Fraction
    """Lower end of the window of operation, as a share of nameplate energy."""
    highest_fraction: Share
    """Upper end of the window."""
    charge_taper_fraction: Fraction
    """Share of nameplate energy from which on the accepted power falls, down to 0 at the upper end."""
    discharge_taper_fraction: Fraction
    """Share of nameplate energy below which the delivered power falls, down to 0 at the lower end."""
    cycle_life: Positive
    """Equivalent full cycles until the end of its life, if they come before the calendar does."""
    embodied_kg_co2e_per_kwh: NonNegative
    """Embodied emissions per kWh of nameplate energy."""

    @model_validator(mode="after")
    def _ordered(self) -> BatteryRecord:
        order = ("lowest_fraction", "discharge_taper_fraction", "charge_taper_fraction", "highest_fraction")
        values = [getattr(self, name) for name in order]
        if not (values[0] <= values[1] <= values[2] <= values[3] and values[0] < values[3]):
            raise ValueError(f"needs {' <= '.join(order)}, got {values}")
        return self


class SolarRecord(_SiteRecord):
    """A photovoltaic array with its inverters, per unit of rated power."""

    profile: Literal["facility-solar"]
    """What this file describes."""
    temperature_coefficient_per_k: Annotated[float, Field(ge=-0.01, le=0)]
    """Change of power with cell temperature."""
    heat_loss_w_per_m2_k: Positive
    """Heat loss of a module in calm air."""
    wind_loss_w_s_per_m3_k: NonNegative
    """Rise of the heat loss with wind."""
    losses: dict[str, Fraction]
    """Losses one after the other, by name: soiling, shading, mismatch and so on."""
    dc_to_ac_ratio: Positive
    """Rated power of the array / rated power of the inverters."""
    inverter_efficiency: Share
    """Efficiency of the inverters at rated power."""
    albedo: Fraction
    """Share of the sunlight that the ground reflects."""
    embodied_kg_co2e_per_kw: NonNegative
    """Embodied emissions per kW of rated power, mounting and inverters included."""


class TurbineRecord(_SiteRecord):
    """A wind turbine, per unit of rated power."""

    profile: Literal["facility-wind"]
    """What this file describes."""
    power_curve: Points
    """Wind at the hub in standard air (m/s) and power / rated power, in rising order of wind."""
    loss_fraction: Fraction
    """Wakes, downtime and lines."""
    embodied_kg_co2e_per_kw: NonNegative
    """Embodied emissions per kW of rated power."""

    @model_validator(mode="after")
    def _rising(self) -> TurbineRecord:
        _check_curve("power_curve", self.power_curve)
        return self


class GeneratorRecord(_SiteRecord):
    """A diesel generator, per unit of rated power."""

    profile: Literal["facility-generator"]
    """What this file describes."""
    fuel_l_per_kwh: Points
    """Load / rated load, and litres an hour per kW of rated power, in rising order of load, the last at 1."""
    start_s: NonNegative
    """From the failure of the grid until the generators carry the load."""
    embodied_kg_co2e_per_kw: NonNegative
    """Embodied emissions per kW of rated power."""

    @model_validator(mode="after")
    def _rising(self) -> GeneratorRecord:
        _check_curve("fuel_l_per_kwh", self.fuel_l_per_kwh)
        if self.fuel_l_per_kwh[-1][0] != 1.0:
            raise ValueError(f"fuel_l_per_kwh must end at a load of 1, got {self.fuel_l_per_kwh[-1][0]:g}")
        return self


def _check_curve(name: str, points: tuple[tuple[float, float], ...]) -> None:
    places = [place for place, _ in points]
    if any(low >= high for low, high in pairwise(places)):
        raise ValueError(f"{name} must have rising first numbers, got {places}")
    if any(value < 0.0 for _, value in points):
        raise ValueError(f"{name} must have no negative values")
