"""From section `site` to signals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulator.assembly.faults import FaultCollector
from simulator.assembly.series import SeriesReader
from simulator.assembly.window import Window
from simulator.documents.yaml_source import KeyPath
from simulator.scenario import site as section
from simulator.signals.base import Signal
from simulator.signals.origin import EmissionFactor, SignalOrigin
from simulator.signals.weather import Weather


@dataclass(frozen=True, slots=True)
class SiteSignals:
    """What surrounds the datacenter, as signals over the run.

    Args:
        weather: outdoor air.
        carbon_g_per_kwh: carbon intensity of the grid.
        price_usd_per_kwh: price of energy.
        carbon_factor: what the carbon intensity counts.
        origins: where the signals come from.
        notes: what the readers of the files want said.
    """

    weather: Weather
    carbon_g_per_kwh: Signal
    price_usd_per_kwh: Signal
    carbon_factor: EmissionFactor
    origins: tuple[SignalOrigin, ...]
    notes: tuple[str, ...]


def site_signals(
    site: section.Site, base: Path, window: Window, faults: FaultCollector, place: KeyPath
) -> SiteSignals | None:
    """Return the signals of a site, or None after noting what is wrong.

    Args:
        site: the section.
        base: folder that relative file names refer to.
        window: start and duration of the run.
        faults: takes what is wrong.
        place: where the section stands.
    """
    reader = SeriesReader(base, window)
    weather: Weather | None = None
    carbon: tuple[Signal, EmissionFactor] | None = None
    price: Signal | None = None
    with faults.at((*place, "weather")):
        weather = reader.weather(site.weather)
    with faults.at((*place, "carbon_intensity")):
        carbon = reader.carbon(site.carbon_intensity)
        refusal = carbon[1].inventory_refusal()
        if refusal is not None:
            raise ValueError(refusal)
    with faults.at((*place, "price")):
        price = reader.price(site.price)
    if weather is None or carbon is None or price is None:
        return None
    signal, factor = carbon
    origins = tuple(reader.origins)
    return SiteSignals(weather, signal, price, factor, origins, tuple(dict.fromkeys(reader.notes)))
