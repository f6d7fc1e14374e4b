"""Parameters of cooling plants by kind, independent of their size; chilled water has a file of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.documents.validation import Section
from simulator.profiles.accelerators import Fraction, NonNegative, Positive
from simulator.profiles.cooling_machines import (
    AirCooledChillers,
    AirHandlers,
    Celsius,
    DryCoolers,
    HumidityLimits,
    Share,
    Towers,
    WaterLoop,
    WetMedia,
)

DesignHeat = Annotated[float, Field(gt=0, le=3)]


class AirCooledChillerParameters(Section):
    """Air handlers on chilled water from air-cooled chillers; no water is used."""

    design_heat_ratio: DesignHeat
    """Heat that the plant is sized for over IT capacity: electrical losses and lighting indoors, and margin."""
    supply_air_c: Celsius
    """Air to the servers."""
    coil_approach_k: Positive
    """Air leaving the coil - chilled water entering it."""
    handlers: AirHandlers
    """Air handlers."""
    chilled_water: WaterLoop
    """Loop between coils and chillers."""
    chillers: AirCooledChillers
    """Machines."""


class OutsideAirParameters(Section):
    """Outdoor air through the hall, with wet media or without, and trim chillers for what is left."""

    design_heat_ratio: DesignHeat
    """Heat that the plant is sized for over IT capacity."""
    supply_air_c: Celsius
    """Air to the servers."""
    handlers: AirHandlers
    """Fans, with dampers, filters and media in their way."""
    lowest_outdoor_c: Celsius
    """Below it outdoor air is kept out: coils and media would freeze."""
    highest_outdoor_c: Celsius | None
    """Above it outdoor air is kept out; null: the return air, so that outdoor air is used whenever it is cooler."""
    humidity: HumidityLimits
    """Moisture that servers may breathe."""
    media: WetMedia | None
    """Direct evaporative cooling; null: an air-side economizer without water."""
    trim: AirCooledChillers
    """Mechanical cooling, sized for the whole heat."""


class IndirectEvaporativeParameters(Section):
    """Hall air against outdoor air in a plate heat exchanger whose outdoor side can be wetted, and trim chillers."""

    design_heat_ratio: DesignHeat
    """Heat that the plant is sized for over IT capacity."""
    supply_air_c: Celsius
    """Air to the servers."""
    handlers: AirHandlers
    """Fans of the hall's air."""
    dry_effectiveness: Fraction
    """(Return - leaving) / (return - outdoor dry bulb) at equal design flows, dry."""
    wet_effectiveness: Fraction
    """(Return - leaving) / (return - outdoor wet bulb) at equal design flows, wetted."""
    flow_exponent: Positive
    """Film coefficients follow flow to this power."""
    scavenger_pressure_rise_pa: Positive
    """Total pressure rise of the outdoor fans at design flow."""
    scavenger_fan_efficiency: Fraction
    """Air power over electric power."""
    scavenger_fan_curve: tuple[float, ...]
    """Power over full power, polynomial in the flow fraction, lowest order first."""
    scavenger_minimum_flow_fraction: Fraction
    """Lowest flow of a running outdoor fan over design flow; below it the fans cycle."""
    lowest_wet_c: Celsius
    """Outdoor dry bulb below which the heat exchanger stays dry: it would freeze."""
    pump_power_ratio: NonNegative
    """Power of the sump pumps over design heat while wet."""
    latent_fraction: Annotated[float, Field(gt=0, le=1.5)]
    """Heat that evaporates water over heat of the plates while wet; never more than saturates the outdoor air."""
    cycles_of_concentration: Annotated[float, Field(gt=1)]
    """Salt in the sump over salt in the make-up water."""
    trim: AirCooledChillers
    """Mechanical cooling, sized for the whole heat."""


class FacilityWaterParameters(Section):
    """Water that carries heat outdoors: dry coolers, towers or chillers, and trim chillers for hot hours."""

    rejection: Literal["dry_cooler", "tower", "chiller"]
    """What rejects the heat."""
    dry_coolers: DryCoolers
    """Coils in outdoor air."""
    towers: Towers
    """Towers."""
    chillers: AirCooledChillers
    """Chillers behind dry coolers and towers for hot hours, or alone."""
    reuse_approach_k: NonNegative
    """Warm facility water - water of whoever uses its heat."""
    reuse_pump_power_ratio: NonNegative
    """Power of the pumps that bring heat to its user over that heat."""


class DryCoolerParameters(Section):
    """Air handlers on water from dry coolers, with trim chillers."""

    design_heat_ratio: DesignHeat
    """Heat that the plant is sized for over IT capacity."""
    supply_air_c: Celsius
    """Air to the servers."""
    coil_approach_k: Positive
    """Air leaving the coil - water entering it."""
    handlers: AirHandlers
    """Air handlers."""
    water: WaterLoop
    """Loop between coils and dry coolers."""


class LiquidParameters(Section):
    """Liquid at the chips or around them, coolant distribution units, facility water."""

    capture_fraction: Share
    """Share of a server's power that liquid takes, for servers whose profile says nothing."""
    removes_server_fans: bool
    """Whether servers lose their fans: immersion."""
    design_heat_ratio: DesignHeat
    """Liquid heat that the plant is sized for over IT capacity."""
    facility_water_c: Celsius
    """Setpoint of the facility water supply."""
    highest_facility_water_c: Celsius
    """Facility water above which chillers help."""
    coolant_heat_j_per_m3_k: Positive
    """Density x specific heat of the coolant."""
    coolant: WaterLoop
    """Loop between servers or tanks and the distribution unit."""
    exchanger_approach_k: Positive
    """Coolant supply - facility water supply at design."""
    exchanger_flow_exponent: Positive
    """Film coefficients follow flow to this power."""
    facility_water: WaterLoop
    """Loop between distribution unit and outdoors."""


class RearDoorParameters(Section):
    """Coils in the rear doors of racks, on facility water."""

    design_heat_ratio: DesignHeat
    """Air heat that the doors are sized for over IT capacity."""
    supply_air_c: Celsius
    """Air to the servers: what leaves the doors."""
    exhaust_rise_k: Positive
    """Air from the servers - air to them."""
    air_density_kg_per_m3: Positive
    """Density of the air."""
    air_specific_heat_j_per_kg_k: Positive
    """Specific heat of the air."""
    fan_power_ratio: NonNegative
    """Power of the doors' fans at design flow over design heat; 0 for passive doors."""
    fan_curve: tuple[float, ...]
    """Power over design power, polynomial in the flow fraction, lowest order first."""
    minimum_flow_fraction: Fraction
    """Lowest air flow over design flow."""
    door_approach_k: Positive
    """Air leaving the door - water entering it, at design."""
    flow_exponent: Positive
    """Film coefficients follow flow to this power."""
    water_resistance_fraction: Share
    """Share of the thermal resistance on the water side at design."""
    highest_facility_water_c: Celsius
    """Facility water above which chillers help."""
    facility_water: WaterLoop
    """Loop between doors and outdoors."""
