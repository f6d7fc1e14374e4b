"""A power policy that follows the carbon intensity: chosen workloads are capped while the grid is dirty."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from simpy import Environment, Event

from simulator.engine.compute.power_caps import PowerCaps
from simulator.signals.base import Signal


@dataclass(frozen=True, slots=True)
class CappedWorkload:
    """A workload under the policy.

    Args:
        name: name of the workload.
        caps: caps of its hall.
        clean_w: cap of its accelerators while the grid is clean.
        dirty_w: cap while it is dirty.
    """

    name: str
    caps: PowerCaps
    clean_w: float
    dirty_w: float


class CarbonCap:
    """Sets the caps of workloads of one site at the instants at which its carbon intensity crosses a threshold.

    Args:
        env: the simulation environment.
        carbon_g_per_kwh: carbon intensity of the site's grid by time.
        above_g_per_kwh: a higher intensity is dirty.
        workloads: what is capped.
        note: records a decision: kind, subject, detail.
    """

    def __init__(
        self,
        env: Environment,
        carbon_g_per_kwh: Signal,
        above_g_per_kwh: float,
        workloads: list[CappedWorkload],
        note: Callable[[str, str, str], None],
    ) -> None:
        self._env = env
        self._carbon = carbon_g_per_kwh
        self._above = above_g_per_kwh
        self._workloads = workloads
        self._note = note

    def run(self) -> Generator[Event, None, None]:
        """Follow the intensity from change to change."""
        instant_s, was_dirty = self._env.now, False
        while True:
            # Asked at the instant of the change itself: the clock may stand a rounding before it.
            intensity = self._carbon.at(instant_s)
            dirty = intensity > self._above
            if dirty != was_dirty:
                self._apply(dirty, intensity)
                was_dirty = dirty
            change_s = self._carbon.next_change(instant_s)
            if change_s == float("inf"):
                return
            yield self._env.timeout(max(change_s - self._env.now, 0.0))
            instant_s = change_s

    def _apply(self, dirty: bool, intensity: float) -> None:
        for workload in self._workloads:
            cap_w = workload.dirty_w if dirty else workload.clean_w
            workload.caps.set(cap_w, workload.name)
            self._note("power_cap", workload.name, f"{cap_w:g} W at {intensity:.0f} g/kWh")
