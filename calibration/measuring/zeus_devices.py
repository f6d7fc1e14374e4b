"""Zeus as a backend: boards of AMD, and the processors of Apple and Jetson, through its device layer.

Zeus (extra `zeus`) wraps the makers' own libraries. Only its reading functions are called.
"""

from __future__ import annotations

import importlib
from dataclasses import fields, is_dataclass
from typing import Any, Final

from calibration.measuring.clock import Clock
from calibration.measuring.readings import EnergyFrom, Reading
from calibration.measuring.record import PowerLimits, SensorName
from simulator.errors import InputError

_MILLI: Final = 1e-3
_WHOLE: Final = ("total_energy_mj",)
_PARTS: Final = ("cpu_total_mj", "gpu_mj", "gpu_sram_mj", "dram_mj", "ane_mj", "cpu_energy_mj", "gpu_energy_mj")
"""Counters of a processor that add up to it, where it has no counter of the whole."""


class ZeusSensor:
    """A board, or where there is none the processor with its graphics and memory.

    Args:
        index: of the board.
        clock: the measuring clock.
        device: the module `zeus.device`; None imports it.

    Raises:
        InputError: Zeus is not installed, or finds nothing that it can read.
    """

    boundary: str
    name: SensorName = "zeus"
    energy_from: EnergyFrom = "counter"

    def __init__(self, index: int, clock: Clock, device: Any = None) -> None:
        self.clock, self.index = clock, index
        self._gpus: Any = None
        self._soc: Any = None
        self._open(_module("zeus.device") if device is None else device)
        self.read()

    def _open(self, device: Any) -> None:
        problems = []
        try:
            gpus = device.get_gpus()
            if len(gpus) > self.index:
                self._gpus = gpus
                self.boundary = f"board as Zeus reads it: {gpus.get_name(self.index)}"
                return
            problems.append(f"{len(gpus)} boards")
        except Exception as error:  # noqa: BLE001 - every maker's library has errors of its own
            problems.append(str(error))
        try:
            soc = device.get_soc()
            self._soc, self.boundary = soc, f"processor as Zeus reads it: {type(soc).__name__}"
        except Exception as error:  # noqa: BLE001 - as above
            problems.append(str(error))
            reason = "; ".join(" ".join(problem.split()) for problem in problems)
            raise InputError(f"Zeus finds no device {self.index} that it can read ({reason})") from None

    def read(self) -> Reading:
        """Return energy, power and temperature, as far as the device has them."""
        try:
            if self._gpus is None:
                return Reading(self.clock.now_s(), energy_j=_soc_j(self._soc.get_total_energy_consumption()))
            gpus, index = self._gpus, self.index
            energy_j = gpus.get_total_energy_consumption(index) * _MILLI
            t_s = self.clock.now_s()
        except Exception as error:  # noqa: BLE001 - every maker's library has errors of its own
            reason = " ".join(str(error).split())
            raise InputError(
                f"Zeus cannot read the energy counter: {reason}; measure time only with --sensor none"
            ) from None
        power_w = _reading(lambda: gpus.get_instant_power_usage(index) * _MILLI)
        temperature_c = _reading(lambda: float(gpus.get_gpu_temperature(index)))
        return Reading(t_s, energy_j, power_w, None, temperature_c)

    def power_limits(self) -> PowerLimits | None:
        """Return the enforced limit and its bounds, where the board tells them."""
        gpus, index = self._gpus, self.index
        if gpus is None:
            return None
        enforced = _reading(lambda: gpus.get_power_management_limit(index) * _MILLI)
        bounds = _reading(lambda: gpus.get_power_management_limit_constraints(index))
        return PowerLimits(
            enforced_w=enforced,
            minimum_w=bounds[0] * _MILLI if bounds and bounds[0] else None,
            maximum_w=bounds[1] * _MILLI if bounds and bounds[1] else None,
        )

    def close(self) -> None:
        """Let go of the device."""
        self._gpus = self._soc = None


def _soc_j(measurement: Any) -> float:
    """Return the energy of a processor: its own total, or the sum of its parts."""
    if not is_dataclass(measurement):
        raise TypeError(f"unknown measurement {type(measurement).__name__}")
    values = {entry.name: getattr(measurement, entry.name) for entry in fields(measurement)}
    names = [name for name in _WHOLE if values.get(name) is not None] or list(_PARTS)
    known = [values[name] for name in names if values.get(name) is not None]
    if not known:
        raise ValueError("no counter of processor, graphics or memory")
    return float(sum(known)) * _MILLI


def _reading(call: Any) -> Any:
    try:
        return call()
    except Exception:  # noqa: BLE001 - a board may lack any of these
        return None


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError("the Zeus backend needs zeus: pip install 'wattline[zeus]'") from None
