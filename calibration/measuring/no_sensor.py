"""No sensor: time only, and labelled so."""

from __future__ import annotations

from typing import Final

from calibration.measuring.clock import Clock
from calibration.measuring.readings import EnergyFrom, Reading
from calibration.measuring.record import PowerLimits, SensorName


class NoSensor:
    """Reads nothing but the clock.

    Args:
        clock: the measuring clock.
    """

    name: SensorName = "none"
    energy_from: EnergyFrom = "none"
    boundary: Final = "none: time only"

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def read(self) -> Reading:
        """Return the instant."""
        return Reading(self.clock.now_s())

    def power_limits(self) -> PowerLimits | None:
        """Return None."""
        return None

    def close(self) -> None:
        """Do nothing."""
