"""Electrical chain from the IT equipment to the meter: racks, busways, PDUs, UPS, transformers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

from simulator.errors import Fault, InputError, InvariantError
from simulator.profiles.power_chain import (
    PowerChainParameters,
    Redundancy,
    Room,
    UpsFeeds,
    UpsKind,
)


@dataclass(frozen=True, slots=True)
class Stage:
    """Equal units in parallel that share a load.

    Args:
        rated_w: rated output of one unit (W).
        units: active units.
        loss: a, b, c over rated power.
        room: where the loss becomes heat.
    """

    rated_w: float
    units: int
    loss: tuple[float, float, float]
    room: Room

    def loss_w(self, output_w: float) -> float:
        """Return the loss at an output (W): `electrical.three_term_loss_w`, written out because steps ask often."""
        if not output_w >= 0.0:
            raise InvariantError(f"output of a stage is {output_w} W")
        total_w = self.units * self.rated_w
        a, b, c = self.loss
        x = output_w / total_w
        return total_w * (a + x * (b + x * c))

    def load_fraction(self, output_w: float) -> float:
        """Return the load of a unit over its rated power."""
        return output_w / (self.units * self.rated_w)


@dataclass(frozen=True, slots=True)
class PowerChainStep:
    """Power through the chain, from the IT equipment to the meter (W).

    Args:
        it_power_w: input of the IT equipment; output of the racks.
        rack_loss_w: loss of rack distribution units and cords.
        busway_loss_w: loss of busways.
        pdu_loss_w: loss of distribution units and their cables.
        ups_fed_mechanical_power_w: its part that hangs on the UPS.
        ups_output_w: output of the UPS.
        ups_loss_w: loss of the UPS.
        mechanical_power_w: all cooling.
        other_power_w: lighting, offices and controls.
        transformer_output_w: output of the transformer.
        transformer_loss_w: loss of the transformer.
        facility_power_w: what the meter reads.
        white_space_loss_w: losses that become heat in the white space.
        electrical_room_loss_w: losses that become heat in the electrical room.
        outdoor_loss_w: losses that become heat outdoors.
    """

    it_power_w: float
    rack_loss_w: float
    busway_loss_w: float
    pdu_loss_w: float
    ups_fed_mechanical_power_w: float
    ups_output_w: float
    ups_loss_w: float
    mechanical_power_w: float
    other_power_w: float
    transformer_output_w: float
    transformer_loss_w: float
    facility_power_w: float
    white_space_loss_w: float
    electrical_room_loss_w: float
    outdoor_loss_w: float

    @property
    def pdu_input_w(self) -> float:
        """Input of the PDUs (W)."""
        return self.it_power_w + self.rack_loss_w + self.busway_loss_w + self.pdu_loss_w

    @property
    def ups_input_w(self) -> float:
        """Input of the UPS (W)."""
        return self.ups_output_w + self.ups_loss_w

    @property
    def loss_w(self) -> float:
        """All losses of the chain (W)."""
        return self.rack_loss_w + self.busway_loss_w + self.pdu_loss_w + self.ups_loss_w + self.transformer_loss_w

    @property
    def indoor_loss_w(self) -> float:
        """Losses that the cooling plant must remove (W)."""
        return self.white_space_loss_w + self.electrical_room_loss_w

    @property
    def residual_w(self) -> float:
        """Power at the meter less all that uses it, losses by room: zero but for rounding (W)."""
        used_w = self.it_power_w + self.mechanical_power_w + self.other_power_w
        return self.facility_power_w - used_w - self.indoor_loss_w - self.outdoor_loss_w


class _Flow(NamedTuple):
    rack_loss_w: float
    busway_loss_w: float
    pdu_loss_w: float
    ups_output_w: float
    ups_loss_w: float
    site_w: float
    transformer_loss_w: float

    def loss_in_w(self, room: tuple[float, ...]) -> float:
        """Return the losses of the stages that stand in a room: 1 for a stage that does, 0 for the others."""
        return (
            room[0] * self.rack_loss_w
            + room[1] * self.busway_loss_w
            + room[2] * self.pdu_loss_w
            + room[3] * self.ups_loss_w
            + room[4] * self.transformer_loss_w
        )


_LOSSLESS = Stage(1.0, 1, (0.0, 0.0, 0.0), Room.OUTDOORS)


@final
class PowerChain:
    """An electrical chain: IT behind racks, busways and PDUs behind a UPS, and everything else, behind a transformer.

    Args:
        pdu: PDUs and their cables.
        ups: UPS modules.
        transformer: transformers.
        ups_feeds: what hangs on the output of the UPS.
        rack: rack distribution units; without loss when absent.
        busway: busways; without loss when absent.
    """

    __slots__ = ("_busway", "_pdu", "_rack", "_rooms", "_transformer", "_ups", "_ups_feeds")

    def __init__(
        self,
        pdu: Stage,
        ups: Stage,
        transformer: Stage,
        ups_feeds: UpsFeeds = UpsFeeds.IT,
        *,
        rack: Stage = _LOSSLESS,
        busway: Stage = _LOSSLESS,
    ) -> None:
        self._ups_feeds = ups_feeds
        self._rack = rack
        self._busway = busway
        self._pdu = pdu
        self._ups = ups
        self._transformer = transformer
        self._rooms = tuple(
            tuple(1.0 if stage.room is room else 0.0 for stage in (rack, busway, pdu, ups, transformer))
            for room in Room
        )

    @classmethod
    def sized_for(cls, it_capacity_w: float, parameters: PowerChainParameters) -> PowerChain:
        """Return a chain whose units are rated for an IT capacity (W) and the cooling and lighting that go with it."""
        p = parameters
        if not it_capacity_w > 0.0:
            raise InputError([Fault(f"must be > 0, got {it_capacity_w:g}", path="it_capacity_w")])
        rack = _stage(it_capacity_w, p.rack_sizing_ratio, p.rack_units, p.rack_redundancy, p.rack_loss, p.rack_room)
        on_busway_w = it_capacity_w + rack.loss_w(it_capacity_w)
        busway = _stage(
            on_busway_w, p.busway_sizing_ratio, p.busway_units, p.busway_redundancy, p.busway_loss, p.busway_room
        )
        on_pdu_w = on_busway_w + busway.loss_w(on_busway_w)
        pdu = _stage(on_pdu_w, p.pdu_sizing_ratio, p.pdu_units, p.pdu_redundancy, p.pdu_loss, p.pdu_room)
        feeds_air_side = p.ups_feeds is UpsFeeds.IT_AND_AIR_SIDE
        on_ups_w = p.design_air_side_ratio * it_capacity_w if feeds_air_side else 0.0
        ups_output_w = on_pdu_w + pdu.loss_w(on_pdu_w) + on_ups_w
        loss = p.ups_eco_loss if p.ups_kind is UpsKind.ECO else p.ups_double_conversion_loss
        ups = _stage(ups_output_w, p.ups_sizing_ratio, p.ups_modules, p.ups_redundancy, loss, p.ups_room)
        others_w = (p.design_mechanical_ratio + p.other_power_ratio) * it_capacity_w - on_ups_w
        transformer = _stage(
            ups_output_w + ups.loss_w(ups_output_w) + max(others_w, 0.0),
            p.transformer_sizing_ratio,
            p.transformer_units,
            p.transformer_redundancy,
            p.transformer_loss,
            p.transformer_room,
        )
        return cls(pdu, ups, transformer, p.ups_feeds, rack=rack, busway=busway)

    @classmethod
    def without_losses(cls) -> PowerChain:
        """Return a chain that passes power on unchanged, for a site that is known by its PUE only."""
        return cls(_LOSSLESS, _LOSSLESS, _LOSSLESS)

    @property
    def ups_feeds(self) -> UpsFeeds:
        """What hangs on the output of the UPS."""
        return self._ups_feeds

    @property
    def stages(self) -> tuple[Stage, Stage, Stage, Stage, Stage]:
        """Racks, busways, PDUs, UPS and transformers."""
        return self._rack, self._busway, self._pdu, self._ups, self._transformer

    def step(
        self,
        it_power_w: float,
        mechanical_power_w: float,
        other_power_w: float,
        ups_fed_mechanical_power_w: float = 0.0,
    ) -> PowerChainStep:
        """Return the power through the chain; it has no memory.

        Args:
            it_power_w: input of the IT equipment (W), at least 0.
            mechanical_power_w: the whole cooling plant (W), at least 0.
            other_power_w: lighting, offices and controls, behind the transformer (W), at least 0.
            ups_fed_mechanical_power_w: the part of the cooling plant that hangs on the UPS (W).
        """
        flow = self._flow(it_power_w, mechanical_power_w, other_power_w, ups_fed_mechanical_power_w)
        white, electrical, outdoors = self._rooms
        return PowerChainStep(
            it_power_w=it_power_w,
            rack_loss_w=flow.rack_loss_w,
            busway_loss_w=flow.busway_loss_w,
            pdu_loss_w=flow.pdu_loss_w,
            ups_fed_mechanical_power_w=ups_fed_mechanical_power_w,
            ups_output_w=flow.ups_output_w,
            ups_loss_w=flow.ups_loss_w,
            mechanical_power_w=mechanical_power_w,
            other_power_w=other_power_w,
            transformer_output_w=flow.site_w,
            transformer_loss_w=flow.transformer_loss_w,
            facility_power_w=flow.site_w + flow.transformer_loss_w,
            white_space_loss_w=flow.loss_in_w(white),
            electrical_room_loss_w=flow.loss_in_w(electrical),
            outdoor_loss_w=flow.loss_in_w(outdoors),
        )

    def indoor_loss_w(
        self,
        it_power_w: float,
        mechanical_power_w: float,
        other_power_w: float,
        ups_fed_mechanical_power_w: float = 0.0,
    ) -> float:
        """Return the losses that become heat indoors (W); arguments as for `step`."""
        flow = self._flow(it_power_w, mechanical_power_w, other_power_w, ups_fed_mechanical_power_w)
        white, electrical, _ = self._rooms
        return flow.loss_in_w(white) + flow.loss_in_w(electrical)

    def _flow(self, it_w: float, mechanical_w: float, other_w: float, ups_fed_w: float) -> _Flow:
        rack_loss_w = self._rack.loss_w(it_w)
        on_busway_w = it_w + rack_loss_w
        busway_loss_w = self._busway.loss_w(on_busway_w)
        on_pdu_w = on_busway_w + busway_loss_w
        pdu_loss_w = self._pdu.loss_w(on_pdu_w)
        ups_output_w = on_pdu_w + pdu_loss_w + ups_fed_w
        ups_loss_w = self._ups.loss_w(ups_output_w)
        site_w = ups_output_w + ups_loss_w + (mechanical_w - ups_fed_w) + other_w
        transformer_loss_w = self._transformer.loss_w(site_w)
        return _Flow(rack_loss_w, busway_loss_w, pdu_loss_w, ups_output_w, ups_loss_w, site_w, transformer_loss_w)


def _stage(
    load_w: float,
    sizing_ratio: float,
    units: int,
    redundancy: Redundancy,
    loss: tuple[float, float, float],
    room: Room,
) -> Stage:
    """Return the active units of a stage: N that carry a design load (W), and those that redundancy adds."""
    active = {Redundancy.N: units, Redundancy.N_PLUS_1: units + 1, Redundancy.TWO_N: 2 * units}[redundancy]
    return Stage(sizing_ratio * load_w / units, active, loss, room)
