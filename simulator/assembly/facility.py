"""From section `facility` to the power chain and the cooling plant."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simulator.assembly.cooling import LiquidCapture, PlantSpec, plant_spec
from simulator.assembly.faults import FaultCollector
from simulator.documents.yaml_source import KeyPath
from simulator.engine.facility.coupling import Facility
from simulator.engine.facility.fixed_overhead import FixedOverheadPlant
from simulator.engine.facility.power_chain import PowerChain
from simulator.profiles import catalogue
from simulator.profiles.facilities import PowerChainRecord
from simulator.profiles.power_chain import Redundancy, UpsKind
from simulator.profiles.sourced import Profile
from simulator.records import StageFacts
from simulator.scenario import facility as section
from simulator.units import WATTS_PER_KW


@dataclass(frozen=True, slots=True)
class FacilitySpec:
    """A facility and the profiles that it rests on.

    Args:
        facility: power chain and plant.
        supply_air_c: air to the servers (degC).
        capture: what the plant takes from servers by liquid.
        profiles: profiles used.
        chain: stages of the power chain, for the results.
        it_capacity_w: IT power that it was designed for (W); infinite for a building known by its PUE only.
    """

    facility: Facility
    supply_air_c: float
    capture: LiquidCapture
    profiles: tuple[Profile[Any], ...]
    chain: tuple[StageFacts, ...] = ()
    it_capacity_w: float = math.inf


def facility_spec(
    described: section.Facility, base: Path, faults: FaultCollector, place: KeyPath
) -> FacilitySpec | None:
    """Return the facility; what is wrong goes to `faults`, below `place`."""
    if isinstance(described, section.PublishedPue):
        # All of the published overhead stands in the plant; the chain in front of it loses nothing.
        overhead = FixedOverheadPlant(described.pue - 1.0)
        facility = Facility(overhead, PowerChain.without_losses(), 0.0)
        return FacilitySpec(facility, described.supply_air_c, LiquidCapture(), ())
    found: PlantSpec | None = None
    capacity_w = described.it_capacity_kw * WATTS_PER_KW
    with faults.at((*place, "cooling")):
        found = plant_spec(described.cooling, capacity_w, base, described.thermal.air_classes)
    with faults.at((*place, "power_chain")):
        chain = catalogue.power_chain(described.power_chain.profile, base)
        if found is not None:
            wired = _power_chain(described, chain)
            share = chain.record.parameters.other_power_ratio
            if described.other_fraction is not None:
                share = described.other_fraction
            facility = Facility(found.plant, wired, share * capacity_w)
            stages = tuple(
                StageFacts(name, stage.units, stage.rated_w, stage.room.value)
                for name, stage in zip(_STAGES, wired.stages, strict=True)
            )
            used = (*found.profiles, chain)
            return FacilitySpec(facility, found.supply_air_c, found.capture, used, stages, capacity_w)
    return None


_STAGES = ("rack", "busway", "pdu", "ups", "transformer")
"""Stages of a chain, as `PowerChain.stages` has them."""


def _power_chain(described: section.ModelledFacility, chain: Profile[PowerChainRecord]) -> PowerChain:
    """Return the chain of the profile with what the scenario says of modes and redundancy."""
    capacity_w, parameters = described.it_capacity_kw * WATTS_PER_KW, chain.record.parameters
    if described.power_chain.ups is not None:
        parameters = replace(parameters, ups_kind=UpsKind(described.power_chain.ups))
    redundancies: dict[str, Any] = {
        name: Redundancy(value)
        for name in (f"{stage}_redundancy" for stage in _STAGES)
        if (value := getattr(described.power_chain, name)) is not None
    }
    parameters = replace(parameters, **redundancies)
    return PowerChain.sized_for(capacity_w, parameters)
