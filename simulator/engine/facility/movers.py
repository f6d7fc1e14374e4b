"""What moves air and water through a plant, sized at the design heat: flows follow heat down to a minimum."""

from __future__ import annotations

from typing import NamedTuple, final

from simulator.physics import airflow, fans, water
from simulator.physics.domains import clip
from simulator.physics.pumps import loop_head_pa, pump_power_w
from simulator.profiles.cooling_machines import AirHandlers, WaterLoop

WATER_J_PER_M3_K = water.DENSITY_KG_PER_M3 * water.SPECIFIC_HEAT_J_PER_KG_K
"""Heat per volume and kelvin of water."""


class AirFlow(NamedTuple):
    """Air through the hall."""

    fan_power_w: float
    rate_w_per_k: float
    """Heat capacity rate."""
    rise_k: float
    """Air from the servers - air to them."""


@final
class AirMover:
    """Fans of a hall.

    Args:
        figures: air handlers per watt.
        heat_w: design heat (W).
    """

    __slots__ = ("_figures", "design_heat_w", "fan_power_w", "rate_w_per_k")

    def __init__(self, figures: AirHandlers, heat_w: float) -> None:
        flow_m3_per_s = figures.installed_ratio * airflow.air_volume_flow_m3_per_s(
            heat_w,
            figures.temperature_rise_k,
            density_kg_per_m3=figures.density_kg_per_m3,
            specific_heat_j_per_kg_k=figures.specific_heat_j_per_kg_k,
        )
        self._figures = figures
        self.rate_w_per_k = figures.density_kg_per_m3 * figures.specific_heat_j_per_kg_k * flow_m3_per_s
        """Heat capacity rate of all installed handlers at full speed (W/K)."""
        self.fan_power_w = fans.fan_power_w(flow_m3_per_s, figures.pressure_rise_pa, figures.fan_efficiency)
        """Power of all their fans at full speed, without the curve's deviation from 1 (W)."""
        self.design_heat_w = heat_w + self.move(heat_w).fan_power_w
        """Design heat of the coils: hall and fans (W)."""

    def move(self, heat_w: float) -> AirFlow:
        """Return the air at a heat of the hall (W)."""
        figures = self._figures
        fraction = heat_w / (self.rate_w_per_k * figures.temperature_rise_k)
        fraction = clip(fraction, figures.minimum_flow_fraction, 1.0)
        fan_w = self.fan_power_w * fans.fan_power_ratio(fraction, figures.fan_curve)
        rate = fraction * self.rate_w_per_k
        return AirFlow(fan_w, rate, heat_w / rate)


class WaterFlow(NamedTuple):
    """Water round a loop."""

    pump_power_w: float
    rate_w_per_k: float
    """Heat capacity rate."""


@final
class PumpedLoop:
    """A loop and its pumps.

    Args:
        figures: the loop per watt.
        heat_w: design heat that enters the loop (W).
        heat_j_per_m3_k: heat per volume and kelvin of its fluid.
    """

    __slots__ = ("_figures", "_heat_j_per_m3_k", "_heat_w", "design_heat_w", "flow_m3_per_s")

    def __init__(self, figures: WaterLoop, heat_w: float, heat_j_per_m3_k: float = WATER_J_PER_M3_K) -> None:
        self._figures = figures
        self._heat_w = heat_w
        self._heat_j_per_m3_k = heat_j_per_m3_k
        self.flow_m3_per_s = heat_w / (heat_j_per_m3_k * figures.temperature_rise_k)
        """Design flow."""
        self.design_heat_w = heat_w + self.circulate(heat_w).pump_power_w
        """Design heat that leaves the loop: with the work of its pumps (W)."""

    @property
    def rate_w_per_k(self) -> float:
        """Heat capacity rate at design flow (W/K)."""
        return self._heat_j_per_m3_k * self.flow_m3_per_s

    def circulate(self, heat_w: float) -> WaterFlow:
        """Return the flow at a heat that enters the loop (W)."""
        figures = self._figures
        fraction = clip(heat_w / self._heat_w, figures.minimum_flow_fraction, 1.0)
        head_pa = loop_head_pa(fraction, figures.head_pa, figures.static_head_fraction)
        flow = fraction * self.flow_m3_per_s
        return WaterFlow(pump_power_w(flow, head_pa, figures.pump_efficiency), self._heat_j_per_m3_k * flow)
