"""Whose an asset is.

By time, a workload carries an asset for the accelerator-seconds that it holds, and what none holds stays unallocated.
By use, busy accelerator-seconds carry the idle ones too, so that everything is allocated wherever anything ran. Assets
of a hall go by its own accelerators, switches by those of all halls of the site, the building and what serves it as a
whole by hall in proportion to nameplate power, then by the hall's accelerators.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.records import ACCOUNT_FIELDS, SiteRecords
from simulator.results.estate import Asset

_SECONDS = ACCOUNT_FIELDS.index("accelerator_s")
NOBODY = ""
"""Name of the workload of what none holds."""


class AssetShares:
    """Shares of workloads in the assets of a site.

    Args:
        site: its records.
        duration_s: length of the run.
    """

    def __init__(self, site: SiteRecords, duration_s: float) -> None:
        halls = site.facts.halls
        self._nameplate_w = {hall.name: hall.servers * hall.maximum_w for hall in halls}
        self._held = _Seconds.of(site, idle_too=True)
        self._held.whole_s.update({hall.name: hall.accelerators * duration_s for hall in halls})
        self._busy = _Seconds.of(site, idle_too=False)

    def by_time(self, asset: Asset) -> dict[str, float]:
        """Return shares by workload, nobody's included."""
        return self._shares(asset, self._held)

    def by_use(self, asset: Asset) -> dict[str, float]:
        """Return shares by workload; nobody's is all of what stands where no accelerator worked."""
        return self._shares(asset, self._busy)

    def _shares(self, asset: Asset, seconds: _Seconds) -> dict[str, float]:
        if asset.shared_by == "hall":
            return seconds.of_hall(asset.hall)
        if asset.shared_by == "accelerators":
            return seconds.of_site()
        nameplate_w, shares = sum(self._nameplate_w.values()), dict[str, float]()
        for hall, power_w in self._nameplate_w.items():
            for workload, share in seconds.of_hall(hall).items():
                _increase(shares, workload, share * power_w / nameplate_w)
        return shares


@dataclass(frozen=True, slots=True)
class _Seconds:
    """Accelerator-seconds by hall and workload, and of each hall in all."""

    by_hall: dict[str, dict[str, float]]
    whole_s: dict[str, float]

    @classmethod
    def of(cls, site: SiteRecords, idle_too: bool) -> _Seconds:
        """Return what was held and free, or what was held and used; a hall's whole is what there is of it."""
        by_hall: dict[str, dict[str, float]] = {hall.name: {} for hall in site.facts.halls}
        for (hall, workload, phase), reading in sorted(site.accounts.items()):
            if idle_too or phase != "idle":
                _increase(by_hall[hall], workload, float(reading[_SECONDS]))
        return cls(by_hall, {hall: sum(amounts.values()) for hall, amounts in by_hall.items()})

    def of_hall(self, hall: str) -> dict[str, float]:
        """Return shares in a hall's accelerators."""
        return _divided(self.by_hall[hall], self.whole_s[hall])

    def of_site(self) -> dict[str, float]:
        """Return shares in the accelerators of all halls."""
        total: dict[str, float] = {}
        for amounts in self.by_hall.values():
            for workload, amount in amounts.items():
                _increase(total, workload, amount)
        return _divided(total, sum(self.whole_s.values()))


def _increase(amounts: dict[str, float], name: str, amount: float) -> None:
    amounts[name] = amounts.get(name, 0.0) + amount


def _divided(amounts: dict[str, float], whole: float) -> dict[str, float]:
    return {name: amount / whole for name, amount in amounts.items()} if whole > 0.0 else {NOBODY: 1.0}
