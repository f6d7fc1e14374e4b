"""Electrical chain from the IT equipment to the meter: busways and PDUs, UPS, transformer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

from simulator.errors import Fault, InputError
from simulator.physics.electrical import three_term_loss_w
from simulator.profiles.power_chain import (
    PowerChainParameters,
    Room,
    UpsFeeds,
    UpsKind,
    UpsRedundancy,
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
        """Return the loss at an output (W)."""
        return three_term_loss_w(output_w, self.rated_w, self.loss, self.units)

    def load_fraction(self, output_w: float) -> float:
        """Return the load of a unit over its rated power."""
        return output_w / (self.units * self.rated_w)


@dataclass(frozen=True, slots=True)
class PowerChainStep:
    """Power through the chain, from the IT equipment to the meter (W).

    Args:
        it_power_w: input of the IT equipment; output of the PDUs.
        pdu_loss_w: loss of PDUs, busways and cables.
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
        return self.it_power_w + self.pdu_loss_w

    @property
    def ups_input_w(self) -> float:
        """Input of the UPS (W)."""
        return self.ups_output_w + self.ups_loss_w

    @property
    def loss_w(self) -> float:
        """All losses of the chain (W)."""
        return self.pdu_loss_w + self.ups_loss_w + self.transformer_loss_w

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
    pdu_loss_w: float
    ups_output_w: float
    ups_loss_w: float
    site_w: float
    transformer_loss_w: float

    def loss_in_w(self, room: tuple[float, ...]) -> float:
        """Return the losses of the stages that stand in a room: 1 for a stage that does, 0 for the others."""
        return room[0] * self.pdu_loss_w + room[1] * self.ups_loss_w + room[2] * self.transformer_loss_w


@final
class PowerChain:
    """An electrical chain: IT behind PDUs behind a UPS, and everything else, behind a transformer.

    Args:
        pdu: PDUs, busways and cables.
        ups: UPS modules.
        transformer: transformers.
        ups_feeds: what hangs on the output of the UPS.
    """

    __slots__ = ("_pdu", "_rooms", "_transformer", "_ups", "_ups_feeds")

    def __init__(self, pdu: Stage, ups: Stage, transformer: Stage, ups_feeds: UpsFeeds = UpsFeeds.IT) -> None:
        self._ups_feeds = ups_feeds
        self._pdu = pdu
        self._ups = ups
        self._transformer = transformer
        self._rooms = tuple(
            tuple(1.0 if stage.room is room else 0.0 for stage in (pdu, ups, transformer)) for room in Room
        )

    @classmethod
    def sized_for(cls, it_capacity_w: float, parameters: PowerChainParameters) -> PowerChain:
        """Return a chain whose units are rated for an IT capacity (W) and the cooling and lighting that go with it."""
        p = parameters
        if not it_capacity_w > 0.0:
            raise InputError([Fault(f"must be > 0, got {it_capacity_w:g}", path="it_capacity_w")])
        pdu = Stage(p.pdu_sizing_ratio * it_capacity_w, p.pdu_feeds, p.pdu_loss, p.pdu_room)
        feeds_air_side = p.ups_feeds is UpsFeeds.IT_AND_AIR_SIDE
        on_ups_w = p.design_air_side_ratio * it_capacity_w if feeds_air_side else 0.0
        ups_output_w = it_capacity_w + pdu.loss_w(it_capacity_w) + on_ups_w
        active = {
            UpsRedundancy.N: p.ups_modules,
            UpsRedundancy.N_PLUS_1: p.ups_modules + 1,
            UpsRedundancy.TWO_N: 2 * p.ups_modules,
        }[p.ups_redundancy]
        loss = p.ups_eco_loss if p.ups_kind is UpsKind.ECO else p.ups_double_conversion_loss
        ups = Stage(p.ups_sizing_ratio * ups_output_w / p.ups_modules, active, loss, p.ups_room)
        others_w = (p.design_mechanical_ratio + p.other_power_ratio) * it_capacity_w - on_ups_w
        site_w = ups_output_w + ups.loss_w(ups_output_w) + max(others_w, 0.0)
        transformer = Stage(
            p.transformer_sizing_ratio * site_w, p.transformer_units, p.transformer_loss, p.transformer_room
        )
        return cls(pdu, ups, transformer, p.ups_feeds)

    @classmethod
    def without_losses(cls) -> PowerChain:
        """Return a chain that passes power on unchanged, for a site that is known by its PUE only."""
        stage = Stage(1.0, 1, (0.0, 0.0, 0.0), Room.OUTDOORS)
        return cls(stage, stage, stage)

    @property
    def ups_feeds(self) -> UpsFeeds:
        """What hangs on the output of the UPS."""
        return self._ups_feeds

    @property
    def stages(self) -> tuple[Stage, Stage, Stage]:
        """PDUs, UPS and transformer."""
        return self._pdu, self._ups, self._transformer

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
        pdu_loss_w = self._pdu.loss_w(it_w)
        ups_output_w = it_w + pdu_loss_w + ups_fed_w
        ups_loss_w = self._ups.loss_w(ups_output_w)
        site_w = ups_output_w + ups_loss_w + (mechanical_w - ups_fed_w) + other_w
        return _Flow(pdu_loss_w, ups_output_w, ups_loss_w, site_w, self._transformer.loss_w(site_w))
