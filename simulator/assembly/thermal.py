"""From halls and profiles to rooms with heat capacities, boards with temperatures, and what watches them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simulator.assembly.faults import FaultCollector
from simulator.assembly.hardware import HallSpec
from simulator.documents.yaml_source import KeyPath
from simulator.engine.compute.boards import Boards
from simulator.engine.compute.hall import Hall
from simulator.engine.compute.heat_guard import HeatGuard, HeatLimits
from simulator.engine.facility.failures import CoolingFailure, FailurePlan
from simulator.engine.facility.room import Path as HeatPath
from simulator.engine.facility.room import RoomPlan
from simulator.engine.facility.rooms import Rooms
from simulator.physics.airflow import AIR_DENSITY_KG_PER_M3, AIR_SPECIFIC_HEAT_J_PER_KG_K
from simulator.physics.psychrometrics import altitude_at_pressure_m
from simulator.physics.thermal_network import ThermalNetwork
from simulator.profiles import catalogue
from simulator.profiles.servers import FanWall
from simulator.profiles.sourced import Profile
from simulator.profiles.thermal import AirClassesRecord, CoolingMedium, MediumFigures, ThermalRecord
from simulator.records import HallFacts
from simulator.scenario import facility as section
from simulator.units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE, WATTS_PER_KW

_LEAST_SHARE = 0.02
"""Share of the servers that stands in the air of a hall whatever takes their heat: racks and cables."""


@dataclass(frozen=True, slots=True)
class ThermalSpec:
    """The thermal side of a site.

    Args:
        thermal: heat capacities, conductances, temperatures of boards.
        air_classes: envelopes of air at the servers.
        described: section of the building.
        pressure_pa: outdoor pressure, mean over the run, which tells the altitude.
    """

    thermal: Profile[ThermalRecord]
    air_classes: Profile[AirClassesRecord]
    described: section.Facility
    pressure_pa: float

    @property
    def profiles(self) -> tuple[Profile[Any], ...]:
        """Profiles used."""
        return self.thermal, self.air_classes

    def boards(self, spec: HallSpec) -> Boards | None:
        """Return the thermal side of a hall's accelerators, None where it has none."""
        if spec.accelerator is None:
            return None
        record, figures, fans = spec.accelerator.record, self._medium(spec), spec.server.record.cooling
        own, limit_w = record.thermal, record.power.cap_w
        in_air = isinstance(fans, FanWall) and not spec.liquid.fraction
        return Boards(
            delivered_limit_w=limit_w,
            resistance_k_per_w=figures.die_rise_k / limit_w,
            flow_exponent=fans.heatsink_exponent if isinstance(fans, FanWall) and in_air else 0.0,
            highest_flow_ratio=fans.maximum_flow_fraction if isinstance(fans, FanWall) and in_air else 1.0,
            throttle_c=own.throttle_c if own is not None else self.thermal.record.board_limit_c,
            leakage_w_per_k=self.thermal.record.leakage_share_per_k * limit_w,
            reference_c=figures.reference_c,
        )

    def facts(self, spec: HallSpec) -> HallFacts:
        """Return what the results must know of a hall, its envelopes of temperature at the site's altitude included."""
        air_class = self.air_classes.record.air_class(spec.group.air_class)
        boards, altitude_m = self.boards(spec), max(altitude_at_pressure_m(self.pressure_pa), 0.0)
        return replace(
            spec.facts(),
            air_class=spec.group.air_class,
            recommended_c=(air_class.recommended_low_c, air_class.recommended_high_c),
            allowable_c=(air_class.allowable_low_c, air_class.allowable_high_at_c(altitude_m)),
            throttle_c=boards.throttle_c if boards is not None else None,
        )

    def rooms(self, halls: Sequence[HallSpec], plant_capacity_w: float) -> Rooms:
        """Return the halls as rooms.

        Args:
            halls: all halls of the site.
            plant_capacity_w: heat that the plant can remove; infinite where the plant names none.
        """
        described, rooms = self.described, [self._room(spec) for spec in halls]
        if not isinstance(described, section.ModelledFacility):
            return Rooms(rooms, plant_capacity_w, FailurePlan(), keep_heat=False)
        capacity_w = plant_capacity_w
        if math.isinf(capacity_w):
            capacity_w = described.it_capacity_kw * WATTS_PER_KW
        return Rooms(rooms, capacity_w, FailurePlan([_failure(failure) for failure in described.cooling_failures]))

    def guard(self, hall: Hall, spec: HallSpec, facts: HallFacts) -> HeatGuard:
        """Return what watches a hall."""
        record, in_coolant = self.thermal.record, spec.liquid.fraction > 0.0
        limits = HeatLimits(
            facts.allowable_c[1],
            record.trip_inlet_c,
            record.trip_coolant_c if in_coolant else math.inf,
            record.restart_margin_k,
            record.restart_s,
        )
        return HeatGuard(hall, limits, in_coolant)

    def _medium(self, spec: HallSpec) -> MediumFigures:
        return self.thermal.record.medium(_medium_of(spec))

    def _room(self, spec: HallSpec) -> RoomPlan:
        record, rated_w = self.thermal.record, spec.group.count * spec.server.record.maximum_w
        captured = spec.liquid.fraction
        air_j_per_k = record.room_air_m3_per_kw / WATTS_PER_KW * rated_w
        air_j_per_k *= AIR_DENSITY_KG_PER_M3 * AIR_SPECIFIC_HEAT_J_PER_KG_K
        air_share = max(1.0 - captured, _LEAST_SHARE)
        air = _network(record, record.air, air_share * rated_w, air_j_per_k, spec.group.inlet_offset_k)
        supply_c = spec.inlet_c - spec.group.inlet_offset_k
        paths = [HeatPath("air", 1.0 - captured, air, supply_c)]
        if captured:
            figures = self._medium(spec)
            loop_j_per_k = figures.loop_j_per_k_per_w * captured * rated_w
            warmed_j_per_k = record.coolant_share_in_equipment * loop_j_per_k
            network = _network(record, figures, captured * rated_w, warmed_j_per_k, 0.0)
            network = replace(network, loop_j_per_k=loop_j_per_k - warmed_j_per_k)
            paths.append(HeatPath("coolant", captured, network, figures.reference_c))
        return RoomPlan(spec.group.name, tuple(paths), rated_w, captured > 0.0)


