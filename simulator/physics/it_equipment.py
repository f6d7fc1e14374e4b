"""Server power in the forms of other simulators, to read their models. Wattline's own servers do not use them."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.physics.curves import biquadratic, polynomial
from simulator.physics.domains import INFINITY, NumberT, clip, require_positive, require_range


@dataclass(frozen=True, slots=True)
class EnergyPlusItEquipment:
    """EnergyPlus ElectricEquipment:ITE:AirCooled.

    Args:
        design_power_w: design power of processors and fans, without power supply loss (W).
        fan_fraction: share of the fans in the design power, 0 to 1.
        power_curve: processor power over design, biquadratic in CPU loading and inlet temperature (degC).
        flow_curve: air flow over design, biquadratic in the same two.
        fan_curve: fan power over design, polynomial in the air flow ratio.
        supply_efficiency: design efficiency of the power supply.
        supply_curve: efficiency over design, polynomial in the part load ratio; (1.0,) when constant.
    """

    design_power_w: float
    fan_fraction: float
    power_curve: tuple[float, ...]
    flow_curve: tuple[float, ...]
    fan_curve: tuple[float, ...]
    supply_efficiency: float
    supply_curve: tuple[float, ...] = (1.0,)


def energyplus_it_power_w(equipment: EnergyPlusItEquipment, cpu_loading: NumberT, inlet_c: NumberT) -> NumberT:
    """Return the total electric power of EnergyPlus' air-cooled IT equipment.

    Args:
        equipment: design power and curves.
        cpu_loading: load fraction, 0 to 1, scalar or array.
        inlet_c: server inlet temperature (degC).

    P_cpu = P_des (1 - f) max(C1(u, T), 0); flow = max(C2(u, T), 0); P_fan = P_des f max(C3(flow), 0);
    P = (P_cpu + P_fan) (1 + max(1 - eta C4(PLR), 0)), PLR = (P_cpu + P_fan) / P_des. EnergyPlus,
    CalcZoneITEq: the supply loss is a share of the *output*, not output / eta. The curves of its examples are
    placeholders that many models copied (two thirds more power for 10 K more inlet): keep the equations, not them.

    >>> curves = {"power_curve": (-1.0, 1.0, 0.0, 0.06667, 0.0, 0.0), "flow_curve": (-1.4, 0.9, 0.0, 0.1, 0.0, 0.0)}
    >>> rack = EnergyPlusItEquipment(500.0, 0.4, **curves, fan_curve=(0.0, 1.0, 0.0), supply_efficiency=0.9)
    >>> round(energyplus_it_power_w(rack, 0.8, 15.0), 2)
    444.42
    """
    require_range("cpu_loading", cpu_loading, 0.0, 1.0)
    cpu = clip(biquadratic(equipment.power_curve, cpu_loading, inlet_c), 0.0, INFINITY)
    flow = clip(biquadratic(equipment.flow_curve, cpu_loading, inlet_c), 0.0, INFINITY)
    fan = clip(polynomial(equipment.fan_curve, flow), 0.0, INFINITY)
    load_ratio = (1.0 - equipment.fan_fraction) * cpu + equipment.fan_fraction * fan
    efficiency = equipment.supply_efficiency * polynomial(equipment.supply_curve, load_ratio)
    return equipment.design_power_w * load_ratio * (1.0 + clip(1.0 - efficiency, 0.0, INFINITY))


@dataclass(frozen=True, slots=True)
class RapsNode:
    """Power of the parts of a node, as ExaDigiT RAPS adds them up.

    Args:
        cpu_w: all processors (W).
        gpu_w: one accelerator (W).
        gpus: accelerators.
        memory_w: memory (W).
        nic_w: one network interface (W).
        nics: network interfaces.
        storage_w: local storage (W).
    """

    cpu_w: float
    gpu_w: float
    gpus: int
    memory_w: float
    nic_w: float
    nics: int
    storage_w: float


def raps_conversion_w(output_w: NumberT, constant_loss_w: float, efficiency: float) -> NumberT:
    """Return the input of a conversion stage in the form of RAPS.

    Args:
        output_w: delivered power (W), scalar or array.
        constant_loss_w: loss that does not depend on load (W).
        efficiency: proportional efficiency, above 0, to 1.

    P_in = (P_out + c) / eta. ExaDigiT RAPS, raps/power.py, compute_loss.

    >>> round(raps_conversion_w(4 * 2772.7143, 17.0, 0.96), 1)
    11570.7
    """
    require_positive("efficiency", efficiency)
    return (output_w + constant_loss_w) / efficiency


def raps_node_power_w(node: RapsNode, constant_loss_w: float, efficiency: float) -> float:
    """Return the power of a node including its DC conversion, in the form of RAPS.

    Args:
        node: power of the parts.
        constant_loss_w: load-independent loss of the converter (W); Frontier 13 W.
        efficiency: proportional efficiency of the converter; Frontier 0.98.

    P = (P_cpu + n_gpu P_gpu + P_mem + n_nic P_nic + P_nvme + c) / eta. ExaDigiT RAPS, compute_node_power.

    >>> round(raps_node_power_w(RapsNode(280.0, 560.0, 4, 74.26, 20.0, 4, 30.0), 13.0, 0.98), 3)
    2772.714
    """
    parts_w = node.cpu_w + node.gpus * node.gpu_w + node.memory_w + node.nics * node.nic_w + node.storage_w
    return raps_conversion_w(parts_w, constant_loss_w, efficiency)
