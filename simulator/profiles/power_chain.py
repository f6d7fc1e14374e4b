"""Parameters of an electrical chain, independent of its size."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import ConfigDict

from simulator.errors import Fault, InputError


class Room(StrEnum):
    """Where the loss of a stage becomes heat."""

    WHITE_SPACE = "white_space"
    """Among the servers; the cooling plant removes it."""
    ELECTRICAL_ROOM = "electrical_room"
    """In a room of its own that the cooling plant serves too."""
    OUTDOORS = "outdoors"
    """In the open, or in a room with its own ventilation."""


class UpsKind(StrEnum):
    """How the UPS works in normal operation."""

    DOUBLE_CONVERSION = "double_conversion"
    ECO = "eco"
    """The load runs on the bypass; the inverter takes over on a fault."""


class Redundancy(StrEnum):
    """How many units of a stage run for N that could carry the load; all of them share it."""

    N = "N"
    N_PLUS_1 = "N+1"
    TWO_N = "2N"


class UpsFeeds(StrEnum):
    """What hangs on the output of the UPS."""

    IT = "it"
    IT_AND_AIR_SIDE = "it_and_air_side"
    """The IT load, and the air handlers and chilled-water pumps that keep it cool during an outage."""


@dataclass(frozen=True, slots=True)
class PowerChainParameters:
    """An electrical chain per watt of IT.

    Each loss is (a, b, c) of a + b x + c x^2 over the rated power, x the load of a unit over its rated power. No field
    has a default: the shipped values stand, each with its source and range, in `data/facilities/power-chain.yaml`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)

    ups_kind: UpsKind
    ups_redundancy: Redundancy
    ups_modules: int
    """N: modules that carry the design load."""
    ups_sizing_ratio: float
    """Rated power of those N modules over the design load of the UPS."""
    ups_feeds: UpsFeeds
    ups_double_conversion_loss: tuple[float, float, float]
    ups_eco_loss: tuple[float, float, float]
    ups_room: Room

    rack_loss: tuple[float, float, float]
    """Rack distribution units and cords."""
    rack_units: int
    """N: units that carry the IT capacity."""
    rack_redundancy: Redundancy
    rack_sizing_ratio: float
    """Rated power of those N units over the IT capacity."""
    rack_room: Room

    busway_loss: tuple[float, float, float]
    """Busways and tap-off boxes."""
    busway_units: int
    """N: units that carry the design load of the busways."""
    busway_redundancy: Redundancy
    busway_sizing_ratio: float
    """Rated power of those N units over the design load of the busways."""
    busway_room: Room

    pdu_loss: tuple[float, float, float]
    """Distribution units and their cables."""
    pdu_units: int
    """N: units that carry the design load of the distribution units."""
    pdu_redundancy: Redundancy
    pdu_sizing_ratio: float
    """Rated power of those N units over the design load of the distribution units."""
    pdu_room: Room

    transformer_loss: tuple[float, float, float]
    """Transformers."""
    transformer_units: int
    """N: units that carry the design load of the site."""
    transformer_redundancy: Redundancy
    transformer_sizing_ratio: float
    """Rated power of those N units over the design load of the site."""
    transformer_room: Room

    design_mechanical_ratio: float
    """Power of the cooling plant at design over IT capacity; it sizes the transformer."""
    design_air_side_ratio: float
    """Its part for air handlers and chilled-water pumps; it sizes the UPS when that feeds them."""
    other_power_ratio: float
    """Constant power of lighting, offices and controls over IT *capacity*."""

    def __post_init__(self) -> None:
        faults = []
        for name in ("ups_modules", *(f"{stage}_units" for stage in _STAGES)):
            if not getattr(self, name) >= 1:
                faults.append(Fault(f"must be >= 1, got {getattr(self, name)}", path=name))
        for name in ("ups_sizing_ratio", *(f"{stage}_sizing_ratio" for stage in _STAGES)):
            if not getattr(self, name) > 0.0:
                faults.append(Fault(f"must be > 0, got {getattr(self, name):g}", path=name))
        for name in ("design_mechanical_ratio", "design_air_side_ratio", "other_power_ratio"):
            if not getattr(self, name) >= 0.0:
                faults.append(Fault(f"must be >= 0, got {getattr(self, name):g}", path=name))
        for name in ("ups_double_conversion_loss", "ups_eco_loss", *(f"{stage}_loss" for stage in _STAGES)):
            loss = getattr(self, name)
            if len(loss) != 3 or not min(loss) >= 0.0 or not sum(loss) < 1.0:
                faults.append(Fault(f"must be three numbers >= 0 with a sum below 1, got {list(loss)}", path=name))
        if faults:
            raise InputError(faults)


_STAGES = ("rack", "busway", "pdu", "transformer")
