"""The span of a run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from simulator.scenario.schema import ScenarioRecord
from simulator.units import SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Window:
    """First instant (UTC) and longest duration of a run."""

    start: datetime
    duration_s: float

    @classmethod
    def of(cls, scenario: ScenarioRecord) -> Window:
        """Return the window of a scenario."""
        return cls(scenario.start, scenario.duration_h * SECONDS_PER_HOUR)
