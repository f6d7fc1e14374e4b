"""Pumps: head of a loop against flow, and electric power."""

from __future__ import annotations

from simulator.physics.domains import NumberT, require_positive, require_range


def pump_power_w(flow_m3_per_s: NumberT, head_pa: NumberT | float, efficiency: float) -> NumberT:
    """Return the electric power of a pump, all of which ends as heat in the fluid of a closed loop.

    Args:
        flow_m3_per_s: volume flow (m3/s), scalar or array.
        head_pa: pressure rise (Pa), scalar or array.
        efficiency: hydraulic power / electric power (wire to water), 0 to 1.

    P = V dp / eta.

    >>> round(pump_power_w(0.0347, 112_200.0, 0.7), 1)
    5561.9
    """
    require_range("flow_m3_per_s", flow_m3_per_s, 0.0)
    require_positive("efficiency", efficiency)
    result: NumberT = flow_m3_per_s * head_pa / efficiency
    return result


def loop_head_pa(flow_fraction: NumberT, design_head_pa: float, static_fraction: float) -> NumberT:
    """Return the head of a loop at a fraction of its design flow.

    Args:
        flow_fraction: flow / design flow, at least 0, scalar or array.
        design_head_pa: head at design flow (Pa).
        static_fraction: share of the design head that does not fall with flow (lift, or the differential pressure
            that the pump speed control holds), 0 to 1.

    dp = dp_design (s + (1 - s) phi^2): the usual parabola of a loop in turbulent flow.

    >>> loop_head_pa(0.5, 100_000.0, 0.2)
    40000.0
    """
    require_range("flow_fraction", flow_fraction, 0.0)
    require_range("static_fraction", static_fraction, 0.0, 1.0)
    return design_head_pa * (static_fraction + (1.0 - static_fraction) * flow_fraction * flow_fraction)
