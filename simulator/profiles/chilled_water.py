"""Parameters of a chilled-water plant, independent of its size."""

from __future__ import annotations

from dataclasses import dataclass, fields

from pydantic import ConfigDict

from simulator.errors import Fault, InputError
from simulator.physics.towers import MINIMUM_AIR_FRACTION_RANGE
from simulator.physics.yorkcalc import RANGE_RANGE_K, WET_BULB_RANGE_C


@dataclass(frozen=True, slots=True)
class ChilledWaterParameters:
    """A chilled-water plant per watt of IT: air handlers, chillers, integrated economizer, cooling tower.

    No field has a default: the shipped values stand, each with its source and range, in
    `data/facilities/chilled-water.yaml`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)

    design_heat_ratio: float
    """Heat that the plant is sized for over IT capacity: electrical losses and lighting indoors, and margin."""

    supply_air_c: float
    """Air to the servers (degC)."""
    air_temperature_rise_k: float
    """Air from the servers - air to them (K); lower than the servers' own where air bypasses them."""
    air_density_kg_per_m3: float
    air_specific_heat_j_per_kg_k: float
    crah_pressure_rise_pa: float
    """Total pressure rise of the air handlers' fans at design flow (Pa)."""
    crah_fan_efficiency: float
    """Air power over electric power."""
    crah_fan_curve: tuple[float, ...]
    """Power over design power, polynomial in flow over design flow, lowest order first."""
    crah_minimum_flow_fraction: float
    """Lowest flow of an air handler over its design flow."""
    crah_units: int
    """Air handlers that carry the design heat."""
    crah_redundant_units: int
    """Further air handlers; all run, at lower speed, because fan power falls faster than flow."""

    coil_approach_k: float
    """Air leaving the coil - chilled water entering it (K)."""
    chilled_water_supply_c: float | None
    """Setpoint of the chilled water (degC); None: supply air less coil approach."""
    chilled_water_temperature_rise_k: float
    """Return - supply of the chilled water at design (K)."""
    chilled_water_minimum_flow_fraction: float
    """Lowest flow of the loop over design flow."""
    chilled_water_head_pa: float
    """Head of the loop's pumps at design flow (Pa)."""
    chilled_water_static_head_fraction: float
    """Share of that head that the speed control holds at any flow."""
    chilled_water_pump_efficiency: float
    """Hydraulic power over electric power."""

    economizer_approach_k: float
    """Chilled water leaving the economizer's heat exchanger - condenser water entering it (K)."""
    economizer_free_to_partial_k: float
    """Dead band d1: supply above setpoint that calls the chillers (K)."""
    economizer_partial_to_mechanical_k: float
    """Dead band d2: pre-cooling below which the economizer stops (K)."""
    economizer_mechanical_to_partial_k: float
    """Dead band d3: pre-cooling that the economizer must promise to start (K)."""
    economizer_partial_to_free_k: float
    """Dead band d4: supply above setpoint that the economizer alone may leave (K)."""
    economizer_wait_s: float
    """Time for which the condition of a transition must hold before it fires (s)."""

    chiller_units: int
    """Chillers that carry the design heat."""
    chiller_redundant_units: int
    """Further chillers, idle unless the others cannot carry the load."""
    chiller_carnot_effectiveness: float
    """COP over Carnot COP between the refrigerant temperatures, at full load."""
    chiller_evaporator_approach_k: float
    """Leaving chilled water - evaporating temperature (K)."""
    chiller_condenser_approach_k: float
    """Condensing temperature - leaving condenser water (K)."""
    chiller_part_load_curve: tuple[float, ...]
    """Power over full-load power, polynomial in the part load ratio, lowest order first."""
    chiller_minimum_part_load_ratio: float
    """The machine cycles below this load over capacity."""
    chiller_minimum_lift_k: float
    """Lowest condensing - evaporating temperature (K)."""
    chiller_maximum_cop: float

    condenser_water_temperature_rise_k: float
    """Range of the tower at design (K)."""
    condenser_water_minimum_c: float
    """Lowest setpoint of the tower's leaving water while chillers alone cool (degC)."""
    condenser_minimum_flow_fraction: float
    """Lowest flow of the condenser loop over design flow."""
    condenser_head_pa: float
    """Head of the loop's pumps at design flow (Pa)."""
    condenser_static_head_fraction: float
    """Share of that head that does not fall with flow: the lift to the tower."""
    condenser_pump_efficiency: float
    """Hydraulic power over electric power."""

    tower_design_wet_bulb_c: float
    """Wet bulb of the design point (degC)."""
    tower_design_approach_k: float
    """Leaving water - wet bulb at the design point and full fan (K)."""
    tower_fan_power_ratio: float
    """Electric power of the fans at full speed over design heat rejection."""
    tower_fan_curve: tuple[float, ...]
    """Power over design power, polynomial in flow over design flow, lowest order first."""
    tower_minimum_air_fraction: float
    """Lowest air flow of a running fan over design flow; below it the fan cycles."""
    tower_free_convection_fraction: float
    """Capacity with the fan off over capacity at full fan and the same entering water."""

    cycles_of_concentration: float
    """Salt in the basin over salt in the make-up water."""
    drift_fraction: float
    """Droplets lost over circulating flow."""
    tower_air_heat_j_per_kg: float
    """Heat that a kilogram of the towers' air takes up at design (J/kg); the air leaves saturated."""

    def __post_init__(self) -> None:
        faults = [*_number_faults(self), *_relation_faults(self)]
        if faults:
            raise InputError(faults)

    @property
    def chilled_water_setpoint_c(self) -> float:
        """Setpoint of the chilled water supply (degC)."""
        if self.chilled_water_supply_c is not None:
            return self.chilled_water_supply_c
        return self.supply_air_c - self.coil_approach_k


