"""Temperatures of a hall: its servers, the air or coolant that takes their heat, the loop that cools it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from simulator.physics.limited_cooling import Advance, Heat, advance, forced
from simulator.physics.thermal_network import HeldStep, Temperatures, ThermalNetwork, held_step

Medium = Literal["air", "coolant"]

_REMEMBERED_STEPS = 16
"""Lengths of steps whose factors are kept: the plant step, and what failures and the end of the run cut it into."""
AT_REST_K = 1e-3
"""Distance from balance that counts as none."""


@dataclass(frozen=True, slots=True)
class Path:
    """One way of the heat of a hall's servers outdoors.

    Args:
        medium: what takes it up.
        share: part of the servers' heat that goes this way.
        network: capacities and conductances.
        setpoint_c: supply temperature that the plant holds, for a plant that does not say another.
    """

    medium: Medium
    share: float
    network: ThermalNetwork
    setpoint_c: float


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """What a room is made of.

    Args:
        name: name of the hall.
        paths: ways of the heat; air comes first, and other heat of the room joins it.
        rated_w: highest input of the servers, by which heat made elsewhere indoors is shared out among the rooms.
        boards_in_coolant: whether coolant, not air, reaches the accelerators.
    """

    name: str
    paths: tuple[Path, ...]
    rated_w: float
    boards_in_coolant: bool

    @property
    def coolant_share(self) -> float:
        """Part of the servers' heat that coolant takes."""
        return sum(path.share for path in self.paths if path.medium == "coolant")


class RoomState(NamedTuple):
    """Temperatures of a hall over a step, means but for the peak (degC).

    Args:
        inlet_c: air at the servers' inlet.
        inlet_peak_c: its highest value at an end of the intervals of the step.
        equipment_c: servers, at the end.
        return_c: air from the servers, at the end.
        coolant_c: coolant supply; the inlet air in a hall without coolant.
        stored_j: heat taken up over the step.
    """

    inlet_c: float
    inlet_peak_c: float
    equipment_c: float
    return_c: float
    coolant_c: float
    stored_j: float


def _rested(network: ThermalNetwork, heat: Heat, start: Temperatures, trial: Advance) -> Advance:
    """Take a network that is as good as in balance as in balance: a constant load then repeats the same step."""
    # What still moves in a step is not at rest; this tells most steps at once.
    if abs(trial.end.equipment_c - start.equipment_c) > AT_REST_K or trial.end.supply_c != heat.setpoint_c:
        return trial
    rest = network.steady(heat.heat_w, heat.other_w, heat.setpoint_c)
    off_k = max(abs(trial.end.equipment_c - rest.equipment_c), abs(trial.end.carrier_c - rest.carrier_c))
    if not 0.0 < off_k < AT_REST_K:
        return trial
    # The plant takes or leaves the heat of that trifle.
    return trial._replace(end=rest, removed_j=trial.removed_j - network.stored_j(trial.end, rest))


