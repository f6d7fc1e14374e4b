"""What a sensor says at one instant, and reading it while something runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from calibration.measuring.clock import Clock
from calibration.measuring.record import PowerLimits, SensorName

EnergyFrom = Literal["counter", "power_integral", "none"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading; what the sensor does not have is None.

    Args:
        t_s: instant on the measuring clock.
        energy_j: energy counter, since some fixed instant.
        power_w: instant power, as far as the sensor knows it.
        average_power_w: power that the sensor itself has averaged.
        temperature_c: of the device.
        clock_mhz: of its compute units.
        throttle: reasons for which the clock is held down, as the sensor names them.
    """

    t_s: float
    energy_j: float | None = None
    power_w: float | None = None
    average_power_w: float | None = None
    temperature_c: float | None = None
    clock_mhz: float | None = None
    throttle: tuple[str, ...] = ()


class Sensor(Protocol):
    """The one interface of all backends. A sensor reads; it never sets anything."""

    @property
    def name(self) -> SensorName:
        """Name of the backend."""
        ...

    @property
    def energy_from(self) -> EnergyFrom:
        """What its energy rests on."""
        ...

    @property
    def boundary(self) -> str:
        """What it covers, in words."""
        ...

    def read(self) -> Reading:
        """Return what it says now.

        Raises:
            InputError: it does not answer any more.
        """
        ...

    def power_limits(self) -> PowerLimits | None:
        """Return the power limits of the device, where it knows them."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Sampler(Protocol):
    """Reads a sensor while something runs."""

    def around(self, work: Callable[[], None]) -> tuple[float, float, list[Reading]]:
        """Run `work` and return when it began, when it ended, and the readings from before to after."""
        ...


class ThreadSampler:
    """Reads in a thread of its own, so that the thread that launches kernels is not held up.

    Args:
        sensor: what is read.
        clock: the wall clock.
        period_s: time between two readings.
    """

    def __init__(self, sensor: Sensor, clock: Clock, period_s: float) -> None:
        self.sensor, self.clock, self.period_s = sensor, clock, period_s

    def around(self, work: Callable[[], None]) -> tuple[float, float, list[Reading]]:
        """Run `work`; what the sensor or the work raises is raised here."""
        readings = [self.sensor.read()]
        stopped, failures = threading.Event(), list[BaseException]()

        def sample() -> None:
            try:
                while not stopped.wait(self.period_s):
                    readings.append(self.sensor.read())
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
                failures.append(error)

        thread = threading.Thread(target=sample, name="sampler", daemon=True)
        thread.start()
        began_s = self.clock.now_s()
        try:
            work()
            ended_s = self.clock.now_s()
        finally:
            stopped.set()
            thread.join()
        if failures:
            raise failures[0]
        readings.append(self.sensor.read())
        return began_s, ended_s, readings


def reasons(readings: Sequence[Reading]) -> tuple[str, ...]:
    """Return every throttle reason that any reading names, sorted."""
    return tuple(sorted({reason for reading in readings for reason in reading.throttle}))
