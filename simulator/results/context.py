"""What the results must know beside the records: series of the site, service levels, and where figures come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from simulator.documents.yaml_text import YamlText
from simulator.results.accounting import Accounting, Money
from simulator.results.meter_clock import MeterClock
from simulator.signals.base import Signal
from simulator.signals.origin import SignalOrigin


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """Terms that make a request good; absent terms are not asked.

    Args:
        ttft_s: longest time to first token.
        tpot_s: longest time per further token.
        e2e_s: longest time to last token.
        ramp_fraction: share of requests, at the start, left out of latency statistics.
    """

    ttft_s: float | None
    tpot_s: float | None
    e2e_s: float | None
    ramp_fraction: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that the run rests on.

    Args:
        profile: profile that holds it.
        name: dotted path inside the profile.
        value: the figure; None where it is a list.
        kind: measured, datasheet or estimated.
        source: where it comes from.
        low: lower end of its range (95 % for calibrated figures), None where none is stated.
        high: upper end of the same.
    """

    profile: str
    name: str
    value: float | None
    kind: str
    source: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class SiteContext:
    """What surrounds a site.

    Args:
        carbon_g_per_kwh: carbon intensity of its grid by time.
        price_usd_per_kwh: price of energy by time.
        origins: where the signals come from; a carbon intensity says what it counts.
        accounting: contracts, tariff, water and what stands there.
    """

    carbon_g_per_kwh: Signal
    price_usd_per_kwh: Signal
    origins: tuple[SignalOrigin, ...] = ()
    accounting: Accounting = field(default_factory=Accounting)


@dataclass(frozen=True, slots=True)
class RunContext:
    """Context of a run.

    Args:
        scenario: name of the scenario.
        resolved: the resolved scenario.
        seed: seed of all random numbers.
        start_utc: first instant, ISO 8601.
        sites: what surrounds each site, by name.
        service_levels: by inference workload.
        figures: figures of the profiles used.
        checksums: SHA-256 of each input, by name.
        notes: what readers of inputs want said, such as filled gaps.
        money: interest, horizon and the price of carbon.
    """

    scenario: str
    resolved: YamlText
    seed: int
    start_utc: str
    sites: dict[str, SiteContext]
    service_levels: dict[str, ServiceLevel]
    figures: tuple[Figure, ...]
    checksums: dict[str, str]
    notes: tuple[str, ...]
    money: Money = field(default_factory=Money)

    def clock(self, site: str) -> MeterClock:
        """Return the clock of a site's meter."""
        return MeterClock(datetime.fromisoformat(self.start_utc), self.sites[site].accounting.interval_s)
