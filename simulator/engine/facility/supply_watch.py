"""Events of a site's supply: what it could not do."""

from __future__ import annotations

from collections.abc import Callable

from simulator.engine.facility.supply_step import SupplyStep
from simulator.units import JOULES_PER_KWH, WATTS_PER_KW

_ROUNDING_W = 1e-6
"""Power below which a shortage is rounding, no event."""

Note = Callable[[str, str, str], None]
"""Records an event of now: kind, subject, detail."""


class SupplyWatch:
    """Tells of what a site's supply could not do, once for each stretch of trouble.

    Args:
        site: name of the site.
    """

    def __init__(self, site: str) -> None:
        self._site = site
        self._since: dict[str, float] = {}
        self._energy_j: dict[str, float] = {}

    def look(self, step: SupplyStep, dt_s: float, end_s: float, note: Note) -> None:
        """Compare a step with what was asked of it."""
        troubles = (
            ("unserved_energy", step.unserved_w),
            ("grid_cap_exceeded", step.over_cap_w),
            ("ramp_exceeded", step.over_ramp_w),
        )
        for kind, power_w in troubles:
            if power_w > _ROUNDING_W:
                if kind not in self._since:
                    self._since[kind], self._energy_j[kind] = end_s - dt_s, 0.0
                    note(kind, self._site, f"{power_w / WATTS_PER_KW:,.1f} kW in the first step")
                self._energy_j[kind] += power_w * dt_s
            elif kind in self._since:
                start_s = self._since.pop(kind)
                energy_kwh = self._energy_j.pop(kind) / JOULES_PER_KWH
                note(f"{kind}_ended", self._site, f"{energy_kwh:,.2f} kWh in {end_s - dt_s - start_s:,.0f} s")
