"""Chillers of published curves: the DOE-2 form (EIR) and the older BLAST form.

Published curves are valid inside a box of temperatures only, and warm-water data centres and winters lie outside it:
use `eir_operation` where `inside_box` says so, and a Carnot machine elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from simulator.physics.curves import biquadratic, polynomial
from simulator.physics.domains import INFINITY, NumberT, clip, require_positive, require_range


@dataclass(frozen=True, slots=True)
class EirChiller:
    """A chiller of published DOE-2 curves (EnergyPlus Chiller:Electric:EIR).

    Args:
        reference_capacity_w: evaporator heat at the reference temperatures (W).
        reference_cop: evaporator heat over electric power at the reference point.
        capacity_curve: capacity over reference capacity, biquadratic in chilled water and condenser temperature (degC).
        eir_curve: power per capacity over its reference, biquadratic in the same temperatures.
        part_load_curve: power over full-load power, polynomial in the part load ratio.
        minimum_part_load_ratio: the machine cycles below it.
        maximum_part_load_ratio: highest load over available capacity.
        minimum_unloading_ratio: hot-gas bypass keeps the compressor at this load below it.
        chilled_water_range_c: leaving chilled water for which the curves are valid (degC).
        condenser_range_c: entering condenser water, or outdoor air, for which the curves are valid (degC).
    """

    reference_capacity_w: float
    reference_cop: float
    capacity_curve: tuple[float, ...]
    eir_curve: tuple[float, ...]
    part_load_curve: tuple[float, ...]
    minimum_part_load_ratio: float
    maximum_part_load_ratio: float
    minimum_unloading_ratio: float
    chilled_water_range_c: tuple[float, float]
    condenser_range_c: tuple[float, float]


CARRIER_19XR_1407KW = EirChiller(
    reference_capacity_w=1_406_600.0,
    reference_cop=6.04,
    capacity_curve=(1.042261, 0.002644821, -0.001468026, 0.01366256, -0.0008302334, 0.001573579),
    eir_curve=(1.02634, -0.01612819, -0.001092591, -0.01784393, 0.0007961842, -9.586049e-05),
    part_load_curve=(0.118888, 0.6723542, 0.2068754),
    minimum_part_load_ratio=0.2,
    maximum_part_load_ratio=1.04,
    minimum_unloading_ratio=0.2,
    chilled_water_range_c=(4.44, 10.0),
    condenser_range_c=(12.78, 32.22),
)
"""Water-cooled centrifugal with variable speed: EnergyPlus datasets/Chillers.idf, Carrier 19XR 1407kW/6.04COP/VSD."""

CARRIER_30RB_1326KW = EirChiller(
    reference_capacity_w=1_325_800.0,
    reference_cop=2.8,
    capacity_curve=(0.9061565538, 0.0623330771, -0.0006503808, -0.0014416333, -0.0001025746, -0.0004835891),
    eir_curve=(0.956167823, -0.0190268512, 0.0012528074, -0.0169835155, 0.0007174712, -0.0007448796),
    part_load_curve=(0.0, 1.0, 0.0),
    minimum_part_load_ratio=0.1,
    maximum_part_load_ratio=1.15,
    minimum_unloading_ratio=0.1,
    chilled_water_range_c=(4.44, 15.56),
    condenser_range_c=(29.44, 48.89),
)
"""Air-cooled: EnergyPlus datasets/AirCooledChiller.idf, Carrier 30RB390 1325.8kW/2.8COP; hot weather only."""


def inside_box(chiller: EirChiller, chilled_water_leaving_c: float, condenser_entering_c: float) -> bool:
    """Tell whether the curves of a chiller are valid at these temperatures (degC).

    >>> inside_box(CARRIER_19XR_1407KW, 18.0, 25.0)
    False
    """
    cold, hot = chiller.chilled_water_range_c, chiller.condenser_range_c
    return cold[0] <= chilled_water_leaving_c <= cold[1] and hot[0] <= condenser_entering_c <= hot[1]


@dataclass(frozen=True, slots=True)
class ChillerOperation(Generic[NumberT]):
    """Operating point of a chiller.

    Args:
        power_w: electric power (W).
        evaporator_heat_w: heat taken from the chilled water (W); below the load when capacity ran out.
        condenser_heat_w: heat given to the condenser (W): evaporator heat, power and false load (hermetic compressor).
        false_load_w: heat that hot-gas bypass adds on top of the chilled water's (W).
        part_load_ratio: evaporator heat over available capacity.
        cycling_ratio: fraction of time that the machine runs.
    """

    power_w: NumberT
    evaporator_heat_w: NumberT
    condenser_heat_w: NumberT
    false_load_w: NumberT
    part_load_ratio: NumberT
    cycling_ratio: NumberT


def eir_operation(
    chiller: EirChiller, load_w: NumberT, chilled_water_leaving_c: NumberT, condenser_entering_c: NumberT
) -> ChillerOperation[NumberT]:
    """Return the operating point of a chiller of published curves.

    Args:
        chiller: reference point, curves and limits.
        load_w: heat to take from the chilled water (W), at least 0, scalar or array.
        chilled_water_leaving_c: leaving chilled water (degC).
        condenser_entering_c: *entering* condenser water, or outdoor dry bulb of an air-cooled machine (degC).

    Q_av = Q_ref CapFT; PLR = min(Q / Q_av, PLR_max); cyc = min(PLR / PLR_min, 1); PLR' = max(PLR, PLR_unload);
    P = Q_av / COP_ref EIRFT EIRFPLR(PLR') cyc; false load = max(Q_av PLR' cyc - Q_av PLR, 0).
    EnergyPlus Engineering Reference, Electric Chiller Model Based on Condenser Entering Temperature.

    >>> round(eir_operation(CARRIER_19XR_1407KW, 1e6, 6.67, 29.44).power_w)
    165937
    """
    require_range("load_w", load_w, 0.0)
    capacity_w = chiller.reference_capacity_w * biquadratic(
        chiller.capacity_curve, chilled_water_leaving_c, condenser_entering_c
    )
    require_positive("available capacity of the chiller (W)", capacity_w)
    ratio = clip(load_w / capacity_w, 0.0, chiller.maximum_part_load_ratio)
    cycling = _cycling_ratio(ratio, chiller.minimum_part_load_ratio)
    compressor_ratio = clip(ratio, chiller.minimum_unloading_ratio, INFINITY)
    eir_temperature = clip(biquadratic(chiller.eir_curve, chilled_water_leaving_c, condenser_entering_c), 0.0, INFINITY)
    eir_part_load = clip(polynomial(chiller.part_load_curve, compressor_ratio), 0.0, INFINITY)
    power_w = capacity_w / chiller.reference_cop * eir_temperature * eir_part_load * cycling
    evaporator_w = capacity_w * ratio
    false_load_w = clip(capacity_w * compressor_ratio * cycling - evaporator_w, 0.0, INFINITY)
    return ChillerOperation(
        power_w=power_w,
        evaporator_heat_w=evaporator_w,
        condenser_heat_w=evaporator_w + power_w + false_load_w,
        false_load_w=false_load_w,
        part_load_ratio=ratio,
        cycling_ratio=cycling,
    )


def _cycling_ratio(part_load_ratio: NumberT, minimum_part_load_ratio: float) -> NumberT:
    # A machine without a minimum still stands still without load.
    return clip(part_load_ratio / max(minimum_part_load_ratio, 1e-12), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class BlastChiller:
    """A chiller in the form of BLAST (EnergyPlus Chiller:Electric), for reading models that still use it.

    Args:
        nominal_capacity_w: capacity at the design temperatures (W).
        nominal_cop: COP at the design temperatures.
        minimum_part_load_ratio: the machine cycles below it.
        maximum_part_load_ratio: highest load over available capacity.
        condenser_design_c: entering condenser water or air at design (degC).
        chilled_water_design_c: leaving chilled water at design (degC).
        temperature_rise_coefficient: condenser degrees that weigh as much as one chilled-water degree.
        capacity_ratio_curve: A, capacity over nominal in the temperature difference.
        power_ratio_curve: B, full-load power ratio in the capacity ratio.
        full_load_ratio_curve: C, power over full-load power in the part load ratio.
    """

    nominal_capacity_w: float
    nominal_cop: float
    minimum_part_load_ratio: float
    maximum_part_load_ratio: float
    condenser_design_c: float
    chilled_water_design_c: float
    temperature_rise_coefficient: float
    capacity_ratio_curve: tuple[float, ...]
    power_ratio_curve: tuple[float, ...]
    full_load_ratio_curve: tuple[float, ...]


def blast_operation(
    chiller: BlastChiller, load_w: NumberT, chilled_water_leaving_c: NumberT, condenser_entering_c: NumberT
) -> ChillerOperation[NumberT]:
    """Return the operating point of a chiller in the BLAST form.

    Args:
        chiller: nominal point, curves and limits.
        load_w: heat to take from the chilled water (W), at least 0, scalar or array.
        chilled_water_leaving_c: leaving chilled water (degC).
        condenser_entering_c: entering condenser water, or outdoor dry bulb of an air-cooled machine (degC).

    dT = (T_c - T_c,des) / rise - (T_l - T_l,des); r = A(dT); f = B(r); PLR = min(Q / (Q_nom r), PLR_max);
    P = C(max(PLR, PLR_min)) f Q_nom r / COP min(PLR / PLR_min, 1).
    EnergyPlus Engineering Reference, Electric Chiller (BLAST). The third capacity coefficient is negative: public
    copies of the curve with its sign lost make the chiller better in hotter weather.

    >>> curves = ((0.9949, -0.045954, -0.0013543), (2.333, -1.975, 0.6121), (0.03303, 0.6852, 0.2818))
    >>> machine = BlastChiller(100e3, 2.58, 0.05, 1.0, 35.0, 6.67, 2.778, *curves)
    >>> round(blast_operation(machine, 60e3, 6.67, 25.0).power_w)
    18242
    """
    require_range("load_w", load_w, 0.0)
    difference_k = (condenser_entering_c - chiller.condenser_design_c) / chiller.temperature_rise_coefficient - (
        chilled_water_leaving_c - chiller.chilled_water_design_c
    )
    capacity_ratio = polynomial(chiller.capacity_ratio_curve, difference_k)
    capacity_w = chiller.nominal_capacity_w * capacity_ratio
    require_positive("available capacity of the chiller (W)", capacity_w)
    ratio = clip(load_w / capacity_w, 0.0, chiller.maximum_part_load_ratio)
    cycling = _cycling_ratio(ratio, chiller.minimum_part_load_ratio)
    of_full_load = polynomial(chiller.full_load_ratio_curve, clip(ratio, chiller.minimum_part_load_ratio, INFINITY))
    full_load = polynomial(chiller.power_ratio_curve, capacity_ratio)
    power_w = of_full_load * full_load * capacity_w / chiller.nominal_cop * cycling
    evaporator_w = capacity_w * ratio
    return ChillerOperation(
        power_w=power_w,
        evaporator_heat_w=evaporator_w,
        condenser_heat_w=evaporator_w + power_w,
        false_load_w=0.0 * power_w,
        part_load_ratio=ratio,
        cycling_ratio=cycling,
    )
