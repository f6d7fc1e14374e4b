"""Sizes of a chilled-water plant at its design point."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator.engine.facility.chiller_bank import PublishedCurves
from simulator.errors import Fault, InputError
from simulator.physics import airflow, fans, pumps, water
from simulator.physics.carnot_chillers import CarnotMachine, carnot_chiller_cop, part_load_efficiency
from simulator.physics.towers import design_water_flow_ratio
from simulator.profiles.chilled_water import ChilledWaterParameters

HEAT_PER_VOLUME_J_PER_M3_K = water.DENSITY_KG_PER_M3 * water.SPECIFIC_HEAT_J_PER_KG_K
"""Heat per volume and kelvin of water."""


@dataclass(frozen=True, slots=True)
class ChilledWaterSizing:
    """Installed capacities and design flows.

    Args:
        heat_w: design heat indoors (W).
        air_flow_m3_per_s: air flow of all installed air handlers at full speed.
        crah_fan_power_w: power of all their fans at full speed, without the curve's deviation from 1 (W).
        coil_heat_w: design heat of the coils: indoors and fans (W).
        loop_heat_w: design heat of the chilled-water loop: coils and pumps (W).
        chilled_water_flow_m3_per_s: design flow of the loop.
        chiller_capacity_w: capacity of one chiller (W).
        chillers: installed chillers, redundant ones included.
        chiller_cop: COP of the chillers at the design point.
        condenser_flow_m3_per_s: design flow of the condenser loop.
        rejected_heat_w: design heat of the tower (W).
        tower_water_ratio: design water flow over the reference flow of the tower's correlation.
        tower_fan_power_w: power of all tower fans at full speed (W).
    """

    heat_w: float
    air_flow_m3_per_s: float
    crah_fan_power_w: float
    coil_heat_w: float
    loop_heat_w: float
    chilled_water_flow_m3_per_s: float
    chiller_capacity_w: float
    chillers: int
    chiller_cop: float
    condenser_flow_m3_per_s: float
    rejected_heat_w: float
    tower_water_ratio: float
    tower_fan_power_w: float


def carnot_machine(parameters: ChilledWaterParameters) -> CarnotMachine:
    """Return the chiller of a plant."""
    return CarnotMachine(
        effectiveness=parameters.chiller_carnot_effectiveness,
        evaporator_approach_k=parameters.chiller_evaporator_approach_k,
        condenser_approach_k=parameters.chiller_condenser_approach_k,
        minimum_lift_k=parameters.chiller_minimum_lift_k,
        maximum_cop=parameters.chiller_maximum_cop,
    )


def entering_machine(parameters: ChilledWaterParameters) -> CarnotMachine:
    """Return the same chiller as a function of *entering* condenser water at its design rise."""
    machine = carnot_machine(parameters)
    approach_k = machine.condenser_approach_k + parameters.condenser_water_temperature_rise_k
    return replace(machine, condenser_approach_k=approach_k)


def sized_for(
    it_capacity_w: float, parameters: ChilledWaterParameters, curves: PublishedCurves | None = None
) -> ChilledWaterSizing:
    """Return the sizes that carry an IT capacity at the design point.

    Args:
        it_capacity_w: electric power of all IT equipment at full load (W), above 0.
        parameters: the plant per watt.
        curves: published curves of chillers of any size; None for Carnot machines.

    Each stage carries the stage before it and its movers: air flow Q / (rho cp dT) and its fans, chilled water of the
    coil heat and its pumps, N chillers of equal share, condenser water of the chillers' heat and work and its pumps,
    and a tower whose reference flow gives the design approach at the design wet bulb.
    """
    p = parameters
    if not it_capacity_w > 0.0:
        raise InputError([Fault(f"must be > 0, got {it_capacity_w:g}", path="it_capacity_w")])
    heat_w = p.design_heat_ratio * it_capacity_w
    installed_share = (p.crah_units + p.crah_redundant_units) / p.crah_units
    air_m3_per_s = installed_share * airflow.air_volume_flow_m3_per_s(
        heat_w,
        p.air_temperature_rise_k,
        density_kg_per_m3=p.air_density_kg_per_m3,
        specific_heat_j_per_kg_k=p.air_specific_heat_j_per_kg_k,
    )
    fan_w = fans.fan_power_w(air_m3_per_s, p.crah_pressure_rise_pa, p.crah_fan_efficiency)
    # At the design heat the redundant handlers share the flow.
    coil_w = heat_w + fan_w * fans.fan_power_ratio(1.0 / installed_share, p.crah_fan_curve)
    chilled_m3_per_s = coil_w / (HEAT_PER_VOLUME_J_PER_M3_K * p.chilled_water_temperature_rise_k)
    loop_w = coil_w + pumps.pump_power_w(chilled_m3_per_s, p.chilled_water_head_pa, p.chilled_water_pump_efficiency)
    cop = _design_cop(p) if curves is None else _published_cop(p, curves)
    chiller_heat_w = loop_w * (1.0 + 1.0 / cop)
    # The pump's own heat crosses the tower too: V rho cp dT = Q + V dp / eta.
    condenser_m3_per_s = chiller_heat_w / (
        HEAT_PER_VOLUME_J_PER_M3_K * p.condenser_water_temperature_rise_k
        - p.condenser_head_pa / p.condenser_pump_efficiency
    )
    rejected_w = HEAT_PER_VOLUME_J_PER_M3_K * p.condenser_water_temperature_rise_k * condenser_m3_per_s
    return ChilledWaterSizing(
        heat_w=heat_w,
        air_flow_m3_per_s=air_m3_per_s,
        crah_fan_power_w=fan_w,
        coil_heat_w=coil_w,
        loop_heat_w=loop_w,
        chilled_water_flow_m3_per_s=chilled_m3_per_s,
        chiller_capacity_w=loop_w / p.chiller_units,
        chillers=p.chiller_units + p.chiller_redundant_units,
        chiller_cop=cop,
        condenser_flow_m3_per_s=condenser_m3_per_s,
        rejected_heat_w=rejected_w,
        tower_water_ratio=_tower_water_ratio(p),
        tower_fan_power_w=p.tower_fan_power_ratio * rejected_w,
    )


def _design_cop(p: ChilledWaterParameters) -> float:
    tower_leaving_c = p.tower_design_wet_bulb_c + p.tower_design_approach_k
    return carnot_chiller_cop(
        carnot_machine(p),
        p.chilled_water_setpoint_c,
        tower_leaving_c + p.condenser_water_temperature_rise_k,
        part_load_efficiency(1.0, p.chiller_part_load_curve, p.chiller_minimum_part_load_ratio),
    )


def _published_cop(p: ChilledWaterParameters, curves: PublishedCurves) -> float:
    tower_leaving_c = p.tower_design_wet_bulb_c + p.tower_design_approach_k
    sized = curves.sized(1.0, p.chilled_water_setpoint_c, tower_leaving_c)
    return 1.0 / sized.power_w(entering_machine(p), 1.0, p.chilled_water_setpoint_c, tower_leaving_c)


def _tower_water_ratio(p: ChilledWaterParameters) -> float:
    try:
        return design_water_flow_ratio(
            p.tower_design_approach_k, p.condenser_water_temperature_rise_k, p.tower_design_wet_bulb_c
        )
    except ValueError as error:
        raise InputError([Fault(f"no such tower: {error}", path="tower_design_approach_k")]) from error