def thermal_spec(
    described: section.Facility, pressure_pa: float, base: Path, faults: FaultCollector, place: KeyPath
) -> ThermalSpec | None:
    """Return the thermal side of a site; what is wrong goes to `faults`, below `place`."""
    thermal = air_classes = None
    with faults.at((*place, "thermal", "profile")):
        thermal = catalogue.thermal(described.thermal.profile, base)
    with faults.at((*place, "thermal", "air_classes")):
        air_classes = catalogue.air_classes(described.thermal.air_classes, base)
    if thermal is None or air_classes is None:
        return None
    return ThermalSpec(thermal, air_classes, described, pressure_pa)


def _medium_of(spec: HallSpec) -> CoolingMedium:
    """Return what reaches the accelerators: liquid goes to them first; servers without fans stand in a bath."""
    if not spec.liquid.fraction:
        return "air"
    has_fans = isinstance(spec.server.record.cooling, FanWall) and not spec.liquid.removes_fans
    return "cold_plate" if has_fans else "immersion"


def _network(
    record: ThermalRecord, figures: MediumFigures, rated_w: float, carrier_j_per_k: float, recirculation_k: float
) -> ThermalNetwork:
    """Return capacities and conductances of servers of a rated power in a medium."""
    equipment_j_per_k = record.equipment_j_per_k_per_w * rated_w
    return ThermalNetwork(
        equipment_j_per_k=equipment_j_per_k,
        carrier_j_per_k=carrier_j_per_k,
        loop_j_per_k=figures.loop_j_per_k_per_w * rated_w,
        exchange_w_per_k=equipment_j_per_k / figures.equipment_time_constant_s,
        flow_w_per_k=rated_w / figures.rise_k,
        recirculation_k=recirculation_k,
    )


def _failure(failure: section.CoolingFailure) -> CoolingFailure:
    start_s = failure.start_h * SECONDS_PER_HOUR
    return CoolingFailure(start_s, start_s + failure.duration_min * SECONDS_PER_MINUTE, failure.capacity_fraction)
