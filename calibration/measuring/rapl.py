"""RAPL: energy of processor packages and memory, from the counters that Linux shows under /sys/class/powercap.

Counters are in microjoules and wrap at `max_energy_range_uj`; between two readings at most one wrap is assumed, which
holds for minutes at any power. Since Linux 5.10 only root may read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from calibration.measuring.clock import Clock
from calibration.measuring.readings import EnergyFrom, Reading
from calibration.measuring.record import PowerLimits, SensorName
from simulator.errors import InputError

POWERCAP: Final = Path("/sys/class/powercap")

_JOULES: Final = 1e-6


@dataclass(slots=True)
class _Domain:
    """One counter.

    Args:
        file: where it is read.
        range_uj: value at which it starts again.
        last_uj: last reading.
        total_uj: since it was opened.
    """

    file: Path
    range_uj: int
    last_uj: int
    total_uj: int = 0

    def advance(self) -> None:
        now_uj = _counter(self.file)
        gained = now_uj - self.last_uj
        self.total_uj += gained if gained >= 0 else gained + self.range_uj
        self.last_uj = now_uj


class RaplSensor:
    """Sum of all packages, and of their memory where it has a counter of its own.

    Args:
        clock: the measuring clock.
        root: folder of the power capping framework.

    Raises:
        InputError: there are no counters, or they may not be read.
    """

    name: SensorName = "rapl"
    energy_from: EnergyFrom = "counter"

    def __init__(self, clock: Clock, root: Path = POWERCAP) -> None:
        self.clock = clock
        folders = _domains(root)
        if not folders:
            raise InputError(f"no RAPL energy counters under {root}: measure time only with --sensor none")
        self._domains = [
            _Domain(folder / "energy_uj", _counter(folder / "max_energy_range_uj"), _counter(folder / "energy_uj"))
            for folder in folders
        ]
        names = sorted({(folder / "name").read_text().strip() for folder in folders})
        self.boundary = f"processor, RAPL domains {', '.join(names)}; no board, fans or supplies"

    def read(self) -> Reading:
        """Return the energy since the sensor was opened."""
        for domain in self._domains:
            domain.advance()
        return Reading(self.clock.now_s(), energy_j=sum(domain.total_uj for domain in self._domains) * _JOULES)

    def power_limits(self) -> PowerLimits | None:
        """Return None: limits of packages come and go with the time window that they are stated for."""
        return None

    def close(self) -> None:
        """Do nothing."""


def has_counters(root: Path = POWERCAP) -> bool:
    """Return whether the machine has RAPL counters, readable or not."""
    return bool(_domains(root))


def _domains(root: Path) -> list[Path]:
    """Return packages and their memory; cores and graphics are inside packages, `psys` contains them all."""
    named = [(folder, folder / "name") for folder in sorted(root.glob("intel-rapl:*"))]
    wanted = [(folder, file.read_text().strip()) for folder, file in named if file.is_file()]
    return [folder for folder, name in wanted if name.startswith(("package", "dram"))]


def _counter(file: Path) -> int:
    try:
        return int(file.read_text())
    except PermissionError:
        raise InputError(
            f"no permission to read {file}: run as root, or measure time only with --sensor none"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{file} gives no number ({error}): measure time only with --sensor none") from None
