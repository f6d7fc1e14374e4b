"""A facility: the power chain and the cooling plant, coupled through power and heat.

The chain's losses indoors are heat for the plant, and where the UPS feeds a part of the plant, or the transformer
stands indoors, those losses depend on the plant's own power. The heat of a step is therefore taken with the plant's
power of the step before; what the losses found afterwards differ by stays in the rooms, and the following steps get it.
No joule is lost: the heat made indoors is the heat given to the plant plus the change of what is stored, in every step.
With the plant wholly outside those losses, as shipped, nothing is ever stored that way. Rooms with heat capacities
stand between what makes heat and the plant: they take up and give back what the two differ by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from simulator.engine.facility.plant import CoolingPlant, CoolingStep, Outdoors
from simulator.engine.facility.power_chain import PowerChain, PowerChainStep
from simulator.engine.facility.room import RoomState
from simulator.engine.facility.rooms import Rooms
from simulator.errors import InputError
from simulator.physics.psychrometrics import STANDARD_PRESSURE_PA
from simulator.profiles.power_chain import UpsFeeds


@dataclass(frozen=True, slots=True)
class FacilityStep:
    """What a facility did in a step.

    Args:
        cooling: the cooling plant.
        power: the power chain.
        indoor_heat_w: heat made indoors: IT, lighting and other uses, and the losses of the chain's rooms (W).
        stored_heat_j: heat made but not yet given to the plant, at the end of the step (J).
        stored_before_j: the same at its start (J).
        room_heat_j: heat that servers, air and loops took up over the step (J); negative when they cooled down.
        rooms: temperatures of the halls over the step, sorted by name; none where rooms have no capacities.
    """

    cooling: CoolingStep
    power: PowerChainStep
    indoor_heat_w: float
    stored_heat_j: float
    stored_before_j: float
    room_heat_j: float = 0.0
    rooms: tuple[RoomState, ...] = ()

    @property
    def facility_power_w(self) -> float:
        """What the meter reads (W)."""
        return self.power.facility_power_w

    @property
    def pue(self) -> float | None:
        """Facility power over IT power in this step, None without IT power; over a period, divide the sums."""
        return self.facility_power_w / self.power.it_power_w if self.power.it_power_w > 0.0 else None

    @property
    def heat_residual_j(self) -> float:
        """Heat made, less heat given to the plant, less heat put in store: zero but for rounding (J).

        Where rooms have capacities, what the plant left is in them, and not given to it.
        """
        cooling, duration_s = self.cooling, self.cooling.duration_s
        given_w = cooling.heat_w - cooling.unmet_heat_w if self.rooms else cooling.heat_w
        stored_j = self.stored_heat_j - self.stored_before_j + self.room_heat_j
        return self.indoor_heat_w * duration_s - given_w * duration_s - stored_j


@final
class Facility:
    """A power chain and a cooling plant around IT equipment.

    Args:
        plant: the cooling plant.
        chain: the power chain.
        other_power_w: constant power of lighting, offices and controls, all of it heat indoors (W), at least 0.
        rooms: the halls with their heat capacities; None gives all heat to the plant as it is made.
    """

    __slots__ = (
        "_chain",
        "_inputs",
        "_last",
        "_longest_s",
        "_mechanical_w",
        "_other_w",
        "_plant",
        "_stored_j",
        "_ups_fed_w",
        "rooms",
    )

    def __init__(
        self, plant: CoolingPlant, chain: PowerChain, other_power_w: float, rooms: Rooms | None = None
    ) -> None:
        if not other_power_w >= 0.0:
            raise InputError(f"other_power_w must be >= 0, got {other_power_w:g}")
        self._plant = plant
        self._chain = chain
        self._other_w = other_power_w
        self._mechanical_w = 0.0
        self._ups_fed_w = 0.0
        self._stored_j = 0.0
        self._longest_s = 0.0
        self._inputs: tuple[float, ...] = ()
        self._last: FacilityStep | None = None
        self.rooms = rooms

    @property
    def plant_capacity_w(self) -> float:
        """Heat from indoors that the installed plant can remove (W); infinite where none is known."""
        return self._plant.capacity_w

    def step(
        self,
        dt_s: float,
        it_power_w: float,
        dry_bulb_c: float,
        wet_bulb_c: float,
        pressure_pa: float = STANDARD_PRESSURE_PA,
        liquid_heat_w: float = 0.0,
        hall_w: Sequence[float] = (),
    ) -> FacilityStep:
        """Advance by a step of any length.

        Args:
            dt_s: length of the step (s), above 0.
            it_power_w: mean input of the IT equipment over the step (W), at least 0.
            dry_bulb_c: outdoor dry bulb (degC).
            wet_bulb_c: outdoor wet bulb (degC).
            pressure_pa: outdoor pressure (Pa).
            liquid_heat_w: part of the IT power that liquid takes from the servers (W).
            hall_w: part of the IT power by the servers of each hall, sorted by name, where rooms have capacities (W).
        """
        inputs = (dt_s, it_power_w, dry_bulb_c, wet_bulb_c, pressure_pa, liquid_heat_w, *hall_w)
        last = self._last
        # Constant load and hourly weather repeat the same step many times. With nothing in store and a settled plant it
        # would come out the same.
        same = last is not None and inputs == self._inputs and not self._stored_j and self._plant.settled
        if same and last is not None and (self.rooms is None or self.rooms.stands_for(dt_s)):
            return last
        uses_w = it_power_w + self._other_w
        expected_w = uses_w + self._chain.indoor_loss_w(it_power_w, self._mechanical_w, self._other_w, self._ups_fed_w)
        # Released over at least the time in which it was stored, so that a short step sees no burst of heat.
        release_w = self._stored_j / max(dt_s, self._longest_s) if self._stored_j else 0.0
        heat_w, outdoors = max(expected_w + release_w, 0.0), Outdoors(dry_bulb_c, wet_bulb_c, pressure_pa)
        cooling, released_w = self._cool(dt_s, heat_w, liquid_heat_w, hall_w, outdoors)
        self._mechanical_w = cooling.power_w
        self._ups_fed_w = cooling.air_side_power_w if self._chain.ups_feeds is UpsFeeds.IT_AND_AIR_SIDE else 0.0
        power = self._chain.step(it_power_w, self._mechanical_w, self._other_w, self._ups_fed_w)
        made_w = uses_w + power.indoor_loss_w
        before_j = self._stored_j
        self._stored_j += (made_w - released_w) * dt_s
        self._longest_s = max(dt_s, self._longest_s)
        stored_j, states = (0.0, ()) if self.rooms is None else (self.rooms.stored_j, tuple(self.rooms.states))
        step = FacilityStep(cooling, power, made_w, self._stored_j, before_j, stored_j, states)
        self._inputs, self._last = inputs, None if before_j else step
        return step

    def _cool(
        self, dt_s: float, heat_w: float, liquid_heat_w: float, hall_w: Sequence[float], outdoors: Outdoors
    ) -> tuple[CoolingStep, float]:
        """Return what the plant does, and the heat released indoors, to rooms or plant (W)."""
        if self.rooms is None:
            return self._plant.step(dt_s, heat_w, *outdoors, liquid_heat_w), heat_w
        servers_w = math.fsum(hall_w)
        other_w = max(heat_w - servers_w, 0.0)
        return self.rooms.cool(dt_s, hall_w, other_w, self._plant, outdoors), servers_w + other_w
