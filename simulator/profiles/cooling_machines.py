"""Machines that cooling plants share: air handlers, water loops, chillers, dry coolers, towers, wet media."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from simulator.documents.validation import Section
from simulator.physics.carnot_chillers import CarnotMachine
from simulator.physics.chillers import EirChiller
from simulator.physics.yorkcalc import RANGE_RANGE_K, WET_BULB_RANGE_C
from simulator.profiles.accelerators import Fraction, NonNegative, Positive

Share = Annotated[float, Field(ge=0, le=1)]
Units = Annotated[int, Field(ge=1)]
SpareUnits = Annotated[int, Field(ge=0)]
Celsius = Annotated[float, Field(ge=-60, le=120)]
Curve = Annotated[tuple[float, ...], Field(min_length=1)]
Biquadratic = Annotated[tuple[float, ...], Field(min_length=6, max_length=6)]


class AirHandlers(Section):
    """Fans that move air through the hall, with filters and coils in their way."""

    temperature_rise_k: Positive
    """Air from the servers - air to them at design."""
    density_kg_per_m3: Positive
    """Density of the air."""
    specific_heat_j_per_kg_k: Positive
    """Specific heat of the air."""
    pressure_rise_pa: Positive
    """Total pressure rise of the fans at design flow."""
    fan_efficiency: Fraction
    """Air power over electric power."""
    fan_curve: Curve
    """Power over design power, polynomial in flow over design flow, lowest order first."""
    minimum_flow_fraction: Fraction
    """Lowest flow over design flow."""
    units: Units
    """Air handlers that carry the design heat."""
    redundant_units: SpareUnits
    """Further air handlers; all run, at lower speed, because fan power falls faster than flow."""

    @property
    def installed_ratio(self) -> float:
        """Installed handlers over those that carry the design heat."""
        return (self.units + self.redundant_units) / self.units


class WaterLoop(Section):
    """A closed loop of water and its pumps; flow follows heat at the design temperature rise."""

    temperature_rise_k: Positive
    """Return - supply at design."""
    minimum_flow_fraction: Fraction
    """Lowest flow over design flow."""
    head_pa: Positive
    """Head of the pumps at design flow."""
    static_head_fraction: Share
    """Share of that head that the speed control holds at any flow."""
    pump_efficiency: Fraction
    """Hydraulic power over electric power."""


class AirCooledChillers(Section):
    """Chillers or direct-expansion units that give their heat to outdoor air; condenser fans are in their power."""

    design_outdoor_c: Celsius
    """Outdoor dry bulb of the design point."""
    units: Units
    """Machines that carry the design load."""
    redundant_units: SpareUnits
    """Further machines, idle unless the others cannot carry the load."""
    carnot_effectiveness: Fraction
    """COP over Carnot COP between the refrigerant temperatures, at full load."""
    evaporator_approach_k: NonNegative
    """Leaving cold medium - evaporating temperature."""
    condenser_approach_k: NonNegative
    """Condensing temperature - outdoor dry bulb."""
    part_load_curve: Curve
    """Power over full-load power, polynomial in the part load ratio, lowest order first."""
    minimum_part_load_ratio: Fraction
    """The machine cycles below this load over capacity."""
    minimum_lift_k: Positive
    """Lowest condensing - evaporating temperature."""
    maximum_cop: Positive
    """No machine is credited with more."""

    @property
    def installed_ratio(self) -> float:
        """Installed machines over those that carry the design load."""
        return (self.units + self.redundant_units) / self.units

    def machine(self) -> CarnotMachine:
        """Return the Carnot machine."""
        return CarnotMachine(
            self.carnot_effectiveness,
            self.evaporator_approach_k,
            self.condenser_approach_k,
            self.minimum_lift_k,
            self.maximum_cop,
        )


class EirCurves(Section):
    """A chiller of published EnergyPlus curves (Chiller:Electric:EIR)."""

    reference_capacity_w: Positive
    """Evaporator heat at the reference temperatures."""
    reference_cop: Positive
    """Evaporator heat over electric power at the reference point."""
    capacity_curve: Biquadratic
    """Capacity over reference capacity, biquadratic in chilled water and condenser temperature (degC)."""
    eir_curve: Biquadratic
    """Power per capacity over its reference, biquadratic in the same temperatures."""
    part_load_curve: Curve
    """Power over full-load power, polynomial in the part load ratio."""
    minimum_part_load_ratio: Fraction
    """The machine cycles below it."""
    maximum_part_load_ratio: Positive
    """Highest load over available capacity."""
    minimum_unloading_ratio: Fraction
    """Hot-gas bypass keeps the compressor at this load below it."""
    chilled_water_range_c: tuple[float, float]
    """Leaving chilled water for which the curves are valid."""
    condenser_range_c: tuple[float, float]
    """Entering condenser water, or outdoor air, for which the curves are valid."""

    @model_validator(mode="after")
    def _ranges_rise(self) -> Self:
        for name in ("chilled_water_range_c", "condenser_range_c"):
            low, high = getattr(self, name)
            if not low < high:
                raise ValueError(f"{name} must rise, got {low:g} to {high:g}")
        return self

    def chiller(self) -> EirChiller:
        """Return the chiller."""
        return EirChiller(**self.model_dump())


class DryCoolers(Section):
    """Coils in outdoor air."""

    design_air_c: Celsius
    """Outdoor dry bulb of the design point."""
    design_entering_c: Celsius
    """Water entering at the design point."""
    design_leaving_c: Celsius
    """Water leaving at the design point."""
    air_rate_ratio: Positive
    """Heat capacity rate of the air over that of the water at the design point."""
    water_resistance_fraction: Share
    """Share of the thermal resistance on the water side at the design point."""
    flow_exponent: Positive
    """Film coefficients follow flow to this power."""
    fan_power_ratio: Positive
    """Fan power at full speed over design heat."""
    fan_curve: Curve
    """Power over full power, polynomial in the air flow fraction, lowest order first."""
    minimum_air_fraction: Fraction
    """Lowest air flow of a running fan over design flow; below it the fans cycle."""

    @model_validator(mode="after")
    def _temperatures_fall(self) -> Self:
        if not self.design_entering_c > self.design_leaving_c > self.design_air_c:
            raise ValueError(
                "design_entering_c, design_leaving_c and design_air_c must fall in this order, got "
                f"{self.design_entering_c:g}, {self.design_leaving_c:g} and {self.design_air_c:g}"
            )
        return self


class WaterUse(Section):
    """Water of a tower."""

    cycles_of_concentration: Annotated[float, Field(gt=1)]
    """Salt in the basin over salt in the make-up water."""
    drift_fraction: Share
    """Droplets lost over circulating flow."""
    air_heat_j_per_kg: Positive
    """Heat that a kilogram of air takes up at design; the air leaves saturated."""


class Towers(Section):
    """Open cooling towers behind a plate heat exchanger."""

    design_wet_bulb_c: Annotated[float, Field(ge=WET_BULB_RANGE_C[0], le=WET_BULB_RANGE_C[1])]
    """Wet bulb of the design point."""
    design_approach_k: Positive
    """Leaving water - wet bulb at the design point and full fan."""
    loop: WaterLoop
    """Water between tower and heat exchanger; its temperature rise is the range of the tower."""
    exchanger_approach_k: NonNegative
    """Facility water leaving the heat exchanger - tower water entering it."""
    fan_power_ratio: Positive
    """Fan power at full speed over design heat."""
    fan_curve: Curve
    """Power over full power, polynomial in the air flow fraction, lowest order first."""
    minimum_air_fraction: Annotated[float, Field(ge=0.16, le=1)]
    """Lowest air flow of a running fan over design flow; below it the fan cycles."""
    free_convection_fraction: Share
    """Capacity with the fan off over capacity at full fan and the same entering water."""
    water: WaterUse
    """Evaporation, drift, blowdown."""

    @model_validator(mode="after")
    def _range_fits_the_correlation(self) -> Self:
        low, high = RANGE_RANGE_K
        if not low <= self.loop.temperature_rise_k <= high:
            raise ValueError(f"loop.temperature_rise_k must be in [{low:g}, {high:g}]")
        return self


class WetMedia(Section):
    """Evaporative media in the air stream."""

    effectiveness: Fraction
    """Saturation effectiveness at design flow."""
    pump_power_ratio: NonNegative
    """Power of the sump pumps over design heat while media are wet."""
    cycles_of_concentration: Annotated[float, Field(gt=1)]
    """Salt in the sump over salt in the make-up water."""


class HumidityLimits(Section):
    """Moisture of the air that servers may breathe: by dew point and by relative humidity, the narrower counts."""

    lowest_dew_point_c: Celsius
    """Below it outdoor air is kept out, or moistened where there are wet media."""
    highest_dew_point_c: Celsius
    """Above it outdoor air is kept out, and media stay as dry as it takes."""
    lowest_relative_humidity: Share
    """The same at the temperature of the supply air."""
    highest_relative_humidity: Fraction
    """The same at the temperature of the supply air."""

    @model_validator(mode="after")
    def _limits_rise(self) -> Self:
        if not self.lowest_dew_point_c < self.highest_dew_point_c:
            raise ValueError("lowest_dew_point_c must be below highest_dew_point_c")
        if not self.lowest_relative_humidity < self.highest_relative_humidity:
            raise ValueError("lowest_relative_humidity must be below highest_relative_humidity")
        return self
