"""Between servers and plant: rooms that take up heat, and a plant that removes what it can."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from simulator.engine.facility.failures import FailurePlan
from simulator.engine.facility.plant import CoolingPlant, CoolingStep, Outdoors, combined
from simulator.engine.facility.room import Room, RoomPlan, RoomState
from simulator.errors import InvariantError

_UNMET = 1e-12
"""Share of the heat given to a plant below which what it leaves is rounding."""


class Rooms:
    """The halls of a building.

    The plant gets the heat that its flows bring, not the heat that servers make: between the two stand the capacities
    of the halls. While it can, it holds its supply temperature; what it cannot take stays in the rooms and warms them.

    Where several halls share a plant that is short, each gets in proportion to what its flows bring.

    Args:
        plans: one for each hall, sorted by name.
        capacity_w: heat that the whole plant can remove, of which a failure leaves a part; infinite where unknown.
        failures: of the plant.
        keep_heat: False for halls that are always in balance, around a plant that is known by its total only.
    """

    def __init__(
        self, plans: Sequence[RoomPlan], capacity_w: float, failures: FailurePlan, keep_heat: bool = True
    ) -> None:
        self._keep_heat = keep_heat
        self._rooms = [Room(plan) for plan in plans]
        self._capacity_w = capacity_w
        self.failures = failures
        self._now_s = 0.0
        rated_w = sum(plan.rated_w for plan in plans)
        self._other_shares = [plan.rated_w / rated_w if rated_w > 0.0 else 1.0 / len(plans) for plan in plans]
        self.states: list[RoomState] = []
        """Temperatures of the halls over the last step."""
        self.stored_j = 0.0
        """Heat taken up over the last step, all halls."""
        self._stands, self._fraction = False, 1.0

    @property
    def rooms(self) -> Sequence[Room]:
        """The halls, sorted by name."""
        return self._rooms

    def stands_for(self, duration_s: float) -> bool:
        """Whether a step with the inputs of the last would change nothing; if so, it is taken as done."""
        if self._keep_heat and (self.stored_j or not self._stands):
            return False
        same = [(duration_s, self._fraction)]
        if self.failures and list(self.failures.intervals(self._now_s, duration_s)) != same:
            return False
        self._now_s += duration_s
        return True

    def cool(
        self,
        duration_s: float,
        hall_w: Sequence[float],
        other_w: float,
        plant: CoolingPlant,
        outdoors: Outdoors,
    ) -> CoolingStep:
        """Advance rooms and plant by a step; cut it where the plant fails or comes back.

        Args:
            duration_s: length of the step.
            hall_w: heat of the servers of each hall, mean.
            other_w: all other heat indoors, mean.
            plant: what removes it.
            outdoors: outdoor air.
        """
        others_w = [share * other_w for share in self._other_shares]
        if not self._keep_heat:
            self._now_s += duration_s
            self.states = [
                room.balance(heat_w, other) for room, heat_w, other in zip(self._rooms, hall_w, others_w, strict=True)
            ]
            parts_w = zip(self._rooms, hall_w, strict=True)
            liquid_w = math.fsum(room.plan.coolant_share * heat_w for room, heat_w in parts_w)
            return plant.step(duration_s, math.fsum(hall_w) + other_w, *outdoors, liquid_w)
        for room, heat_w, other in zip(self._rooms, hall_w, others_w, strict=True):
            room.settle(heat_w, other)
        before = [room.temperatures for room in self._rooms]
        steps, parts = [], []
        for part_s, fraction in self.failures.intervals(self._now_s, duration_s):
            steps.append(self._cool(part_s, fraction, hall_w, others_w, plant, outdoors))
            parts.append((part_s, [room.accept() for room in self._rooms]))
        self._now_s += duration_s
        self.states = parts[0][1] if len(parts) == 1 else _joined(parts)
        self.stored_j = sum(state.stored_j for state in self.states)
        # In balance down to the last digit, under a sound plant.
        self._fraction = fraction
        self._stands = len(parts) == 1 and before == [room.temperatures for room in self._rooms]
        return steps[0] if len(steps) == 1 else combined(steps)

    def _cool(
        self,
        duration_s: float,
        fraction: float,
        hall_w: Sequence[float],
        others_w: Sequence[float],
        plant: CoolingPlant,
        outdoors: Outdoors,
    ) -> CoolingStep:
        rooms = self._rooms
        demands_w = [room.demand_w(*heat) for room, *heat in zip(rooms, hall_w, others_w, strict=True)]
        demand_w = sum(demands_w)
        # A sound plant is asked for all, and says itself what it cannot do.
        capacity_w = fraction * self._capacity_w if fraction < 1.0 else max(self._capacity_w, demand_w)
        if not capacity_w >= 0.0:
            raise InvariantError(f"cooling capacity of {capacity_w} W")
        asked_j = liquid_j = 0.0
        for room, demand, heat_w, other_w in zip(rooms, demands_w, hall_w, others_w, strict=True):
            share = demand / demand_w if demand_w > 0.0 else 1.0 / len(rooms)
            limit_w = math.inf if math.isinf(capacity_w) else share * capacity_w
            air_j, coolant_j = room.attempt(duration_s, heat_w, other_w, limit_w)
            asked_j, liquid_j = asked_j + air_j + coolant_j, liquid_j + coolant_j
        asked_w, liquid_w = max(asked_j / duration_s, 0.0), max(liquid_j / duration_s, 0.0)
        step = plant.step(duration_s, asked_w, *outdoors, min(liquid_w, asked_w))
        if step.unmet_heat_w > _UNMET * step.heat_w:
            left = 1.0 - step.unmet_heat_w / step.heat_w
            for room, heat_w, other_w in zip(rooms, hall_w, others_w, strict=True):
                room.force(duration_s, heat_w, other_w, left)
        elif fraction == 1.0:
            for room in rooms:
                room.follow(step.supply_air_c, step.coolant_supply_c)
        if fraction < 1.0 and asked_j < demand_w * duration_s:
            # What the failed part of the plant would have taken is heat that it was given and left.
            withheld_w = sum(room.warming_j() for room in rooms) / duration_s
            step = replace(step, heat_w=step.heat_w + withheld_w, unmet_heat_w=step.unmet_heat_w + withheld_w)
        return step


def _joined(parts: Sequence[tuple[float, list[RoomState]]]) -> list[RoomState]:
    """Return the states over several intervals: means of means, the highest of peaks, the last of ends."""
    duration_s = math.fsum(part_s for part_s, _ in parts)
    joined = []
    for states in zip(*(states for _, states in parts), strict=True):
        weights = [part_s / duration_s for part_s, _ in parts]
        joined.append(
            RoomState(
                sum(weight * state.inlet_c for weight, state in zip(weights, states, strict=True)),
                max(state.inlet_peak_c for state in states),
                states[-1].equipment_c,
                states[-1].return_c,
                sum(weight * state.coolant_c for weight, state in zip(weights, states, strict=True)),
                math.fsum(state.stored_j for state in states),
            )
        )
    return joined
