"""From section `facility` to the power chain and the cooling plant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from simulator.assembly.faults import FaultCollector
from simulator.documents.yaml_source import KeyPath
from simulator.engine.facility.chilled_water import ChilledWaterPlant
from simulator.engine.facility.coupling import Facility
from simulator.engine.facility.fixed_overhead import FixedOverheadPlant
from simulator.engine.facility.power_chain import PowerChain
from simulator.profiles import catalogue
from simulator.profiles.facilities import CoolingRecord, PowerChainRecord
from simulator.profiles.power_chain import UpsKind, UpsRedundancy
from simulator.profiles.sourced import Profile
from simulator.scenario import facility as section
from simulator.units import WATTS_PER_KW


@dataclass(frozen=True, slots=True)
class FacilitySpec:
    """A facility and the profiles that it rests on.

    Args:
        facility: power chain and plant.
        profiles: profiles used.
    """

    facility: Facility
    profiles: tuple[Profile[CoolingRecord] | Profile[PowerChainRecord], ...]


def facility_spec(
    described: section.Facility, base: Path, faults: FaultCollector, place: KeyPath
) -> FacilitySpec | None:
    """Return the facility; what is wrong goes to `faults`, below `place`."""
    if isinstance(described, section.PublishedPue):
        # All of the published overhead stands in the plant; the chain in front of it loses nothing.
        overhead = FixedOverheadPlant(described.pue - 1.0)
        return FacilitySpec(Facility(overhead, PowerChain.without_losses(), 0.0), ())
    found: tuple[ChilledWaterPlant, Profile[CoolingRecord]] | None = None
    with faults.at((*place, "cooling")):
        found = _plant(described, base)
    with faults.at((*place, "power_chain")):
        chain = catalogue.power_chain(described.power_chain.profile, base)
        if found is not None:
            plant, cooling = found
            return FacilitySpec(_facility(described, plant, chain), (cooling, chain))
    return None


def _plant(described: section.ModelledFacility, base: Path) -> tuple[ChilledWaterPlant, Profile[CoolingRecord]]:
    profile = catalogue.cooling(described.cooling.profile, base)
    parameters = replace(profile.record.parameters, supply_air_c=described.cooling.supply_air_c)
    return ChilledWaterPlant.sized_for(described.it_capacity_kw * WATTS_PER_KW, parameters), profile


def _facility(
    described: section.ModelledFacility, plant: ChilledWaterPlant, chain: Profile[PowerChainRecord]
) -> Facility:
    capacity_w, parameters = described.it_capacity_kw * WATTS_PER_KW, chain.record.parameters
    if described.power_chain.ups is not None:
        parameters = replace(parameters, ups_kind=UpsKind(described.power_chain.ups))
    if described.power_chain.ups_redundancy is not None:
        parameters = replace(parameters, ups_redundancy=UpsRedundancy(described.power_chain.ups_redundancy))
    share = parameters.other_power_ratio if described.other_fraction is None else described.other_fraction
    return Facility(plant, PowerChain.sized_for(capacity_w, parameters), share * capacity_w)
