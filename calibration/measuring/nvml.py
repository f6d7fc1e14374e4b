"""NVML: one board of NVIDIA, read and never set.

Facts that shape the code. `nvmlDeviceGetPowerUsage` averages over a second on Ampere (except GA100) and newer; the
field `POWER_INSTANT` does not. The energy counter counts millijoules since the driver was loaded and moves about every
100 ms. Processes inside a container may be listed under the numbers of another namespace, so own processes are told by
when they appear. Sources: NVIDIA, NVML API reference; Yang et al. 2024, arXiv:2312.02741.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final, TypeVar

from calibration.measuring.clock import Clock
from calibration.measuring.readings import EnergyFrom, Reading
from calibration.measuring.record import PowerLimits, SensorName
from simulator.errors import InputError

T = TypeVar("T")

NEEDS_NVML: Final = "install the extra: pip install 'wattline[calibration]'"

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
}
"""Reasons for which the clock is held down, by bit (nvml.h, nvmlClocksEventReasons)."""

MOST_BUSY: Final = 0.05
"""Share of time in which a board may run kernels of others before it counts as busy."""

_MILLI: Final = 1e-3
_BUSY_TRIES: Final = 8
_BUSY_WAIT_S: Final = 0.5


class Board:
    """One board behind NVML; every call turns an error of NVML into a sentence.

    Args:
        index: of the device, as NVML counts; or its UUID.
        nvml: the module `pynvml`; None imports it.

    Raises:
        InputError: no module, no driver, no such device, or no permission.
    """

    def __init__(self, index: int | str, nvml: Any = None) -> None:
        self.nvml = _module() if nvml is None else nvml
        try:
            self.nvml.nvmlInit()
        except self.nvml.NVMLError as error:
            raise InputError(self._start_sentence(error)) from None
        count = self.ask("the number of devices", lambda: self.nvml.nvmlDeviceGetCount())
        if count == 0:
            raise InputError(f"the NVIDIA driver sees no GPU; {_WITHOUT_GPU}")
        if isinstance(index, int) and index >= count:
            raise InputError(f"there is no GPU {index}: the driver sees {count}, numbered from 0")
        self.handle = self.ask(f"GPU {index}", lambda: self._handle(index))
        self.index = index

    def ask(self, what: str, call: Callable[[], T]) -> T:
        """Return what NVML answers.

        Raises:
            InputError: it does not; the sentence says why and what to do.
        """
        try:
            return call()
        except self.nvml.NVMLError as error:
            raise InputError(self._sentence(what, error)) from None

    def maybe(self, call: Callable[[], T]) -> T | None:
        """Return what NVML answers, or None where the board does not have it."""
        try:
            return call()
        except self.nvml.NVMLError:
            return None

    def processes(self) -> frozenset[int]:
        """Return the processes that compute on the board, as NVML numbers them."""
        found = self.maybe(lambda: self.nvml.nvmlDeviceGetComputeRunningProcesses(self.handle))
        return frozenset(process.pid for process in found or ())

    def busy_fraction(self) -> float:
        """Return the share of the last sampling interval in which some kernel ran, 0 where NVML does not say."""
        rates = self.maybe(lambda: self.nvml.nvmlDeviceGetUtilizationRates(self.handle))
        return 0.0 if rates is None else rates.gpu / 100.0

    def power_limits(self) -> PowerLimits:
        """Return the limits of the board."""
        nvml, handle = self.nvml, self.handle
        bounds = self.maybe(lambda: nvml.nvmlDeviceGetPowerManagementLimitConstraints(handle))
        return PowerLimits(
            default_w=_watts(self.maybe(lambda: nvml.nvmlDeviceGetPowerManagementDefaultLimit(handle))),
            enforced_w=_watts(self.maybe(lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle))),
            minimum_w=_watts(bounds[0]) if bounds else None,
            maximum_w=_watts(bounds[1]) if bounds else None,
        )

    def facts(self) -> dict[str, str]:
        """Return name, firmware, driver, identity and clock setting of the board, as text."""
        nvml, handle = self.nvml, self.handle
        answers: dict[str, Callable[[], Any]] = {
            "name": lambda: nvml.nvmlDeviceGetName(handle),
            "vbios": lambda: nvml.nvmlDeviceGetVbiosVersion(handle),
            "driver": nvml.nvmlSystemGetDriverVersion,
            "uuid": lambda: nvml.nvmlDeviceGetUUID(handle),
        }
        return {key: _text(self.maybe(call)) for key, call in answers.items()}

    def divided(self) -> bool:
        """Return whether MIG divides the board, so that its energy is not that of one user."""
        mode = self.maybe(lambda: self.nvml.nvmlDeviceGetMigMode(self.handle))
        return bool(mode and mode[0] == 1)

    def close(self) -> None:
        """Let go of NVML."""
        self.maybe(self.nvml.nvmlShutdown)

    def _handle(self, index: int | str) -> Any:
        if isinstance(index, int):
            return self.nvml.nvmlDeviceGetHandleByIndex(index)
        return self.nvml.nvmlDeviceGetHandleByUUID(index)

    def _start_sentence(self, error: Any) -> str:
        code = getattr(error, "value", None)
        if code == self.nvml.NVML_ERROR_LIBRARY_NOT_FOUND:
            return f"no NVIDIA driver is installed (its library libnvidia-ml is missing); {_WITHOUT_GPU}"
        if code == self.nvml.NVML_ERROR_DRIVER_NOT_LOADED:
            return f"the NVIDIA driver is installed but not loaded; load it, or {_WITHOUT_GPU}"
        if code == self.nvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
            return (
                "the NVIDIA driver was updated and its library does not fit the loaded kernel module; restart the host"
            )
        return self._sentence("the driver", error)

    def _sentence(self, what: str, error: Any) -> str:
        code = getattr(error, "value", None)
        if code == self.nvml.NVML_ERROR_NO_PERMISSION:
            return f"no permission to read {what}: run as a user that the driver lets read it, or use --sensor none"
        if code == self.nvml.NVML_ERROR_NOT_SUPPORTED:
            return f"{what} is not available on this board (N/A)"
        if code == self.nvml.NVML_ERROR_GPU_IS_LOST:
            return f"the GPU fell off the bus while {what} was read; windows measured so far are kept"
        return f"{what} cannot be read from the NVIDIA driver: {error}"


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
        self._temperature_sensor = getattr(nvml, "NVML_TEMPERATURE_GPU", 0)
        self._clock_kind = getattr(nvml, "NVML_CLOCK_SM", 1)
        if not counter and self.read().power_w is None:
            raise InputError("instant power is not available on this board (N/A): measure time only with --sensor none")

    def read(self) -> Reading:
        """Return energy, power, temperature, clock and throttle reasons now."""
        nvml, handle, board = self.board.nvml, self.board.handle, self.board
        energy_j: float | None = None
        if self.energy_from == "counter":
            energy_j = board.ask("the energy counter", self._millijoules) * _MILLI
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
                    entry.value.uiVal * _MILLI if entry.nvmlReturn == nvml.NVML_SUCCESS else None for entry in values
                )
                return instant, average
        usage = self.board.maybe(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        return (None if usage is None else usage * _MILLI), None

    def _throttle(self) -> tuple[str, ...]:
        nvml, handle = self.board.nvml, self.board.handle
        call = getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
        call = call or nvml.nvmlDeviceGetCurrentClocksThrottleReasons
        bits = self.board.maybe(lambda: int(call(handle))) or 0
        return tuple(name for name, bit in REASON_BITS.items() if bits & bit)


class BoardWatch:
    """Watches whether anybody else computes on the board.

    Args:
        board: the board.
        wait: sleeps; what the driver counts as busy outlasts a process that has just ended by a second.

    Raises:
        InputError: somebody does already.
    """

    def __init__(self, board: Board, wait: Callable[[float], None]) -> None:
        self.board = board
        before = board.processes()
        if before:
            listed = ", ".join(str(pid) for pid in sorted(before))
            raise InputError(f"GPU {board.index} is busy: process {listed} computes on it; wait until it has ended")
        for _ in range(_BUSY_TRIES):
            busy = board.busy_fraction()
            if busy <= MOST_BUSY:
                break
            wait(_BUSY_WAIT_S)
        else:
            raise InputError(
                f"GPU {board.index} is busy ({busy:.0%} of the time) with a process that the driver does not show "
                "here; wait until it has ended"
            )
        self._own: frozenset[int] = frozenset()

    def own_context_made(self) -> None:
        """Take the processes that are there now, after our own context was made, for ours."""
        self._own = self.board.processes()

    def begin(self) -> None:
        """Do nothing: processes are listed at any time."""

    def verdict(self) -> str:
        """Return who else computes on the board, in words; empty when nobody does."""
        others = self.board.processes() - self._own
        return f"another process ran on the device ({', '.join(map(str, sorted(others)))})" if others else ""


_WITHOUT_GPU: Final = "measure the processor with --device cpu"


def _module() -> Any:
    try:
        return importlib.import_module("pynvml")
    except ImportError:
        raise InputError(f"reading an NVIDIA board needs nvidia-ml-py; {NEEDS_NVML}") from None


def _watts(milliwatts: int | None) -> float | None:
    return milliwatts * _MILLI if milliwatts else None


def _text(value: Any) -> str:
    return "" if value is None else value.decode() if isinstance(value, bytes) else str(value)