_MAY_BE_ZERO = frozenset(
    {
        "crah_redundant_units",
        "chilled_water_static_head_fraction",
        "economizer_approach_k",
        "economizer_partial_to_mechanical_k",
        "economizer_partial_to_free_k",
        "chiller_redundant_units",
        "chiller_evaporator_approach_k",
        "chiller_condenser_approach_k",
        "condenser_static_head_fraction",
        "tower_free_convection_fraction",
        "drift_fraction",
    }
)


def _number_faults(parameters: ChilledWaterParameters) -> list[Fault]:
    """Return the faults of single numbers: temperatures (degC) are free, the others positive, shares at most 1."""
    faults = []
    for name in (field.name for field in fields(parameters)):
        value = getattr(parameters, name)
        if isinstance(value, tuple) or value is None or name.endswith("_c"):
            continue
        high = 1.0 if name.endswith(("_fraction", "_efficiency", "_effectiveness")) else float("inf")
        low = ">= 0" if name in _MAY_BE_ZERO else "> 0"
        if not (0.0 <= value <= high if name in _MAY_BE_ZERO else 0.0 < value <= high):
            faults.append(Fault(f"must be {low}{' and <= 1' if high == 1.0 else ''}, got {value:g}", path=name))
    return faults


def _relation_faults(parameters: ChilledWaterParameters) -> list[Fault]:
    """Return the faults of numbers that must stand in order, or inside the limits of the tower's correlation."""
    p = parameters
    in_order = (
        ("chilled_water_setpoint_c", "supply_air_c"),
        ("economizer_partial_to_free_k", "economizer_free_to_partial_k"),
        ("economizer_partial_to_mechanical_k", "economizer_mechanical_to_partial_k"),
    )
    bounds = (
        ("condenser_water_temperature_rise_k", p.condenser_water_temperature_rise_k, *RANGE_RANGE_K),
        ("tower_design_wet_bulb_c", p.tower_design_wet_bulb_c, *WET_BULB_RANGE_C),
        ("tower_minimum_air_fraction", p.tower_minimum_air_fraction, *MINIMUM_AIR_FRACTION_RANGE),
        ("cycles_of_concentration", p.cycles_of_concentration, 1.0 + 1e-6, float("inf")),
    )
    return [
        Fault(f"must be below {upper} = {getattr(p, upper):g}, got {getattr(p, lower):g}", path=lower)
        for lower, upper in in_order
        if not getattr(p, lower) < getattr(p, upper)
    ] + [
        Fault(f"must be in [{low:g}, {high:g}], got {value:g}", path=name)
        for name, value, low, high in bounds
        if not low <= value <= high
    ]
