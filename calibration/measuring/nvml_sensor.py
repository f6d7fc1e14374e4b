"""Energy, power, temperature and clock of a board of NVIDIA, and why its clock is held down.

Facts that shape the code. `nvmlDeviceGetPowerUsage` averages over a second on Ampere (except GA100) and newer; the
field `POWER_INSTANT` does not. The energy counter counts millijoules since the driver was loaded and moves about every
100 ms. Sources: NVIDIA, NVML API reference; Yang et al. 2024, arXiv:2312.02741.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from calibration.measuring.clock import Clock
from calibration.measuring.nvml import MILLI, Board
from calibration.measuring.readings import EnergyFrom, Reading
from calibration.measuring.record import PowerLimits, SensorName
from simulator.errors import InputError

REASON_BITS: Final = {
    "gpu_idle": 0x1,
    "clock_setting": 0x2,
    "sw_power_cap": 0x4,
    "hw_slowdown": 0x8,
    "sync_boost": 0x10,
    "sw_thermal": 0x20,
    "hw_thermal": 0x40,
    "hw_power_brake": 0x80,
    "display_clock": 0x100,
    "board_limit": 0x200,
    "reliability": 0x400,
}
"""Reasons for which the clock is held down, by bit (nvml.h, nvmlClocksEventReasons and the older names)."""


class NvmlSensor:
    """Energy, power, temperature and clock of a board.

    Args:
        board: the board.
        clock: the measuring clock.
        counter: take energy from the counter; False integrates instant power, for boards without a counter.

    Raises:
        InputError: the board has no counter, or no power reading, or they may not be read.
    """

    boundary: Final = "board: processor and memory of the accelerator, from its supply rails; no host, fans or supplies"

    def __init__(self, board: Board, clock: Clock, *, counter: bool = True) -> None:
        self.board, self.clock = board, clock
        self.name: SensorName = "nvml" if counter else "nvml-power"
        self.energy_from: EnergyFrom = "counter" if counter else "power_integral"
        self._last_mj = 0
        nvml = board.nvml
        if counter:
            try:
                self._last_mj = board.ask("the energy counter", self._millijoules)
            except InputError as error:
                advice = "integrate power readings with --sensor nvml-power, or measure time only with --sensor none"
                raise InputError(f"{error}: {advice}") from None
        self._fields = self._power_fields()
        self._reasons = self._reasons_call()
        self._temperature_sensor = getattr(nvml, "NVML_TEMPERATURE_GPU", 0)
        self._clock_kind = getattr(nvml, "NVML_CLOCK_SM", 1)
        if not counter and self.read().power_w is None:
            raise InputError("instant power is not available on this board (N/A): measure time only with --sensor none")

    def read(self) -> Reading:
        """Return energy, power, temperature, clock and throttle reasons now."""
        nvml, handle, board = self.board.nvml, self.board.handle, self.board
        energy_j: float | None = None
        if self.energy_from == "counter":
            energy_j = board.ask("the energy counter", self._millijoules) * MILLI
        t_s = self.clock.now_s()
        power_w, average_w = self._power()
        temperature = board.maybe(lambda: nvml.nvmlDeviceGetTemperature(handle, self._temperature_sensor))
        clock_mhz = board.maybe(lambda: nvml.nvmlDeviceGetClockInfo(handle, self._clock_kind))
        return Reading(
            t_s,
            energy_j,
            power_w,
            average_w,
            None if temperature is None else float(temperature),
            None if clock_mhz is None else float(clock_mhz),
            self._throttle(),
        )

    def power_limits(self) -> PowerLimits | None:
        """Return the limits of the board."""
        return self.board.power_limits()

    def close(self) -> None:
        """Let go of the board."""
        self.board.close()

    def _millijoules(self) -> int:
        return int(self.board.nvml.nvmlDeviceGetTotalEnergyConsumption(self.board.handle))

    def _power_fields(self) -> list[int]:
        """Return the fields of instant and average power that this board answers."""
        nvml = self.board.nvml
        names = ("NVML_FI_DEV_POWER_INSTANT", "NVML_FI_DEV_POWER_AVERAGE")
        wanted = [number for number in (getattr(nvml, name, None) for name in names) if number is not None]
        values = self.board.maybe(lambda: nvml.nvmlDeviceGetFieldValues(self.board.handle, wanted)) if wanted else None
        if values is None or len(wanted) < len(names) or values[0].nvmlReturn != nvml.NVML_SUCCESS:
            return []
        return wanted

    def _power(self) -> tuple[float | None, float | None]:
        nvml, handle = self.board.nvml, self.board.handle
        if self._fields:
            values = self.board.maybe(lambda: nvml.nvmlDeviceGetFieldValues(handle, self._fields))
            if values is not None:
                instant, average = (
                    entry.value.uiVal * MILLI if entry.nvmlReturn == nvml.NVML_SUCCESS else None for entry in values
                )
                return instant, average
        usage = self.board.maybe(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        return (None if usage is None else usage * MILLI), None

    def _throttle(self) -> tuple[str, ...]:
        if self._reasons is None:
            return ()
        call = self._reasons
        return reason_names(self.board.maybe(lambda: int(call(self.board.handle))) or 0)

    def _reasons_call(self) -> Callable[[Any], int] | None:
        """Return the call that this driver answers: those before R535 know the older name only, whatever the module."""
        for name in ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"):
            call: Callable[[Any], int] | None = getattr(self.board.nvml, name, None)
            if call is not None and self.board.maybe(lambda call=call: call(self.board.handle)) is not None:  # type: ignore[misc]
                return call
        return None

    @property
    def tells_throttling(self) -> bool:
        """Whether the driver says why the clock is held down."""
        return self._reasons is not None


def reason_names(bits: int) -> tuple[str, ...]:
    """Return the names of reasons for a low clock; bits that are not known get their number.

    >>> reason_names(0x4 | 0x40 | 0x8000)
    ('sw_power_cap', 'hw_thermal', 'unknown_0x8000')
    """
    names = [name for name, bit in REASON_BITS.items() if bits & bit]
    rest = bits & ~sum(REASON_BITS.values())
    return (*names, *([f"unknown_{rest:#x}"] if rest else ()))