class Room:
    """A hall's temperatures, advanced by the plant step.

    Capacities swing about the setpoint of the plant. Where the plant supplies other temperatures than its setpoint, as
    without chillers on a warm day, all of the hall stands by so much higher. The heat of that slow shift is left out: a
    plant whose supply follows its heat would hunt otherwise.

    Args:
        plan: what it is made of.
    """

    def __init__(self, plan: RoomPlan) -> None:
        self.plan = plan
        self._states: list[Temperatures] | None = None
        self._shifts_k = [0.0 for _ in plan.paths]
        """What the plant supplies above the setpoint of each path."""
        self._trial: list[Advance] = []
        self._held: dict[float, list[HeldStep]] = {}

    def settle(self, heat_w: float, other_w: float) -> None:
        """Start in balance with the first heat that is known, as if the hall had always been that warm."""
        if self._states is None:
            self._states = [
                path.network.steady(path.share * heat_w, other_w if index == 0 else 0.0, path.setpoint_c)
                for index, path in enumerate(self.plan.paths)
            ]

    def balance(self, heat_w: float, other_w: float) -> RoomState:
        """Stand in balance with a heat, whatever was before."""
        self._states = None
        self.settle(heat_w, other_w)
        states, (inlet_c, _) = self._known(), self.now
        largest = max(zip(self.plan.paths, states, strict=True), key=lambda pair: pair[0].share)[1]
        coolant_c = states[-1].supply_c if len(states) > 1 else inlet_c
        return RoomState(inlet_c, inlet_c, largest.equipment_c, states[0].carrier_c, coolant_c, 0.0)

    def follow(self, supply_air_c: float | None, coolant_supply_c: float | None) -> None:
        """Take the temperatures that the plant supplies while it can remove all heat."""
        for index, path in enumerate(self.plan.paths):
            supply_c = supply_air_c if path.medium == "air" else coolant_supply_c
            if supply_c is not None:
                self._shifts_k[index] = supply_c - path.setpoint_c

    def demand_w(self, heat_w: float, other_w: float) -> float:
        """Return the most that the flows can bring to the loop in a step of constant heat, at held supply."""
        states, demand_w = self._known(), 0.0
        for index, (path, state) in enumerate(zip(self.plan.paths, states, strict=True)):
            network, other = path.network, other_w if index == 0 else 0.0
            given_w = network.exchange_w_per_k * (state.equipment_c - state.supply_c - network.recirculation_k)
            brought_w = network.flow_w_per_k * (state.carrier_c - state.supply_c)
            demand_w += max(brought_w, max(given_w, path.share * heat_w) + other)
        return demand_w

    def attempt(self, duration_s: float, heat_w: float, other_w: float, capacity_w: float) -> tuple[float, float]:
        """Try a step with so much capacity; return the heat that the plant has to remove, by air and by coolant (J)."""
        states, paths = self._known(), self.plan.paths
        shares = [path.share * heat_w + (other_w if index == 0 else 0.0) for index, path in enumerate(paths)]
        total_w = sum(shares)
        self._trial = []
        held = self._held.get(duration_s)
        if held is None:
            held = [held_step(path.network, duration_s) for path in paths]
            if len(self._held) < _REMEMBERED_STEPS:
                self._held[duration_s] = held
        for index, (path, state) in enumerate(zip(paths, states, strict=True)):
            limit_w = capacity_w * (shares[index] / total_w if total_w > 0.0 else 1.0 / len(paths))
            other = other_w if index == 0 else 0.0
            heat = Heat(path.share * heat_w, other, path.setpoint_c, limit_w)
            trial = advance(path.network, state, duration_s, heat, held[index])
            self._trial.append(_rested(path.network, heat, state, trial))
        return self._trial[0].removed_j, sum(trial.removed_j for trial in self._trial[1:])

    def force(self, duration_s: float, heat_w: float, other_w: float, share: float) -> None:
        """Try the step again with a share of what was to be removed."""
        states = self._known()
        for index, (path, state) in enumerate(zip(self.plan.paths, states, strict=True)):
            heat = Heat(path.share * heat_w, other_w if index == 0 else 0.0, path.setpoint_c, 0.0)
            removed_w = share * self._trial[index].removed_j / duration_s
            self._trial[index] = forced(path.network, state, duration_s, heat, removed_w)

    def accept(self) -> RoomState:
        """Take the last try as what happened."""
        states, paths, trial = self._known(), self.plan.paths, self._trial
        stored_j = sum(
            path.network.stored_j(before, after.end) for path, before, after in zip(paths, states, trial, strict=True)
        )
        self._states = [after.end for after in trial]
        air, network, shift_k = trial[0], paths[0].network, self._shifts_k[0]
        inlet_c = air.supply_mean_c + network.recirculation_k + shift_k
        # Servers whose heat goes two ways have parts of two temperatures; the larger share speaks for them.
        largest = max(range(len(paths)), key=lambda index: paths[index].share)
        return RoomState(
            inlet_c,
            air.supply_peak_c + network.recirculation_k + shift_k,
            trial[largest].end.equipment_c + self._shifts_k[largest],
            air.end.carrier_c + shift_k,
            trial[-1].supply_mean_c + self._shifts_k[-1] if len(paths) > 1 else inlet_c,
            stored_j,
        )

    @property
    def now(self) -> tuple[float, float]:
        """Inlet air and what cools the boards, at this instant (degC)."""
        states, network = self._known(), self.plan.paths[0].network
        inlet_c = states[0].supply_c + network.recirculation_k + self._shifts_k[0]
        return inlet_c, states[-1].supply_c + self._shifts_k[-1] if self.plan.boards_in_coolant else inlet_c

    @property
    def setpoints_c(self) -> tuple[float, float]:
        """Inlet air and what cools the boards, as the plant means to hold them (degC)."""
        paths = self.plan.paths
        inlet_c = paths[0].setpoint_c + paths[0].network.recirculation_k
        return inlet_c, paths[-1].setpoint_c if self.plan.boards_in_coolant else inlet_c

    @property
    def temperatures(self) -> tuple[Temperatures, ...]:
        """State of each path."""
        return tuple(self._known())

    def warming_j(self) -> float:
        """Return the heat that the last try leaves in loops above what they held before, loop by loop."""
        states = self._known()
        return sum(
            max(path.network.loop_j_per_k * (after.end.supply_c - before.supply_c), 0.0)
            for path, before, after in zip(self.plan.paths, states, self._trial, strict=True)
        )

    def _known(self) -> list[Temperatures]:
        assert self._states is not None
        return self._states
