"""NVML: one board of NVIDIA, read and never set. Source: NVIDIA, NVML API reference."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final, TypeVar

from calibration.measuring.record import PowerLimits
from simulator.errors import InputError

T = TypeVar("T")

NEEDS_NVML: Final = "install the extra: pip install 'wattline[calibration]'"

MILLI: Final = 1e-3


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
        except self.nvml.NVMLLibraryMismatchError:
            # Some calls of the module ask for a newer version of a function than an old driver has.
            return None

    def processes(self) -> frozenset[int] | None:
        """Return the processes that compute on the board, as NVML numbers them; None where it does not tell."""
        found = self.maybe(lambda: self.nvml.nvmlDeviceGetComputeRunningProcesses(self.handle))
        return None if found is None else frozenset(process.pid for process in found)

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


_WITHOUT_GPU: Final = "measure the processor with --device cpu"


def _module() -> Any:
    try:
        return importlib.import_module("pynvml")
    except ImportError:
        raise InputError(f"reading an NVIDIA board needs nvidia-ml-py; {NEEDS_NVML}") from None


def _watts(milliwatts: int | None) -> float | None:
    return milliwatts * MILLI if milliwatts else None


def _text(value: Any) -> str:
    return "" if value is None else value.decode() if isinstance(value, bytes) else str(value)
